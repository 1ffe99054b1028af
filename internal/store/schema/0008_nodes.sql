-- The nodes that run on the database. Each raises the beat of its row every few
-- seconds. Another one that sees no change for long takes the row away, and what
-- the node had for itself goes with it.
CREATE TABLE nodes (
    id         TEXT PRIMARY KEY, -- UUIDv7, another one for each start
    host       TEXT NOT NULL,
    role       TEXT NOT NULL, -- api, worker or all
    version    TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL, -- by the node's own clock: for people, decides nothing
    beat       BIGINT NOT NULL
) WITHOUT ROWID;

-- What one node does at a time.
CREATE TABLE leases (
    name    TEXT PRIMARY KEY,
    node_id TEXT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX leases_node ON leases (node_id);

-- Uploads that a node receives bytes of.
CREATE TABLE upload_claims (
    upload_id TEXT PRIMARY KEY,
    node_id   TEXT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX upload_claims_node ON upload_claims (node_id);

-- Uploads that are over, for as long as their ids would be good for new ones.
CREATE TABLE ended_uploads (
    id       TEXT PRIMARY KEY,
    ended_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX ended_uploads_at ON ended_uploads (ended_at);

-- It grows each time that an upload's state is saved: who has read another one
-- saves nothing.
ALTER TABLE uploads ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

-- Who keeps the trash from being emptied, a backup for example. It raises the
-- beat, as nodes do.
CREATE TABLE trash_holds (
    id   TEXT PRIMARY KEY,
    beat BIGINT NOT NULL
) WITHOUT ROWID;

-- Secrets that all nodes share, sealed under the server key.
CREATE TABLE secrets (
    name    TEXT PRIMARY KEY,
    sealed  BYTEA NOT NULL,
    version BIGINT NOT NULL
) WITHOUT ROWID;
