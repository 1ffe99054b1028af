package store

import (
	"context"
	"database/sql"
)

// An AccessKey is a row of access_keys.
type AccessKey struct {
	ID, Account string
	OwnerID     string // of a user, or the account for its root
	Secret      []byte // sealed
	Active      bool
	CreatedAt   int64 // Unix milliseconds
	Used        KeyUse
}

// A KeyUse says when an access key was last used, for what.
type KeyUse struct {
	At              int64 // Unix milliseconds; 0 is never
	Region, Service string
}

const accessKeyColumns = `id, account, owner_id, secret, active, created_at, used_at, used_region, used_service`

func (k *AccessKey) fields() []any {
	return []any{&k.ID, &k.Account, &k.OwnerID, &k.Secret, &k.Active, &k.CreatedAt, &k.Used.At, &k.Used.Region, &k.Used.Service}
}

// AccessKey returns the access key of an id, or [ErrNotFound].
func (q queries) AccessKey(ctx context.Context, id string) (k AccessKey, err error) {
	err = q.get(ctx, `SELECT `+accessKeyColumns+` FROM access_keys WHERE id = $1`, []any{id}, k.fields()...)
	return k, err
}

// AccessKeys returns the access keys of an owner with an id after the given
// one, in the order of their ids.
func (q queries) AccessKeys(ctx context.Context, account, ownerID, after string, limit int) ([]AccessKey, error) {
	return list(ctx, q, func(rows *sql.Rows) (k AccessKey, err error) {
		err = rows.Scan(k.fields()...)
		return k, err
	}, `SELECT `+accessKeyColumns+` FROM access_keys WHERE account = $1 AND owner_id = $2 AND id > $3 ORDER BY id LIMIT $4`,
		account, ownerID, after, limit)
}

// AnyAccessKey returns some access key of any account, or [ErrNotFound] when there
// is none.
func (q queries) AnyAccessKey(ctx context.Context) (k AccessKey, err error) {
	err = q.get(ctx, `SELECT `+accessKeyColumns+` FROM access_keys WHERE id > $1 ORDER BY id LIMIT 1`, []any{""}, k.fields()...)
	return k, err
}

// InsertAccessKey adds an access key; one of its id makes it fail with a
// unique-key error.
func (tx *Tx) InsertAccessKey(ctx context.Context, k AccessKey) error {
	_, err := tx.exec(ctx, `INSERT INTO access_keys (`+accessKeyColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)`,
		k.ID, k.Account, k.OwnerID, k.Secret, k.Active, k.CreatedAt, k.Used.At, k.Used.Region, k.Used.Service)
	return err
}

// SetAccessKeyActive enables or disables an owner's access key, and reports
// whether the owner has it.
func (tx *Tx) SetAccessKeyActive(ctx context.Context, account, ownerID, id string, active bool) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE access_keys SET active = $4 WHERE id = $3 AND account = $1 AND owner_id = $2`, account, ownerID, id, active)
	return n == 1, err
}

