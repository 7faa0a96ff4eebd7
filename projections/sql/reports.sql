-- name: table
-- A row a stretch of time in which a record was open; what it is counted by stands in each of its rows, as it is now.
-- Times are microseconds since 1970; 9223372036854775807 is never. Found through the search path, as the others are.
CREATE TABLE IF NOT EXISTS reports (
    stream     uuid   NOT NULL,
    n          bigint NOT NULL,
    id         bigint NOT NULL,
    begun      bigint NOT NULL,
    since      bigint NOT NULL,
    until      bigint NOT NULL,
    due        bigint NOT NULL,
    kind       text   COLLATE "C" NOT NULL,
    began      text   COLLATE "C" NOT NULL,
    ended      text   COLLATE "C" NOT NULL,
    status     text   COLLATE "C" NOT NULL,
    grade      text   COLLATE "C" NOT NULL,
    category   text   COLLATE "C" NOT NULL,
    source     text   COLLATE "C" NOT NULL,
    department text   COLLATE "C" NOT NULL,
    -- One text to group by is twice as fast as five.
    traits     text   COLLATE "C" GENERATED ALWAYS AS (
        status || E'\x1f' || grade || E'\x1f' || category || E'\x1f' || source || E'\x1f' || department) STORED
) WITH (fillfactor = 90)

-- name: indexes
-- Apart from the table: a rebuild makes them once it is filled.
CREATE UNIQUE INDEX IF NOT EXISTS reports_stretch ON reports (stream, n);
CREATE INDEX IF NOT EXISTS reports_until ON reports (kind, until)

-- name: records
-- The stretches of records, to go on folding.
SELECT stream, id, kind, status, grade, category, source, department, since, until, due, began, ended
FROM reports WHERE stream = ANY(%b::uuid[]) ORDER BY stream, n

-- name: insert
-- A batch's stretches; with `conflict` behind it, those that are there already become what they are now.
INSERT INTO reports (stream, n, id, begun, since, until, due, kind, began, ended, status, grade, category,
                     source, department)
SELECT * FROM unnest(
    %(stream)b::uuid[], %(n)b::bigint[], %(id)b::bigint[], %(begun)b::bigint[], %(since)b::bigint[],
    %(until)b::bigint[], %(due)b::bigint[], %(kind)b::text[], %(began)b::text[], %(ended)b::text[],
    %(status)b::text[], %(grade)b::text[], %(category)b::text[], %(source)b::text[], %(department)b::text[])

-- name: conflict
-- See insert.
ON CONFLICT (stream, n) DO UPDATE SET
    until = excluded.until, ended = excluded.ended, status = excluded.status, grade = excluded.grade,
    category = excluded.category, source = excluded.source, department = excluded.department

-- name: rows
-- Every row as `insert` takes it, by stream.
SELECT stream, n, id, begun, since, until, due, kind, began, ended, status, grade, category, source, department
FROM reports ORDER BY stream, n
