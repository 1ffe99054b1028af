-- How much there may be of what, where it is not what the server is set to, by
-- the names of package quota. A value of -1 is no limit.
CREATE TABLE account_quotas (
    account    TEXT NOT NULL,
    name       TEXT NOT NULL,
    value      BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account, name)
) WITHOUT ROWID;

CREATE TABLE repository_quotas (
    repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    value         BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (repository_id, name)
) WITHOUT ROWID;

-- How much a repository holds: the sum of its rows, written in the transactions
-- that change it. There are several, so that transactions which end at the same
-- time do not wait for each other; a single row may be negative.
CREATE TABLE repository_usage (
    repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    slot          BIGINT NOT NULL,
    images        BIGINT NOT NULL,
    blobs         BIGINT NOT NULL,
    bytes         BIGINT NOT NULL, -- of its blobs, and of its images' manifests
    counted_at    BIGINT NOT NULL, -- when the rows of slot 0 were last corrected; Unix milliseconds
    PRIMARY KEY (repository_id, slot)
) WITHOUT ROWID;
INSERT INTO repository_usage (repository_id, slot, images, blobs, bytes, counted_at)
    SELECT r.id, 0,
        (SELECT COUNT(*) FROM manifests m WHERE m.repository_id = r.id),
        (SELECT COUNT(*) FROM repository_blobs l WHERE l.repository_id = r.id),
        (SELECT COALESCE(SUM(m.size), 0) FROM manifests m WHERE m.repository_id = r.id)
            + (SELECT COALESCE(SUM(l.size), 0) FROM repository_blobs l WHERE l.repository_id = r.id),
        0
    FROM repositories r;
