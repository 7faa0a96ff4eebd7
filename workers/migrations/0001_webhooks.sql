-- Webhooks' operational state.

-- The dispatcher's own list of endpoints, kept in the transactions that move its position.
CREATE TABLE ops.endpoints (
    id              bigint      PRIMARY KEY,
    stream          uuid        NOT NULL UNIQUE,
    position        bigint      NOT NULL,
    url             text        COLLATE "C" NOT NULL,
    events          text[]      COLLATE "C" NOT NULL,
    active          boolean     NOT NULL,
    failing_since   timestamptz,
    disabled_at     timestamptz,
    disabled_reason text        COLLATE "C"
);

-- Each secret sealed; more than one while it is being rotated: all that have not expired sign.
CREATE TABLE ops.webhook_secrets (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id bigint      NOT NULL,
    secret     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz
);
CREATE INDEX webhook_secrets_webhook ON ops.webhook_secrets (webhook_id);

-- What is to be sent, is being sent and was. The body is sealed, since it holds names, and dropped once delivered.
-- `next_attempt_at` is NULL while an earlier delivery of the same endpoint and record is pending.
CREATE TABLE ops.deliveries (
    id              text        COLLATE "C" PRIMARY KEY,
    endpoint_id     bigint      NOT NULL REFERENCES ops.endpoints,
    stream          uuid        NOT NULL,
    position        bigint      NOT NULL,
    event           text        COLLATE "C" NOT NULL,
    body            bytea,
    state           text        COLLATE "C" NOT NULL DEFAULT 'pending'
                                CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    last_status     integer,
    last_error      text        COLLATE "C",
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    delivered_at    timestamptz,
    UNIQUE (endpoint_id, position, event)
) WITH (fillfactor = 70);
CREATE INDEX deliveries_due ON ops.deliveries (endpoint_id, next_attempt_at)
    WHERE state = 'pending' AND next_attempt_at IS NOT NULL;
CREATE INDEX deliveries_order ON ops.deliveries (endpoint_id, stream, position) WHERE state = 'pending';

-- Every attempt that was made: when, how it ended, how long it took.
CREATE TABLE ops.delivery_attempts (
    delivery_id  text        COLLATE "C" NOT NULL REFERENCES ops.deliveries ON DELETE CASCADE,
    number       integer     NOT NULL,
    at           timestamptz NOT NULL,
    status       integer,
    milliseconds integer     NOT NULL,
    error        text        COLLATE "C",
    PRIMARY KEY (delivery_id, number)
);
