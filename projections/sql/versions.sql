-- name: table
-- A row a stretch of time in which all that lists narrow a record by stood still; those columns have the names and
-- types that they have in the record's own read model, so that the same filters narrow both. `since` and `until`
-- (exclusive) are microseconds since 1970; 9223372036854775807 is never. Found through the search path, as the others.
CREATE TABLE IF NOT EXISTS versions (
    stream       uuid        NOT NULL,
    n            bigint      NOT NULL,
    id           bigint      NOT NULL,
    since        bigint      NOT NULL,
    until        bigint      NOT NULL,
    initiated_at timestamptz NOT NULL,
    due_at       timestamptz,
    source_id    bigint,
    owner        bigint,
    kind         text        COLLATE "C" NOT NULL,
    status       text        COLLATE "C" NOT NULL,
    department   text        COLLATE "C" NOT NULL,
    priority     text        COLLATE "C" NOT NULL,
    source_type  text        COLLATE "C" NOT NULL
) WITH (fillfactor = 70)

-- name: indexes
-- Apart from the table: a rebuild makes them once it is filled. `until` is in none, so that ending a stretch moves no
-- entry of an index.
CREATE UNIQUE INDEX IF NOT EXISTS versions_stretch ON versions (stream, n);
CREATE INDEX IF NOT EXISTS versions_newest ON versions (kind, id DESC, since);
CREATE INDEX IF NOT EXISTS versions_begun ON versions (kind, since DESC, id DESC) WHERE n = 0;
CREATE INDEX IF NOT EXISTS versions_source ON versions (source_id, id) WHERE source_type = 'DEVIATION'

-- name: records
-- The last stretches of records, to go on folding.
SELECT stream, n, id, since, until, (extract(epoch FROM initiated_at) * 1000000)::bigint, kind,
       status, department, priority, source_type, source_id, owner, (extract(epoch FROM due_at) * 1000000)::bigint
FROM versions WHERE stream = ANY(%b::uuid[]) AND until = 9223372036854775807

-- name: insert
-- A batch's stretches; with `conflict` behind it, those that are there already become what they are now.
INSERT INTO versions (stream, n, id, since, until, initiated_at, due_at, source_id, owner, kind, status, department,
                      priority, source_type)
SELECT stream, n, id, since, until, 'epoch'::timestamptz + initiated_at * interval '1 microsecond',
       'epoch'::timestamptz + due_at * interval '1 microsecond', source_id, owner, kind, status, department, priority,
       source_type
FROM unnest(%(stream)b::uuid[], %(n)b::bigint[], %(id)b::bigint[], %(since)b::bigint[], %(until)b::bigint[],
            %(initiated_at)b::bigint[], %(due_at)b::bigint[], %(source_id)b::bigint[], %(owner)b::bigint[],
            %(kind)b::text[], %(status)b::text[], %(department)b::text[], %(priority)b::text[],
            %(source_type)b::text[])
    AS batch (stream, n, id, since, until, initiated_at, due_at, source_id, owner, kind, status, department, priority,
              source_type)

-- name: conflict
-- See insert.
ON CONFLICT (stream, n) DO UPDATE SET
    until = excluded.until, due_at = excluded.due_at, source_id = excluded.source_id, owner = excluded.owner,
    status = excluded.status, department = excluded.department, priority = excluded.priority,
    source_type = excluded.source_type

-- name: rows
-- Every row as `insert` takes it, by stream.
SELECT stream, n, id, since, until, (extract(epoch FROM initiated_at) * 1000000)::bigint AS initiated_at,
       (extract(epoch FROM due_at) * 1000000)::bigint AS due_at, source_id, owner, kind, status, department, priority,
       source_type
FROM versions ORDER BY stream, n
