-- name: count
-- How many events of some topics there are.
SELECT count(*) FROM ledger.events WHERE topic = ANY(%s)

-- name: added
-- The next events of some topics.
SELECT position, topic, state FROM ledger.events WHERE topic = ANY(%s) AND position > %s ORDER BY position LIMIT %s
