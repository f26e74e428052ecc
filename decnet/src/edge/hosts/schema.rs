//! The tables of the record, version by version.
//!
//! Tables are STRICT, and columns have CHECKs: what a node could say that no query holds cannot be
//! written, whatever is forgotten before.

/// What brings the record from one version to the next. One that has been released stays as it is.
pub(super) const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE hosts (
    uuid        TEXT PRIMARY KEY,
    name        TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    port        INTEGER NOT NULL,
    notes       TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    release     TEXT,
    fingerprint TEXT    NOT NULL,
    updater     TEXT,
    enrolled    INTEGER NOT NULL,
    seen        INTEGER
) WITHOUT ROWID;
-- A name comes free with the node that had it.
CREATE UNIQUE INDEX hosts_by_name ON hosts (name) WHERE status <> 'decommissioned';
",
    "
ALTER TABLE hosts ADD COLUMN sans TEXT NOT NULL DEFAULT '[]';
-- The certificate that takes the place of the other with its first use.
ALTER TABLE hosts ADD COLUMN next TEXT;
CREATE INDEX hosts_by_fingerprint ON hosts (fingerprint);
CREATE INDEX hosts_by_next ON hosts (next);
CREATE TABLE tokens (
    id          TEXT PRIMARY KEY,
    wish        TEXT    NOT NULL,
    expires     INTEGER NOT NULL,
    -- Who has used it: the public key, and the node.
    key         TEXT,
    host        TEXT
) WITHOUT ROWID;
CREATE TABLE wanted (
    host        TEXT PRIMARY KEY,
    generation  INTEGER NOT NULL,
    deckies     TEXT    NOT NULL
) WITHOUT ROWID;
CREATE TABLE reports (
    host        TEXT PRIMARY KEY,
    generation  INTEGER NOT NULL,
    boot        TEXT    NOT NULL,
    revision    INTEGER NOT NULL,
    lag         INTEGER NOT NULL,
    drops       INTEGER NOT NULL,
    deckies     TEXT    NOT NULL,
    -- When the node spoke by itself; none for one that only answers.
    beat        INTEGER
) WITHOUT ROWID;
",
    "
CREATE TABLE rollouts (
    id          TEXT PRIMARY KEY,
    created     INTEGER NOT NULL,
    phase       TEXT    NOT NULL,
    policy      TEXT    NOT NULL,
    -- What is offered, as JSON.
    offer       TEXT    NOT NULL,
    forgiven    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE rollout_nodes (
    rollout     TEXT    NOT NULL,
    host        TEXT    NOT NULL,
    place       INTEGER NOT NULL,
    -- How the node is and how its updater is, as JSON.
    state       TEXT    NOT NULL,
    own         TEXT    NOT NULL,
    -- What its agent came to while its updater's turn has not ended, as JSON.
    agent       TEXT,
    -- The word by which its updater knows what it was told, and whether it may have been.
    attempt     TEXT    NOT NULL,
    told        INTEGER NOT NULL,
    PRIMARY KEY (rollout, host)
) WITHOUT ROWID;
-- Which release each node is to have, and which rollout says so.
CREATE TABLE desired (
    host        TEXT PRIMARY KEY,
    rollout     TEXT    NOT NULL,
    digest      TEXT    NOT NULL,
    sha256      TEXT    NOT NULL
) WITHOUT ROWID;
",
    // Before this one a node could have numbers kept that no sum and no query held.
    "
ALTER TABLE hosts RENAME TO hosts_before;
CREATE TABLE hosts (
    uuid        TEXT PRIMARY KEY CHECK (length(uuid) = 36),
    name        TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 63),
    address     TEXT    NOT NULL CHECK (length(address) BETWEEN 1 AND 253),
    port        INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    notes       TEXT    NOT NULL CHECK (length(notes) <= 4096),
    status      TEXT    NOT NULL
        CHECK (status IN ('active', 'decommissioned', 'enrolled', 'unreachable')),
    release     TEXT    CHECK (length(release) <= 128),
    fingerprint TEXT    NOT NULL CHECK (length(fingerprint) = 64),
    updater     TEXT    CHECK (length(updater) = 64),
    enrolled    INTEGER NOT NULL CHECK (enrolled >= 0),
    seen        INTEGER CHECK (seen >= 0),
    sans        TEXT    NOT NULL DEFAULT '[]' CHECK (json_valid(sans)),
    -- The certificate that takes the place of the other with its first use.
    next        TEXT    CHECK (length(next) = 64)
) STRICT, WITHOUT ROWID;
INSERT INTO hosts SELECT uuid, name, address, min(max(port, 1), 65535), substr(notes, 1, 4096),
    status, substr(release, 1, 128), fingerprint, updater, max(enrolled, 0), max(seen, 0),
    iif(json_valid(sans), sans, '[]'), next FROM hosts_before;
