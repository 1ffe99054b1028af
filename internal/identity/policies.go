package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

// inlineLimit is how many characters other than white space all inline policies
// of an entity may have together (spec 2.8).
var inlineLimit = map[Kind]int{User: 2048, Group: 5120, Role: 10240}

// MaxAttachedPolicies is how many managed policies may be attached to a user,
// group or role.
const MaxAttachedPolicies = 10

// No entity has as many inline policies as this: their sizes are limited.
const allInline = 10240

// sizeOf counts a policy as its limits do.
func sizeOf(document string) int {
	n := 0
	for _, r := range document {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// mostBlank is how many times its limit a document may have with its white
// space, which the limits of IAM do not count: lists return many documents.
const mostBlank = 10

func isBloated(document string, limit int) bool { return len(document) > mostBlank*limit }

// parseIdentityPolicy reads a policy that grants, or refuses with
// MalformedPolicyDocument.
func parseIdentityPolicy(document string) (*iam.Document, error) {
	parsed, err := iam.ParseIdentityPolicy(document)
	if err != nil {
		return nil, malformedPolicy(err)
	}
	return parsed, nil
}

// malformedPolicy refuses a document in the words of the parser.
func malformedPolicy(err error) error {
	invalid, ok := errors.AsType[*iam.PolicyError](err)
	if !ok {
		return err
	}
	return refuse(CodeMalformedPolicyDocument, "%s", invalid.Message)
}

// PutInlinePolicy sets an inline policy of a user, group or role. It refuses
// with NoSuchEntity, MalformedPolicyDocument or LimitExceeded.
func (s *Identities) PutInlinePolicy(ctx context.Context, account string, kind Kind, name, policy, document string) error {
	if _, err := parseIdentityPolicy(document); err != nil {
		return err
	}
	return s.amend(ctx, account, kind, name, func(ctx context.Context, tx *store.Tx, row *store.Identity) error {
		if err := checkModifiable(*row); err != nil {
			return err
		}
		if err := tx.PutInlinePolicy(ctx, row.ID, store.InlinePolicy{Name: policy, Document: document}); err != nil {
			return fmt.Errorf("put inline policy: %w", err)
		}
		all, err := tx.InlinePolicies(ctx, row.ID, "", allInline)
		if err != nil {
			return fmt.Errorf("read inline policies: %w", err)
		}
		size, length := 0, 0
		for _, p := range all {
			size += sizeOf(p.Document)
			length += len(p.Document)
		}
		if size > inlineLimit[kind] || length > mostBlank*inlineLimit[kind] {
			return refuse(CodeLimitExceeded, "Maximum policy size of %d bytes exceeded for %s %s", inlineLimit[kind], kind, row.Name)
		}
		return nil
	})
}

// InlinePolicy returns the document of an inline policy, or refuses with NoSuchEntity.
func (s *Identities) InlinePolicy(ctx context.Context, account string, kind Kind, name, policy string) (document string, err error) {
	row, err := find(ctx, s.store, account, kind, name)
	if err != nil {
		return "", err
	}
	document, err = s.store.InlinePolicy(ctx, row.ID, policy)
	if errors.Is(err, store.ErrNotFound) {
		return "", inlineNotFound(kind, policy)
	}
	return document, err
}

// InlinePolicies returns a page of the names of an entity's inline policies.
func (s *Identities) InlinePolicies(ctx context.Context, account string, kind Kind, name string, p Page) (names []string, next string, err error) {
	row, err := find(ctx, s.store, account, kind, name)
	if err != nil {
		return nil, "", err
	}
	policies, next, err := paginate(p, func(p store.InlinePolicy) string { return p.Name }, func(after string, limit int) ([]store.InlinePolicy, error) {
		return s.store.InlinePolicies(ctx, row.ID, after, limit)
	})
	for _, policy := range policies {
		names = append(names, policy.Name)
	}
	return names, next, err
}

// DeleteInlinePolicy removes an inline policy, or refuses with NoSuchEntity.
func (s *Identities) DeleteInlinePolicy(ctx context.Context, account string, kind Kind, name, policy string) error {
	return s.amend(ctx, account, kind, name, func(ctx context.Context, tx *store.Tx, row *store.Identity) error {
		if err := checkModifiable(*row); err != nil {
			return err
		}
		there, err := tx.DeleteInlinePolicy(ctx, row.ID, policy)
		if err != nil {
			return fmt.Errorf("delete inline policy: %w", err)
		}
		if !there {
			return inlineNotFound(kind, policy)
		}
		return nil
	})
}

func inlineNotFound(kind Kind, policy string) *Error {
	return refuse(CodeNoSuchEntity, "The %s policy with name %s cannot be found.", kind, policy)
}

// Attach gives a user, group or role a managed policy. It refuses with
// NoSuchEntity, PolicyNotAttachable or LimitExceeded.
func (s *Identities) Attach(ctx context.Context, account string, kind Kind, name, policyARN string) error {
	return s.amend(ctx, account, kind, name, func(ctx context.Context, tx *store.Tx, row *store.Identity) error {
		if err := checkModifiable(*row); err != nil {
			return err
		}
		if err := checkAttachable(ctx, tx, account, policyARN); err != nil {
			return err
		}
		if err := tx.AttachPolicy(ctx, account, row.ID, store.AttachedPolicy, policyARN); err != nil {
			return fmt.Errorf("attach policy: %w", err)
		}
		all, err := tx.AttachedPolicies(ctx, row.ID, store.AttachedPolicy, "", MaxAttachedPolicies+1)
		if err != nil {
			return fmt.Errorf("read attached policies: %w", err)
		}
		if len(all) > MaxAttachedPolicies {
			return quotaExceeded("PoliciesPer"+strings.ToUpper(string(kind[:1]))+string(kind[1:]), MaxAttachedPolicies)
		}
		return nil
	})
}

// Detach takes a managed policy from a user, group or role, or refuses with
// NoSuchEntity.
func (s *Identities) Detach(ctx context.Context, account string, kind Kind, name, policyARN string) error {
	return s.amend(ctx, account, kind, name, func(ctx context.Context, tx *store.Tx, row *store.Identity) error {
		if err := checkModifiable(*row); err != nil {
			return err
		}
		had, err := tx.DetachPolicy(ctx, row.ID, store.AttachedPolicy, policyARN)
		if err != nil {
			return fmt.Errorf("detach policy: %w", err)
		}
		if !had {
			return notFound(Policy, policyARN)
		}
		return nil
	})
}

// An AttachedPolicy is a managed policy that an entity has.
type AttachedPolicy struct{ Name, ARN string }

// AttachedPolicies returns a page of an entity's managed policies, in the order
// of their ARNs.
func (s *Identities) AttachedPolicies(ctx context.Context, account string, kind Kind, name string, p Page) (policies []AttachedPolicy, next string, err error) {
	row, err := find(ctx, s.store, account, kind, name)
	if err != nil {
		return nil, "", err
	}
	arns, next, err := paginate(p, func(arn string) string { return arn }, func(after string, limit int) ([]string, error) {
		return s.store.AttachedPolicies(ctx, row.ID, store.AttachedPolicy, after, limit)
	})
	for _, arn := range arns {
		if _, path, ok := strings.Cut(arn, ":policy"); ok && strings.HasPrefix(path, p.PathPrefix) {
			policies = append(policies, AttachedPolicy{Name: path[strings.LastIndexByte(path, '/')+1:], ARN: arn})
		}
	}
	return policies, next, err
}

// Boundary returns the ARN of an entity's permissions boundary; empty is none.
func (s *Identities) Boundary(ctx context.Context, id string) (policyARN string, err error) {
	arns, err := s.store.AttachedPolicies(ctx, id, store.BoundaryPolicy, "", 1)
	if err != nil {
		return "", fmt.Errorf("read permissions boundary: %w", err)
	}
	if len(arns) == 0 {
		return "", nil
	}
	return arns[0], nil
}

// putBoundary makes a managed policy the permissions boundary of a user or role.
func putBoundary(ctx context.Context, tx *store.Tx, row store.Identity, policyARN string) error {
	if err := checkAttachable(ctx, tx, row.Account, policyARN); err != nil {
		return err
	}
	if err := tx.AttachPolicy(ctx, row.Account, row.ID, store.BoundaryPolicy, policyARN); err != nil {
		return fmt.Errorf("set permissions boundary: %w", err)
	}
	return nil
}

// managedReader is a store or a transaction.
type managedReader interface {
	reader
	PolicyVersions(ctx context.Context, policyID string) ([]store.PolicyVersion, error)
}

// managedDocument returns the default version of a managed policy that an
// account can use: one of its own or one of AWS's. Others do not exist for it.
func managedDocument(ctx context.Context, r managedReader, account, arn string) (document string, err error) {
	owner, kind, name, ok := ParseEntityARN(arn)
	if !ok || kind != Policy {
		return "", refuse(CodeInvalidInput, "ARN %s is not valid.", arn)
	}
	if owner == awsAccount {
		if document, ok := awsPolicyDocument(arn); ok {
			return document, nil
		}
		return "", notAttachable(arn)
	}
	row, err := find(ctx, r, account, Policy, name)
	if IsRefusal(err, CodeNoSuchEntity) || err == nil && entityOf(row).ARN() != arn {
		return "", notAttachable(arn)
	}
	if err != nil {
		return "", err
	}
	versions, err := r.PolicyVersions(ctx, row.ID)
	if err != nil {
		return "", fmt.Errorf("read versions of policy: %w", err)
	}
	for _, v := range versions {
		if v.Default {
			return v.Document, nil
		}
	}
	return "", fmt.Errorf("policy %s has no default version", row.ID)
}

// checkAttachable refuses a policy that an account cannot give to its own.
func checkAttachable(ctx context.Context, r managedReader, account, arn string) error {
	if awsPolicies[arn].isForServices() {
		return refuse(CodePolicyNotAttachable, "Cannot attach a Service Role Policy to a Customer Role.")
	}
	_, err := managedDocument(ctx, r, account, arn)
	return err
}

func notAttachable(arn string) *Error {
	return refuse(CodeNoSuchEntity, "Policy %s does not exist or is not attachable.", arn)
}

// checkNoPolicies refuses to delete an entity that has policies. Its boundary goes with it.
func checkNoPolicies(ctx context.Context, tx *store.Tx, row store.Identity) error {
	attached, err := tx.AttachedPolicies(ctx, row.ID, store.AttachedPolicy, "", 1)
	if err != nil {
		return fmt.Errorf("read attached policies: %w", err)
	}
	if len(attached) > 0 {
		return deleteConflict("must detach all policies first.")
	}
	inline, err := tx.InlinePolicies(ctx, row.ID, "", 1)
	if err != nil {
		return fmt.Errorf("read inline policies: %w", err)
	}
	if len(inline) > 0 {
		return deleteConflict("must delete policies first.")
	}
	return removeBoundary(ctx, tx, row.ID)
}

func removeBoundary(ctx context.Context, tx *store.Tx, id string) error {
	boundary, err := tx.AttachedPolicies(ctx, id, store.BoundaryPolicy, "", 1)
	if err != nil {
		return fmt.Errorf("read permissions boundary: %w", err)
	}
	for _, arn := range boundary {
		if _, err := tx.DetachPolicy(ctx, id, store.BoundaryPolicy, arn); err != nil {
			return fmt.Errorf("remove permissions boundary: %w", err)
		}
	}
	return nil
}

func deleteConflict(what string) *Error {
	return refuse(CodeDeleteConflict, "Cannot delete entity, %s", what)
}

// serviceRolePath is where the roles of services are, which only they may change.
const serviceRolePath = "/aws-service-role/"

// checkModifiable refuses to change what belongs to a service.
func checkModifiable(row store.Identity) error {
	if isServiceLinked(row) {
		return refuse(CodeUnmodifiableEntity, "Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", row.Name)
	}
	return nil
}
