-- name: page
-- A page of ready summaries, newest first, and of the exact count of all that match what is new, a block of ids at a time.
-- {filters} is put together by the code. `near`: the read model stands at the known position or a little further, and the
-- blocks of the records that moved since, found by their events, are counted; else nothing is.
WITH standing AS MATERIALIZED (
    SELECT position, generation,
           generation = %(generation)s AND position >= %(position)s AND position - %(position)s <= {few} AS near
    FROM ops.positions WHERE name = {name}
), counted AS MATERIALIZED (
    SELECT block, (SELECT count(*) FROM {table}
                   WHERE id >= block * {block} AND id < (block + 1) * {block} AND {filters}) AS number
    FROM (SELECT DISTINCT id / {block} AS block FROM {table}
          WHERE stream = ANY(ARRAY(SELECT DISTINCT originator_id FROM ledger.events
                                   WHERE position > %(position)s AND (SELECT near FROM standing)
                                     AND position <= (SELECT standing.position FROM standing)
                                   LIMIT {few}))) AS moved
)
SELECT (SELECT position FROM standing), coalesce((SELECT near FROM standing), false),
       ARRAY(SELECT block FROM counted), ARRAY(SELECT number FROM counted),
       (SELECT string_agg(summary, ',') FROM
            (SELECT summary FROM {table} WHERE {filters} ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s) AS page)

-- name: count
-- How many match in each block of ids, all of it counted.
WITH counted AS MATERIALIZED (
    SELECT id / {block} AS block, count(*) AS number FROM {table} WHERE {filters} GROUP BY 1
)
SELECT p.position, p.generation, ARRAY(SELECT block FROM counted), ARRAY(SELECT number FROM counted)
FROM (SELECT) AS one LEFT JOIN ops.positions AS p ON p.name = {name}

-- name: freeze
-- The statements of one answer see one state.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY

-- name: deep
-- A page that lies far behind: those that are older than an id, without those that are left out of that block.
SELECT string_agg(summary, ',') FROM
    (SELECT summary FROM {table} WHERE id < %(below)s AND {filters} ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s)
    AS page

-- name: one
-- A record by its id.
SELECT record FROM {table} WHERE id = %s

-- name: stream_of
-- The stream of a human number.
SELECT stream FROM {table} WHERE number = %s
