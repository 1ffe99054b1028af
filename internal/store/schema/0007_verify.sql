-- Blobs whose bytes were found not to have the digest, or to be gone. There are
-- next to none, so asking whether a blob is one costs next to nothing.
CREATE TABLE damaged_blobs (
    blob_id  TEXT PRIMARY KEY REFERENCES blobs (id) ON DELETE CASCADE,
    found_at BIGINT NOT NULL
) WITHOUT ROWID;
