package store

import (
	"context"
	"database/sql"
)

// A KMSKey is a row of kms_keys. Times are Unix milliseconds, and 0 is never.
type KMSKey struct {
	ID, Account, Region string
	Manager             string
	State               string
	Description         string
	Policy              string
	Principals          string // the ids of those whom the policy names
	Version             int64  // of the material that encrypts
	RotationDays        int64
	RotatesAt           int64
	Rotations           int64 // on demand
	DeletionWindow      int64 // days
	DeletesAt           int64
	Grants              int64
	Changes             int64
	CreatedAt           int64
}

const kmsKeyColumns = `id, account, region, manager, state, description, policy, principals, version, rotation_days,
	COALESCE(rotates_at, 0), rotations, deletion_window, COALESCE(deletes_at, 0), grants, changes, created_at`

func (k *KMSKey) fields() []any {
	return []any{
		&k.ID, &k.Account, &k.Region, &k.Manager, &k.State, &k.Description, &k.Policy, &k.Principals, &k.Version, &k.RotationDays,
		&k.RotatesAt, &k.Rotations, &k.DeletionWindow, &k.DeletesAt, &k.Grants, &k.Changes, &k.CreatedAt,
	}
}

func scanKMSKey(rows *sql.Rows) (k KMSKey, err error) {
	err = rows.Scan(k.fields()...)
	return k, err
}

// KMSKey returns the key of an id, or [ErrNotFound].
func (q queries) KMSKey(ctx context.Context, id string) (k KMSKey, err error) {
	err = q.get(ctx, `SELECT `+kmsKeyColumns+` FROM kms_keys WHERE id = $1`, []any{id}, k.fields()...)
	return k, err
}

// KMSKeyChanges returns how often a key has changed, or [ErrNotFound].
func (q queries) KMSKeyChanges(ctx context.Context, id string) (n int64, err error) {
	err = q.get(ctx, `SELECT changes FROM kms_keys WHERE id = $1`, []any{id}, &n)
	return n, err
}

// KMSKeys returns an account's keys in a region with an id after the given one,
// in the order of their ids.
func (q queries) KMSKeys(ctx context.Context, account, region, after string, limit int) ([]KMSKey, error) {
	return list(ctx, q, scanKMSKey, `SELECT `+kmsKeyColumns+` FROM kms_keys
		WHERE account = $1 AND region = $2 AND id > $3 ORDER BY id LIMIT $4`, account, region, after, limit)
}

// KMSKeysToRotate returns the ids of keys in a state whose rotation was due at a
// time.
func (q queries) KMSKeysToRotate(ctx context.Context, state string, now int64, limit int) ([]string, error) {
	return list(ctx, q, scanString, `SELECT id FROM kms_keys WHERE state = $1 AND rotates_at <= $2 ORDER BY rotates_at, id LIMIT $3`,
		state, now, limit)
}

// KMSKeysToDelete returns the ids of keys whose deletion was due at a time.
func (q queries) KMSKeysToDelete(ctx context.Context, now int64, limit int) ([]string, error) {
	return list(ctx, q, scanString, `SELECT id FROM kms_keys WHERE deletes_at <= $1 ORDER BY deletes_at, id LIMIT $2`, now, limit)
}

// InsertKMSKey adds a key.
func (tx *Tx) InsertKMSKey(ctx context.Context, k KMSKey) error {
	_, err := tx.exec(ctx, `INSERT INTO kms_keys (id, account, region, manager, state, description, policy, version, rotation_days,
		rotates_at, rotations, deletion_window, grants, changes, created_at, principals) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,0,0,0,0,$11,$12)`,
		k.ID, k.Account, k.Region, k.Manager, k.State, k.Description, k.Policy, k.Version, k.RotationDays, nullTime(k.RotatesAt), k.CreatedAt, k.Principals)
	return err
}

// LockKMSKey returns a key and excludes all other changes of it until the
// transaction ends, or returns [ErrNotFound].
func (tx *Tx) LockKMSKey(ctx context.Context, id string) (k KMSKey, err error) {
	err = tx.get(ctx, `SELECT `+kmsKeyColumns+` FROM kms_keys WHERE id = $1 FOR NO KEY UPDATE`, []any{id}, k.fields()...)
	return k, err
}

