-- name: freeze
-- All figures of a report are of one state of the read model. Sorting a hundred thousand rows stays in memory.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL work_mem = '32MB'

-- name: standing
-- Where the read model stands, and how often it was made anew.
SELECT position, generation FROM ops.positions WHERE name = 'reports'

-- name: opened
-- What was opened in each period, by one trait after the other as it is now: a row has all but one NULL. {narrowed} is a
-- condition, put together by the code. Counting by all traits at once first leaves little to be taken apart.
WITH cells AS (
    SELECT width_bucket(since::float8, %(bounds)s::float8[]) AS period, traits, count(*) AS number
    FROM reports
    WHERE kind = %(kind)s AND until >= %(first)s AND since >= %(first)s AND since < %(end)s AND n = 0 AND {narrowed}
    GROUP BY period, traits
), apart AS (
    SELECT period, number, split_part(traits, E'\x1f', 1) AS status, split_part(traits, E'\x1f', 2) AS grade,
           split_part(traits, E'\x1f', 3) AS category, split_part(traits, E'\x1f', 4) AS source,
           split_part(traits, E'\x1f', 5) AS department
    FROM cells
)
SELECT period, sum(number)::bigint, status, grade, category, source, department
FROM apart
GROUP BY period, GROUPING SETS (status, grade, category, source, department)

-- name: moved
-- How many stretches began, ended and fell overdue in each period, by how; period 0 is all time before the first one.
-- In one pass, each stretch counted under all that befell it. A stretch falls overdue when it is due, or begins late.
WITH cells AS (
    SELECT width_bucket(since::float8, %(bounds)s::float8[]) AS began_in,
           width_bucket(until::float8, %(bounds)s::float8[]) AS ended_in,
           CASE WHEN due < %(now)s AND greatest(since, due) < until
                THEN width_bucket(greatest(since, due)::float8, %(bounds)s::float8[]) END AS late_in,
           ended, count(*) AS number, count(*) FILTER (WHERE n = 0) AS opened,
           count(*) FILTER (WHERE n > 0 AND began = 'reopened') AS reopened
    FROM reports
    WHERE kind = %(kind)s AND until >= %(first)s AND since < %(end)s AND {narrowed}
    GROUP BY began_in, ended_in, late_in, ended
)
SELECT 'began', began_in, how.word, sum(how.number)::bigint
FROM cells CROSS JOIN LATERAL (
    VALUES ('opened', opened), ('reopened', reopened), ('went_on', number - opened - reopened)
) AS how (word, number)
GROUP BY began_in, how.word
UNION ALL
SELECT 'ended', ended_in, ended, sum(number)::bigint FROM cells GROUP BY ended_in, ended
UNION ALL
SELECT 'late', late_in, '', sum(number)::bigint FROM cells WHERE late_in IS NOT NULL GROUP BY late_in
UNION ALL
SELECT 'late_ended', ended_in, '', sum(number)::bigint FROM cells WHERE late_in IS NOT NULL GROUP BY ended_in

-- name: closed
-- How long those that were closed in each period, and (NULL) in all of them, had taken from their beginning: how many
-- there are, the sum of their whole seconds, and the seconds below which nine in ten lie, between two of them where
-- that is nobody's.
SELECT width_bucket(until::float8, %(bounds)s::float8[]) AS period, count(*), sum((until - begun) / 1000000)::bigint,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY ((until - begun) / 1000000)::float8)
FROM reports
WHERE kind = %(kind)s AND until >= %(first)s AND until < %(end)s AND ended = 'closed' AND {narrowed}
GROUP BY GROUPING SETS ((1), ())

-- name: falls_due
-- When something that is open falls overdue next.
SELECT min(due) FROM reports
WHERE kind = %(kind)s AND until = 9223372036854775807 AND due >= %(now)s AND {narrowed}

-- name: open_now
-- What is open, by stage, by department, by age, and by when it is due.
WITH cells AS (
    SELECT status, department, width_bucket(begun::float8, %(ages)s::float8[])::text AS age,
           CASE WHEN due < %(now)s THEN 'overdue' ELSE '' END AS late,
           CASE WHEN due >= %(week)s AND due < %(week_end)s THEN 'due_this_week' ELSE '' END AS week, count(*) AS n
    FROM reports
    WHERE kind = %(kind)s AND until = 9223372036854775807 AND {narrowed}
    GROUP BY 1, 2, 3, 4, 5
)
SELECT what, name, sum(n)::bigint
FROM cells CROSS JOIN LATERAL (
    VALUES ('stage', status), ('department', department), ('age', age), ('late', late), ('week', week)
) AS its (what, name)
GROUP BY what, name
