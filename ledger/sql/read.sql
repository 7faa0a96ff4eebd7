-- name: after
-- The next events of the ledger. A row past the head was put there by somebody else than the writer: it is none.
SELECT position, originator_id, originator_version, topic, state, recorded_at
FROM ledger.events WHERE position > %s AND position <= (SELECT size FROM ledger.head) ORDER BY position LIMIT %s

-- name: stored_after
-- The next rows whatever they are, those past the head too: for whoever looks for what does not belong there.
SELECT position, originator_id, originator_version, topic, state, recorded_at
FROM ledger.events WHERE position > %s ORDER BY position LIMIT %s

-- name: stream
-- One record's events.
SELECT position, originator_id, originator_version, topic, state, recorded_at
FROM ledger.events WHERE originator_id = %s ORDER BY originator_version

-- name: head_size
-- How many events there are.
SELECT size FROM ledger.head
