-- name: table
-- Found through the search path: `views`, or the schema that a rebuild fills.
CREATE TABLE IF NOT EXISTS users (
    id       bigint  NOT NULL,
    stream   uuid    NOT NULL,
    version  bigint  NOT NULL,
    position bigint  NOT NULL,
    active   boolean NOT NULL,
    record   bytea   NOT NULL
)

-- name: indexes
-- Apart from the table: a rebuild makes them once it is filled.
CREATE UNIQUE INDEX IF NOT EXISTS users_id ON users (id);
CREATE UNIQUE INDEX IF NOT EXISTS users_stream ON users (stream)

-- name: records
-- Records to go on folding.
SELECT stream, record FROM users WHERE stream = ANY(%b::uuid[])

-- name: insert
-- A batch's records; with `conflict` behind it, those that are there already become what they are now.
INSERT INTO users (id, stream, version, position, active, record)
SELECT id, stream, version, position, active <> 0, record
FROM unnest(%(id)b::bigint[], %(stream)b::uuid[], %(version)b::bigint[], %(position)b::bigint[],
            %(active)b::bigint[], %(record)b::bytea[]) AS batch (id, stream, version, position, active, record)

-- name: conflict
-- See insert.
ON CONFLICT (id) DO UPDATE SET
    version = excluded.version, position = excluded.position, active = excluded.active, record = excluded.record

-- name: rows
-- Every row as `insert` takes it, by stream.
SELECT id, stream, version, position, active::int::bigint AS active, record
FROM users ORDER BY stream

-- name: page
-- A page of users, oldest first, and the exact count: of those with a department, a role or an id, where asked for. There
-- are few users, and who they are is no column of theirs: the record itself is looked into.
WITH found AS MATERIALIZED (
    SELECT id FROM users
    WHERE active = %(active)s
      AND (%(id)s::bigint IS NULL OR id = %(id)s)
      AND (%(department)s::text IS NULL OR convert_from(record, 'UTF8')::jsonb ->> 'department' = %(department)s)
      AND (%(role)s::text IS NULL OR convert_from(record, 'UTF8')::jsonb -> 'roles' ? %(role)s)
)
SELECT (SELECT count(*) FROM found),
       ARRAY(SELECT record FROM found JOIN users USING (id) ORDER BY id LIMIT %(limit)s OFFSET %(offset)s)

-- name: holders
-- The streams of active users with a role, the first hundred.
SELECT stream FROM users WHERE active AND convert_from(record, 'UTF8')::jsonb -> 'roles' ? %s ORDER BY id LIMIT 100
