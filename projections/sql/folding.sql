-- name: in_order_of_streams
-- Every event of some topics up to a position, stream by stream.
SELECT position, originator_id, originator_version, topic, state, recorded_at
FROM ledger.events WHERE topic = ANY(%s) AND position <= %s
ORDER BY originator_id, originator_version
