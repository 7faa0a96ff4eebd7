-- Names that are given once: of roles, and of whatever else may not be called like another of its kind.
CREATE TABLE ops.names (
    kind   text   COLLATE "C" NOT NULL,
    name   text   COLLATE "C" NOT NULL,
    record bigint NOT NULL,
    PRIMARY KEY (kind, name)
);
GRANT SELECT, INSERT ON ops.names TO {app};
