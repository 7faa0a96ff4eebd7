-- name: positions
-- Where each consumer of the ledger stands, and, under no name, the ledger's own end.
SELECT name, position FROM ops.positions UNION ALL SELECT NULL, size FROM ledger.head

-- name: standing_changed
-- Whether anything befell a user, and whether a role or a setting, between two positions: one index range.
SELECT coalesce(bool_or(topic LIKE 'user.%%'), false),
       coalesce(bool_or(topic LIKE 'role.%%' OR topic LIKE 'settings.%%'), false)
FROM ledger.events WHERE position > %s AND position <= %s

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
