-- What happened, by whom and by what it was done to, newest last.
CREATE INDEX events_registry ON events (account, region, id);
CREATE INDEX events_resource ON events (resource, id);

-- How many images were pushed to a registry on a day, and how often some were
-- pulled. Whoever has counted adds its share, so that several nodes add up.
CREATE TABLE registry_days (
    account TEXT NOT NULL,
    region  TEXT NOT NULL,
    day     BIGINT NOT NULL, -- since 1970-01-01, in UTC
    pushes  BIGINT NOT NULL,
    pulls   BIGINT NOT NULL,
    PRIMARY KEY (account, region, day)
) WITHOUT ROWID;
CREATE INDEX registry_days_day ON registry_days (day);
INSERT INTO registry_days (account, region, day, pushes, pulls)
    SELECT r.account, r.region, p.day, 0, CAST(SUM(p.pulls) AS BIGINT) FROM pull_counts p JOIN repositories r ON r.id = p.repository_id
    WHERE p.reference = '' AND r.account <> '' GROUP BY r.account, r.region, p.day;

-- How much a repository shares with others of its registry, when it was measured.
CREATE TABLE repository_sharing (
    repository_id TEXT PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    held          BIGINT NOT NULL, -- bytes that the repository held then
    shared        BIGINT NOT NULL, -- bytes of the blobs that another one has too
    repeated      BIGINT NOT NULL, -- bytes of those that one has whose id is before: all but one do
    measured_at   BIGINT NOT NULL
) WITHOUT ROWID;

-- The oldest images of each repository that nobody had pulled when it was measured.
CREATE TABLE never_pulled (
    account       TEXT NOT NULL,
    region        TEXT NOT NULL,
    pushed_at     BIGINT NOT NULL,
    repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    digest        TEXT NOT NULL,
    PRIMARY KEY (account, region, pushed_at, repository_id, digest)
) WITHOUT ROWID;
CREATE INDEX never_pulled_repository ON never_pulled (repository_id);
