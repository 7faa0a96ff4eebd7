-- name: one_at_a_time
-- "Where it is not there yet" is no protection from another who is about to make it. Let go of at the commit.
SELECT pg_advisory_xact_lock(hashtextextended('flowledger read model tables', 0))

-- name: mark
-- What form the rows of a table have.
COMMENT ON TABLE {table} IS {form}

-- name: forms
-- The live tables that there are, and the form of each; none for one that an earlier version made.
SELECT c.relname, coalesce(obj_description(c.oid, 'pg_class'), '')
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'views' AND c.relkind = 'r'
