-- name: page
-- How many deliveries to a webhook there are that match, and a page of them, newest first; one row without an id where
-- the page is empty.
SELECT counted.total, page.* FROM (SELECT count(*) AS total FROM ops.delivery_log WHERE {filters}) AS counted
LEFT JOIN LATERAL (
    SELECT id, event, record, position, recorded_at, state, attempts, next_attempt_at, delivered_at, last_status,
           last_error
    FROM ops.delivery_log WHERE {filters}
    ORDER BY position DESC, event LIMIT %(limit)s OFFSET %(offset)s
) AS page ON true
ORDER BY page.position DESC, page.event

-- name: one
-- A delivery to a webhook, and its body, sealed, while that is kept.
SELECT id, event, record, position, recorded_at, state, attempts, next_attempt_at, delivered_at, last_status,
       last_error, body
FROM ops.delivery_log WHERE webhook_id = %s AND id = %s

-- name: attempts
-- Every attempt at a delivery, in order.
SELECT number, at, status, milliseconds, error FROM ops.attempt_log WHERE delivery_id = %s ORDER BY number

-- name: redeliverable
-- How many deliveries about facts of a window of time can be made again.
SELECT count(*) FROM ops.redeliverable
WHERE endpoint_id = %(webhook)s
  AND recorded_at >= %(since)s AND recorded_at < coalesce(%(until)s::timestamptz, 'infinity')
  AND (%(state)s = 'all' OR state = %(state)s)
