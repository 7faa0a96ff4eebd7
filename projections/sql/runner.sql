-- name: by_key
-- All that a projection asks is asked by key. A plan that is made while a table is small, and then kept, would read the
-- whole of it, however large it grows.
SET enable_seqscan = off

-- name: unflushed
-- Rows and position are one transaction: what a crash of the server takes back of them, it takes back together, and it
-- is applied again. So nobody has to wait for the disk.
SET synchronous_commit = off

-- name: lead
-- One leader per consumer, for as long as its connection lives.
SELECT pg_try_advisory_lock(hashtextextended('flowledger consumer ' || %s, 0))

-- name: leave
-- Somebody else may lead.
SELECT pg_advisory_unlock(hashtextextended('flowledger consumer ' || %s, 0))

-- name: enter
-- A consumer's position, where it has none yet.
INSERT INTO ops.positions (name, position) VALUES (%s, 0) ON CONFLICT DO NOTHING

-- name: position
-- Where a consumer stands.
SELECT position FROM ops.positions WHERE name = %s

-- name: lock
-- Positions about to be moved: a rebuild that swaps its tables waits for this, and this for it.
SELECT name, position FROM ops.positions WHERE name = ANY(%s) ORDER BY name FOR UPDATE

-- name: move
-- Rows and position are one transaction.
UPDATE ops.positions SET position = %s, moved_at = clock_timestamp() WHERE name = ANY(%s)

-- name: tell
-- Readers who wait for this position wake.
SELECT pg_notify(%s, %s)

-- name: failed
-- A consumer stands still, and why.
UPDATE ops.positions SET failure = %s WHERE name = %s

-- name: recovered
-- A consumer goes on.
UPDATE ops.positions SET failure = NULL WHERE name = %s
