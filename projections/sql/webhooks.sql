-- name: table
-- Found through the search path: `views`, or the schema that a rebuild fills.
CREATE TABLE IF NOT EXISTS webhooks (
    id       bigint  NOT NULL,
    stream   uuid    NOT NULL,
    version  bigint  NOT NULL,
    position bigint  NOT NULL,
    listed   boolean NOT NULL,
    record   bytea   NOT NULL
)

-- name: indexes
-- Apart from the table: a rebuild makes them once it is filled.
CREATE UNIQUE INDEX IF NOT EXISTS webhooks_id ON webhooks (id);
CREATE UNIQUE INDEX IF NOT EXISTS webhooks_stream ON webhooks (stream)

-- name: records
-- Records to go on folding.
SELECT stream, record FROM webhooks WHERE stream = ANY(%b::uuid[])

-- name: insert
-- A batch's records; with `conflict` behind it, those that are there already become what they are now.
INSERT INTO webhooks (id, stream, version, position, listed, record)
SELECT id, stream, version, position, listed <> 0, record
FROM unnest(%(id)b::bigint[], %(stream)b::uuid[], %(version)b::bigint[], %(position)b::bigint[],
            %(listed)b::bigint[], %(record)b::bytea[]) AS batch (id, stream, version, position, listed, record)

-- name: conflict
-- See insert.
ON CONFLICT (id) DO UPDATE SET
    version = excluded.version, position = excluded.position, listed = excluded.listed, record = excluded.record

-- name: rows
-- Every row as `insert` takes it, by stream.
SELECT id, stream, version, position, listed::int::bigint AS listed, record
FROM webhooks ORDER BY stream

-- name: page
-- How many webhooks there are, a page of them, newest first, since when each fails, and whether its receiver ended it.
WITH page AS (
    SELECT w.id, w.record, h.failing_since, coalesce(h.ended, false) AS ended
    FROM webhooks AS w LEFT JOIN ops.webhook_health AS h ON h.webhook_id = w.id
    WHERE w.listed ORDER BY w.id DESC LIMIT %(limit)s OFFSET %(offset)s
)
SELECT (SELECT count(*) FROM webhooks WHERE listed),
       ARRAY(SELECT record FROM page ORDER BY id DESC), ARRAY(SELECT failing_since FROM page ORDER BY id DESC),
       ARRAY(SELECT ended FROM page ORDER BY id DESC)

-- name: one
-- A webhook, since when it fails, and whether its receiver ended it.
SELECT w.record, h.failing_since, coalesce(h.ended, false)
FROM webhooks AS w LEFT JOIN ops.webhook_health AS h ON h.webhook_id = w.id
WHERE w.listed AND w.id = %s

-- name: health
-- Since when a webhook fails, and whether its receiver ended it.
SELECT failing_since, ended FROM ops.webhook_health WHERE webhook_id = %s
