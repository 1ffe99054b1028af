package store

import (
	"context"
	"database/sql"
)

// RepositoriesToPurge returns the ids of repositories that were deleted until a
// time, the oldest first.
func (q queries) RepositoriesToPurge(ctx context.Context, until int64, limit int) ([]string, error) {
	return list(ctx, q, scanString, `SELECT repository_id FROM deleted_repositories
		WHERE deleted_at <= $1 ORDER BY deleted_at, repository_id LIMIT $2`, until, limit)
}

// StartPurge makes a repository that was deleted until a time one that cannot be
// restored, and reports whether it is one.
func (tx *Tx) StartPurge(ctx context.Context, repositoryID string, until int64) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE deleted_repositories SET purging = $2 WHERE repository_id = $1 AND (purging OR deleted_at <= $3)`, repositoryID, true, until)
	return n == 1, err
}

// A purge is one kind of rows that a repository has in great number. last finds
// the last key of a batch, of columns beside the repository; then the rows up to
// that key go: each statement has a bound, wherever the batch begins.
type purge struct {
	last    string
	columns int
	remove  []string
	gone    Usage // of each row, beside its bytes; the zero Usage is none
}

// Children go before manifests: PostgreSQL checks the reference from an index
// to its images before it cascades from the index.
var (
	purgeChildren = purge{
		`SELECT parent_digest, child_digest FROM manifest_children WHERE repository_id = $1 AND parent_digest > '' ORDER BY parent_digest, child_digest LIMIT $2`,
		2,
		[]string{`DELETE FROM manifest_children WHERE repository_id = $1 AND (parent_digest, child_digest) <= ($2,$3)`},
		Usage{},
	}
	purgeDeletedImages = purge{
		`SELECT id FROM deleted_images WHERE repository_id = $1 AND id > '' ORDER BY id LIMIT $2`,
		1,
		[]string{`DELETE FROM deleted_images WHERE repository_id = $1 AND id <= $2`},
		Usage{},
	}
	purgeManifests = purge{
		`SELECT digest FROM manifests WHERE repository_id = $1 AND digest > '' ORDER BY digest LIMIT $2`,
		1,
		[]string{`DELETE FROM manifests WHERE repository_id = $1 AND digest <= $2 RETURNING size`},
		Usage{Images: -1},
	}
	purgeLinks = purge{
		`SELECT digest FROM repository_blobs WHERE repository_id = $1 AND digest > '' ORDER BY digest LIMIT $2`,
		1,
		[]string{
			`INSERT INTO blob_checks (blob_id) SELECT blob_id FROM repository_blobs WHERE repository_id = $1 AND digest <= $2 ORDER BY digest
				ON CONFLICT (blob_id) DO UPDATE SET blob_id = excluded.blob_id`,
			`DELETE FROM repository_blobs WHERE repository_id = $1 AND digest <= $2 RETURNING size`,
		},
		Usage{Blobs: -1},
	}
	purgePulls = purge{
		`SELECT reference, CAST(day AS TEXT) AS since FROM pull_counts WHERE repository_id = $1 AND reference >= '' ORDER BY reference, day LIMIT $2`,
		2,
		[]string{`DELETE FROM pull_counts WHERE repository_id = $1 AND (reference, day) <= ($2, CAST($3 AS BIGINT))`},
		Usage{},
	}
	purgeTagHistory = purge{
		`SELECT name, CAST(seq AS TEXT) AS sequence FROM tag_history WHERE repository_id = $1 AND name > '' ORDER BY name, seq LIMIT $2`,
		2,
		[]string{`DELETE FROM tag_history WHERE repository_id = $1 AND (name, seq) <= ($2, CAST($3 AS BIGINT))`},
		Usage{},
	}
)

// Purged is how much of a repository a step took apart.
type Purged struct {
	Images int64
	Links  int64
	Done   bool // nothing is left of it
	Gone   bool // nothing was left of it: another node was faster
}

// PurgeRepository takes a part of a repository apart, of some limit rows, and
// when nothing else is left the repository itself. It has the lock that keeps
// others from adding to it: an upload that began before the deletion may end now.
func (tx *Tx) PurgeRepository(ctx context.Context, repositoryID string, limit int) (p Purged, err error) {
	var id string
	err = tx.get(ctx, `SELECT id FROM repositories WHERE id = $1 FOR UPDATE`, []any{repositoryID}, &id)
	if err == ErrNotFound { //nolint:errorlint // get returns it unwrapped
		return Purged{Gone: true}, nil
	}
	if err != nil {
		return Purged{}, err
	}
	for _, step := range []struct {
		purge
		count *int64
	}{{purgeChildren, nil}, {purgeDeletedImages, &p.Images}, {purgeManifests, &p.Images}, {purgeLinks, &p.Links}, {purgeTagHistory, nil}, {purgePulls, nil}} {
		n, err := tx.purge(ctx, step.purge, repositoryID, limit)
		if err != nil {
			return Purged{}, err
		}
		if n > 0 {
			if step.count != nil {
				*step.count = n
			}
			return p, nil
		}
	}
	for _, statement := range []string{
		`DELETE FROM deleted_repositories WHERE repository_id = $1`,
		`DELETE FROM repositories WHERE id = $1`,
	} {
		if _, err := tx.exec(ctx, statement, repositoryID); err != nil {
			return Purged{}, err
		}
	}
	return Purged{Done: true}, nil
}

// purge removes a batch, and returns how many rows its last statement removed.
func (tx *Tx) purge(ctx context.Context, p purge, repositoryID string, limit int) (n int64, err error) {
	keys, err := list(ctx, tx.queries, func(rows *sql.Rows) ([]string, error) {
		key := make([]string, p.columns)
		into := make([]any, p.columns)
		for i := range key {
			into[i] = &key[i]
		}
		return key, rows.Scan(into...)
	}, p.last, repositoryID, limit)
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	args := []any{repositoryID}
	for _, part := range keys[len(keys)-1] {
		args = append(args, part)
	}
	last := len(p.remove) - 1
	for _, statement := range p.remove[:last] {
		if _, err = tx.exec(ctx, statement, args...); err != nil {
			return 0, err
		}
	}
	if p.gone == (Usage{}) {
		return tx.exec(ctx, p.remove[last], args...)
	}
	sizes, err := list(ctx, tx.queries, scanInt, p.remove[last], args...)
	tx.countGone(repositoryID, sizes, p.gone)
	return int64(len(sizes)), err
}
