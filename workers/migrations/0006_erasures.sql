-- Erased users: what is left to be destroyed of each. A row is committed with the fact that it follows from.
CREATE TABLE ops.erasures (
    user_id     bigint      PRIMARY KEY,
    stream      uuid        NOT NULL,                -- The user's own.
    subject     uuid        NOT NULL,                -- Whose keys they are.
    begun_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    named       boolean     NOT NULL DEFAULT true,   -- The printed name's key is still kept.
    finished_at timestamptz                          -- No body of a delivery shows the name, nor will one.
);
