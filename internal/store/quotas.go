package store

import (
	"context"
	"database/sql"
)

// A Quota is a limit that was set, of an account or of a repository.
type Quota struct {
	Name      string
	Value     int64 // -1 is no limit
	UpdatedAt int64 // Unix milliseconds
}

// PutAccountQuota sets a quota of an account.
func (tx *Tx) PutAccountQuota(ctx context.Context, account string, q Quota) error {
	_, err := tx.exec(ctx, `INSERT INTO account_quotas (account, name, value, updated_at) VALUES ($1,$2,$3,$4)
		ON CONFLICT (account, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`, account, q.Name, q.Value, q.UpdatedAt)
	return err
}

// PutRepositoryQuota sets a quota of a repository; one that does not exist makes
// it fail with a foreign-key error.
func (tx *Tx) PutRepositoryQuota(ctx context.Context, repositoryID string, q Quota) error {
	_, err := tx.exec(ctx, `INSERT INTO repository_quotas (repository_id, name, value, updated_at) VALUES ($1,$2,$3,$4)
		ON CONFLICT (repository_id, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`, repositoryID, q.Name, q.Value, q.UpdatedAt)
	return err
}

// DeleteAccountQuota takes a quota of an account back, and reports whether it was set.
func (tx *Tx) DeleteAccountQuota(ctx context.Context, account, name string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM account_quotas WHERE account = $1 AND name = $2`, account, name)
	return n == 1, err
}

// DeleteRepositoryQuota takes a quota of a repository back, and reports whether
// it was set.
func (tx *Tx) DeleteRepositoryQuota(ctx context.Context, repositoryID, name string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM repository_quotas WHERE repository_id = $1 AND name = $2`, repositoryID, name)
	return n == 1, err
}

func scanQuota(rows *sql.Rows) (q Quota, err error) {
	err = rows.Scan(&q.Name, &q.Value, &q.UpdatedAt)
	return q, err
}

// AccountQuotas returns what is set for an account.
func (q queries) AccountQuotas(ctx context.Context, account string) ([]Quota, error) {
	return list(ctx, q, scanQuota, `SELECT name, value, updated_at FROM account_quotas WHERE account = $1 ORDER BY name`, account)
}

// RepositoryQuotas returns what is set for a repository.
func (q queries) RepositoryQuotas(ctx context.Context, repositoryID string) ([]Quota, error) {
	return list(ctx, q, scanQuota, `SELECT name, value, updated_at FROM repository_quotas WHERE repository_id = $1 ORDER BY name`, repositoryID)
}

// An AccountQuota is a quota and whose it is.
type AccountQuota struct {
	Account string
	Quota
}

// AllAccountQuotas returns the quotas of all accounts after the given account
// and name, in order.
func (q queries) AllAccountQuotas(ctx context.Context, account, name string, limit int) ([]AccountQuota, error) {
	return list(ctx, q, func(rows *sql.Rows) (a AccountQuota, err error) {
		err = rows.Scan(&a.Account, &a.Name, &a.Value, &a.UpdatedAt)
		return a, err
	}, `SELECT account, name, value, updated_at FROM account_quotas WHERE (account, name) > ($1,$2) ORDER BY account, name LIMIT $3`, account, name, limit)
}
