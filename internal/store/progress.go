package store

import (
	"context"
	"database/sql"
)

// Progress returns how far a background work has come, and when that was said,
// in Unix milliseconds, or [ErrNotFound] when it was never begun.
func (q queries) Progress(ctx context.Context, work string) (state string, updatedAt int64, err error) {
	err = q.get(ctx, `SELECT state, updated_at FROM progress WHERE work = $1`, []any{work}, &state, &updatedAt)
	return state, updatedAt, err
}

// Advance replaces what is said of a work's progress, or says it for the first
// time when before is "". It reports whether that was what was said before:
// otherwise somebody else is at it.
func (tx *Tx) Advance(ctx context.Context, work, before, state string, now int64) (bool, error) {
	var n int64
	var err error
	if before == "" {
		n, err = tx.exec(ctx, `INSERT INTO progress (work, state, updated_at) VALUES ($1,$2,$3) ON CONFLICT (work) DO NOTHING`, work, state, now)
	} else {
		n, err = tx.exec(ctx, `UPDATE progress SET state = $3, updated_at = $4 WHERE work = $1 AND state = $2`, work, before, state, now)
	}
	return n == 1, err
}

// A RepositoryOf is a repository by its id, one that was deleted too.
type RepositoryOf struct {
	Repository
	Deleted bool // its name is the one that it had
	Purging bool // it is being taken apart
}

// RepositoryByID returns a repository, deleted or not, or [ErrNotFound].
func (q queries) RepositoryByID(ctx context.Context, id string) (r RepositoryOf, err error) {
	var account, region, name sql.NullString
	var purging sql.NullBool
	err = q.get(ctx, `SELECT r.id, r.account, r.region, r.name, r.encryption, r.kms_key, d.account, d.region, d.name, d.purging
		FROM repositories r LEFT JOIN deleted_repositories d ON d.repository_id = r.id WHERE r.id = $1`, []any{id},
		&r.ID, &r.Account, &r.Region, &r.Name, &r.Encryption, &r.KMSKey, &account, &region, &name, &purging)
	if account.Valid {
		r.Account, r.Region, r.Name, r.Deleted, r.Purging = account.String, region.String, name.String, true, purging.Bool
	}
	return r, err
}
