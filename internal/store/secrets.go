package store

import "context"

// A Secret is something that all nodes share, sealed so that the database alone
// does not give it away.
type Secret struct {
	Name    string
	Sealed  []byte
	Version int64 // grows with each change
}

// Secret returns a secret, or [ErrNotFound].
func (q queries) Secret(ctx context.Context, name string) (s Secret, err error) {
	s.Name = name
	err = q.get(ctx, `SELECT sealed, version FROM secrets WHERE name = $1`, []any{name}, &s.Sealed, &s.Version)
	return s, err
}

// CreateSecret adds a secret, unless there is one of the name. It reports
// whether it did.
func (tx *Tx) CreateSecret(ctx context.Context, name string, sealed []byte) (bool, error) {
	n, err := tx.exec(ctx, `INSERT INTO secrets (name, sealed, version) VALUES ($1,$2,1) ON CONFLICT (name) DO NOTHING`, name, sealed)
	return n == 1, err
}

// ReplaceSecret changes a secret that has the version that was read. It reports
// whether it had.
func (tx *Tx) ReplaceSecret(ctx context.Context, s Secret) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE secrets SET sealed = $2, version = version + 1 WHERE name = $1 AND version = $3`, s.Name, s.Sealed, s.Version)
	return n == 1, err
}
