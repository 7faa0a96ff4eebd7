-- Deliveries are made again on request, behind those that are made for the first time; and their log can be looked
-- through. Waits for a running worker's transaction; takes about a second for 100,000 deliveries in the log.

-- record: the id of the record that the fact is of; recorded_at: when the fact was recorded.
-- again: made again on request, `requested` by the fact at that position; `attempts_before` it was.
ALTER TABLE ops.deliveries
    ADD COLUMN record          bigint,
    ADD COLUMN recorded_at     timestamptz,
    ADD COLUMN again           boolean NOT NULL DEFAULT false,
    ADD COLUMN requested       bigint,
    ADD COLUMN attempts_before integer NOT NULL DEFAULT 0;
UPDATE ops.deliveries AS d SET
    recorded_at = told.recorded_at,
    record = (convert_from(begun.state, 'UTF8')::jsonb ->> 'id')::bigint
FROM ledger.events AS told, ledger.events AS begun
WHERE told.position = d.position AND begun.originator_id = d.stream AND begun.originator_version = 1;
ALTER TABLE ops.deliveries ALTER COLUMN record SET NOT NULL, ALTER COLUMN recorded_at SET NOT NULL;

-- Bodies, sealed, since they hold names: kept as long as their delivery, so that it can be made again. Apart from it,
-- since they never change, and a delivery does at every attempt.
CREATE TABLE ops.delivery_bodies (
    delivery_id text  COLLATE "C" PRIMARY KEY REFERENCES ops.deliveries ON DELETE CASCADE,
    body        bytea NOT NULL
);
ALTER TABLE ops.delivery_bodies ALTER COLUMN body SET STORAGE EXTERNAL;
INSERT INTO ops.delivery_bodies (delivery_id, body) SELECT id, body FROM ops.deliveries WHERE body IS NOT NULL;
ALTER TABLE ops.deliveries DROP COLUMN body;

-- Of one endpoint and record, what is pending is queued by (again, position): the first has a time, the others none.
DROP INDEX ops.deliveries_due, ops.deliveries_order;
CREATE INDEX deliveries_due ON ops.deliveries (endpoint_id, again, next_attempt_at)
    WHERE state = 'pending' AND next_attempt_at IS NOT NULL;
CREATE INDEX deliveries_order ON ops.deliveries (endpoint_id, stream, again, position) WHERE state = 'pending';
CREATE INDEX deliveries_requested ON ops.deliveries (requested) WHERE state = 'pending' AND again;
CREATE INDEX deliveries_log ON ops.deliveries (endpoint_id, recorded_at);

-- What can be made again: it is settled, its body is kept, and no request that has made it is still under way. So
-- whoever asks twice gets nothing twice.
CREATE VIEW ops.redeliverable AS
SELECT d.id, d.endpoint_id, d.recorded_at, d.state FROM ops.deliveries AS d
WHERE d.state <> 'pending' AND EXISTS (SELECT FROM ops.delivery_bodies AS b WHERE b.delivery_id = d.id)
  AND (d.requested IS NULL OR d.requested <> ALL (ARRAY(
    SELECT DISTINCT waiting.requested FROM ops.deliveries AS waiting
    WHERE waiting.state = 'pending' AND waiting.again AND waiting.attempts = waiting.attempts_before
)));

-- What others read of these tables: how an endpoint is, and its log.
CREATE VIEW ops.webhook_health AS
SELECT id AS webhook_id, failing_since, disabled_at IS NOT NULL AS ended FROM ops.endpoints;
CREATE VIEW ops.delivery_log AS
SELECT id, endpoint_id AS webhook_id, event, record, position, recorded_at, state, attempts, next_attempt_at,
       delivered_at, last_status, last_error,
       (SELECT b.body FROM ops.delivery_bodies AS b WHERE b.delivery_id = id) AS body
FROM ops.deliveries;
CREATE VIEW ops.attempt_log AS
SELECT delivery_id, number, at, status, milliseconds, error FROM ops.delivery_attempts;
