-- name: lock
-- The endpoints that a batch is about, before any of their deliveries: as whoever records an attempt does.
SELECT FROM ops.endpoints WHERE stream = ANY(%b::uuid[]) ORDER BY id FOR NO KEY UPDATE

-- name: register
-- An endpoint to tell. Registered once: what has happened to it since is kept.
INSERT INTO ops.endpoints (id, stream, position, url, events, active) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING

-- name: change
-- What was changed about an endpoint, once; told of what comes after. Made active, its end is over, and so is its
-- trouble; and so is that of another URL.
UPDATE ops.endpoints SET
    position = %(position)s,
    url = coalesce(%(url)s::text, url),
    events = coalesce(%(events)s::text[], events),
    active = coalesce(%(active)s::boolean, active),
    disabled_at = CASE WHEN %(active)s::boolean THEN NULL ELSE disabled_at END,
    disabled_reason = CASE WHEN %(active)s::boolean THEN NULL ELSE disabled_reason END,
    failing_since = CASE WHEN %(active)s::boolean OR %(url)s::text <> url THEN NULL ELSE failing_since END
WHERE stream = %(stream)s AND position < %(position)s RETURNING id

-- name: asked
-- An endpoint at which deliveries are to be made again: once, and not where nothing is sent any more.
UPDATE ops.endpoints SET position = %(position)s
WHERE stream = %(stream)s AND position < %(position)s AND active AND disabled_at IS NULL RETURNING id

-- name: remove
-- An endpoint to tell no more.
UPDATE ops.endpoints SET
    active = false,
    disabled_at = coalesce(disabled_at, clock_timestamp()),
    disabled_reason = %s
WHERE stream = %s RETURNING id

-- name: forget_bodies
-- The bodies kept for an endpoint that was deleted.
DELETE FROM ops.delivery_bodies AS b USING ops.deliveries AS d WHERE d.id = b.delivery_id AND d.endpoint_id = %s
