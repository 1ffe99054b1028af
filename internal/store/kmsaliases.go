package store

import (
	"context"
	"database/sql"
)

// A KMSAlias is a row of kms_aliases.
type KMSAlias struct {
	Account, Region, Name string
	KeyID                 string
	CreatedAt, UpdatedAt  int64 // Unix milliseconds
}

const kmsAliasColumns = `account, region, name, key_id, created_at, updated_at`

func (a *KMSAlias) fields() []any {
	return []any{&a.Account, &a.Region, &a.Name, &a.KeyID, &a.CreatedAt, &a.UpdatedAt}
}

func scanKMSAlias(rows *sql.Rows) (a KMSAlias, err error) {
	err = rows.Scan(a.fields()...)
	return a, err
}

// KMSAlias returns the alias of a name, or [ErrNotFound].
func (q queries) KMSAlias(ctx context.Context, account, region, name string) (a KMSAlias, err error) {
	err = q.get(ctx, `SELECT `+kmsAliasColumns+` FROM kms_aliases WHERE account = $1 AND region = $2 AND name = $3`,
		[]any{account, region, name}, a.fields()...)
	return a, err
}

// KMSAliases returns an account's aliases in a region with a name after the
// given one, in the order of their names.
func (q queries) KMSAliases(ctx context.Context, account, region, after string, limit int) ([]KMSAlias, error) {
	return list(ctx, q, scanKMSAlias, `SELECT `+kmsAliasColumns+` FROM kms_aliases
		WHERE account = $1 AND region = $2 AND name > $3 ORDER BY name LIMIT $4`, account, region, after, limit)
}

// KMSAliasesOf returns a key's aliases with a name after the given one, in the
// order of their names.
func (q queries) KMSAliasesOf(ctx context.Context, keyID, after string, limit int) ([]KMSAlias, error) {
	return list(ctx, q, scanKMSAlias, `SELECT `+kmsAliasColumns+` FROM kms_aliases
		WHERE key_id = $1 AND name > $2 ORDER BY name LIMIT $3`, keyID, after, limit)
}

// InsertKMSAlias adds an alias, and reports whether there was none of its name.
func (tx *Tx) InsertKMSAlias(ctx context.Context, a KMSAlias) (bool, error) {
	n, err := tx.exec(ctx, `INSERT INTO kms_aliases (`+kmsAliasColumns+`) VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT DO NOTHING`,
		a.Account, a.Region, a.Name, a.KeyID, a.CreatedAt, a.UpdatedAt)
	return n == 1, err
}

// MoveKMSAlias lets an alias mean another key, and reports whether it meant the
// one that is given as the old.
func (tx *Tx) MoveKMSAlias(ctx context.Context, a KMSAlias, oldKeyID string) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE kms_aliases SET key_id = $4, updated_at = $5
		WHERE account = $1 AND region = $2 AND name = $3 AND key_id = $6`, a.Account, a.Region, a.Name, a.KeyID, a.UpdatedAt, oldKeyID)
	return n == 1, err
}

// DeleteKMSAlias removes an alias, and reports whether it meant that key.
func (tx *Tx) DeleteKMSAlias(ctx context.Context, a KMSAlias) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM kms_aliases WHERE account = $1 AND region = $2 AND name = $3 AND key_id = $4`,
		a.Account, a.Region, a.Name, a.KeyID)
	return n == 1, err
}
