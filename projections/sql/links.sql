-- name: capas_of
-- The ready summaries of the CAPAs that follow from some deviations, with whose each is; at most 200 a deviation.
SELECT d.id, c.summary
FROM unnest(%b::bigint[]) AS d (id)
CROSS JOIN LATERAL (SELECT id, summary FROM capas
                    WHERE source_type = 'DEVIATION' AND source_id = d.id AND status <> 'CANCELLED'
                    ORDER BY id LIMIT 200) AS c
ORDER BY d.id, c.id

-- name: sources_of
-- The ready summaries of some deviations.
SELECT summary FROM deviations WHERE id = ANY(%b::bigint[])
