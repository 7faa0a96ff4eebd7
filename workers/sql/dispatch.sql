-- name: endpoints
-- Who is told of what, and since when.
SELECT id, position, events FROM ops.endpoints WHERE active AND disabled_at IS NULL

-- name: streams
-- The events of some records, up to where this batch ends.
SELECT position, originator_id, originator_version, topic, state, recorded_at
FROM ledger.events WHERE originator_id = ANY(%b::uuid[]) AND position <= %s
ORDER BY originator_id, originator_version

-- name: sources_known
-- Up to where it is known which CAPA named which source.
SELECT position FROM ops.capa_sources_known

-- name: sources_missed
-- Facts in which CAPAs may have named sources, between two positions: the first of them.
SELECT position, originator_id, originator_version, topic, state, recorded_at FROM ledger.events
WHERE position > %s AND position < %s AND topic = ANY(%b::text[]) ORDER BY position LIMIT %s

-- name: know_sources
-- It is known up to there.
UPDATE ops.capa_sources_known SET position = %s

-- name: sourced
-- CAPAs that name a source, beside those that named it before.
INSERT INTO ops.capa_sources (source_id, stream) SELECT DISTINCT * FROM unnest(%b::bigint[], %b::uuid[])
ON CONFLICT DO NOTHING

-- name: capas_of
-- The streams of the CAPAs that ever named some sources, with whose each was.
SELECT source_id, stream FROM ops.capa_sources WHERE source_id = ANY(%b::bigint[])

-- name: lock_heads
-- Which endpoints still have deliveries of a record to make, and whether they are made again: the first of each is
-- locked, so that it does not settle before those that queue behind it can be seen. Asked in one order, so that nobody
-- waits in a circle.
SELECT head.endpoint_id, head.stream, head.id, head.again
FROM unnest(%b::bigint[], %b::uuid[]) AS asked (endpoint_id, stream)
CROSS JOIN LATERAL (
    SELECT d.endpoint_id, d.stream, d.id, d.again FROM ops.deliveries AS d
    WHERE d.endpoint_id = asked.endpoint_id AND d.stream = asked.stream AND d.state = 'pending'
    ORDER BY d.again, d.position LIMIT 1
    FOR NO KEY UPDATE
) AS head

-- name: add
-- A batch's deliveries, but for those that are there; those behind another of the same endpoint and record have no
-- time yet.
WITH batch AS (
    SELECT * FROM unnest(%(id)b::text[], %(endpoint_id)b::bigint[], %(stream)b::uuid[], %(record)b::bigint[],
                         %(position)b::bigint[], %(event)b::text[], %(body)b::bytea[], %(behind)b::bigint[])
        AS batch (id, endpoint_id, stream, record, position, event, body, behind)
), added AS (
    INSERT INTO ops.deliveries (id, endpoint_id, stream, record, position, recorded_at, event, next_attempt_at)
    SELECT batch.id, endpoint_id, stream, record, batch.position, told.recorded_at, event,
           CASE WHEN behind = 0 AND row_number() OVER (PARTITION BY endpoint_id, stream ORDER BY batch.position) = 1
                THEN clock_timestamp() + make_interval(secs => %(wait)s::float8) END
    FROM batch JOIN ledger.events AS told ON told.position = batch.position
    WHERE NOT EXISTS (
        SELECT FROM ops.deliveries AS d
        WHERE d.endpoint_id = batch.endpoint_id AND d.position = batch.position AND d.event = batch.event
    )
    RETURNING id
)
INSERT INTO ops.delivery_bodies (delivery_id, body) SELECT id, body FROM added JOIN batch USING (id)

-- name: give_way
-- What is made again waits for what was added in front of it.
UPDATE ops.deliveries AS d SET next_attempt_at = NULL
WHERE d.id = ANY(%b::text[]) AND EXISTS (
    SELECT FROM ops.deliveries AS first
    WHERE first.endpoint_id = d.endpoint_id AND first.stream = d.stream AND first.state = 'pending' AND NOT first.again
)
