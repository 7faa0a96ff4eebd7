-- How many requests of a caller's hour the API's processes have taken to admit. Operational state.
CREATE TABLE ops.rate_hours (
    hour    bigint  NOT NULL,                -- Of Unix time.
    caller  text    COLLATE "C" NOT NULL,    -- A user, an IPv4 address or an IPv6 network.
    ceiling integer NOT NULL,                -- The limit, as whoever took last knew it.
    taken   integer NOT NULL,
    granted integer NOT NULL,                -- What was taken last.
    PRIMARY KEY (hour, caller)
) WITH (fillfactor = 70);
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.rate_hours TO {app};
