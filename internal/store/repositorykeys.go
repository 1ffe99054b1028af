package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
)

// A RepositoryKey is what wraps the data keys of a repository with a KMS key.
type RepositoryKey struct {
	Wrapped []byte   // by the KMS key
	Context string   // the ARN that it is wrapped for
	Grants  []string // ids
}

// RepositoryKey returns the key of a repository, or [ErrNotFound].
func (q queries) RepositoryKey(ctx context.Context, repositoryID string) (k RepositoryKey, err error) {
	var grants string
	err = q.get(ctx, `SELECT wrapped, context, grants FROM repository_keys WHERE repository_id = $1`, []any{repositoryID}, &k.Wrapped, &k.Context, &grants)
	if err != nil {
		return k, err
	}
	if err := json.Unmarshal([]byte(grants), &k.Grants); err != nil {
		return k, fmt.Errorf("grants of repository %s: %w", repositoryID, err)
	}
	return k, nil
}

// PutRepositoryKey sets the key of a repository.
func (tx *Tx) PutRepositoryKey(ctx context.Context, repositoryID string, k RepositoryKey) error {
	_, err := tx.exec(ctx, `INSERT INTO repository_keys (repository_id, wrapped, context, grants) VALUES ($1,$2,$3,$4)
		ON CONFLICT (repository_id) DO UPDATE SET wrapped = excluded.wrapped, context = excluded.context, grants = excluded.grants`,
		repositoryID, k.Wrapped, k.Context, jsonList(k.Grants))
	return err
}

// SetRepositoryGrants sets the grants of a repository's key, which is left as it
// is: it may be wrapped anew at any time.
func (tx *Tx) SetRepositoryGrants(ctx context.Context, repositoryID string, grants []string) error {
	_, err := tx.exec(ctx, `UPDATE repository_keys SET grants = $2 WHERE repository_id = $1`, repositoryID, jsonList(grants))
	return err
}

// A RepositoryKeyOf is what is wrapped of the key of one of many repositories.
type RepositoryKeyOf struct {
	RepositoryID string
	Wrapped      []byte
}

// RepositoryKeys returns the keys of repositories with an id after the given one,
// in the order of the ids.
func (q queries) RepositoryKeys(ctx context.Context, after string, limit int) ([]RepositoryKeyOf, error) {
	return list(ctx, q, func(rows *sql.Rows) (k RepositoryKeyOf, err error) {
		err = rows.Scan(&k.RepositoryID, &k.Wrapped)
		return k, err
	}, `SELECT repository_id, wrapped FROM repository_keys WHERE repository_id > $1 ORDER BY repository_id LIMIT $2`, after, limit)
}

// RewrapRepositoryKey replaces how the key of a repository is wrapped, if it is
// wrapped as given.
func (tx *Tx) RewrapRepositoryKey(ctx context.Context, repositoryID string, from, to []byte) error {
	_, err := tx.exec(ctx, `UPDATE repository_keys SET wrapped = $3 WHERE repository_id = $1 AND wrapped = $2`, repositoryID, from, to)
	return err
}
