-- name: one_at_a_time
-- "Where it is not there yet" is no protection from another who is about to make it. Let go of at the commit.
SELECT pg_advisory_xact_lock(hashtextextended('flowledger read model tables', 0))

-- name: look_in
-- Tables are made in the schema looked in first.
SET LOCAL search_path = {}
