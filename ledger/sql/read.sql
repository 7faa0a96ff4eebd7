-- name: after
-- The next events of the ledger.
SELECT position, originator_id, originator_version, topic, state, recorded_at
FROM ledger.events WHERE position > %s ORDER BY position LIMIT %s

-- name: stream
-- One record's events.
SELECT position, originator_id, originator_version, topic, state, recorded_at
FROM ledger.events WHERE originator_id = %s ORDER BY originator_version

-- name: head_size
-- How many events there are.
SELECT size FROM ledger.head
