-- name: store
-- A webhook's secret, sealed; committed with the fact that makes the webhook.
INSERT INTO ops.webhook_secrets (webhook_id, secret) VALUES (%s, %s)

-- name: current
-- A webhook's secrets that sign today, the newest first.
SELECT secret FROM ops.webhook_secrets
WHERE webhook_id = %s AND (expires_at IS NULL OR expires_at > clock_timestamp())
ORDER BY id DESC
