-- Which CAPA ever named which record as its source, of whatever type. The dispatcher's own, kept in the transactions that
-- move its position; it says where to look, what a message shows is folded. Up to where it is known stands beside it:
-- what the dispatcher of an earlier version passed is taken from the ledger by the first one of this version.
CREATE TABLE ops.capa_sources (
    source_id bigint NOT NULL,
    stream    uuid   NOT NULL, -- The CAPA's.
    PRIMARY KEY (source_id, stream)
);
CREATE TABLE ops.capa_sources_known (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    position bigint  NOT NULL
);
INSERT INTO ops.capa_sources_known (position) VALUES (0);
