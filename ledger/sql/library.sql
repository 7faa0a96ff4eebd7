-- name: select_events
-- One aggregate's events; the library adds the bounds and the order.
SELECT originator_id, originator_version, topic, state FROM ledger.events WHERE originator_id = %s

-- name: max_notification_id
-- The last position, nothing where there is none.
SELECT nullif(size, 0) AS max FROM ledger.head

-- name: select_notifications
-- A range of the ledger, by topics where some are named.
SELECT position AS id, originator_id, originator_version, topic, state
FROM ledger.events
WHERE position > %(after)s
    AND (%(stop)s::bigint IS NULL OR position <= %(stop)s)
    AND (%(topics)s::text[] IS NULL OR topic = ANY(%(topics)s))
ORDER BY position LIMIT %(limit)s

-- name: must_move_on
-- Tracking that does not move on must fail its whole append: nothing inserted divides by zero.
WITH moved AS ({insert}) SELECT 1 / count(*) FROM moved
