-- name: take
-- Fails where a record of the kind has the name.
INSERT INTO ops.names (kind, name, record) VALUES (%s, %s, %s)
