-- name: draw
-- A seed that does not hold yet. No row where one holds.
INSERT INTO ops.second_factors AS f (user_id, seed) VALUES (%(user)s, %(seed)s)
ON CONFLICT (user_id) DO UPDATE SET seed = excluded.seed WHERE NOT f.confirmed
RETURNING user_id

-- name: drawn
-- The seed that does not hold yet.
SELECT seed FROM ops.second_factors WHERE user_id = %s AND NOT confirmed

-- name: confirm
-- A seed holds from now on: the very one that a code was shown of, whatever was drawn since. That code is spent.
INSERT INTO ops.second_factors (user_id, seed, confirmed, last_step) VALUES (%(user)s, %(seed)s, true, %(step)s)
ON CONFLICT (user_id) DO UPDATE SET seed = excluded.seed, confirmed = true, last_step = excluded.last_step

-- name: spend
-- A code is taken once: of all that come at once with it, in any process, one finds a row.
UPDATE ops.second_factors SET last_step = %(step)s
WHERE user_id = %(user)s AND confirmed AND last_step < %(step)s

-- name: forget
-- No second factor any more.
DELETE FROM ops.second_factors WHERE user_id = %s
