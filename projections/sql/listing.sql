-- name: page
-- A page of ready summaries, newest first, and the exact count of all that match. {filters} is put together by the code.
-- A count that was taken at the position at which the read model still stands is not taken again.
SELECT p.position, p.generation,
       CASE WHEN p.position = %(position)s AND p.generation = %(generation)s THEN NULL ELSE (SELECT count(*) FROM {table} WHERE {filters}) END,
       (SELECT string_agg(summary, ',') FROM
            (SELECT summary FROM {table} WHERE {filters} ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s) AS page)
FROM (SELECT) AS one LEFT JOIN ops.positions AS p ON p.name = {name}

-- name: one
-- A record by its id.
SELECT record FROM {table} WHERE id = %s

-- name: stream_of
-- The stream of a human number.
SELECT stream FROM {table} WHERE number = %s
