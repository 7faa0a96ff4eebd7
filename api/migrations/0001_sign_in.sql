-- What signing in takes. Operational state: neither fact nor view. {app} is the application's role.
CREATE TABLE ops.usernames (
    hash    bytea  PRIMARY KEY,
    user_id bigint NOT NULL
);
GRANT SELECT, INSERT ON ops.usernames TO {app};  -- Never given again: nothing is deleted here.

CREATE TABLE ops.credentials (
    user_id       bigint      PRIMARY KEY,
    password_hash text        COLLATE "C" NOT NULL,
    changed_at    timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE ON ops.credentials TO {app};

-- A family is all that came of one sign-in, a token each time one was rotated.
CREATE TABLE ops.refresh_tokens (
    id         uuid        PRIMARY KEY,
    family     uuid        NOT NULL,
    user_id    bigint      NOT NULL,
    issued_at  timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    rotated_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX refresh_tokens_family ON ops.refresh_tokens (family);
CREATE INDEX refresh_tokens_user ON ops.refresh_tokens (user_id);
CREATE INDEX refresh_tokens_expiry ON ops.refresh_tokens (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.refresh_tokens TO {app};

-- Answers already given, by who asked and under which key: committed with the events that they answer.
CREATE TABLE ops.answers (
    user_id    bigint      NOT NULL,
    key        text        COLLATE "C" NOT NULL,
    request    bytea       NOT NULL,
    answer     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX answers_created ON ops.answers (created_at);
GRANT SELECT, INSERT, DELETE ON ops.answers TO {app};
