package identity

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// MaxPolicyVersions is how many versions a managed policy may have.
const MaxPolicyVersions = 5

// A PolicyVersion is one version of a managed policy.
type PolicyVersion struct {
	Number    int
	Document  string
	Default   bool
	CreatedAt time.Time
}

// ID is how IAM names a version: v1, v2, ….
func (v PolicyVersion) ID() string { return VersionID(v.Number) }

// VersionID returns how IAM names the version of a number.
func VersionID(number int) string { return "v" + strconv.Itoa(number) }

// PolicyVersions returns a page of the versions of a managed policy that an
// account can use, the newest first.
func (s *Identities) PolicyVersions(ctx context.Context, account, arn string, p Page) (versions []PolicyVersion, next string, err error) {
	all, err := s.versionsOf(ctx, account, arn)
	if err != nil {
		return nil, "", err
	}
	return paginate(p, PolicyVersion.ID, func(after string, limit int) ([]PolicyVersion, error) {
		rest := all[1+slices.IndexFunc(all, func(v PolicyVersion) bool { return v.ID() == after }):]
		return rest[:min(limit, len(rest))], nil
	})
}

// PolicyVersion returns a version of a managed policy, by its id. It refuses
// with NoSuchEntity.
func (s *Identities) PolicyVersion(ctx context.Context, account, arn, id string) (PolicyVersion, error) {
	all, err := s.versionsOf(ctx, account, arn)
	if err != nil {
		return PolicyVersion{}, err
	}
	i := slices.IndexFunc(all, func(v PolicyVersion) bool { return v.ID() == id })
	if i < 0 {
		return PolicyVersion{}, versionNotFound(arn, id)
	}
	return all[i], nil
}

func versionNotFound(arn, id string) *Error {
	return refuse(CodeNoSuchEntity, "Policy %s version %s does not exist or is not attachable.", arn, id)
}

func (s *Identities) versionsOf(ctx context.Context, account, arn string) ([]PolicyVersion, error) {
	if p, ok := awsPolicies[arn]; ok {
		return []PolicyVersion{p.only()}, nil
	}
	row, err := findPolicy(ctx, s.store, account, arn)
	if err != nil {
		return nil, err
	}
	rows, err := s.store.PolicyVersions(ctx, row.ID)
	if err != nil {
		return nil, fmt.Errorf("read versions of policy: %w", err)
	}
	versions := make([]PolicyVersion, 0, len(rows))
	for _, v := range rows {
		versions = append(versions, PolicyVersion{Number: v.Version, Document: v.Document, Default: v.Default, CreatedAt: fromMillis(v.CreatedAt)})
	}
	return versions, nil
}

// CreatePolicyVersion adds a version to a managed policy, which may become the
// default. It refuses with NoSuchEntity, LimitExceeded, MalformedPolicyDocument
// or AccessDenied for a policy of AWS.
func (s *Identities) CreatePolicyVersion(ctx context.Context, account, arn, document string, makeDefault bool) (made PolicyVersion, err error) {
	if err := checkManagedPolicy(document); err != nil {
		return PolicyVersion{}, err
	}
	now := s.millis() / 1000 * 1000
	err = s.amendPolicy(ctx, account, arn, func(ctx context.Context, tx *store.Tx, id string, detail *policyDetail, versions []store.PolicyVersion) error {
		if len(versions) >= MaxPolicyVersions {
			return refuse(CodeLimitExceeded, "A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", MaxPolicyVersions)
		}
		detail.Versions++
		detail.UpdatedAt = now
		made = PolicyVersion{Number: detail.Versions, Document: document, Default: makeDefault, CreatedAt: fromMillis(now)}
		if err := tx.InsertPolicyVersion(ctx, id, store.PolicyVersion{Version: made.Number, Document: document, CreatedAt: now}); err != nil {
			return fmt.Errorf("insert version of policy: %w", err)
		}
		if !makeDefault {
			return nil
		}
		detail.Default = made.Number
		return tx.SetDefaultPolicyVersion(ctx, id, made.Number)
	})
	return made, err
}

// SetDefaultPolicyVersion makes a version of a managed policy the one that
// counts. It refuses with NoSuchEntity, or AccessDenied for a policy of AWS.
func (s *Identities) SetDefaultPolicyVersion(ctx context.Context, account, arn, version string) error {
	return s.amendPolicy(ctx, account, arn, func(ctx context.Context, tx *store.Tx, id string, detail *policyDetail, versions []store.PolicyVersion) error {
		found, err := versionIn(versions, arn, version)
		if err != nil {
			return err
		}
		detail.Default, detail.UpdatedAt = found.Version, s.millis()/1000*1000
		return tx.SetDefaultPolicyVersion(ctx, id, found.Version)
	})
}

// DeletePolicyVersion removes a version of a managed policy that is not the
// default. It refuses with NoSuchEntity, DeleteConflict, or AccessDenied for a
// policy of AWS.
func (s *Identities) DeletePolicyVersion(ctx context.Context, account, arn, version string) error {
	return s.amendPolicy(ctx, account, arn, func(ctx context.Context, tx *store.Tx, id string, detail *policyDetail, versions []store.PolicyVersion) error {
		found, err := versionIn(versions, arn, version)
		if err != nil {
			return err
		}
		if found.Default {
			return refuse(CodeDeleteConflict, "Cannot delete the default version of a policy.")
		}
		detail.UpdatedAt = s.millis() / 1000 * 1000
		_, err = tx.DeletePolicyVersion(ctx, id, found.Version)
		return err
	})
}

func versionIn(versions []store.PolicyVersion, arn, id string) (store.PolicyVersion, error) {
	i := slices.IndexFunc(versions, func(v store.PolicyVersion) bool { return VersionID(v.Version) == id })
	if i < 0 {
		return store.PolicyVersion{}, versionNotFound(arn, id)
	}
	return versions[i], nil
}

// amendPolicy changes something of an account's own managed policy.
func (s *Identities) amendPolicy(ctx context.Context, account, arn string, do func(ctx context.Context, tx *store.Tx, id string, detail *policyDetail, versions []store.PolicyVersion) error) error {
	if err := checkOwnPolicy(arn); err != nil {
		return err
	}
	return s.change(ctx, account, func(ctx context.Context, tx *store.Tx) error {
		row, err := findPolicy(ctx, tx, account, arn)
		if err != nil {
			return err
		}
		detail, err := decodeDetail[policyDetail](row)
		if err != nil {
			return err
		}
		versions, err := tx.PolicyVersions(ctx, row.ID)
		if err != nil {
			return fmt.Errorf("read versions of policy: %w", err)
		}
		if err := do(ctx, tx, row.ID, &detail, versions); err != nil {
			return err
		}
		if row.Detail, err = encodeDetail(detail); err != nil {
			return err
		}
		return tx.UpdateIdentity(ctx, row)
	})
}
