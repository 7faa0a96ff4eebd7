-- name: lock
-- One drain an endpoint, among all processes.
SELECT pg_try_advisory_lock(hashtextextended('flowledger webhook ' || %s::bigint, 0))

-- name: unlock
-- The drain of an endpoint is over.
SELECT pg_advisory_unlock(hashtextextended('flowledger webhook ' || %s::bigint, 0))

-- name: endpoint
-- Where an endpoint is, whether it is told now, and why it is never told again.
SELECT id, url, active AND disabled_at IS NULL, disabled_reason FROM ops.endpoints WHERE id = %s

-- name: due
-- What may be sent now, of records that nothing is under way of; what is made again comes last.
WITH due AS (
    (SELECT id, stream, position, event, attempts, attempts_before, again, next_attempt_at FROM ops.deliveries
     WHERE endpoint_id = %(endpoint)s AND state = 'pending' AND NOT again AND next_attempt_at <= clock_timestamp()
       AND stream <> ALL(%(under_way)s)
     ORDER BY next_attempt_at, position LIMIT %(most)s)
    UNION ALL
    (SELECT id, stream, position, event, attempts, attempts_before, again, next_attempt_at FROM ops.deliveries
     WHERE endpoint_id = %(endpoint)s AND state = 'pending' AND again AND next_attempt_at <= clock_timestamp()
       AND stream <> ALL(%(under_way)s)
     ORDER BY next_attempt_at, position LIMIT %(most)s)
)
SELECT id, stream, position, event, body, attempts, attempts_before
FROM due LEFT JOIN ops.delivery_bodies ON delivery_id = id
ORDER BY again, next_attempt_at, position LIMIT %(most)s

-- name: next_due
-- Seconds until an endpoint has something due: not above zero where it has now. None while it is not active.
SELECT extract(epoch FROM least(
    (SELECT min(next_attempt_at) FROM ops.deliveries
     WHERE endpoint_id = e.id AND state = 'pending' AND NOT again AND next_attempt_at IS NOT NULL),
    (SELECT min(next_attempt_at) FROM ops.deliveries
     WHERE endpoint_id = e.id AND state = 'pending' AND again AND next_attempt_at IS NOT NULL)
) - clock_timestamp())::float8
FROM ops.endpoints AS e WHERE e.id = %s AND (e.active OR e.disabled_at IS NOT NULL)

-- name: due_endpoints
-- Endpoints with something due, but for those that are not active.
SELECT e.id FROM ops.endpoints AS e WHERE (e.active OR e.disabled_at IS NOT NULL) AND (EXISTS (
    SELECT FROM ops.deliveries AS d
    WHERE d.endpoint_id = e.id AND d.state = 'pending' AND NOT d.again AND d.next_attempt_at <= clock_timestamp()
) OR EXISTS (
    SELECT FROM ops.deliveries AS d
    WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.again AND d.next_attempt_at <= clock_timestamp()
))

-- name: settle
-- How an attempt ended; nothing where somebody else has recorded one meanwhile. What has lost its place in the queue
-- while it was under way has no time of its own.
UPDATE ops.deliveries SET
    state = %(state)s,
    attempts = attempts + 1,
    next_attempt_at = CASE WHEN next_attempt_at IS NOT NULL
                           THEN clock_timestamp() + make_interval(secs => %(wait)s::float8) END,
    last_status = %(status)s,
    last_error = %(error)s,
    delivered_at = CASE WHEN %(state)s = 'delivered' THEN clock_timestamp() ELSE delivered_at END
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
    WHERE endpoint_id = %(endpoint)s AND stream = %(stream)s AND state = 'pending' ORDER BY again, position LIMIT 1
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
-- What an endpoint that is told no more will not get; locked in the order in which `dispatch.lock_heads` does.
WITH waiting AS (
    SELECT id FROM ops.deliveries
    WHERE endpoint_id = %s AND state = 'pending' ORDER BY stream, again, position FOR UPDATE
)
UPDATE ops.deliveries AS d SET state = 'failed', next_attempt_at = NULL, last_error = %s
FROM waiting WHERE d.id = waiting.id

-- name: prune
-- Some of what was settled long ago, the oldest first; attempts go with their delivery.
WITH old AS (
    SELECT id FROM ops.deliveries
    WHERE state <> 'pending' AND created_at < clock_timestamp() - make_interval(days => %s::integer)
    ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
)
DELETE FROM ops.deliveries AS d USING old WHERE d.id = old.id
