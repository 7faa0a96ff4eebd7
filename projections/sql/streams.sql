-- name: streams
-- The events of some records, all or those that were recorded before a moment. Each by its index, whatever the planner
-- thinks of how long a stream is.
SELECT e.position, e.originator_id, e.originator_version, e.topic, e.state, e.recorded_at
FROM unnest(%(streams)b::uuid[]) AS asked (stream)
CROSS JOIN LATERAL (SELECT position, originator_id, originator_version, topic, state, recorded_at
                    FROM ledger.events
                    WHERE originator_id = asked.stream
                      AND recorded_at < coalesce(%(before)s::timestamptz, 'infinity'::timestamptz)
                    ORDER BY originator_version) AS e
ORDER BY e.originator_id, e.originator_version
