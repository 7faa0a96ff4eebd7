-- name: begin
-- A file is about to be stored.
INSERT INTO ops.uploads (key) VALUES (%s)

-- name: settle
-- An event refers to the file from this commit on. Divides by zero, and so fails the append, where the upload was ended
-- meanwhile: its file may be gone.
WITH settled AS (DELETE FROM ops.uploads WHERE key = %s AND NOT ended RETURNING key) SELECT 1 / count(*) FROM settled

-- name: end
-- It comes to nothing, unless it was settled: then there is no such row.
UPDATE ops.uploads SET ended = true WHERE key = %s RETURNING key

-- name: end_old
-- What takes longer than a day was left by a process that is no more.
UPDATE ops.uploads SET ended = true WHERE NOT ended AND begun_at < now() - interval '1 day'

-- name: ended
-- Whose files are to be removed.
SELECT key FROM ops.uploads WHERE ended ORDER BY begun_at LIMIT 100

-- name: forget
-- Nothing of it is left.
DELETE FROM ops.uploads WHERE key = %s AND ended
