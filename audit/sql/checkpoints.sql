-- name: down
-- Signed tree heads from a size on down, the newest first.
SELECT size, note, created_at, (SELECT identity FROM ledger.head) FROM ledger.checkpoints
WHERE size <= %s ORDER BY size DESC LIMIT %s

-- name: up
-- Signed tree heads from a size on up, the oldest first.
SELECT size, note, created_at, (SELECT identity FROM ledger.head) FROM ledger.checkpoints
WHERE size >= %s ORDER BY size LIMIT %s

-- name: of_size
-- The signed tree head over so many events.
SELECT size, note, created_at, (SELECT identity FROM ledger.head) FROM ledger.checkpoints WHERE size = %s

-- name: count
-- How many signed tree heads there are.
SELECT count(*) FROM ledger.checkpoints

-- name: page
-- Signed tree heads, the newest first.
SELECT size, note, created_at, (SELECT identity FROM ledger.head) FROM ledger.checkpoints ORDER BY size DESC LIMIT %s OFFSET %s
