package store

import (
	"context"
	"database/sql"
)

// An InlinePolicy is a policy that is part of a user, group or role.
type InlinePolicy struct{ Name, Document string }

// InlinePolicies returns an identity's inline policies with a name after the
// given one, in the order of their names.
func (q queries) InlinePolicies(ctx context.Context, identityID, after string, limit int) ([]InlinePolicy, error) {
	return list(ctx, q, func(rows *sql.Rows) (p InlinePolicy, err error) {
		err = rows.Scan(&p.Name, &p.Document)
		return p, err
	}, `SELECT name, document FROM inline_policies WHERE identity_id = $1 AND name > $2 ORDER BY name LIMIT $3`, identityID, after, limit)
}

// InlinePolicy returns the document of one inline policy, or [ErrNotFound].
func (q queries) InlinePolicy(ctx context.Context, identityID, name string) (document string, err error) {
	err = q.get(ctx, `SELECT document FROM inline_policies WHERE identity_id = $1 AND name = $2`, []any{identityID, name}, &document)
	return document, err
}

// PutInlinePolicy sets one inline policy of an identity.
func (tx *Tx) PutInlinePolicy(ctx context.Context, identityID string, p InlinePolicy) error {
	_, err := tx.exec(ctx, `INSERT INTO inline_policies (identity_id, name, document) VALUES ($1,$2,$3)
		ON CONFLICT (identity_id, name) DO UPDATE SET document = excluded.document`, identityID, p.Name, p.Document)
	return err
}

// DeleteInlinePolicy removes one inline policy, and reports whether it was there.
func (tx *Tx) DeleteInlinePolicy(ctx context.Context, identityID, name string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM inline_policies WHERE identity_id = $1 AND name = $2`, identityID, name)
	return n == 1, err
}

// A PolicyUsage says what a managed policy is to an identity.
type PolicyUsage string

// The usages: a policy that grants, and one that bounds.
const (
	AttachedPolicy PolicyUsage = "policy"
	BoundaryPolicy PolicyUsage = "boundary"
)

// AttachedPolicies returns the ARNs of an identity's managed policies of a usage
// after the given one, in their order.
func (q queries) AttachedPolicies(ctx context.Context, identityID string, usage PolicyUsage, after string, limit int) ([]string, error) {
	return list(ctx, q, scanString, `SELECT policy_arn FROM attached_policies
		WHERE identity_id = $1 AND usage = $2 AND policy_arn > $3 ORDER BY policy_arn LIMIT $4`, identityID, string(usage), after, limit)
}

// AttachPolicy gives an identity of an account a managed policy, if it has it not.
func (tx *Tx) AttachPolicy(ctx context.Context, account, identityID string, usage PolicyUsage, policyARN string) error {
	_, err := tx.exec(ctx, `INSERT INTO attached_policies (identity_id, usage, policy_arn, account) VALUES ($1,$2,$3,$4)
		ON CONFLICT DO NOTHING`, identityID, string(usage), policyARN, account)
	return err
}

// DetachPolicy takes a managed policy from an identity, and reports whether it had it.
func (tx *Tx) DetachPolicy(ctx context.Context, identityID string, usage PolicyUsage, policyARN string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM attached_policies WHERE identity_id = $1 AND usage = $2 AND policy_arn = $3`,
		identityID, string(usage), policyARN)
	return n == 1, err
}

// PolicyHolders returns the identities of an account that have a managed policy
// in a usage and an id after the given one, in the order of their ids.
func (q queries) PolicyHolders(ctx context.Context, account, policyARN string, usage PolicyUsage, after string, limit int) ([]Identity, error) {
	return list(ctx, q, scanIdentity, `SELECT i.account, i.kind, i.key, i.name, i.path, i.id, i.detail, i.created_at
		FROM attached_policies a JOIN identities i ON i.id = a.identity_id
		WHERE a.account = $1 AND a.policy_arn = $2 AND a.usage = $3 AND a.identity_id > $4
		ORDER BY a.identity_id LIMIT $5`, account, policyARN, string(usage), after, limit)
}

// CountPolicyHolders returns how many identities of an account have a managed
// policy in a usage, but at most limit.
func (q queries) CountPolicyHolders(ctx context.Context, account, policyARN string, usage PolicyUsage, limit int) (n int, err error) {
	err = q.get(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM attached_policies
		WHERE account = $1 AND policy_arn = $2 AND usage = $3 LIMIT $4) AS found`, []any{account, policyARN, string(usage), limit}, &n)
	return n, err
}

// A PolicyVersion is one version of a managed policy.
type PolicyVersion struct {
	Version   int
	Document  string
	Default   bool
	CreatedAt int64 // Unix milliseconds
}

const policyVersionColumns = `version, document, is_default, created_at`

func (v *PolicyVersion) fields() []any {
	return []any{&v.Version, &v.Document, &v.Default, &v.CreatedAt}
}

// PolicyVersions returns the versions of a managed policy, the newest first.
func (q queries) PolicyVersions(ctx context.Context, policyID string) ([]PolicyVersion, error) {
	return list(ctx, q, func(rows *sql.Rows) (v PolicyVersion, err error) {
		err = rows.Scan(v.fields()...)
		return v, err
	}, `SELECT `+policyVersionColumns+` FROM policy_versions WHERE policy_id = $1 ORDER BY version DESC`, policyID)
}

// InsertPolicyVersion adds a version to a managed policy.
func (tx *Tx) InsertPolicyVersion(ctx context.Context, policyID string, v PolicyVersion) error {
	_, err := tx.exec(ctx, `INSERT INTO policy_versions (policy_id, `+policyVersionColumns+`) VALUES ($1,$2,$3,$4,$5)`,
		policyID, v.Version, v.Document, v.Default, v.CreatedAt)
	return err
}

// SetDefaultPolicyVersion makes one version of a managed policy the default,
// and all others not.
func (tx *Tx) SetDefaultPolicyVersion(ctx context.Context, policyID string, version int) error {
	_, err := tx.exec(ctx, `UPDATE policy_versions SET is_default = (version = $2) WHERE policy_id = $1`, policyID, version)
	return err
}

// DeletePolicyVersion removes a version, and reports whether it was there.
func (tx *Tx) DeletePolicyVersion(ctx context.Context, policyID string, version int) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM policy_versions WHERE policy_id = $1 AND version = $2`, policyID, version)
	return n == 1, err
}
