-- name: hold
-- Before the snapshot is taken: no rebuild may swap a table from now on, or the snapshot would find the new one empty.
LOCK TABLE {tables} IN ACCESS SHARE MODE

-- name: freeze
-- One state of ledger and read models, while appends go on. Sorting stays within this much memory.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL work_mem = '64MB'

-- name: topics
-- How many events there are of each name.
SELECT topic, count(*) FROM ledger.events GROUP BY topic ORDER BY topic

-- name: positions
-- Which events the read models have passed.
SELECT name, position FROM ops.positions

-- name: beyond
-- How many events of some topics a read model has not passed yet.
SELECT count(*) FROM ledger.events WHERE position > %s AND topic = ANY(%s)