// DeleteAccessKey removes an owner's access key, and reports whether the owner had it.
func (tx *Tx) DeleteAccessKey(ctx context.Context, account, ownerID, id string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM access_keys WHERE id = $3 AND account = $1 AND owner_id = $2`, account, ownerID, id)
	return n == 1, err
}

// NoteKeyUse notes the use of an access key, unless a later one is noted.
func (tx *Tx) NoteKeyUse(ctx context.Context, id string, use KeyUse) error {
	_, err := tx.exec(ctx, `UPDATE access_keys SET used_at = $2, used_region = $3, used_service = $4 WHERE id = $1 AND used_at < $2`,
		id, use.At, use.Region, use.Service)
	return err
}

// A LoginProfile is a row of login_profiles: a user's password.
type LoginProfile struct {
	UserID        string
	Hash          string
	ResetRequired bool
	UsedAt        int64 // Unix milliseconds; 0 is never
	CreatedAt     int64 // Unix milliseconds
}

const loginProfileColumns = `user_id, hash, reset_required, used_at, created_at`

func (p *LoginProfile) fields() []any {
	return []any{&p.UserID, &p.Hash, &p.ResetRequired, &p.UsedAt, &p.CreatedAt}
}

// LoginProfile returns a user's login profile, or [ErrNotFound].
func (q queries) LoginProfile(ctx context.Context, userID string) (p LoginProfile, err error) {
	err = q.get(ctx, `SELECT `+loginProfileColumns+` FROM login_profiles WHERE user_id = $1`, []any{userID}, p.fields()...)
	return p, err
}

// InsertLoginProfile adds a login profile; a second one of a user makes it fail
// with a unique-key error.
func (tx *Tx) InsertLoginProfile(ctx context.Context, p LoginProfile) error {
	_, err := tx.exec(ctx, `INSERT INTO login_profiles (`+loginProfileColumns+`) VALUES ($1,$2,$3,$4,$5)`,
		p.UserID, p.Hash, p.ResetRequired, p.UsedAt, p.CreatedAt)
	return err
}

// SetPassword replaces the password of a user's login profile.
func (tx *Tx) SetPassword(ctx context.Context, userID, hash string, resetRequired bool) error {
	_, err := tx.exec(ctx, `UPDATE login_profiles SET hash = $2, reset_required = $3 WHERE user_id = $1`, userID, hash, resetRequired)
	return err
}

// UsePassword notes that the password of a hash was used, and reports whether it
// is still the user's.
func (tx *Tx) UsePassword(ctx context.Context, userID, hash string, now int64) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE login_profiles SET used_at = $3 WHERE user_id = $1 AND hash = $2`, userID, hash, now)
	return n == 1, err
}

// DeleteLoginProfile removes a user's login profile, and reports whether it was there.
func (tx *Tx) DeleteLoginProfile(ctx context.Context, userID string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM login_profiles WHERE user_id = $1`, userID)
	return n == 1, err
}

// A Session is a row of sessions: temporary credentials.
type Session struct {
	AccessKeyID, Account string
	OwnerID              string // of a role or user, or the account for its root
	Detail               string // JSON object
	Secret               []byte // sealed
	CreatedAt, ExpiresAt int64  // Unix milliseconds
}

const sessionColumns = `access_key_id, account, owner_id, detail, secret, created_at, expires_at`

func (s *Session) fields() []any {
	return []any{&s.AccessKeyID, &s.Account, &s.OwnerID, &s.Detail, &s.Secret, &s.CreatedAt, &s.ExpiresAt}
}

// Session returns the session of an access key id, or [ErrNotFound].
func (q queries) Session(ctx context.Context, accessKeyID string) (s Session, err error) {
	err = q.get(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE access_key_id = $1`, []any{accessKeyID}, s.fields()...)
	return s, err
}

// InsertSession adds a session; one of its access key id makes it fail with a
// unique-key error.
func (tx *Tx) InsertSession(ctx context.Context, s Session) error {
	_, err := tx.exec(ctx, `INSERT INTO sessions (`+sessionColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7)`,
		s.AccessKeyID, s.Account, s.OwnerID, s.Detail, s.Secret, s.CreatedAt, s.ExpiresAt)
	return err
}

// DeleteSessionsExpired removes at most limit sessions that expired before a
// time in Unix milliseconds, and returns how many.
func (tx *Tx) DeleteSessionsExpired(ctx context.Context, before int64, limit int) (int64, error) {
	return tx.exec(ctx, `DELETE FROM sessions WHERE access_key_id IN
		(SELECT access_key_id FROM sessions WHERE expires_at < $1 ORDER BY expires_at, access_key_id LIMIT $2)`, before, limit)
}

// RoleUse returns when and in what region a role was last used, or [ErrNotFound].
func (q queries) RoleUse(ctx context.Context, roleID string) (u KeyUse, err error) {
	err = q.get(ctx, `SELECT used_at, region FROM role_uses WHERE role_id = $1`, []any{roleID}, &u.At, &u.Region)
	return u, err
}

// NoteRoleUse notes the use of a role, unless the role is gone or a later use is noted.
func (tx *Tx) NoteRoleUse(ctx context.Context, roleID string, use KeyUse) error {
	_, err := tx.exec(ctx, `INSERT INTO role_uses (role_id, used_at, region) SELECT id, $2::bigint, $3::text FROM identities WHERE id = $1
		ON CONFLICT (role_id) DO UPDATE SET used_at = excluded.used_at, region = excluded.region WHERE role_uses.used_at < excluded.used_at`,
		roleID, use.At, use.Region)
	return err
}
