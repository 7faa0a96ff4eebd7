-- name: lock
-- One checkpoint at a time, whichever process makes it; let go of at the end of the transaction.
SELECT pg_advisory_xact_lock(%s)

-- name: head
-- The tree as it is, and whose it is.
SELECT size, edge, identity FROM ledger.head

-- name: furthest
-- Checkpoints up to a size, whoever signed them, the furthest first.
SELECT size, note FROM ledger.checkpoints WHERE size <= %s ORDER BY size DESC LIMIT %s

-- name: edges
-- Those of them of which the edge is stored.
SELECT size, note, edge FROM ledger.checkpoints WHERE size <= %s AND edge IS NOT NULL ORDER BY size DESC LIMIT %s

-- name: store
-- A signed tree head. A row that somebody else put in its place stays: rows are only ever added.
INSERT INTO ledger.checkpoints (size, note, edge) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
