package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

// MaxManagedPolicy is how many characters other than white space a managed
// policy may have (spec 2.8).
const MaxManagedPolicy = 6144

// A PolicyInfo is a managed policy as it is shown.
type PolicyInfo struct {
	Entity
	Description    string
	DefaultVersion int
	UpdatedAt      time.Time
	// Attachments and Boundaries are how many users, groups and roles of the
	// account that asks have the policy, and for how many it is the boundary.
	Attachments, Boundaries int
	// Tags are not read in lists.
	Tags []Tag
}

// policyDetail is what only policies have.
type policyDetail struct {
	Description string `json:",omitempty"`
	Versions    int    // made so far; their numbers never come again
	Default     int    // version
	UpdatedAt   int64  // Unix milliseconds
}

// A NewPolicy is a managed policy to create.
type NewPolicy struct {
	Account, Name string
	Path          string // empty is "/"
	Description   string
	Document      string
	Tags          []Tag
}

// CreatePolicy creates a managed policy with its first version. It refuses with
// EntityAlreadyExists, LimitExceeded, InvalidInput or MalformedPolicyDocument.
func (s *Identities) CreatePolicy(ctx context.Context, n NewPolicy) (PolicyInfo, error) {
	if err := checkManagedPolicy(n.Document); err != nil {
		return PolicyInfo{}, err
	}
	now := s.millis() / 1000 * 1000
	detail := policyDetail{Description: n.Description, Versions: 1, Default: 1, UpdatedAt: now}
	policy, err := s.create(ctx, newEntity{account: n.Account, kind: Policy, name: n.Name, path: n.Path, detail: detail, tags: n.Tags},
		func(ctx context.Context, tx *store.Tx, row store.Identity) error {
			return tx.InsertPolicyVersion(ctx, row.ID, store.PolicyVersion{Version: 1, Document: n.Document, Default: true, CreatedAt: now})
		})
	return PolicyInfo{Entity: policy, Description: n.Description, DefaultVersion: 1, UpdatedAt: fromMillis(now), Tags: n.Tags}, err
}

func checkManagedPolicy(document string) error {
	if _, err := iam.ParseManagedPolicy(document); err != nil {
		return malformedPolicy(err)
	}
	if iam.Size(document) > MaxManagedPolicy || isBloated(document, MaxManagedPolicy) {
		return quotaExceeded("PolicySize", MaxManagedPolicy)
	}
	return nil
}

// PolicyInfo returns a managed policy that an account can use, one of its own
// or of AWS's, or refuses with NoSuchEntity.
func (s *Identities) PolicyInfo(ctx context.Context, account, arn string) (PolicyInfo, error) {
	if p, ok := awsPolicies[arn]; ok {
		return s.countUses(ctx, account, p.info())
	}
	row, err := findPolicy(ctx, s.store, account, arn)
	if err != nil {
		return PolicyInfo{}, err
	}
	info, err := policyOf(row)
	if err != nil {
		return PolicyInfo{}, err
	}
	if info.Tags, err = s.store.IdentityTags(ctx, row.ID); err != nil {
		return PolicyInfo{}, fmt.Errorf("read tags: %w", err)
	}
	return s.countUses(ctx, account, info)
}

func (p awsPolicy) info() PolicyInfo {
	return PolicyInfo{Entity: p.Entity, DefaultVersion: p.version, UpdatedAt: p.updated}
}

func (p awsPolicy) only() PolicyVersion {
	return PolicyVersion{Number: p.version, Document: p.document, Default: true, CreatedAt: p.updated}
}

// policyOf returns what a row alone says of a managed policy.
func policyOf(row store.Identity) (PolicyInfo, error) {
	detail, err := decodeDetail[policyDetail](row)
	return PolicyInfo{
		Entity: entityOf(row), Description: detail.Description, DefaultVersion: detail.Default, UpdatedAt: fromMillis(detail.UpdatedAt),
	}, err
}

// No account has more users, groups and roles than this.
const allHolders = 1 << 20

func (s *Identities) countUses(ctx context.Context, account string, p PolicyInfo) (_ PolicyInfo, err error) {
	if p.Attachments, err = s.store.CountPolicyHolders(ctx, account, p.ARN(), PermissionsPolicy, allHolders); err != nil {
		return PolicyInfo{}, fmt.Errorf("count attachments: %w", err)
	}
	if p.Boundaries, err = s.store.CountPolicyHolders(ctx, account, p.ARN(), PermissionsBoundary, allHolders); err != nil {
		return PolicyInfo{}, fmt.Errorf("count boundaries: %w", err)
	}
	return p, nil
}

