-- How often something was pulled on a day. Whoever has counted adds its share, so
-- that several nodes add up.
CREATE TABLE pull_counts (
    repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    reference     TEXT NOT NULL, -- an image's digest, a tag, or '' for all of the repository
    day           BIGINT NOT NULL, -- since 1970-01-01, in UTC
    pulls         BIGINT NOT NULL,
    last_at       BIGINT NOT NULL,
    PRIMARY KEY (repository_id, reference, day)
) WITHOUT ROWID;
CREATE INDEX pull_counts_day ON pull_counts (day, repository_id, reference);
