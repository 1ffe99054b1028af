package store

import (
	"context"
	"database/sql"
)

// A Repository is a row of repositories.
type Repository struct {
	ID, Account, Region, Name string
	Mutability                string
	MutabilityFilters         string // JSON list
	ScanOnPush                bool
	Encryption, KMSKey        string
	CreatedAt                 int64 // Unix milliseconds
}

const repositoryColumns = `id, account, region, name, mutability, mutability_filters, scan_on_push, encryption, kms_key, created_at`

func (r *Repository) fields() []any {
	return []any{&r.ID, &r.Account, &r.Region, &r.Name, &r.Mutability, &r.MutabilityFilters, &r.ScanOnPush, &r.Encryption, &r.KMSKey, &r.CreatedAt}
}

func scanRepository(rows *sql.Rows) (r Repository, err error) {
	err = rows.Scan(r.fields()...)
	return r, err
}

// Repository returns the repository of that name, or [ErrNotFound].
func (q queries) Repository(ctx context.Context, account, region, name string) (r Repository, err error) {
	err = q.get(ctx, `SELECT `+repositoryColumns+` FROM repositories WHERE account = $1 AND region = $2 AND name = $3`,
		[]any{account, region, name}, r.fields()...)
	return r, err
}

// RepositoryID returns the id of the repository of that name, or [ErrNotFound].
func (q queries) RepositoryID(ctx context.Context, account, region, name string) (id string, err error) {
	err = q.get(ctx, `SELECT id FROM repositories WHERE account = $1 AND region = $2 AND name = $3`, []any{account, region, name}, &id)
	return id, err
}

// A RepositoryPlace is where a repository's contents are, and what seals them.
type RepositoryPlace struct {
	ID                 string
	Encryption, KMSKey string
}

// RepositoryPlace returns the place of the repository of that name, or [ErrNotFound].
func (q queries) RepositoryPlace(ctx context.Context, account, region, name string) (p RepositoryPlace, err error) {
	err = q.get(ctx, `SELECT id, encryption, kms_key FROM repositories WHERE account = $1 AND region = $2 AND name = $3`,
		[]any{account, region, name}, &p.ID, &p.Encryption, &p.KMSKey)
	return p, err
}

// Repositories returns a registry's repositories with a name after the given
// one, in the order of their names.
func (q queries) Repositories(ctx context.Context, account, region, after string, limit int) ([]Repository, error) {
	return list(ctx, q, scanRepository, `SELECT `+repositoryColumns+` FROM repositories
		WHERE account = $1 AND region = $2 AND name > $3 ORDER BY name LIMIT $4`, account, region, after, limit)
}

// LockRepository returns the repository of that name and excludes whoever else
// locks it until the transaction ends. Whatever changes a repository's settings,
// images or tags locks it first, so that such changes come one after the other
// and cannot wait for each other in a circle. Blobs and uploads do not wait.
func (tx *Tx) LockRepository(ctx context.Context, account, region, name string) (r Repository, err error) {
	err = tx.get(ctx, `SELECT `+repositoryColumns+` FROM repositories WHERE account = $1 AND region = $2 AND name = $3 FOR NO KEY UPDATE`,
		[]any{account, region, name}, r.fields()...)
	return r, err
}

// InsertRepository adds a repository; one of its name makes it fail with a
// unique-key error.
func (tx *Tx) InsertRepository(ctx context.Context, r Repository) error {
	_, err := tx.exec(ctx, `INSERT INTO repositories (`+repositoryColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`,
		r.ID, r.Account, r.Region, r.Name, r.Mutability, r.MutabilityFilters, r.ScanOnPush, r.Encryption, r.KMSKey, r.CreatedAt)
	return err
}

// SetMutability changes which tags may move, and reports whether the repository exists.
func (tx *Tx) SetMutability(ctx context.Context, account, region, name, mutability, filters string) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE repositories SET mutability = $4, mutability_filters = $5 WHERE account = $1 AND region = $2 AND name = $3`,
		account, region, name, mutability, filters)
	return n == 1, err
}

// SetScanOnPush changes the setting, and reports whether the repository exists.
func (tx *Tx) SetScanOnPush(ctx context.Context, account, region, name string, scan bool) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE repositories SET scan_on_push = $4 WHERE account = $1 AND region = $2 AND name = $3`, account, region, name, scan)
	return n == 1, err
}

// HasImages reports whether a repository holds any manifest.
func (q queries) HasImages(ctx context.Context, repositoryID string) (bool, error) {
	var one int
	return found(q.get(ctx, `SELECT 1 FROM manifests WHERE repository_id = $1 LIMIT 1`, []any{repositoryID}, &one))
}

// found turns a get of a row whose columns do not matter into a bool.
func found(err error) (bool, error) {
	if err == ErrNotFound { //nolint:errorlint // get returns it unwrapped
		return false, nil
	}
	return err == nil, err
}
