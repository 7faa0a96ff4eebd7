-- Files whose upload was begun, and that no event refers to yet: the append of that event deletes the row. Operational
-- state; see docs/decisions/files.md.
CREATE TABLE ops.uploads (
    key      text        COLLATE "C" PRIMARY KEY,
    begun_at timestamptz NOT NULL DEFAULT now(),
    ended    boolean     NOT NULL DEFAULT false  -- It came to nothing: no event may refer to it any more.
);
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.uploads TO {app};
