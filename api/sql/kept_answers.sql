-- name: forget_own
-- Nobody asks again in the name of an erased user.
DELETE FROM ops.answers WHERE user_id = ANY(%s::bigint[])

-- name: page
-- Kept answers, in order.
SELECT user_id, key, answer FROM ops.answers
WHERE (user_id, key) > (%(user)s, %(key)s) ORDER BY user_id, key LIMIT %(most)s

-- name: replace
-- An answer without a name that it showed.
UPDATE ops.answers SET answer = %s WHERE user_id = %s AND key = %s
