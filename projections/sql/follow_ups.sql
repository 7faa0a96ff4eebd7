-- name: keep
-- Fails where the follow-up was made before.
INSERT INTO ops.follow_ups (id, record) VALUES (%s, %s)

-- name: made
-- The record that a follow-up made.
SELECT record FROM ops.follow_ups WHERE id = %s
