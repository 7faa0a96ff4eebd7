-- name: lock
-- One drain an endpoint, among all processes.
SELECT pg_try_advisory_lock(hashtextextended('flowledger webhook ' || %s::bigint, 0))

-- name: unlock
-- The drain of an endpoint is over.
SELECT pg_advisory_unlock(hashtextextended('flowledger webhook ' || %s::bigint, 0))

-- name: endpoint
-- Where an endpoint is, and whether it is told at all.
SELECT id, url, active AND disabled_at IS NULL, disabled_reason FROM ops.endpoints WHERE id = %s

-- name: due
-- What may be sent now, but for what is under way.
SELECT id, stream, position, event, body, attempts
FROM ops.deliveries
WHERE endpoint_id = %s AND state = 'pending' AND next_attempt_at <= clock_timestamp() AND id <> ALL(%s)
ORDER BY next_attempt_at, position LIMIT %s

-- name: next_due
-- Seconds until an endpoint has something due: not above zero where it has now.
SELECT extract(epoch FROM min(next_attempt_at) - clock_timestamp())::float8
FROM ops.deliveries WHERE endpoint_id = %s AND state = 'pending' AND next_attempt_at IS NOT NULL

-- name: due_endpoints
-- Endpoints with something due.
SELECT e.id FROM ops.endpoints AS e WHERE EXISTS (
    SELECT FROM ops.deliveries AS d
    WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.next_attempt_at <= clock_timestamp()
)

-- name: settle
-- How an attempt ended; nothing where somebody else has recorded one meanwhile. A delivered body is not kept.
UPDATE ops.deliveries SET
    state = %(state)s,
    attempts = attempts + 1,
    next_attempt_at = clock_timestamp() + make_interval(secs => %(wait)s::float8),
    last_status = %(status)s,
    last_error = %(error)s,
    delivered_at = CASE WHEN %(state)s = 'delivered' THEN clock_timestamp() END,
    body = CASE WHEN %(state)s <> 'delivered' THEN body END
WHERE id = %(id)s AND state = 'pending' AND attempts = %(attempts)s

-- name: log_attempt
-- One attempt.
INSERT INTO ops.delivery_attempts (delivery_id, number, at, status, milliseconds, error)
VALUES (%(id)s, %(attempts)s + 1, %(at)s, %(status)s, %(milliseconds)s, %(error)s)

-- name: promote
-- The record's next delivery, once the one before it is settled.
UPDATE ops.deliveries SET next_attempt_at = clock_timestamp() + make_interval(secs => %(first_wait)s::float8)
WHERE next_attempt_at IS NULL AND id = (
    SELECT id FROM ops.deliveries
    WHERE endpoint_id = %(endpoint)s AND stream = %(stream)s AND state = 'pending' ORDER BY position LIMIT 1
)

-- name: failing
-- An endpoint fails, from now on or for longer.
UPDATE ops.endpoints SET failing_since = clock_timestamp() WHERE id = %(endpoint)s AND failing_since IS NULL

-- name: well
-- An endpoint does not fail.
UPDATE ops.endpoints SET failing_since = NULL WHERE id = %(endpoint)s AND failing_since IS NOT NULL

-- name: disable
-- An endpoint has said that it is gone.
UPDATE ops.endpoints SET
    failing_since = coalesce(failing_since, clock_timestamp()),
    disabled_at = clock_timestamp(),
    disabled_reason = %(reason)s
WHERE id = %(endpoint)s AND disabled_at IS NULL

-- name: abandon
-- What an endpoint that is told no more will never get, and the bodies kept for it; locked in the order in which
-- `lock_tails` does.
WITH kept AS (
    SELECT id, state = 'pending' AS pending FROM ops.deliveries
    WHERE endpoint_id = %s AND (state = 'pending' OR body IS NOT NULL) ORDER BY stream, position FOR UPDATE
)
UPDATE ops.deliveries AS d SET
    state = 'failed',
    next_attempt_at = NULL,
    last_error = CASE WHEN kept.pending THEN %s ELSE d.last_error END,
    body = NULL
FROM kept WHERE d.id = kept.id

-- name: prune
-- Some of what was settled long ago, the oldest first; attempts go with their delivery.
WITH old AS (
    SELECT id FROM ops.deliveries
    WHERE state <> 'pending' AND created_at < clock_timestamp() - make_interval(secs => %s::float8)
    ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
)
DELETE FROM ops.deliveries AS d USING old WHERE d.id = old.id
