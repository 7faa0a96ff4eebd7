-- name: streams
-- The records, of some kinds, in which users acted or are named: a look at every event of the ledger, whoever is asked
-- for. An event's bytes begin with who acted; the few facts that name somebody else are searched for it.
SELECT who::bigint, originator_id FROM (
    SELECT split_part(split_part(encode(substr(state, 10, 20), 'escape'), ',', 1), '}', 1) AS who, topic, originator_id
    FROM ledger.events WHERE substr(state, 1, 9) = '{"actor":'::bytea
) AS acted
WHERE who = ANY(%(users)b::text[]) AND split_part(topic, '.', 1) = ANY(%(kinds)b::text[])
UNION
SELECT named[1]::bigint, originator_id
FROM ledger.events CROSS JOIN LATERAL regexp_matches(encode(state, 'escape'), %(naming)s, 'g') AS it (named)
WHERE topic = ANY(%(topics)b::text[]) AND named[1] = ANY(%(users)b::text[])

-- name: ends
-- Of records, by kind: when each ended, NULL where it is open.
SELECT kind, CASE WHEN ended > coalesce(reopened, 0) THEN at END FROM (
    SELECT split_part(min(topic), '.', 1) AS kind,
           max(position) FILTER (WHERE topic = ANY(%(ending)b::text[])) AS ended,
           max(position) FILTER (WHERE topic = ANY(%(reopening)b::text[])) AS reopened,
           max(recorded_at) FILTER (WHERE topic = ANY(%(ending)b::text[])) AS at
    FROM ledger.events WHERE originator_id = ANY(%(streams)b::uuid[]) GROUP BY originator_id
) AS record
