-- name: lock
-- Keeps checkpoints from being made while both their copies are looked up; outlives the transaction.
SELECT pg_advisory_lock_shared(%s)

-- name: unlock
-- See lock.
SELECT pg_advisory_unlock_shared(%s)

-- name: freeze
-- One state of the ledger, while appends go on.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY

-- name: head
-- What the head row says of the events.
SELECT size, edge, recorded_at, identity, numbers FROM ledger.head

-- name: leaves
-- The stored leaf hashes of the batches that begin in a range.
SELECT first, hashes FROM ledger.leaves WHERE first > %s AND first <= %s ORDER BY first

-- name: leaves_after
-- The first batch of leaf hashes that begins after a position.
SELECT first FROM ledger.leaves WHERE first > %s ORDER BY first LIMIT 1

-- name: checkpoints
-- The next signed tree heads.
SELECT size, note, edge FROM ledger.checkpoints WHERE size > %s ORDER BY size LIMIT 500

-- name: before_first
-- Events at positions that no append gives.
SELECT FROM ledger.events WHERE position < 1 LIMIT 1

-- name: last_of
-- The last event of a name: its position, what it says, and what the leaf covers besides.
SELECT position, originator_id, originator_version, topic, state, recorded_at
FROM ledger.events WHERE topic = %s ORDER BY position DESC LIMIT 1
