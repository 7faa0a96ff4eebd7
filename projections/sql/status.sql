-- name: status
-- Where each consumer stands, and whether a connection holds the lock of its leader.
SELECT p.name, p.position, h.size - p.position, p.generation, p.failure, p.moved_at, EXISTS (
           SELECT FROM pg_locks AS l
           CROSS JOIN hashtextextended('flowledger consumer ' || p.name, 0) AS key
           WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND l.classid::bigint = (key >> 32) & 4294967295 AND l.objid::bigint = key & 4294967295)
FROM (SELECT name, position, generation, failure, moved_at FROM ops.positions
      UNION ALL
      SELECT model.name, 0, 0, NULL, NULL FROM unnest(%s::text[]) AS model (name)
      WHERE NOT EXISTS (SELECT FROM ops.positions AS begun WHERE begun.name = model.name)) AS p
CROSS JOIN ledger.head AS h
ORDER BY p.name
