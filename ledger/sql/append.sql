-- name: plan
-- A plan made while the ledger is small is kept, and would read the whole of it for ever: only the index will do.
SET enable_seqscan = off

-- name: patience
-- How many milliseconds the lock is waited for; and how many one may hold it without a word, whatever became of him.
SELECT set_config('lock_timeout', %s, false), set_config('idle_in_transaction_session_timeout', %s, false)

-- name: begin
-- Each statement must see what was committed while the lock was waited for, whatever the server's default is.
BEGIN ISOLATION LEVEL READ COMMITTED

-- name: lock_head
-- The lock, the counters and the tree. Time never goes back, whatever the clock does.
SELECT size, edge, greatest(clock_timestamp(), recorded_at), numbers FROM ledger.head FOR UPDATE

-- name: existing_versions
-- Which of the asked stream versions are there, as their places in the question.
SELECT asked.place
FROM unnest(%b::uuid[], %b::bigint[]) WITH ORDINALITY AS asked (stream, version, place)
JOIN ledger.events AS e ON e.originator_id = asked.stream AND e.originator_version = asked.version

-- name: add
-- The batch: rows, their leaf hashes, the head moved on, and subscribers told, in one statement.
-- NOTIFY takes a lock on the whole server at commit: one a batch, never one an event.
WITH rows AS (
    INSERT INTO ledger.events (position, originator_id, originator_version, topic, state, recorded_at)
    SELECT %(after)s::bigint + place, stream, version, topic, state, %(at)s::timestamptz
    FROM unnest(%(streams)b::uuid[], %(versions)b::bigint[], %(topics)b::text[], %(states)b::bytea[])
        WITH ORDINALITY AS batch (stream, version, topic, state, place)
), hashes AS (
    INSERT INTO ledger.leaves (first, hashes) VALUES (%(after)s::bigint + 1, %(leaves)b::bytea)
), head AS (
    UPDATE ledger.head
    SET size = %(size)s, edge = %(edge)b::bytea[], recorded_at = %(at)s::timestamptz, numbers = %(numbers)s::jsonb
    RETURNING size
)
SELECT pg_notify(%(channel)s, size::text) FROM head
