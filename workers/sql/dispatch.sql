-- name: register
-- An endpoint to tell. Registered once: what has happened to it since is kept.
INSERT INTO ops.endpoints (id, stream, position, url, events, active) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING

-- name: remove
-- An endpoint to tell no more.
UPDATE ops.endpoints SET
    active = false,
    disabled_at = coalesce(disabled_at, clock_timestamp()),
    disabled_reason = %s
WHERE stream = %s RETURNING id

-- name: forget_secrets
-- Nothing is signed for a webhook that was deleted.
DELETE FROM ops.webhook_secrets WHERE webhook_id = %s

-- name: endpoints
-- Who is told of what, and since when.
SELECT id, position, events FROM ops.endpoints WHERE active AND disabled_at IS NULL

-- name: streams
-- The events of some records, up to where this batch ends.
SELECT position, originator_id, originator_version, topic, state, recorded_at
FROM ledger.events WHERE originator_id = ANY(%b::uuid[]) AND position <= %s
ORDER BY originator_id, originator_version

-- name: lock_tails
-- Which endpoints still have deliveries of a record to make: the last of each is locked, so that it does not settle
-- before those that queue behind it can be seen. Asked in one order, so that nobody waits in a circle.
SELECT tail.endpoint_id, tail.stream
FROM unnest(%b::bigint[], %b::uuid[]) AS asked (endpoint_id, stream)
CROSS JOIN LATERAL (
    SELECT d.endpoint_id, d.stream FROM ops.deliveries AS d
    WHERE d.endpoint_id = asked.endpoint_id AND d.stream = asked.stream AND d.state = 'pending'
    ORDER BY d.position DESC LIMIT 1
    FOR NO KEY UPDATE
) AS tail

-- name: add
-- A batch's deliveries, but for those that are there; those behind another of the same endpoint and record have no
-- time yet.
INSERT INTO ops.deliveries (id, endpoint_id, stream, position, event, body, next_attempt_at)
SELECT id, endpoint_id, stream, position, event, body,
       CASE WHEN behind = 0 AND row_number() OVER (PARTITION BY endpoint_id, stream ORDER BY position) = 1
            THEN clock_timestamp() + make_interval(secs => %(wait)s::float8) END
FROM unnest(%(id)b::text[], %(endpoint_id)b::bigint[], %(stream)b::uuid[], %(position)b::bigint[], %(event)b::text[],
            %(body)b::bytea[], %(behind)b::bigint[])
    AS batch (id, endpoint_id, stream, position, event, body, behind)
WHERE NOT EXISTS (
    SELECT FROM ops.deliveries AS d
    WHERE d.endpoint_id = batch.endpoint_id AND d.position = batch.position AND d.event = batch.event
)
