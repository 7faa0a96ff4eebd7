-- name: begin
-- What is left to be destroyed of somebody, committed with the fact that says so.
INSERT INTO ops.erasures (user_id, stream, subject) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING

-- name: since
-- Who was erased since then.
SELECT user_id FROM ops.erasures WHERE begun_at > %s

-- name: all
-- Everybody who was erased: whose keys may not be there, whether the name's may, whether the bodies are done; whether
-- whoever was at work when it began is done; and whether no new body can show the name any more, as the dispatcher has
-- passed the erasure, too.
SELECT user_id, subject, named, finished_at IS NOT NULL, settled,
       settled AND finished_at IS NULL AND (SELECT position FROM ops.positions WHERE name = %(dispatch)s) >= (
           SELECT max(position) FROM ledger.events WHERE originator_id = stream AND topic = %(erased)s)
FROM (SELECT *, begun_at < clock_timestamp() - make_interval(secs => %(patience)s::float8) AS settled
      FROM ops.erasures) AS e
ORDER BY user_id

-- name: finish
-- Nothing is left to be done about bodies.
UPDATE ops.erasures SET finished_at = clock_timestamp() WHERE user_id = %s AND finished_at IS NULL

-- name: unname
-- The printed name's key may not be there any more either.
UPDATE ops.erasures SET named = false WHERE user_id = %s

-- name: bodies
-- Bodies of deliveries about some records, by id.
SELECT delivery_id, body FROM ops.delivery_bodies JOIN ops.deliveries ON id = delivery_id
WHERE stream = ANY(%(streams)b::uuid[]) AND delivery_id > %(after)s ORDER BY delivery_id LIMIT %(most)s

-- name: replace_body
-- A body without a name that it showed.
UPDATE ops.delivery_bodies SET body = %s WHERE delivery_id = %s
