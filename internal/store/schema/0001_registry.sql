-- What a registry holds. One text for SQLite and PostgreSQL; store/dialect.go
-- says which words differ. Times are Unix milliseconds, ids are UUIDv7.

CREATE TABLE repositories (
    id                 TEXT PRIMARY KEY,
    account            TEXT NOT NULL,
    region             TEXT NOT NULL,
    name               TEXT NOT NULL,
    mutability         TEXT NOT NULL,
    mutability_filters TEXT NOT NULL, -- JSON list
    scan_on_push       BOOLEAN NOT NULL,
    encryption         TEXT NOT NULL,
    kms_key            TEXT NOT NULL,
    created_at         BIGINT NOT NULL
);
CREATE UNIQUE INDEX repositories_name ON repositories (account, region, name);

CREATE TABLE repository_documents (
    repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    kind          TEXT NOT NULL, -- policy, lifecycle
    document      TEXT NOT NULL,
    evaluated_at  BIGINT,
    PRIMARY KEY (repository_id, kind)
) WITHOUT ROWID;

CREATE TABLE repository_tags (
    repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    key           TEXT NOT NULL,
    value         TEXT NOT NULL,
    PRIMARY KEY (repository_id, key)
) WITHOUT ROWID;

CREATE TABLE settings (
    account    TEXT NOT NULL,
    region     TEXT NOT NULL,
    name       TEXT NOT NULL,
    document   TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, name)
) WITHOUT ROWID;

-- One row for each distinct blob. Its bytes are in content when they are few,
-- else in the blob store at location. domain separates encryption domains.
CREATE TABLE blobs (
    id         TEXT PRIMARY KEY,
    digest     TEXT NOT NULL,
    domain     TEXT NOT NULL,
    size       BIGINT NOT NULL,
    location   TEXT UNIQUE,
    created_at BIGINT NOT NULL,
    content    BYTEA,
    CHECK ((location IS NULL) <> (content IS NULL))
);
CREATE UNIQUE INDEX blobs_digest ON blobs (digest, domain);

-- A blob's membership of a repository. touched_at keeps a blob that a client
-- was told of from being collected before its manifest arrives.
CREATE TABLE repository_blobs (
    repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    digest        TEXT NOT NULL,
    blob_id       TEXT NOT NULL REFERENCES blobs (id),
    size          BIGINT NOT NULL,
    touched_at    BIGINT NOT NULL,
    PRIMARY KEY (repository_id, digest)
) WITHOUT ROWID;
CREATE INDEX repository_blobs_blob ON repository_blobs (blob_id);

CREATE TABLE manifests (
    repository_id TEXT NOT NULL REFERENCES repositories (id),
    digest        TEXT NOT NULL,
    media_type    TEXT NOT NULL,
    artifact_type TEXT, -- what DescribeImages shows: the artifactType or the config's media type
    subject       TEXT,
    referrer_type TEXT, -- with subject: the artifactType of the referrers API
    annotations   TEXT, -- with subject: JSON object
    image_size    BIGINT NOT NULL,
    pushed_at     BIGINT NOT NULL,
    size          BIGINT NOT NULL,
    payload       BYTEA NOT NULL,
    PRIMARY KEY (repository_id, digest)
);
CREATE INDEX manifests_subject ON manifests (repository_id, subject, digest) WHERE subject IS NOT NULL;

-- The arbiter between a push and the deletion of a layer.
CREATE TABLE manifest_blobs (
    repository_id   TEXT NOT NULL,
    manifest_digest TEXT NOT NULL,
    blob_digest     TEXT NOT NULL,
    media_type      TEXT NOT NULL,
    PRIMARY KEY (repository_id, manifest_digest, blob_digest),
    FOREIGN KEY (repository_id, manifest_digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE,
    FOREIGN KEY (repository_id, blob_digest) REFERENCES repository_blobs (repository_id, digest)
) WITHOUT ROWID;
CREATE INDEX manifest_blobs_blob ON manifest_blobs (repository_id, blob_digest);

-- The arbiter between a push of an index and the deletion of its images.
CREATE TABLE manifest_children (
    repository_id TEXT NOT NULL,
    parent_digest TEXT NOT NULL,
    child_digest  TEXT NOT NULL,
    PRIMARY KEY (repository_id, parent_digest, child_digest),
    FOREIGN KEY (repository_id, parent_digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE,
    FOREIGN KEY (repository_id, child_digest) REFERENCES manifests (repository_id, digest)
) WITHOUT ROWID;
CREATE INDEX manifest_children_child ON manifest_children (repository_id, child_digest);

CREATE TABLE tags (
    repository_id TEXT NOT NULL,
    name          TEXT NOT NULL,
    digest        TEXT NOT NULL,
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (repository_id, name),
    FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX tags_digest ON tags (repository_id, digest, name);

-- Exactly the manifests without a tag, so that listing them costs a page, not a scan.
CREATE TABLE untagged (
    repository_id TEXT NOT NULL,
    digest        TEXT NOT NULL,
    PRIMARY KEY (repository_id, digest),
    FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) WITHOUT ROWID;

-- Who pointed a tag where, and when. digest is NULL where the tag was removed.
CREATE TABLE tag_history (
    repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    seq           BIGINT NOT NULL,
    digest        TEXT,
    actor         TEXT NOT NULL,
    at            BIGINT NOT NULL,
    PRIMARY KEY (repository_id, name, seq)
) WITHOUT ROWID;

CREATE TABLE pulls (
    repository_id TEXT NOT NULL,
    digest        TEXT NOT NULL,
    pulled_at     BIGINT NOT NULL,
    PRIMARY KEY (repository_id, digest),
    FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) WITHOUT ROWID;

-- Uploads that have received bytes, and, closed, those that ended: an upload id
-- is valid by itself until its first bytes arrive.
CREATE TABLE uploads (
    id            TEXT PRIMARY KEY,
    repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    closed        BOOLEAN NOT NULL,
    size          BIGINT NOT NULL,
    parts         BIGINT NOT NULL,
    last_part     BIGINT NOT NULL, -- bytes
    small_part    BOOLEAN NOT NULL, -- some part before the last one is under 5 MiB
    content       BYTEA, -- all bytes, while they are few
    writer_state  BYTEA, -- else what the blob store continues from
    updated_at    BIGINT NOT NULL
);
CREATE INDEX uploads_updated ON uploads (updated_at);
CREATE INDEX uploads_repository ON uploads (repository_id);

-- Locations that no row uses any more, to be removed from the blob store.
CREATE TABLE trash (
    location     TEXT PRIMARY KEY,
    delete_after BIGINT NOT NULL
) WITHOUT ROWID;

-- The outbox: what happened, written in the transaction that made it happen.
CREATE TABLE events (
    id       TEXT PRIMARY KEY,
    account  TEXT NOT NULL,
    region   TEXT NOT NULL,
    type     TEXT NOT NULL,
    resource TEXT NOT NULL,
    actor    TEXT NOT NULL,
    detail   TEXT NOT NULL,
    at       BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX events_at ON events (at);
