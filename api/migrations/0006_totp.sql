-- Second factors: what a user's one-time codes are made from. Operational state; the fact that one is set is in the ledger.
CREATE TABLE ops.second_factors (
    user_id   bigint  PRIMARY KEY,
    seed      bytea   NOT NULL,                -- Sealed with the server's key.
    confirmed boolean NOT NULL DEFAULT false,  -- A code was shown: it holds.
    last_step bigint  NOT NULL DEFAULT 0       -- Of 30 seconds of Unix time: no code of this one or before is taken.
) WITH (fillfactor = 70);
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.second_factors TO {app};

-- The hashes of the passwords before, the last one first: they are not to be used again.
ALTER TABLE ops.credentials ADD COLUMN former text[] COLLATE "C" NOT NULL DEFAULT ARRAY[]::text[];
