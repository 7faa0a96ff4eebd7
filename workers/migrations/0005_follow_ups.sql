-- What was made because something else happened: once, whoever tries it how often.
CREATE TABLE ops.follow_ups (
    id      uuid        PRIMARY KEY,
    record  bigint      NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
