package store

import (
	"context"
	"database/sql"
)

// An Identity is a row of identities: a user, group, role, policy or OIDC provider.
type Identity struct {
	Account, Kind string
	Key           string // the name in lower case
	Name, Path    string
	ID            string
	Detail        string // JSON object
	CreatedAt     int64  // Unix milliseconds
}

const identityColumns = `account, kind, key, name, path, id, detail, created_at`

func (i *Identity) fields() []any {
	return []any{&i.Account, &i.Kind, &i.Key, &i.Name, &i.Path, &i.ID, &i.Detail, &i.CreatedAt}
}

func scanIdentity(rows *sql.Rows) (i Identity, err error) {
	err = rows.Scan(i.fields()...)
	return i, err
}

// Identity returns the identity of a kind and key, or [ErrNotFound].
func (q queries) Identity(ctx context.Context, account, kind, key string) (i Identity, err error) {
	err = q.get(ctx, `SELECT `+identityColumns+` FROM identities WHERE account = $1 AND kind = $2 AND key = $3`,
		[]any{account, kind, key}, i.fields()...)
	return i, err
}

// IdentityByID returns the identity of a unique id, or [ErrNotFound].
func (q queries) IdentityByID(ctx context.Context, id string) (i Identity, err error) {
	err = q.get(ctx, `SELECT `+identityColumns+` FROM identities WHERE id = $1`, []any{id}, i.fields()...)
	return i, err
}

// A PageOfIdentities says which identities to list: those of an account and
// kind with a key after the given one and a path in [PathFrom, PathTo).
type PageOfIdentities struct {
	Account, Kind    string
	After            string
	PathFrom, PathTo string
	Limit            int
}

// Identities returns a page in the order of the keys.
func (q queries) Identities(ctx context.Context, p PageOfIdentities) ([]Identity, error) {
	return list(ctx, q, scanIdentity, `SELECT `+identityColumns+` FROM identities
		WHERE account = $1 AND kind = $2 AND key > $3 AND path >= $4 AND path < $5 ORDER BY key LIMIT $6`,
		p.Account, p.Kind, p.After, p.PathFrom, p.PathTo, p.Limit)
}

// CountIdentities returns how many an account has of a kind, but at most limit.
func (q queries) CountIdentities(ctx context.Context, account, kind string, limit int) (n int, err error) {
	err = q.get(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM identities WHERE account = $1 AND kind = $2 LIMIT $3) AS found`,
		[]any{account, kind, limit}, &n)
	return n, err
}

// InsertIdentity adds an identity; one of its kind and key makes it fail with a
// unique-key error.
func (tx *Tx) InsertIdentity(ctx context.Context, i Identity) error {
	_, err := tx.exec(ctx, `INSERT INTO identities (`+identityColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`,
		i.Account, i.Kind, i.Key, i.Name, i.Path, i.ID, i.Detail, i.CreatedAt)
	return err
}

// UpdateIdentity changes the key, name, path and detail of the identity with
// the same id; a key that is taken makes it fail with a unique-key error.
func (tx *Tx) UpdateIdentity(ctx context.Context, i Identity) error {
	_, err := tx.exec(ctx, `UPDATE identities SET key = $2, name = $3, path = $4, detail = $5 WHERE id = $1`,
		i.ID, i.Key, i.Name, i.Path, i.Detail)
	return err
}

// DeleteIdentity deletes an identity and what goes with it: its tags, versions
// and last use. Whatever else belongs to it makes it fail with a foreign-key error.
func (tx *Tx) DeleteIdentity(ctx context.Context, id string) error {
	_, err := tx.exec(ctx, `DELETE FROM identities WHERE id = $1`, id)
	return err
}

// IdentityTags returns an identity's tags in the order of their keys without case.
func (q queries) IdentityTags(ctx context.Context, identityID string) ([]ResourceTag, error) {
	return list(ctx, q, func(rows *sql.Rows) (t ResourceTag, err error) {
		err = rows.Scan(&t.Key, &t.Value)
		return t, err
	}, `SELECT key, value FROM identity_tags WHERE identity_id = $1 ORDER BY folded`, identityID)
}

// PutIdentityTag sets one tag of an identity; folded is its key in lower case.
func (tx *Tx) PutIdentityTag(ctx context.Context, identityID, folded string, t ResourceTag) error {
	_, err := tx.exec(ctx, `INSERT INTO identity_tags (identity_id, folded, key, value) VALUES ($1,$2,$3,$4)
		ON CONFLICT (identity_id, folded) DO UPDATE SET key = excluded.key, value = excluded.value`, identityID, folded, t.Key, t.Value)
	return err
}

// DeleteIdentityTag removes the tag with a key in lower case, if it is there.
func (tx *Tx) DeleteIdentityTag(ctx context.Context, identityID, folded string) error {
	_, err := tx.exec(ctx, `DELETE FROM identity_tags WHERE identity_id = $1 AND folded = $2`, identityID, folded)
	return err
}

// AddMember puts a user into a group, if it is not there.
func (tx *Tx) AddMember(ctx context.Context, groupID, userID string) error {
	_, err := tx.exec(ctx, `INSERT INTO memberships (group_id, user_id) VALUES ($1,$2) ON CONFLICT DO NOTHING`, groupID, userID)
	return err
}

// RemoveMember takes a user out of a group, and reports whether it was there.
func (tx *Tx) RemoveMember(ctx context.Context, groupID, userID string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM memberships WHERE group_id = $1 AND user_id = $2`, groupID, userID)
	return n == 1, err
}

// Members returns the users of a group with an id after the given one, in the
// order of their ids.
func (q queries) Members(ctx context.Context, groupID, after string, limit int) ([]Identity, error) {
	return list(ctx, q, scanIdentity, `SELECT `+identityColumns+` FROM memberships JOIN identities ON id = user_id
		WHERE group_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3`, groupID, after, limit)
}

// GroupsOf returns the groups of a user with an id after the given one, in the
// order of their ids.
func (q queries) GroupsOf(ctx context.Context, userID, after string, limit int) ([]Identity, error) {
	return list(ctx, q, scanIdentity, `SELECT `+identityColumns+` FROM memberships JOIN identities ON id = group_id
		WHERE user_id = $1 AND group_id > $2 ORDER BY group_id LIMIT $3`, userID, after, limit)
}
