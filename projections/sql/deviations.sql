-- name: table
-- Found through the search path: `views`, or the schema that a rebuild fills.
CREATE TABLE IF NOT EXISTS deviations (
    id           bigint      NOT NULL,
    stream       uuid        NOT NULL,
    number       text        COLLATE "C" NOT NULL,
    version      bigint      NOT NULL,
    position     bigint      NOT NULL,
    status       text        COLLATE "C" NOT NULL,
    department   text        COLLATE "C" NOT NULL,
    initiated_at timestamptz NOT NULL,
    record       bytea       NOT NULL,
    summary      bytea       NOT NULL
) WITH (fillfactor = 70)

-- name: indexes
-- Apart from the table: a rebuild makes them once it is filled.
CREATE UNIQUE INDEX IF NOT EXISTS deviations_id ON deviations (id);
CREATE UNIQUE INDEX IF NOT EXISTS deviations_stream ON deviations (stream);
CREATE UNIQUE INDEX IF NOT EXISTS deviations_number ON deviations (number);
CREATE INDEX IF NOT EXISTS deviations_status ON deviations (status, id DESC);
CREATE INDEX IF NOT EXISTS deviations_department ON deviations (department, id DESC);
CREATE INDEX IF NOT EXISTS deviations_initiated ON deviations (initiated_at)

-- name: records
-- Records to go on folding.
SELECT stream, record FROM deviations WHERE stream = ANY(%b::uuid[])

-- name: insert
-- A batch's records; with `conflict` behind it, those that are there already become what they are now.
INSERT INTO deviations AS d
    (id, stream, number, version, position, status, department, initiated_at, record, summary)
SELECT id, stream, number, version, position, status, department,
       'epoch'::timestamptz + initiated_at * interval '1 microsecond', record, summary
FROM unnest(%(id)b::bigint[], %(stream)b::uuid[], %(number)b::text[], %(version)b::bigint[], %(position)b::bigint[],
            %(status)b::text[], %(department)b::text[], %(initiated_at)b::bigint[], %(record)b::bytea[],
            %(summary)b::bytea[])
    AS batch (id, stream, number, version, position, status, department, initiated_at, record, summary)

-- name: conflict
-- See insert.
ON CONFLICT (id) DO UPDATE SET
    version = excluded.version, position = excluded.position, status = excluded.status,
    department = excluded.department, record = excluded.record, summary = excluded.summary

-- name: rows
-- Every row as `insert` takes it, by stream.
SELECT id, stream, number, version, position, status, department,
       (extract(epoch FROM initiated_at) * 1000000)::bigint AS initiated_at, record, summary
FROM deviations ORDER BY stream
