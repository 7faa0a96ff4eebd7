-- Sessions: each is one sign-in, and all the tokens that come of it. A refresh token's family is its session.
CREATE TABLE ops.sessions (
    id           uuid        PRIMARY KEY,
    user_id      bigint      NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),  -- Signed in, or refreshed.
    expires_at   timestamptz NOT NULL,                -- Of its last refresh token.
    address      text        COLLATE "C",             -- Where it was last used from, and with what.
    user_agent   text        COLLATE "C" NOT NULL DEFAULT '',
    ended_at     timestamptz
);
CREATE INDEX sessions_user ON ops.sessions (user_id, created_at);
CREATE INDEX sessions_ended ON ops.sessions (ended_at);
CREATE INDEX sessions_expiry ON ops.sessions (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.sessions TO {app};

-- Whoever is signed in stays so.
INSERT INTO ops.sessions (id, user_id, created_at, last_used_at, expires_at, ended_at)
SELECT family, min(user_id), min(issued_at), max(issued_at), max(expires_at), max(revoked_at)
FROM ops.refresh_tokens GROUP BY family;

DROP INDEX ops.refresh_tokens_user, ops.refresh_tokens_expiry;
ALTER TABLE ops.refresh_tokens
    DROP COLUMN revoked_at,
    ADD FOREIGN KEY (family) REFERENCES ops.sessions ON DELETE CASCADE;

-- Who is deactivated can not sign in, from the commit on that says so.
ALTER TABLE ops.credentials ADD COLUMN active boolean NOT NULL DEFAULT true;

-- Tries of a user's password since one was right: counted before they are compared.
CREATE TABLE ops.password_tries (
    user_id      bigint      PRIMARY KEY,
    failed       integer     NOT NULL,
    pending      integer     NOT NULL,
    tried_at     timestamptz NOT NULL,
    locked_until timestamptz
) WITH (fillfactor = 70);
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.password_tries TO {app};
