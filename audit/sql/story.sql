-- name: begun_with
-- Events of some topics whose bytes hold some bytes: few, which are then read.
SELECT position, originator_id, originator_version, topic, state, recorded_at
FROM ledger.events WHERE topic = ANY(%s) AND position(%s::bytea IN state) > 0 ORDER BY position
