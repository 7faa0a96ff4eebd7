-- name: table
-- A row an event: what it is found by. `at` is microseconds since 1970. rank: of its risk, 0 the highest. reviewed: the
-- position of the event whose review it belongs to; standing: how that review stands, in the last row of it alone.
-- open: whether it is to be reviewed; what its review says of it, so that no stream's rows alone tell.
-- Found through the search path, as the others are.
CREATE TABLE IF NOT EXISTS trail (
    stream   uuid     NOT NULL,
    version  bigint   NOT NULL,
    position bigint   NOT NULL,
    at       bigint   NOT NULL,
    id       bigint   NOT NULL,
    rank     bigint   NOT NULL,
    actor    bigint,
    signer   bigint,
    about    bigint,
    reviewed bigint,
    kind     text     COLLATE "C" NOT NULL,
    number   text     COLLATE "C" NOT NULL,
    topic    text     COLLATE "C" NOT NULL,
    address  text     COLLATE "C" NOT NULL,
    standing text     COLLATE "C" NOT NULL,
    open     boolean  NOT NULL,
    words    tsvector NOT NULL
) WITH (fillfactor = 100)

-- name: indexes
-- Apart from the table: a rebuild makes them once it is filled, with events and reviews in the order of streams. Each
-- gives its rows in the order of a walk.
CREATE UNIQUE INDEX IF NOT EXISTS trail_position ON trail (position);
UPDATE trail SET open = false FROM trail AS its
WHERE its.standing = 'ACCEPTED' AND its.reviewed = trail.position AND trail.open;
CREATE UNIQUE INDEX IF NOT EXISTS trail_version ON trail (stream, version);
CREATE INDEX IF NOT EXISTS trail_at ON trail (at, position);
CREATE INDEX IF NOT EXISTS trail_actor ON trail (actor, position);
CREATE INDEX IF NOT EXISTS trail_signer ON trail (signer, position) WHERE signer IS NOT NULL;
CREATE INDEX IF NOT EXISTS trail_about ON trail (about, position) WHERE about IS NOT NULL;
CREATE INDEX IF NOT EXISTS trail_topic ON trail (topic, position);
CREATE INDEX IF NOT EXISTS trail_kind ON trail (kind, position);
CREATE INDEX IF NOT EXISTS trail_address ON trail (address, position);
CREATE INDEX IF NOT EXISTS trail_number ON trail (number) WHERE version = 1 AND number <> '';
CREATE INDEX IF NOT EXISTS trail_queue ON trail (rank, position) WHERE rank < 2;
CREATE INDEX IF NOT EXISTS trail_open ON trail (rank, position) WHERE open;
CREATE UNIQUE INDEX IF NOT EXISTS trail_review ON trail (reviewed) WHERE standing <> '';
CREATE INDEX IF NOT EXISTS trail_words ON trail USING gin (words)

-- name: records
-- The last event of each record, to go on from.
SELECT t.stream, version, position, at, id, rank, actor, signer, about, reviewed, kind, number, topic, address, standing,
       coalesce((SELECT string_agg(word, ' ' ORDER BY word COLLATE "C") FROM unnest(tsvector_to_array(words)) AS word), '')
FROM unnest(%b::uuid[]) AS asked (stream)
CROSS JOIN LATERAL (SELECT * FROM trail WHERE trail.stream = asked.stream ORDER BY trail.version DESC LIMIT 1) AS t

-- name: insert
-- A batch's events; with `conflict` behind it, a review that was the last of its event's is not any more.
INSERT INTO trail (stream, version, position, at, id, rank, actor, signer, about, reviewed, kind, number, topic, address,
                   standing, open, words)
SELECT stream, version, position, at, id, rank, actor, signer, about, reviewed, kind, number, topic, address, standing,
       rank < 2, array_to_tsvector(string_to_array(words, ' '))
FROM unnest(
    %(stream)b::uuid[], %(version)b::bigint[], %(position)b::bigint[], %(at)b::bigint[], %(id)b::bigint[],
    %(rank)b::bigint[], %(actor)b::bigint[], %(signer)b::bigint[], %(about)b::bigint[], %(reviewed)b::bigint[],
    %(kind)b::text[], %(number)b::text[], %(topic)b::text[], %(address)b::text[], %(standing)b::text[],
    %(words)b::text[])
    AS batch (stream, version, position, at, id, rank, actor, signer, about, reviewed, kind, number, topic, address,
              standing, words)
-- What stops standing comes before what stands instead of it.
ORDER BY position

-- name: conflict
-- See insert.
ON CONFLICT (position) DO UPDATE SET standing = excluded.standing

-- name: reviewed
-- Whether the events that some reviews are of are to be reviewed, by how those stand now.
UPDATE trail SET open = NOT EXISTS (
    SELECT FROM trail AS its WHERE its.reviewed = trail.position AND its.standing = 'ACCEPTED'
)
WHERE position = ANY(ARRAY(SELECT reviewed FROM trail WHERE stream = ANY(%b::uuid[]))) AND rank < 2

-- name: rows
-- Every row as `insert` takes it, by stream. An event that is in the queue and is not to be, or the other way round, has
-- no rank.
SELECT t.stream, t.version, t.position, t.at, t.id,
       CASE WHEN t.open = (t.rank < 2 AND its.position IS NULL) THEN t.rank ELSE -1 END AS rank,
       t.actor, t.signer, t.about, t.reviewed, t.kind, t.number, t.topic, t.address, t.standing,
       coalesce((SELECT string_agg(word, ' ' ORDER BY word COLLATE "C") FROM unnest(tsvector_to_array(t.words)) AS word),
                '') AS words
FROM trail AS t LEFT JOIN trail AS its ON its.reviewed = t.position AND its.standing = 'ACCEPTED'
ORDER BY t.stream, t.version

-- name: walk
-- A part of the trail in the order of a walk: by whom each event is found, and how its review stands. The branches give
-- the positions, at most as many as are asked for each; they and the order are put together by the code.
SELECT trail.position, trail.stream, trail.version, trail.kind, trail.id, trail.number, trail.rank,
       r.standing, r.actor, r.at
FROM ({branches}) AS found (position)
JOIN trail USING (position)
LEFT JOIN trail AS r ON r.reviewed = trail.position AND r.standing <> ''
ORDER BY {order} LIMIT %(limit)s

-- name: branch
-- Positions for a walk.
(SELECT position FROM trail WHERE {filters} ORDER BY {order} LIMIT %(limit)s)

-- name: fence
-- Positions for a walk, of events that are found by other means than the walk's order. The fence keeps the server from
-- walking all of the trail for a word that is nowhere: it can't know how rare one is.
(SELECT position FROM (SELECT position, rank FROM trail WHERE {filters} OFFSET 0) AS trail
 ORDER BY {order} LIMIT %(limit)s)

-- name: events
-- The events of some records, of each up to a version; of people their erasure too.
SELECT e.position, e.originator_id, e.originator_version, e.topic, e.state, e.recorded_at
FROM unnest(%(stream)b::uuid[], %(version)b::bigint[]) AS asked (stream, version)
JOIN ledger.events AS e ON e.originator_id = asked.stream AND e.originator_version <= asked.version
UNION
SELECT e.position, e.originator_id, e.originator_version, e.topic, e.state, e.recorded_at
FROM ledger.events AS e WHERE e.originator_id = ANY(%(people)b::uuid[]) AND e.topic = 'user.erased'
ORDER BY originator_id, originator_version

-- name: at
-- The events at some positions.
SELECT position, originator_id, originator_version, topic, state, recorded_at
FROM ledger.events WHERE position = ANY(%b::bigint[])
