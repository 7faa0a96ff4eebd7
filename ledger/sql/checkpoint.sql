-- name: lock
-- One checkpoint at a time, whichever process makes it; let go of at the end of the transaction.
SELECT pg_advisory_xact_lock(%s)

-- name: head
-- The tree as it is, and whose it is.
SELECT size, edge, identity FROM ledger.head

-- name: last_size
-- How far the last checkpoint goes.
SELECT size FROM ledger.checkpoints ORDER BY size DESC LIMIT 1

-- name: store
-- A signed tree head.
INSERT INTO ledger.checkpoints (size, note) VALUES (%s, %s)
