package store

import (
	"context"
	"database/sql"
)

// RecordPull remembers when an image was last pulled, in Unix milliseconds. An
// image that is gone is no error.
func (tx *Tx) RecordPull(ctx context.Context, repositoryID, digest string, at int64) error {
	_, err := tx.exec(ctx, `INSERT INTO pulls (repository_id, digest, pulled_at) SELECT repository_id, digest, $3::bigint FROM manifests
		WHERE repository_id = $1 AND digest = $2
		ON CONFLICT (repository_id, digest) DO UPDATE SET pulled_at = excluded.pulled_at WHERE excluded.pulled_at > pulls.pulled_at`, repositoryID, digest, at)
	return err
}

// A PullCount is how often something in a repository was pulled on a day.
type PullCount struct {
	Day    int64 // since 1970-01-01, in UTC
	Pulls  int64
	LastAt int64 // Unix milliseconds
}

// addPulls ends a statement that inserts a count, and adds to one that is there.
const addPulls = ` ON CONFLICT (repository_id, reference, day) DO UPDATE SET pulls = pull_counts.pulls + excluded.pulls,
		last_at = CASE WHEN excluded.last_at > pull_counts.last_at THEN excluded.last_at ELSE pull_counts.last_at END`

// CountPulls adds to what was pulled of a repository; CountImagePulls and
// CountTagPulls, of one of its images and by one of its tags. What is gone is no
// error. Callers that add several do so in the order of repository, reference and
// day, so that none waits for another that waits for it.
func (tx *Tx) CountPulls(ctx context.Context, repositoryID string, c PullCount) error {
	_, err := tx.exec(ctx, `INSERT INTO pull_counts (repository_id, reference, day, pulls, last_at)
		SELECT id, '', $2::bigint, $3::bigint, $4::bigint FROM repositories WHERE id = $1`+addPulls, repositoryID, c.Day, c.Pulls, c.LastAt)
	return err
}

// CountImagePulls is described at [Tx.CountPulls].
func (tx *Tx) CountImagePulls(ctx context.Context, repositoryID, digest string, c PullCount) error {
	_, err := tx.exec(ctx, `INSERT INTO pull_counts (repository_id, reference, day, pulls, last_at)
		SELECT repository_id, digest, $3::bigint, $4::bigint, $5::bigint FROM manifests WHERE repository_id = $1 AND digest = $2`+addPulls,
		repositoryID, digest, c.Day, c.Pulls, c.LastAt)
	return err
}

// CountTagPulls is described at [Tx.CountPulls].
func (tx *Tx) CountTagPulls(ctx context.Context, repositoryID, tag string, c PullCount) error {
	_, err := tx.exec(ctx, `INSERT INTO pull_counts (repository_id, reference, day, pulls, last_at)
		SELECT repository_id, name, $3::bigint, $4::bigint, $5::bigint FROM tags WHERE repository_id = $1 AND name = $2`+addPulls,
		repositoryID, tag, c.Day, c.Pulls, c.LastAt)
	return err
}

// PullCounts returns how often a digest, a tag, or "" for all of a repository, was
// pulled on each day from one to another, both included, the newest first.
func (q queries) PullCounts(ctx context.Context, repositoryID, reference string, from, to int64, limit int) ([]PullCount, error) {
	return list(ctx, q, func(rows *sql.Rows) (c PullCount, err error) {
		err = rows.Scan(&c.Day, &c.Pulls, &c.LastAt)
		return c, err
	}, `SELECT day, pulls, last_at FROM pull_counts WHERE repository_id = $1 AND reference = $2 AND day >= $3 AND day <= $4
		ORDER BY day DESC LIMIT $5`, repositoryID, reference, from, to, limit)
}

// TotalPulls is the sum of [queries.PullCounts]; its Day means nothing.
func (q queries) TotalPulls(ctx context.Context, repositoryID, reference string, from, to int64) (c PullCount, err error) {
	err = q.get(ctx, `SELECT CAST(COALESCE(SUM(pulls), 0) AS BIGINT), COALESCE(MAX(last_at), 0) FROM pull_counts
		WHERE repository_id = $1 AND reference = $2 AND day >= $3 AND day <= $4`, []any{repositoryID, reference, from, to}, &c.Pulls, &c.LastAt)
	return c, err
}

// ForgetPulls forgets how often an image was pulled.
func (tx *Tx) ForgetPulls(ctx context.Context, repositoryID, digest string) error {
	_, err := tx.exec(ctx, `DELETE FROM pull_counts WHERE repository_id = $1 AND reference = $2`, repositoryID, digest)
	return err
}

// ForgetPullsOfDeletion forgets how often a deleted image was pulled, unless it is
// there again or another deletion has it too.
func (tx *Tx) ForgetPullsOfDeletion(ctx context.Context, deletionID string) error {
	var repositoryID, digest string
	var kept bool
	err := tx.get(ctx, `SELECT d.repository_id, d.digest,
		EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = d.repository_id AND m.digest = d.digest) OR
		EXISTS (SELECT 1 FROM deleted_images o WHERE o.repository_id = d.repository_id AND o.digest = d.digest AND o.id <> d.id)
		FROM deleted_images d WHERE d.id = $1`, []any{deletionID}, &repositoryID, &digest, &kept)
	if err == ErrNotFound || err == nil && kept { //nolint:errorlint // get returns it unwrapped
		return nil
	}
	if err != nil {
		return err
	}
	return tx.ForgetPulls(ctx, repositoryID, digest)
}

// DeletePulls forgets up to limit counts of days before one, and returns how many.
func (tx *Tx) DeletePulls(ctx context.Context, before int64, limit int) (int64, error) {
	type key struct {
		day                     int64
		repositoryID, reference string
	}
	keys, err := list(ctx, tx.queries, func(rows *sql.Rows) (k key, err error) {
		err = rows.Scan(&k.day, &k.repositoryID, &k.reference)
		return k, err
	}, `SELECT day, repository_id, reference FROM pull_counts WHERE day < $1 ORDER BY day, repository_id, reference LIMIT $2`, before, limit)
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	last := keys[len(keys)-1]
	return tx.exec(ctx, `DELETE FROM pull_counts WHERE day < $1 AND (day, repository_id, reference) <= ($2, $3, $4)`,
		before, last.day, last.repositoryID, last.reference)
}