DROP TABLE hosts_before;
-- A name comes free with the node that had it.
CREATE UNIQUE INDEX hosts_by_name ON hosts (name) WHERE status <> 'decommissioned';
CREATE INDEX hosts_by_fingerprint ON hosts (fingerprint);
CREATE INDEX hosts_by_next ON hosts (next);

ALTER TABLE tokens RENAME TO tokens_before;
CREATE TABLE tokens (
    id          TEXT PRIMARY KEY CHECK (length(id) = 64),
    wish        TEXT    NOT NULL CHECK (json_valid(wish)),
    expires     INTEGER NOT NULL CHECK (expires >= 0),
    -- Who has used it: the public key, and the node.
    key         TEXT,
    host        TEXT    CHECK (length(host) = 36)
) STRICT, WITHOUT ROWID;
INSERT INTO tokens SELECT id, wish, max(expires, 0), key, host FROM tokens_before
    WHERE json_valid(wish);
DROP TABLE tokens_before;

-- 9007199254740991 is the largest number that a node may say, and that an order may have.
ALTER TABLE wanted RENAME TO wanted_before;
CREATE TABLE wanted (
    host        TEXT PRIMARY KEY CHECK (length(host) = 36),
    generation  INTEGER NOT NULL CHECK (generation BETWEEN 1 AND 9007199254740991),
    deckies     TEXT    NOT NULL CHECK (json_valid(deckies))
) STRICT, WITHOUT ROWID;
-- A number that a node has driven up begins anew: orders are numbered by the clock from now on.
INSERT INTO wanted SELECT host, iif(typeof(generation) = 'integer'
    AND generation BETWEEN 1 AND 1000000000000, generation, 1), deckies FROM wanted_before
    WHERE json_valid(deckies);
DROP TABLE wanted_before;

ALTER TABLE reports RENAME TO reports_before;
CREATE TABLE reports (
    host        TEXT PRIMARY KEY CHECK (length(host) = 36),
    generation  INTEGER NOT NULL CHECK (generation BETWEEN 0 AND 9007199254740991),
    boot        TEXT    NOT NULL CHECK (length(boot) = 36),
    -- Any 64 bits; none while the deckies are not known.
    revision    INTEGER,
    lag         INTEGER NOT NULL CHECK (lag BETWEEN 0 AND 9007199254740991),
    drops       INTEGER NOT NULL CHECK (drops BETWEEN 0 AND 9007199254740991),
    deckies     TEXT    NOT NULL CHECK (json_valid(deckies)),
    -- When the node spoke by itself; none for one that only answers.
    beat        INTEGER CHECK (beat >= 0)
) STRICT, WITHOUT ROWID;
-- What nodes have said they say again: only when they spoke last is kept, for who is silent.
INSERT INTO reports SELECT host, 0, boot, NULL, 0, 0, '[]', max(beat, 0) FROM reports_before
    WHERE length(boot) = 36;
DROP TABLE reports_before;

