-- name: positions
-- Where each consumer of the ledger stands.
SELECT name, position FROM ops.positions

-- name: users_changed
-- Whether anything befell a user between two positions: one index range, of the events since we last asked.
SELECT EXISTS (SELECT FROM ledger.events WHERE position > %s AND position <= %s AND topic LIKE 'user.%%')

-- name: forget_answers
-- Idempotency keys are kept for a day and a bit.
DELETE FROM ops.answers WHERE created_at < now() - interval '25 hours'

-- name: answer
-- What was answered under a key.
SELECT request, answer FROM ops.answers WHERE user_id = %s AND key = %s

-- name: keep_answer
-- Fails where the key was used: the events that it would answer are then not appended either.
INSERT INTO ops.answers (user_id, key, request, answer) VALUES (%s, %s, %s, %s)

-- name: ready
-- The ledger's size, how many migrations were applied, and of every consumer the position, whether it stands still, and
-- whether a worker holds the lock of its leader.
SELECT head.size, (SELECT count(*) FROM ledger.migrations), p.name, p.position, p.failure IS NOT NULL, EXISTS (
           SELECT FROM pg_locks AS l
           CROSS JOIN hashtextextended('flowledger consumer ' || p.name, 0) AS key
           WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND l.classid::bigint = (key >> 32) & 4294967295 AND l.objid::bigint = key & 4294967295)
FROM ledger.head LEFT JOIN ops.positions AS p ON true