// findPolicy returns the row of an account's own managed policy, or refuses
// with NoSuchEntity, or InvalidInput for what is no ARN of a policy.
func findPolicy(ctx context.Context, r reader, account, arn string) (store.Identity, error) {
	owner, kind, name, ok := ParseEntityARN(arn)
	if !ok || kind != Policy {
		return store.Identity{}, refuse(CodeInvalidInput, "ARN %s is not valid.", arn)
	}
	if owner != account {
		return store.Identity{}, notFound(Policy, arn)
	}
	row, err := find(ctx, r, account, Policy, name)
	if IsRefusal(err, CodeNoSuchEntity) || err == nil && entityOf(row).ARN() != arn {
		return store.Identity{}, notFound(Policy, arn)
	}
	return row, err
}

// A PolicyUsage says what a managed policy is to a user, group or role.
type PolicyUsage = store.PolicyUsage

// The usages.
const (
	PermissionsPolicy   = store.AttachedPolicy
	PermissionsBoundary = store.BoundaryPolicy
)

// A PolicyFilter says which managed policies to list.
type PolicyFilter struct {
	// OwnOnly leaves out those of AWS, and AWSOnly all others.
	OwnOnly, AWSOnly bool
	// OnlyAttached leaves out those that are not used, where Usage says how;
	// empty is either way. Usage without OnlyAttached does the same.
	OnlyAttached bool
	Usage        PolicyUsage
}

// The order of a list: the account's own policies, then those of AWS.
const (
	ownPolicies = "own "
	ofAWS       = "aws "
)

// Policies returns a page of the managed policies that an account can use. With
// a filter by use it may hold less than it could.
func (s *Identities) Policies(ctx context.Context, account string, f PolicyFilter, p Page) (policies []PolicyInfo, next string, err error) {
	key := func(p PolicyInfo) string {
		if p.Account == awsAccount {
			return ofAWS + keyOf(p.Name)
		}
		return ownPolicies + keyOf(p.Name)
	}
	all, next, err := paginate(p, key, func(after string, limit int) (found []PolicyInfo, err error) {
		if !f.AWSOnly && !strings.HasPrefix(after, ofAWS) {
			if found, err = s.ownPolicies(ctx, account, p.PathPrefix, strings.TrimPrefix(after, ownPolicies), limit); err != nil {
				return nil, err
			}
			after = ""
		}
		if !f.OwnOnly {
			found = append(found, policiesOfAWS(p.PathPrefix, strings.TrimPrefix(after, ofAWS), limit-len(found))...)
		}
		return found, nil
	})
	if err != nil {
		return nil, "", err
	}
	for _, policy := range all {
		if policy, err = s.countUses(ctx, account, policy); err != nil {
			return nil, "", err
		}
		if f.covers(policy) {
			policies = append(policies, policy)
		}
	}
	return policies, next, nil
}

func (f PolicyFilter) covers(p PolicyInfo) bool {
	switch {
	case f.Usage == PermissionsPolicy:
		return p.Attachments > 0
	case f.Usage == PermissionsBoundary:
		return p.Boundaries > 0
	}
	return !f.OnlyAttached || p.Attachments+p.Boundaries > 0
}

func (s *Identities) ownPolicies(ctx context.Context, account, pathPrefix, after string, limit int) ([]PolicyInfo, error) {
	rows, err := s.store.Identities(ctx, store.PageOfIdentities{
		Account: account, Kind: string(Policy), After: after, PathFrom: pathPrefix, PathTo: pathPrefix + afterASCII, Limit: limit,
	})
	if err != nil {
		return nil, err
	}
	policies := make([]PolicyInfo, 0, len(rows))
	for _, row := range rows {
		policy, err := policyOf(row)
		if err != nil {
			return nil, err
		}
		policies = append(policies, policy)
	}
	return policies, nil
}

func policiesOfAWS(pathPrefix, after string, limit int) (policies []PolicyInfo) {
	for _, p := range awsPoliciesByName {
		if len(policies) < limit && keyOf(p.Name) > after && strings.HasPrefix(p.Path, pathPrefix) {
			policies = append(policies, p.info())
		}
	}
	return policies
}

// checkOwnPolicy refuses to change what AWS manages.
func checkOwnPolicy(arn string) error {
	if IsAWSManaged(arn) {
		return refuse(CodeAccessDenied, "Policy %s is managed by AWS and cannot be changed.", arn)
	}
	return nil
}

