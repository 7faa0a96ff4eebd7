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

-- name: applied
-- How many migrations were applied.
SELECT count(*) FROM ledger.migrations
