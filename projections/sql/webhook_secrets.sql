-- name: store
-- A webhook's secret, sealed; committed with the fact that makes the webhook, or rotates its secret.
INSERT INTO ops.webhook_secrets (webhook_id, secret) VALUES (%s, %s)

-- name: retire
-- The secrets that sign until now sign for some seconds more; committed with the fact that rotates them.
UPDATE ops.webhook_secrets SET expires_at = clock_timestamp() + make_interval(secs => %s::float8)
WHERE webhook_id = %s AND expires_at IS NULL

-- name: current
-- A webhook's secrets that sign today, the newest first.
SELECT secret FROM ops.webhook_secrets
WHERE webhook_id = %s AND (expires_at IS NULL OR expires_at > clock_timestamp())
ORDER BY id DESC

-- name: newest
-- The secret of a webhook that none has taken the place of.
SELECT secret FROM ops.webhook_secrets WHERE webhook_id = %s AND expires_at IS NULL ORDER BY id DESC LIMIT 1

-- name: forget_expired
-- Secrets that sign no more.
DELETE FROM ops.webhook_secrets WHERE expires_at <= clock_timestamp()

-- name: forget
-- Nothing is signed for a webhook that was deleted.
DELETE FROM ops.webhook_secrets WHERE webhook_id = %s
