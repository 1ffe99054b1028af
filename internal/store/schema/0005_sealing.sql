-- sealing is the data key of a blob, wrapped; NULL is a blob that is not sealed.
ALTER TABLE blobs ADD COLUMN sealing BYTEA;
-- What sealing has to look for when it was off. It is empty else.
CREATE INDEX blobs_unsealed ON blobs (id) WHERE sealing IS NULL;

-- The data key of an upload, wrapped. Its content and its writer's state are
-- sealed with it; NULL is an upload that is not sealed.
ALTER TABLE uploads ADD COLUMN sealing BYTEA;

-- The key that a repository's data keys are wrapped with, itself wrapped by the
-- KMS key of the repository. Repositories with AES256 have none: the server's
-- key ring wraps their data keys.
CREATE TABLE repository_keys (
    repository_id TEXT PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    wrapped       BYTEA NOT NULL,
    context       TEXT NOT NULL, -- the ARN that it is wrapped for: the one that the repository was made with
    grants        TEXT NOT NULL -- JSON list of the ids of its grants
) WITHOUT ROWID;
