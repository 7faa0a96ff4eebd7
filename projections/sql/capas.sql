-- name: table
-- Found through the search path: `views`, or the schema that a rebuild fills.
CREATE TABLE IF NOT EXISTS capas (
    id           bigint      NOT NULL,
    stream       uuid        NOT NULL,
    number       text        COLLATE "C" NOT NULL,
    version      bigint      NOT NULL,
    position     bigint      NOT NULL,
    status       text        COLLATE "C" NOT NULL,
    department   text        COLLATE "C" NOT NULL,
    priority     text        COLLATE "C" NOT NULL,
    source_type  text        COLLATE "C" NOT NULL,
    source_id    bigint,
    owner        bigint,
    initiated_at timestamptz NOT NULL,
    due_at       timestamptz,
    record       bytea       NOT NULL,
    summary      bytea       NOT NULL
) WITH (fillfactor = 70)

-- name: indexes
-- Apart from the table: a rebuild makes them once it is filled.
CREATE UNIQUE INDEX IF NOT EXISTS capas_id ON capas (id);
CREATE UNIQUE INDEX IF NOT EXISTS capas_stream ON capas (stream);
CREATE UNIQUE INDEX IF NOT EXISTS capas_number ON capas (number);
CREATE INDEX IF NOT EXISTS capas_status ON capas (status, id DESC);
CREATE INDEX IF NOT EXISTS capas_department ON capas (department, id DESC);
CREATE INDEX IF NOT EXISTS capas_source ON capas (source_type, source_id, id);
CREATE INDEX IF NOT EXISTS capas_owner ON capas (owner, id DESC);
CREATE INDEX IF NOT EXISTS capas_initiated ON capas (initiated_at);
CREATE INDEX IF NOT EXISTS capas_due ON capas (due_at) WHERE status NOT IN ('CLOSED', 'CANCELLED')

-- name: records
-- Records to go on folding.
SELECT stream, record FROM capas WHERE stream = ANY(%b::uuid[])

-- name: insert
-- A batch's records; with `conflict` behind it, those that are there already become what they are now.
INSERT INTO capas
    (id, stream, number, version, position, status, department, priority, source_type, source_id, owner, initiated_at,
     due_at, record, summary)
SELECT id, stream, number, version, position, status, department, priority, source_type, source_id, owner,
       'epoch'::timestamptz + initiated_at * interval '1 microsecond',
       'epoch'::timestamptz + due_at * interval '1 microsecond', record, summary
FROM unnest(%(id)b::bigint[], %(stream)b::uuid[], %(number)b::text[], %(version)b::bigint[], %(position)b::bigint[],
            %(status)b::text[], %(department)b::text[], %(priority)b::text[], %(source_type)b::text[],
            %(source_id)b::bigint[], %(owner)b::bigint[], %(initiated_at)b::bigint[], %(due_at)b::bigint[],
            %(record)b::bytea[], %(summary)b::bytea[])
    AS batch (id, stream, number, version, position, status, department, priority, source_type, source_id, owner,
              initiated_at, due_at, record, summary)

-- name: conflict
-- See insert.
ON CONFLICT (id) DO UPDATE SET
    version = excluded.version, position = excluded.position, status = excluded.status,
    department = excluded.department, priority = excluded.priority, source_type = excluded.source_type,
    source_id = excluded.source_id, owner = excluded.owner, due_at = excluded.due_at,
    record = excluded.record, summary = excluded.summary

-- name: rows
-- Every row as `insert` takes it, by stream.
SELECT id, stream, number, version, position, status, department, priority, source_type, source_id, owner,
       (extract(epoch FROM initiated_at) * 1000000)::bigint AS initiated_at,
       (extract(epoch FROM due_at) * 1000000)::bigint AS due_at, record, summary
FROM capas ORDER BY stream
