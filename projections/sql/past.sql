-- name: capas_of
-- The streams of the CAPAs that followed from a deviation just before a moment, oldest first; at most 200.
SELECT stream FROM versions
WHERE source_type = 'DEVIATION' AND source_id = %(deviation)s AND kind = 'capa' AND status <> 'CANCELLED'
  AND since < %(moment)s AND until >= %(moment)s
ORDER BY id LIMIT 200

-- name: unknown
-- The ledger's end, where the read model has yet to take an event that was recorded before a moment. Time never goes
-- back: the next event says it of all.
SELECT size FROM ledger.head WHERE EXISTS (
    SELECT FROM ledger.events
    WHERE position = coalesce((SELECT position FROM ops.positions WHERE name = 'versions'), 0) + 1
      AND recorded_at < %s
)

-- name: page
-- A page of records as they were just before a moment, newest first: the events that make each of them, and the exact
-- count of all that match. {filters} is put together by the code. No record that began later has a lower id than one
-- that began earlier: the newest that there was bounds the search. A count is not taken again where the read model
-- stands where it stood, and one of a moment that the ledger has passed never is. An event that the read model has not
-- passed is left out of both.
WITH newest AS MATERIALIZED (
    SELECT id FROM versions WHERE kind = %(kind)s AND n = 0 AND since < %(moment)s ORDER BY since DESC, id DESC LIMIT 1
), page AS MATERIALIZED (
    SELECT id, stream FROM versions
    WHERE kind = %(kind)s AND since < %(moment)s AND until >= %(moment)s AND id <= (SELECT id FROM newest) AND {filters}
    ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s
), here AS MATERIALIZED (
    SELECT p.position, p.generation,
           (SELECT recorded_at >= %(before)s FROM ledger.events WHERE position = p.position) AS settled,
           CASE WHEN p.position <= %(position)s AND p.generation = %(generation)s THEN NULL
                ELSE (SELECT count(*) FROM versions
                      WHERE kind = %(kind)s AND since < %(moment)s AND until >= %(moment)s
                        AND id <= (SELECT id FROM newest) AND {filters}) END AS total
    FROM (SELECT) AS one LEFT JOIN ops.positions AS p ON p.name = 'versions'
)
SELECT here.position, here.generation, here.settled, here.total,
       past.position, past.originator_id, past.originator_version, past.topic, past.state, past.recorded_at
FROM here LEFT JOIN (
    SELECT page.id, e.position, e.originator_id, e.originator_version, e.topic, e.state, e.recorded_at
    FROM page CROSS JOIN LATERAL (SELECT position, originator_id, originator_version, topic, state, recorded_at
                                  FROM ledger.events WHERE originator_id = page.stream AND recorded_at < %(before)s
                                  ORDER BY originator_version) AS e) AS past ON past.position <= here.position
ORDER BY past.id DESC, past.originator_version
