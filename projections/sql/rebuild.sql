-- name: lock
-- One rebuild at a time in a database; its connection holds the lock, so that it ends with the process.
SELECT pg_advisory_lock(hashtextextended('flowledger rebuild', 0))

-- name: keep_off
-- The lock of a consumer's leader, held by somebody who does not lead.
SELECT pg_advisory_lock(hashtextextended('flowledger consumer ' || %s, 0))

-- name: patience
-- How long a lock is waited for.
SELECT set_config('lock_timeout', %s, %s)

-- name: quick
-- Nothing of the load need be on the disk before the swap is.
SET synchronous_commit = off

-- name: left
-- What a rebuild that was killed has left.
SELECT tablename FROM pg_tables WHERE schemaname = 'views_next'

-- name: drop
-- It is of no use: the ledger has gone on since.
DROP TABLE views_next.{table}

-- name: freeze
-- One state of the ledger, while appends go on. Sorting stays within this much memory, and goes on on the disk.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL work_mem = '64MB'

-- name: count
-- How many events of some topics there are, of each.
SELECT topic, count(*) FROM ledger.events WHERE topic = ANY(%s) GROUP BY topic

-- name: tidy
-- Statistics, and which pages every reader may take as they are: the first queries must not pay for it.
VACUUM (ANALYZE) views_next.{table}

-- name: durable
-- The swap's commit takes all that was loaded to the disk with it.
SET LOCAL synchronous_commit = on

-- name: swap
-- The new table in the place of the live one.
DROP TABLE IF EXISTS views.{table};
ALTER TABLE views_next.{table} SET SCHEMA views

-- name: arrive
-- The new table's position; the failure, if any, was of the old one.
UPDATE ops.positions
SET position = %s, generation = generation + 1, moved_at = clock_timestamp(), failure = NULL
WHERE name = %s RETURNING generation
