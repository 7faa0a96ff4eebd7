-- name: take
-- Take from the counts of some callers' hours, each no further than its limit; who has none yet begins at nothing.
-- In the order of the key, so that no two wait for each other. Not flushed: what a crash of the server forgets is small.
INSERT INTO ops.rate_hours AS held (hour, caller, ceiling, taken, granted)
SELECT asked.hour, asked.caller, asked.ceiling, least(asked.amount, asked.ceiling), least(asked.amount, asked.ceiling)
FROM set_config('synchronous_commit', 'off', true),
     unnest(%s::bigint[], %s::text[], %s::integer[], %s::integer[]) AS asked (hour, caller, ceiling, amount)
ORDER BY asked.hour, asked.caller
ON CONFLICT (hour, caller) DO UPDATE SET
    ceiling = excluded.ceiling,
    taken = held.taken + greatest(least(excluded.granted, excluded.ceiling - held.taken), 0),
    granted = greatest(least(excluded.granted, excluded.ceiling - held.taken), 0)
RETURNING hour, caller, granted, taken

-- name: give_back
-- Give back what was taken and not used, in the same order.
WITH held AS (
    SELECT hour, caller, given.amount
    FROM unnest(%s::bigint[], %s::text[], %s::integer[]) AS given (hour, caller, amount)
    JOIN ops.rate_hours USING (hour, caller)
    ORDER BY hour, caller
    FOR UPDATE OF rate_hours
)
UPDATE ops.rate_hours AS counted SET taken = greatest(counted.taken - held.amount, 0)
FROM held WHERE counted.hour = held.hour AND counted.caller = held.caller

-- name: forget
-- The counts of hours that are over.
DELETE FROM ops.rate_hours WHERE hour < %s
