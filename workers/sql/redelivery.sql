-- name: ask_for_one
-- One delivery is pending again, unless it is already, or its body is gone.
UPDATE ops.deliveries SET
    state = 'pending', again = true, requested = %(position)s, attempts_before = attempts, next_attempt_at = NULL
WHERE id = %(delivery)s AND endpoint_id = %(endpoint)s AND state <> 'pending'
  AND EXISTS (SELECT FROM ops.delivery_bodies WHERE delivery_id = %(delivery)s)

-- name: ask_for_window
-- All deliveries about facts of a window of time are pending again, those that can be.
UPDATE ops.deliveries AS d SET
    state = 'pending', again = true, requested = %(position)s, attempts_before = d.attempts, next_attempt_at = NULL
FROM ops.redeliverable AS r
WHERE r.id = d.id AND r.endpoint_id = %(endpoint)s
  AND r.recorded_at >= %(since)s AND r.recorded_at < coalesce(%(until)s::timestamptz, 'infinity')
  AND (%(state)s = 'all' OR r.state = %(state)s)

-- name: lock_heads
-- The first of what was pending already in each queue that a request added to: locked, so that it does not settle
-- before what was added can be seen. In the order in which `dispatch.lock_heads` does.
SELECT count(head.id) FROM (
    SELECT DISTINCT stream FROM ops.deliveries
    WHERE endpoint_id = %(endpoint)s AND requested = %(position)s AND state = 'pending' AND again
    ORDER BY stream
) AS asked
CROSS JOIN LATERAL (
    SELECT d.id FROM ops.deliveries AS d
    WHERE d.endpoint_id = %(endpoint)s AND d.stream = asked.stream AND d.state = 'pending'
      AND d.requested IS DISTINCT FROM %(position)s
    ORDER BY d.again, d.position LIMIT 1
    FOR NO KEY UPDATE
) AS head

-- name: line_up
-- Of each queue that a request added to, the first has a time, the others none.
WITH queued AS (
    SELECT id, next_attempt_at IS NOT NULL AS timed,
           row_number() OVER (PARTITION BY stream ORDER BY again, position) = 1 AS first
    FROM ops.deliveries
    WHERE endpoint_id = %(endpoint)s AND state = 'pending' AND stream IN (
        SELECT stream FROM ops.deliveries
        WHERE endpoint_id = %(endpoint)s AND requested = %(position)s AND state = 'pending' AND again
    )
)
UPDATE ops.deliveries AS d
SET next_attempt_at = CASE WHEN queued.first THEN clock_timestamp() + make_interval(secs => %(wait)s) END
FROM queued WHERE queued.id = d.id AND queued.first <> queued.timed
