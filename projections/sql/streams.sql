-- name: streams
-- The events of some records.
SELECT position, originator_id, originator_version, topic, state, recorded_at
FROM ledger.events WHERE originator_id = ANY(%b::uuid[]) ORDER BY originator_id, originator_version
