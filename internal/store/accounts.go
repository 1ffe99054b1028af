package store

import (
	"context"
	"database/sql"
)

// An Account is a row of accounts.
type Account struct {
	ID, Name  string
	Alias     string // empty is none
	Settings  string // JSON object
	CreatedAt int64  // Unix milliseconds
}

const accountColumns = `id, name, COALESCE(alias, ''), settings, created_at`

func (a *Account) fields() []any {
	return []any{&a.ID, &a.Name, &a.Alias, &a.Settings, &a.CreatedAt}
}

// Account returns an account, or [ErrNotFound].
func (q queries) Account(ctx context.Context, id string) (a Account, err error) {
	err = q.get(ctx, `SELECT `+accountColumns+` FROM accounts WHERE id = $1`, []any{id}, a.fields()...)
	return a, err
}

// AccountByAlias returns the account with an alias, or [ErrNotFound].
func (q queries) AccountByAlias(ctx context.Context, alias string) (a Account, err error) {
	err = q.get(ctx, `SELECT `+accountColumns+` FROM accounts WHERE alias = $1`, []any{alias}, a.fields()...)
	return a, err
}

// Accounts returns the accounts with an id after the given one, in the order of
// their ids.
func (q queries) Accounts(ctx context.Context, after string, limit int) ([]Account, error) {
	return list(ctx, q, func(rows *sql.Rows) (a Account, err error) {
		err = rows.Scan(a.fields()...)
		return a, err
	}, `SELECT `+accountColumns+` FROM accounts WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
}

// AccountChanges returns how often an account's identities have changed, or
// [ErrNotFound].
func (q queries) AccountChanges(ctx context.Context, id string) (n int64, err error) {
	err = q.get(ctx, `SELECT changes FROM accounts WHERE id = $1`, []any{id}, &n)
	return n, err
}

// CountChange notes that an account's identities change, and reports whether
// the account exists. It comes first in a transaction that changes them, and
// excludes all others until the transaction ends.
func (tx *Tx) CountChange(ctx context.Context, account string) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE accounts SET changes = changes + 1 WHERE id = $1`, account)
	return n == 1, err
}

// InsertAccount adds an account, and reports whether there was none with its id.
func (tx *Tx) InsertAccount(ctx context.Context, a Account) (bool, error) {
	n, err := tx.exec(ctx, `INSERT INTO accounts (id, name, settings, changes, created_at) VALUES ($1,$2,$3,0,$4)
		ON CONFLICT (id) DO NOTHING`, a.ID, a.Name, a.Settings, a.CreatedAt)
	return n == 1, err
}

// SetAccountAlias sets or, with an empty one, removes an account's alias; one
// that is taken makes it fail with a unique-key error.
func (tx *Tx) SetAccountAlias(ctx context.Context, id, alias string) error {
	_, err := tx.exec(ctx, `UPDATE accounts SET alias = $2 WHERE id = $1`, id, sql.NullString{String: alias, Valid: alias != ""})
	return err
}

// SetAccountSettings replaces an account's settings, a JSON object.
func (tx *Tx) SetAccountSettings(ctx context.Context, id, settings string) error {
	_, err := tx.exec(ctx, `UPDATE accounts SET settings = $2 WHERE id = $1`, id, settings)
	return err
}
