-- What keeps bytes alive, and what lets go of them. Nothing here is found by
-- scanning: whatever may have become unused is written down in the transaction
-- that may have made it so.

-- When to look at a link again. A link that no image refers to has a row here,
-- always; others may. Whoever takes a row away does so before looking.
CREATE TABLE link_checks (
    due_at        BIGINT NOT NULL,
    repository_id TEXT NOT NULL,
    digest        TEXT NOT NULL,
    PRIMARY KEY (due_at, repository_id, digest)
) WITHOUT ROWID;
INSERT INTO link_checks (due_at, repository_id, digest) SELECT touched_at, repository_id, digest FROM repository_blobs;

-- Blobs that lost a link. One without any link has a row here, always.
CREATE TABLE blob_checks (
    blob_id TEXT PRIMARY KEY
) WITHOUT ROWID;
INSERT INTO blob_checks (blob_id) SELECT id FROM blobs WHERE id NOT IN (SELECT blob_id FROM repository_blobs);

ALTER TABLE trash ADD COLUMN size BIGINT NOT NULL DEFAULT 0; -- bytes
CREATE INDEX trash_due ON trash (delete_after, location);

-- Images that were deleted and can be restored, one row for each deletion.
CREATE TABLE deleted_images (
    id            TEXT PRIMARY KEY, -- UUIDv7
    repository_id TEXT NOT NULL REFERENCES repositories (id),
    digest        TEXT NOT NULL,
    media_type    TEXT NOT NULL,
    artifact_type TEXT,
    image_size    BIGINT NOT NULL,
    pushed_at     BIGINT NOT NULL,
    actor         TEXT NOT NULL,
    deleted_at    BIGINT NOT NULL,
    payload       BYTEA NOT NULL
);
CREATE INDEX deleted_images_repository ON deleted_images (repository_id, id);
CREATE INDEX deleted_images_digest ON deleted_images (repository_id, digest, id);
CREATE INDEX deleted_images_age ON deleted_images (deleted_at, id);

-- Keeps the layers of deleted images linked, as manifest_blobs does for others.
CREATE TABLE deleted_image_blobs (
    deletion_id   TEXT NOT NULL REFERENCES deleted_images (id) ON DELETE CASCADE,
    repository_id TEXT NOT NULL,
    blob_digest   TEXT NOT NULL,
    PRIMARY KEY (deletion_id, blob_digest),
    FOREIGN KEY (repository_id, blob_digest) REFERENCES repository_blobs (repository_id, digest)
) WITHOUT ROWID;
CREATE INDEX deleted_image_blobs_blob ON deleted_image_blobs (repository_id, blob_digest);

-- The tags that went with deleted images.
CREATE TABLE deleted_image_tags (
    deletion_id   TEXT NOT NULL REFERENCES deleted_images (id) ON DELETE CASCADE,
    repository_id TEXT NOT NULL,
    name          TEXT NOT NULL,
    PRIMARY KEY (deletion_id, name)
) WITHOUT ROWID;
CREATE INDEX deleted_image_tags_name ON deleted_image_tags (repository_id, name, deletion_id);

-- Repositories that were deleted. Their rows in repositories belong to no account
-- any more, so that nothing finds them by name.
CREATE TABLE deleted_repositories (
    repository_id TEXT PRIMARY KEY REFERENCES repositories (id),
    account       TEXT NOT NULL,
    region        TEXT NOT NULL,
    name          TEXT NOT NULL,
    actor         TEXT NOT NULL,
    deleted_at    BIGINT NOT NULL,
    purging       BOOLEAN NOT NULL -- it is being taken apart and cannot come back
) WITHOUT ROWID;
CREATE INDEX deleted_repositories_registry ON deleted_repositories (account, region, deleted_at, repository_id);
CREATE INDEX deleted_repositories_name ON deleted_repositories (account, region, name, deleted_at, repository_id);
CREATE INDEX deleted_repositories_age ON deleted_repositories (deleted_at, repository_id);

-- How far background work has come, so that the next process goes on from there.
CREATE TABLE progress (
    work       TEXT PRIMARY KEY,
    state      TEXT NOT NULL, -- JSON object
    updated_at BIGINT NOT NULL
) WITHOUT ROWID;
