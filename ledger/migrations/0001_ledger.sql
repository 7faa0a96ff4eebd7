-- The record itself. What the application's role may do with it: see grants.sql.
CREATE TABLE ledger.events (
    position           bigint      PRIMARY KEY,
    originator_id      uuid        NOT NULL,
    originator_version bigint      NOT NULL,
    topic              text        COLLATE "C" NOT NULL,
    state              bytea       NOT NULL,
    recorded_at        timestamptz NOT NULL,
    UNIQUE (originator_id, originator_version)
);
-- Sealed and compact JSON gains little from compression, and every read would pay for it.
ALTER TABLE ledger.events ALTER COLUMN state SET STORAGE EXTERNAL;

-- Lock, counter and tree in one row: see ledger/writer.py. Checkpoints name the ledger by its identity.
CREATE TABLE ledger.head (
    only_one    boolean     PRIMARY KEY DEFAULT true CHECK (only_one),
    size        bigint      NOT NULL,
    edge        bytea[]     NOT NULL,
    recorded_at timestamptz NOT NULL,
    numbers     jsonb       NOT NULL,
    identity    uuid        NOT NULL DEFAULT gen_random_uuid()
) WITH (fillfactor = 10);
INSERT INTO ledger.head (size, edge, recorded_at, numbers) VALUES (0, '{{}}', '1970-01-01Z', '{{}}');

-- The leaf hashes of each batch, in order: what tells which row was altered, and makes proofs cheap.
CREATE TABLE ledger.leaves (
    first  bigint PRIMARY KEY,
    hashes bytea  NOT NULL
);
ALTER TABLE ledger.leaves ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Signed tree heads, as C2SP notes.
CREATE TABLE ledger.checkpoints (
    size       bigint      PRIMARY KEY,
    note       text        COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- How far each consumer of the ledger has come, and why it stands still if it does.
CREATE TABLE ops.positions (
    name       text        COLLATE "C" PRIMARY KEY,
    position   bigint      NOT NULL,
    generation integer     NOT NULL DEFAULT 1,
    moved_at   timestamptz NOT NULL DEFAULT now(),
    failure    text        COLLATE "C"
) WITH (fillfactor = 50);