ALTER TABLE rollouts RENAME TO rollouts_before;
CREATE TABLE rollouts (
    id          TEXT PRIMARY KEY CHECK (length(id) = 36),
    created     INTEGER NOT NULL CHECK (created >= 0),
    phase       TEXT    NOT NULL,
    policy      TEXT    NOT NULL CHECK (json_valid(policy)),
    -- What is offered, as JSON.
    offer       TEXT    NOT NULL CHECK (json_valid(offer)),
    forgiven    INTEGER NOT NULL CHECK (forgiven >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO rollouts SELECT * FROM rollouts_before;
DROP TABLE rollouts_before;
ALTER TABLE rollout_nodes RENAME TO rollout_nodes_before;
CREATE TABLE rollout_nodes (
    rollout     TEXT    NOT NULL CHECK (length(rollout) = 36),
    host        TEXT    NOT NULL CHECK (length(host) = 36),
    place       INTEGER NOT NULL CHECK (place >= 0),
    -- How the node is and how its updater is, as JSON.
    state       TEXT    NOT NULL CHECK (json_valid(state)),
    own         TEXT    NOT NULL CHECK (json_valid(own)),
    -- What its agent came to while its updater's turn has not ended, as JSON.
    agent       TEXT    CHECK (json_valid(agent)),
    -- The word by which its updater knows what it was told, and whether it may have been.
    attempt     TEXT    NOT NULL,
    told        INTEGER NOT NULL CHECK (told IN (0, 1)),
    PRIMARY KEY (rollout, host)
) STRICT, WITHOUT ROWID;
INSERT INTO rollout_nodes SELECT * FROM rollout_nodes_before;
DROP TABLE rollout_nodes_before;
-- Which release each node is to have, and which rollout says so.
ALTER TABLE desired RENAME TO desired_before;
CREATE TABLE desired (
    host        TEXT PRIMARY KEY CHECK (length(host) = 36),
    rollout     TEXT    NOT NULL CHECK (length(rollout) = 36),
    digest      TEXT    NOT NULL CHECK (length(digest) = 64),
    sha256      TEXT    NOT NULL CHECK (length(sha256) = 64)
) STRICT, WITHOUT ROWID;
INSERT INTO desired SELECT * FROM desired_before;
DROP TABLE desired_before;
",
    "
-- Whether all nodes have been asked again since the last was told.
ALTER TABLE rollouts ADD COLUMN last_look INTEGER NOT NULL DEFAULT 0 CHECK (last_look IN (0, 1));
-- The releases that a node does not take again, as JSON, as it said when it was asked last.
CREATE TABLE quarantines (
    host        TEXT PRIMARY KEY CHECK (length(host) = 36),
    releases    TEXT NOT NULL CHECK (json_valid(releases) AND length(releases) <= 65536)
) STRICT, WITHOUT ROWID;
",
    "
-- What is known of the certificates of nodes.
CREATE TABLE credentials (
    host        TEXT    NOT NULL CHECK (length(host) = 36),
    -- Whose.
    part        TEXT    NOT NULL CHECK (part IN ('agent', 'updater')),
    -- When the one in use ends.
    ends        INTEGER CHECK (ends >= 0),
    -- The one that an updater was brought and has not shown.
    next        TEXT    CHECK (length(next) = 64),
    -- Until when its holder may have another though it has ended.
    window      INTEGER CHECK (window >= 0),
    PRIMARY KEY (host, part)
) STRICT, WITHOUT ROWID;
",
    // What the authority says to every daemon, and where nodes are.
    "
CREATE TABLE revoked (
    fingerprint TEXT PRIMARY KEY CHECK (length(fingerprint) = 64),
    what        TEXT    NOT NULL CHECK (what IN ('master', 'node')),
    at          INTEGER NOT NULL CHECK (at >= 0)
) STRICT, WITHOUT ROWID;
-- There is one.
CREATE TABLE notice (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    number      INTEGER NOT NULL CHECK (number BETWEEN 1 AND 9007199254740991),
    places      TEXT    NOT NULL CHECK (json_valid(places))
) STRICT;
-- From where a node spoke last, and where else than enrolled it has shown its certificate.
ALTER TABLE hosts ADD COLUMN heard TEXT CHECK (length(heard) <= 45);
ALTER TABLE hosts ADD COLUMN reached TEXT CHECK (length(reached) <= 45);
",
    // One authority takes the place of another.
    "
-- There is one at a time.
CREATE TABLE succession (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    phase       TEXT    NOT NULL CHECK (phase IN ('spreading', 'ending', 'ended')),
    old         TEXT    NOT NULL CHECK (length(old) = 64),
    new         TEXT    NOT NULL CHECK (length(new) = 64),
    began       INTEGER NOT NULL CHECK (began >= 0),
    ended       INTEGER CHECK (ended >= 0),
    -- Nodes that are not waited for.
    behind      TEXT    NOT NULL CHECK (json_valid(behind))
) STRICT;
-- Which authority has signed a certificate; none is known of those from before this table.
CREATE TABLE issued (
    fingerprint TEXT PRIMARY KEY CHECK (length(fingerprint) = 64),
    authority   TEXT    NOT NULL CHECK (length(authority) = 64),
    at          INTEGER NOT NULL CHECK (at >= 0)
) STRICT, WITHOUT ROWID;
-- The authorities that a daemon trusts, as it says, as JSON.
ALTER TABLE credentials ADD COLUMN trusts TEXT
    CHECK (json_valid(trusts) AND length(trusts) <= 1024);
",
];