// DeletePolicy deletes a managed policy that nobody has, with its only version.
// It refuses with NoSuchEntity, DeleteConflict, or AccessDenied for a policy of
// AWS.
func (s *Identities) DeletePolicy(ctx context.Context, account, arn string) error {
	if err := checkOwnPolicy(arn); err != nil {
		return err
	}
	return s.change(ctx, account, func(ctx context.Context, tx *store.Tx) error {
		row, err := findPolicy(ctx, tx, account, arn)
		if err != nil {
			return err
		}
		for _, usage := range []PolicyUsage{PermissionsPolicy, PermissionsBoundary} {
			holders, err := tx.CountPolicyHolders(ctx, account, arn, usage, 1)
			if err != nil {
				return fmt.Errorf("count attachments: %w", err)
			}
			if holders > 0 {
				return refuse(CodeDeleteConflict, "Cannot delete a policy attached to entities.")
			}
		}
		versions, err := tx.PolicyVersions(ctx, row.ID)
		if err != nil {
			return fmt.Errorf("read versions of policy: %w", err)
		}
		if len(versions) > 1 {
			return refuse(CodeDeleteConflict, "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "+
				"The default version is deleted with the policy.")
		}
		return tx.DeleteIdentity(ctx, row.ID)
	})
}

// A HolderFilter says which users, groups and roles to list that have a policy.
type HolderFilter struct {
	Kind  Kind        // empty is all
	Usage PolicyUsage // empty is both
}

// PolicyHolders returns a page of the users, groups and roles of an account
// that have a managed policy. With a filter by kind or path it may hold less
// than it could. It refuses with NoSuchEntity.
func (s *Identities) PolicyHolders(ctx context.Context, account, arn string, f HolderFilter, p Page) (holders []Entity, next string, err error) {
	if _, ok := awsPolicies[arn]; !ok {
		if _, err := findPolicy(ctx, s.store, account, arn); err != nil {
			return nil, "", err
		}
	}
	type holder struct {
		usage PolicyUsage
		row   store.Identity
	}
	usages := []PolicyUsage{PermissionsPolicy, PermissionsBoundary}
	all, next, err := paginate(p, func(h holder) string { return string(h.usage) + " " + h.row.ID }, func(after string, limit int) (found []holder, err error) {
		from, id, _ := strings.Cut(after, " ")
		for _, usage := range usages[max(0, slices.Index(usages, PolicyUsage(from))):] {
			if f.Usage != "" && usage != f.Usage {
				continue
			}
			if string(usage) != from {
				id = ""
			}
			rows, err := s.store.PolicyHolders(ctx, account, arn, usage, id, limit-len(found))
			if err != nil {
				return nil, err
			}
			for _, row := range rows {
				found = append(found, holder{usage, row})
			}
		}
		return found, nil
	})
	seen := map[string]bool{}
	for _, h := range all {
		if !seen[h.row.ID] && (f.Kind == "" || h.row.Kind == string(f.Kind)) && strings.HasPrefix(h.row.Path, p.PathPrefix) {
			holders = append(holders, entityOf(h.row))
		}
		seen[h.row.ID] = true
	}
	return holders, next, err
}

// SetPolicyTags adds tags to an account's own managed policy or changes their
// values. It refuses with NoSuchEntity, InvalidInput, LimitExceeded, or
// AccessDenied for a policy of AWS.
func (s *Identities) SetPolicyTags(ctx context.Context, account, arn string, tags []Tag) error {
	name, err := s.ownPolicyName(ctx, account, arn)
	if err != nil {
		return err
	}
	return s.SetTags(ctx, account, Policy, name, tags)
}

// RemovePolicyTags takes tags from an account's own managed policy. It refuses
// with NoSuchEntity, or AccessDenied for a policy of AWS.
func (s *Identities) RemovePolicyTags(ctx context.Context, account, arn string, keys []string) error {
	name, err := s.ownPolicyName(ctx, account, arn)
	if err != nil {
		return err
	}
	return s.RemoveTags(ctx, account, Policy, name, keys)
}

func (s *Identities) ownPolicyName(ctx context.Context, account, arn string) (string, error) {
	if err := checkOwnPolicy(arn); err != nil {
		return "", err
	}
	row, err := findPolicy(ctx, s.store, account, arn)
	return row.Name, err
}

// PageOfPolicyTags returns a page of the tags of a managed policy that an
// account can use; those of AWS have none. It refuses with NoSuchEntity.
func (s *Identities) PageOfPolicyTags(ctx context.Context, account, arn string, p Page) (tags []Tag, next string, err error) {
	if _, ok := awsPolicies[arn]; ok {
		return nil, "", nil
	}
	row, err := findPolicy(ctx, s.store, account, arn)
	if err != nil {
		return nil, "", err
	}
	return s.PageOfTags(ctx, account, Policy, row.Name, p)
}
