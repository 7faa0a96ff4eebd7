-- name: user_of_name
-- Whose name it is, by its keyed hash.
SELECT user_id FROM ops.usernames WHERE hash = %s

-- name: credentials
-- Whose name it is, and what a given password is compared with.
SELECT n.user_id, c.password_hash
FROM ops.usernames AS n LEFT JOIN ops.credentials AS c ON c.user_id = n.user_id
WHERE n.hash = %s

-- name: password_hash
-- What a given password is compared with.
SELECT password_hash FROM ops.credentials WHERE user_id = %s

-- name: take_name
-- Fails where the name was ever given.
INSERT INTO ops.usernames (hash, user_id) VALUES (%s, %s)

-- name: set_password
-- A user's password from now on. Whoever signed in with the old one has to sign in again.
WITH revoked AS (
    UPDATE ops.refresh_tokens SET revoked_at = now() WHERE user_id = %(user)s AND revoked_at IS NULL
)
INSERT INTO ops.credentials (user_id, password_hash) VALUES (%(user)s, %(hash)s)
ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, changed_at = now()

-- name: keep_refresh_token
-- A refresh token is good while its row stands, and nothing is said against it there.
INSERT INTO ops.refresh_tokens (id, family, user_id, expires_at) VALUES (%s, %s, %s, %s)

-- name: forget_refresh_tokens
-- Those of a user that are over.
DELETE FROM ops.refresh_tokens WHERE user_id = %s AND expires_at < now()

-- name: refresh_token
-- A refresh token's family, and whether it is revoked or rotated away.
SELECT family, revoked_at IS NOT NULL, rotated_at IS NOT NULL
FROM ops.refresh_tokens WHERE id = %s AND user_id = %s AND expires_at > now()

-- name: rotate_refresh_token
-- Another takes its place. Of two that try at once one finds no row.
UPDATE ops.refresh_tokens SET rotated_at = now() WHERE id = %s AND rotated_at IS NULL AND revoked_at IS NULL

-- name: revoke_family
-- All that came of one sign-in is dead at once.
UPDATE ops.refresh_tokens SET revoked_at = now() WHERE family = %s AND revoked_at IS NULL

-- name: revoke_family_of
-- The same, by any token of the family.
UPDATE ops.refresh_tokens SET revoked_at = now()
WHERE family = (SELECT family FROM ops.refresh_tokens WHERE id = %s) AND revoked_at IS NULL
