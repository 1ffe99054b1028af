package store

import (
	"context"
	"database/sql"
)

// A KMSGrant is a row of kms_grants.
type KMSGrant struct {
	ID, KeyID string
	Grantee   string
	Name      string // empty is none
	Detail    string // JSON object
	CreatedAt int64  // Unix milliseconds
}

const kmsGrantColumns = `id, key_id, grantee, name, detail, created_at`

func (g *KMSGrant) fields() []any {
	return []any{&g.ID, &g.KeyID, &g.Grantee, &g.Name, &g.Detail, &g.CreatedAt}
}

func scanKMSGrant(rows *sql.Rows) (g KMSGrant, err error) {
	err = rows.Scan(g.fields()...)
	return g, err
}

// KMSGrant returns the grant of an id, or [ErrNotFound].
func (q queries) KMSGrant(ctx context.Context, id string) (g KMSGrant, err error) {
	err = q.get(ctx, `SELECT `+kmsGrantColumns+` FROM kms_grants WHERE id = $1`, []any{id}, g.fields()...)
	return g, err
}

// KMSGrants returns a key's grants with an id after the given one, in the order
// of their ids.
func (q queries) KMSGrants(ctx context.Context, keyID, after string, limit int) ([]KMSGrant, error) {
	return list(ctx, q, scanKMSGrant, `SELECT `+kmsGrantColumns+` FROM kms_grants
		WHERE key_id = $1 AND id > $2 ORDER BY id LIMIT $3`, keyID, after, limit)
}

// KMSGrantsTo is [queries.KMSGrants] for those to one grantee.
func (q queries) KMSGrantsTo(ctx context.Context, keyID, grantee, after string, limit int) ([]KMSGrant, error) {
	return list(ctx, q, scanKMSGrant, `SELECT `+kmsGrantColumns+` FROM kms_grants
		WHERE key_id = $1 AND grantee = $2 AND id > $3 ORDER BY id LIMIT $4`, keyID, grantee, after, limit)
}

// KMSGrantsNamed is [queries.KMSGrants] for those of one name.
func (q queries) KMSGrantsNamed(ctx context.Context, keyID, name, after string, limit int) ([]KMSGrant, error) {
	return list(ctx, q, scanKMSGrant, `SELECT `+kmsGrantColumns+` FROM kms_grants
		WHERE key_id = $1 AND name = $2 AND id > $3 ORDER BY id LIMIT $4`, keyID, name, after, limit)
}

// InsertKMSGrant adds a grant and counts it at its key.
func (tx *Tx) InsertKMSGrant(ctx context.Context, g KMSGrant) error {
	if _, err := tx.exec(ctx, `UPDATE kms_keys SET grants = grants + 1 WHERE id = $1`, g.KeyID); err != nil {
		return err
	}
	_, err := tx.exec(ctx, `INSERT INTO kms_grants (`+kmsGrantColumns+`) VALUES ($1,$2,$3,$4,$5,$6)`,
		g.ID, g.KeyID, g.Grantee, g.Name, g.Detail, g.CreatedAt)
	return err
}

// DeleteKMSGrant removes a grant of a key, and reports whether it was there.
func (tx *Tx) DeleteKMSGrant(ctx context.Context, keyID, id string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM kms_grants WHERE id = $1 AND key_id = $2`, id, keyID)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = tx.exec(ctx, `UPDATE kms_keys SET grants = grants - 1 WHERE id = $1`, keyID)
	return true, err
}
