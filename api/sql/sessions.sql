-- name: begin
-- A session and its first refresh token. None where the password is no longer the one that was compared, or where the
-- user was deactivated since: whoever changes that either waits for us and then ends this session, or was before us.
WITH who AS (
    SELECT user_id FROM ops.credentials
    WHERE user_id = %(user)s AND password_hash = %(hash)s AND active FOR SHARE
), session AS (
    INSERT INTO ops.sessions (id, user_id, expires_at, address, user_agent)
    SELECT %(session)s, user_id, %(until)s, %(address)s, %(agent)s FROM who RETURNING id
)
INSERT INTO ops.refresh_tokens (id, family, user_id, expires_at)
SELECT %(token)s, id, %(user)s, %(until)s FROM session

-- name: use
-- A session goes on by one of its refresh tokens; tells whether another took that token's place. No row where it is over.
UPDATE ops.sessions AS s SET last_used_at = now(), address = %(address)s, user_agent = %(agent)s
FROM ops.refresh_tokens AS t
WHERE t.id = %(token)s AND t.user_id = %(user)s AND t.expires_at > now() AND s.id = t.family AND s.ended_at IS NULL
RETURNING s.id, t.rotated_at IS NOT NULL

-- name: rotate
-- Another takes a token's place. Of two that try at once one finds no row.
UPDATE ops.refresh_tokens SET rotated_at = now() WHERE id = %s AND rotated_at IS NULL

-- name: extend
-- The token that takes the place, with which the session lasts longer.
WITH session AS (UPDATE ops.sessions SET expires_at = %(until)s WHERE id = %(session)s)
INSERT INTO ops.refresh_tokens (id, family, user_id, expires_at) VALUES (%(token)s, %(session)s, %(user)s, %(until)s)

-- name: end_of_token
-- What came of one sign-in is dead at once, by any of its tokens; told to every process.
WITH ended AS (
    UPDATE ops.sessions SET ended_at = clock_timestamp()
    WHERE id = (SELECT family FROM ops.refresh_tokens WHERE id = %s) AND ended_at IS NULL RETURNING id
)
SELECT id, pg_notify('flowledger_sessions', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text) FROM ended

-- name: end_one
-- The same, of one session of a user.
WITH ended AS (
    UPDATE ops.sessions SET ended_at = clock_timestamp()
    WHERE id = %(session)s AND user_id = %(user)s AND ended_at IS NULL RETURNING id
)
SELECT pg_notify('flowledger_sessions', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text) FROM ended

-- name: end_all
-- The same, of all sessions of a user but one.
WITH ended AS (
    UPDATE ops.sessions SET ended_at = clock_timestamp()
    WHERE user_id = %(user)s AND id IS DISTINCT FROM %(kept)s::uuid AND ended_at IS NULL RETURNING id
)
SELECT pg_notify('flowledger_sessions', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text) FROM ended
LIMIT 1

-- name: ended_since
-- Sessions that ended lately, or since a time: with a margin, for a commit may come some seconds after its time.
SELECT id, ended_at FROM ops.sessions
WHERE ended_at > greatest(%(since)s - interval '1 minute', now() - make_interval(secs => %(seconds)s))

-- name: is_live
-- Whether a session goes on: by its row alone, so that the tokens of one that was ended are dead.
SELECT ended_at IS NULL FROM ops.sessions WHERE id = %s

-- name: count
-- How many sessions of a user go on.
SELECT count(*) FROM ops.sessions WHERE user_id = %s AND ended_at IS NULL AND expires_at > now()

-- name: page
-- A page of them, the last used first.
SELECT id, created_at, last_used_at, expires_at, address, user_agent
FROM ops.sessions WHERE user_id = %(user)s AND ended_at IS NULL AND expires_at > now()
ORDER BY last_used_at DESC, id LIMIT %(limit)s OFFSET %(offset)s

-- name: has_live
-- Whether one session of a user goes on, or (none named) any but one.
SELECT EXISTS (
    SELECT FROM ops.sessions
    WHERE user_id = %(user)s AND ended_at IS NULL AND expires_at > now()
      AND (%(session)s::uuid IS NULL OR id = %(session)s) AND id IS DISTINCT FROM %(kept)s::uuid
)

-- name: forget
-- Sessions that are over, so long after that no token of theirs can be good; but for those that are being ended just now,
-- which must not wait for us while we wait for them.
DELETE FROM ops.sessions WHERE id IN (
    SELECT id FROM ops.sessions
    WHERE expires_at < now() - make_interval(secs => %(seconds)s)
       OR ended_at < now() - make_interval(secs => %(seconds)s)
    FOR UPDATE SKIP LOCKED
)
