-- name: user_of_name
-- Whose name it is, by its keyed hash.
SELECT user_id FROM ops.usernames WHERE hash = %s

-- name: password_hash
-- What a given password is compared with.
SELECT password_hash FROM ops.credentials WHERE user_id = %s

-- name: take_name
-- Fails where the name was ever given.
INSERT INTO ops.usernames (hash, user_id) VALUES (%s, %s)

-- name: set_password
-- A user's password from now on; the ones before it are remembered, the last first.
INSERT INTO ops.credentials AS c (user_id, password_hash) VALUES (%(user)s, %(hash)s)
ON CONFLICT (user_id) DO UPDATE SET
    password_hash = excluded.password_hash,
    changed_at = now(),
    former = (array_prepend(c.password_hash, c.former))[1:%(kept)s]

-- name: still
-- Divides by zero, and so fails the append, where the password was changed meanwhile.
SELECT 1 / count(*) FROM ops.credentials WHERE user_id = %(user)s AND password_hash = %(hash)s

-- name: last_passwords
-- The present password of a user and those before it, the last first: as many as are asked for.
SELECT (array_prepend(password_hash, former))[1:%(most)s] FROM ops.credentials WHERE user_id = %(user)s

-- name: password_age
-- When a user's password was set.
SELECT changed_at FROM ops.credentials WHERE user_id = %s

-- name: set_active
-- Whether a user can sign in.
UPDATE ops.credentials SET active = %(active)s WHERE user_id = %(user)s

-- name: take_try
-- A try of a user's password, counted before it is compared: any number at once are no more than `most`. One row, with
-- what the password is compared with, for who can sign in; whether this try counts, or else what stands against it.
-- What was counted is over when the lock is, or when nothing was tried for the lock's time. Nobody has to wait for the
-- disk: a crash of the server takes back some tries, and a name that is known must not take longer than one that is not.
WITH soon AS (
    SELECT set_config('synchronous_commit', 'off', true)
), taken AS (
    INSERT INTO ops.password_tries AS t (user_id, failed, pending, tried_at)
    SELECT user_id, 0, 1, now() FROM ops.credentials, soon WHERE user_id = %(user)s AND active
    ON CONFLICT (user_id) DO UPDATE SET
        failed = CASE WHEN coalesce(t.locked_until, t.tried_at + %(time)s) <= now() THEN 0 ELSE t.failed END,
        pending = CASE WHEN coalesce(t.locked_until, t.tried_at + %(time)s) <= now() THEN 1 ELSE t.pending + 1 END,
        tried_at = now(),
        locked_until = NULL
    WHERE coalesce(t.locked_until, t.tried_at + %(time)s) <= now()
       OR (t.locked_until IS NULL AND t.failed + t.pending < %(most)s)
    RETURNING user_id
)
SELECT c.password_hash, EXISTS (SELECT FROM taken), coalesce(t.failed, 0), coalesce(t.locked_until > now(), false),
       c.changed_at, f.seed, coalesce(f.last_step, 0)
FROM ops.credentials AS c
LEFT JOIN ops.password_tries AS t USING (user_id)
LEFT JOIN ops.second_factors AS f ON f.user_id = c.user_id AND f.confirmed
WHERE c.user_id = %(user)s AND c.active

-- name: settle_try
-- What came of a try that was counted: a good one makes up for those before it; one that broke (null) was none.
WITH soon AS (
    SELECT set_config('synchronous_commit', 'off', true)
)
UPDATE ops.password_tries SET
    failed = CASE %(good)s::boolean WHEN true THEN 0 WHEN false THEN failed + 1 ELSE failed END,
    pending = greatest(pending - 1, 0),
    tried_at = now()
FROM soon WHERE user_id = %(user)s
RETURNING failed

-- name: lock
-- No password of a user is taken for a while.
INSERT INTO ops.password_tries (user_id, failed, pending, tried_at, locked_until)
VALUES (%(user)s, 0, 0, now(), %(until)s)
ON CONFLICT (user_id) DO UPDATE SET locked_until = excluded.locked_until

-- name: unlock
-- Nothing stands against a user's password any more.
DELETE FROM ops.password_tries WHERE user_id = %s