// UpdateKMSKey changes what can change of the key with the same id but its
// grants, and counts the change.
func (tx *Tx) UpdateKMSKey(ctx context.Context, k KMSKey) error {
	_, err := tx.exec(ctx, `UPDATE kms_keys SET state = $2, description = $3, policy = $4, version = $5, rotation_days = $6,
		rotates_at = $7, rotations = $8, deletion_window = $9, deletes_at = $10, principals = $11, changes = changes + 1 WHERE id = $1`,
		k.ID, k.State, k.Description, k.Policy, k.Version, k.RotationDays, nullTime(k.RotatesAt), k.Rotations, k.DeletionWindow, nullTime(k.DeletesAt), k.Principals)
	return err
}

// nullTime is a time that may be never.
func nullTime(ms int64) sql.NullInt64 { return sql.NullInt64{Int64: ms, Valid: ms != 0} }

// DeleteKMSKey deletes a key with its material, aliases, grants and tags.
func (tx *Tx) DeleteKMSKey(ctx context.Context, id string) error {
	_, err := tx.exec(ctx, `DELETE FROM kms_keys WHERE id = $1`, id)
	return err
}

// A KMSMaterial is a row of kms_materials.
type KMSMaterial struct {
	KeyID     string
	Version   int64
	Wrapped   []byte
	CreatedAt int64 // Unix milliseconds
}

// KMSMaterial returns a version of a key's material, or [ErrNotFound].
func (q queries) KMSMaterial(ctx context.Context, keyID string, version int64) (m KMSMaterial, err error) {
	err = q.get(ctx, `SELECT key_id, version, wrapped, created_at FROM kms_materials WHERE key_id = $1 AND version = $2`,
		[]any{keyID, version}, &m.KeyID, &m.Version, &m.Wrapped, &m.CreatedAt)
	return m, err
}

// KMSMaterials returns all material, of keys and versions after the given ones,
// in their order.
func (q queries) KMSMaterials(ctx context.Context, afterKey string, afterVersion int64, limit int) ([]KMSMaterial, error) {
	return list(ctx, q, func(rows *sql.Rows) (m KMSMaterial, err error) {
		err = rows.Scan(&m.KeyID, &m.Version, &m.Wrapped, &m.CreatedAt)
		return m, err
	}, `SELECT key_id, version, wrapped, created_at FROM kms_materials WHERE (key_id, version) > ($1, $2::bigint)
		ORDER BY key_id, version LIMIT $3`, afterKey, afterVersion, limit)
}

// InsertKMSMaterial adds a version of a key's material.
func (tx *Tx) InsertKMSMaterial(ctx context.Context, m KMSMaterial) error {
	_, err := tx.exec(ctx, `INSERT INTO kms_materials (key_id, version, wrapped, created_at) VALUES ($1,$2,$3,$4)`,
		m.KeyID, m.Version, m.Wrapped, m.CreatedAt)
	return err
}

// RewrapKMSMaterial replaces how a version of a key's material is wrapped, and
// reports whether it was wrapped as given.
func (tx *Tx) RewrapKMSMaterial(ctx context.Context, keyID string, version int64, from, to []byte) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE kms_materials SET wrapped = $4 WHERE key_id = $1 AND version = $2 AND wrapped = $3`,
		keyID, version, from, to)
	return n == 1, err
}

// KMSTags returns a key's tags in the order of their keys.
func (q queries) KMSTags(ctx context.Context, keyID string) ([]ResourceTag, error) {
	return list(ctx, q, func(rows *sql.Rows) (t ResourceTag, err error) {
		err = rows.Scan(&t.Key, &t.Value)
		return t, err
	}, `SELECT key, value FROM kms_tags WHERE key_id = $1 ORDER BY key`, keyID)
}

// PutKMSTag sets one tag of a key.
func (tx *Tx) PutKMSTag(ctx context.Context, keyID string, t ResourceTag) error {
	_, err := tx.exec(ctx, `INSERT INTO kms_tags (key_id, key, value) VALUES ($1,$2,$3)
		ON CONFLICT (key_id, key) DO UPDATE SET value = excluded.value`, keyID, t.Key, t.Value)
	return err
}

// DeleteKMSTag removes one tag of a key, if it is there.
func (tx *Tx) DeleteKMSTag(ctx context.Context, keyID, key string) error {
	_, err := tx.exec(ctx, `DELETE FROM kms_tags WHERE key_id = $1 AND key = $2`, keyID, key)
	return err
}

// CountKMSKeyChange counts a change of something that is remembered with a key.
func (tx *Tx) CountKMSKeyChange(ctx context.Context, id string) error {
	_, err := tx.exec(ctx, `UPDATE kms_keys SET changes = changes + 1 WHERE id = $1`, id)
	return err
}
