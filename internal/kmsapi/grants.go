package kmsapi

import (
	"context"
	"strings"

	"github.com/nifuda/nifuda/internal/awskms"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/kms"
)

// CreateGrant implements [awskms.Service].
func (a *api) CreateGrant(ctx context.Context, in *awskms.CreateGrantRequest) (*awskms.CreateGrantResponse, error) {
	if err := kms.CheckTokens(in.GrantTokens); err != nil {
		return nil, err
	}
	c := callerOf(ctx)
	id, err := kms.Resolve(c.home(), in.KeyId)
	if err != nil {
		return nil, err
	}
	terms := kms.Terms{
		Grantee: principalARN(in.GranteePrincipal), Retiring: principalARN(value(in.RetiringPrincipal)),
		Name: value(in.Name), Operations: in.Operations, Issuer: accountRoot(c),
	}
	if in.Constraints != nil {
		terms.Equals, terms.Subset = in.Constraints.EncryptionContextEquals, in.Constraints.EncryptionContextSubset
	}
	question := a.keys.Question(kms.Use{Principal: c.Principal, Action: iam.CreateGrant, Key: kms.Reference{KeyID: id}, Grant: &terms})
	if err := a.authorize(ctx, question, nil); err != nil {
		return nil, err
	}
	if err := a.completeTerms(ctx, &terms); err != nil {
		return nil, err
	}
	if value(in.DryRun) {
		if err := a.keys.Check(ctx, id); err != nil {
			return nil, err
		}
		return nil, kms.DryRun()
	}
	grant, err := a.keys.CreateGrant(ctx, id, terms)
	if err != nil {
		return nil, err
	}
	return &awskms.CreateGrantResponse{GrantId: grant.ID, GrantToken: grant.Token()}, nil
}

func accountRoot(c caller) string {
	return iam.Root(iam.Partition(c.Region), c.Principal.Account).ARN
}

// principalARN returns a principal as grants name it: an account is its root.
func principalARN(text string) string {
	if len(text) == 12 && strings.Trim(text, "0123456789") == "" {
		return iam.Root("aws", text).ARN
	}
	return text
}

// completeTerms adds the ids of those whom a grant names. It refuses grants that
// say what none can, or name nobody who exists.
func (a *api) completeTerms(ctx context.Context, terms *kms.Terms) (err error) {
	if err := kms.CheckTerms(*terms); err != nil {
		return err
	}
	if terms.GranteeID, err = a.principalID(ctx, terms.Grantee); err != nil || terms.Retiring == "" {
		return err
	}
	terms.RetiringID, err = a.principalID(ctx, terms.Retiring)
	return err
}

func (a *api) principalID(ctx context.Context, arn string) (string, error) {
	id, exists, err := a.principals.FindPrincipal(ctx, arn)
	if err == nil && !exists {
		err = refuse(kms.CodeInvalidArn, "ARN does not refer to a valid principal: "+arn)
	}
	return id, err
}

// ListGrants implements [awskms.Service].
func (a *api) ListGrants(ctx context.Context, in *awskms.ListGrantsRequest) (*awskms.ListGrantsResponse, error) {
	id, err := a.anyones(ctx, iam.ListGrants, in.KeyId, nil)
	if err != nil {
		return nil, err
	}
	filter := kms.GrantFilter{ID: value(in.GrantId), Grantee: principalARN(value(in.GranteePrincipal))}
	grants, next, err := a.keys.Grants(ctx, id, filter, page(in.Limit, in.Marker))
	if err != nil {
		return nil, err
	}
	out := &awskms.ListGrantsResponse{Grants: make([]awskms.GrantListEntry, len(grants)), NextMarker: next, Truncated: new(next != "")}
	for i, grant := range grants {
		out.Grants[i] = awskms.GrantListEntry{
			KeyId: grant.Key.ARN(), GrantId: grant.ID, Name: grant.Name, CreationDate: awskms.Timestamp{Time: grant.CreatedAt},
			GranteePrincipal: grant.Grantee, RetiringPrincipal: grant.Retiring, IssuingAccount: grant.Issuer, Operations: grant.Operations,
		}
		if grant.Equals != nil || grant.Subset != nil {
			out.Grants[i].Constraints = &awskms.GrantConstraints{EncryptionContextEquals: grant.Equals, EncryptionContextSubset: grant.Subset}
		}
	}
	return out, nil
}

// RevokeGrant implements [awskms.Service].
func (a *api) RevokeGrant(ctx context.Context, in *awskms.RevokeGrantRequest) error {
	id, err := a.anyones(ctx, iam.RevokeGrant, in.KeyId, nil)
	if err != nil {
		return err
	}
	if _, err := a.keys.Describe(ctx, id); err != nil {
		return err
	}
	return a.removeGrant(ctx, id, in.GrantId, in.DryRun)
}

func (a *api) removeGrant(ctx context.Context, id kms.KeyID, grantID string, dryRun *bool) error {
	if !value(dryRun) {
		return a.keys.RemoveGrant(ctx, id, grantID)
	}
	if _, err := a.keys.Grant(ctx, id, grantID); err != nil {
		return err
	}
	return kms.DryRun()
}

// RetireGrant implements [awskms.Service]. Who may retire a grant is for the
// grant to say; policies can only deny it.
func (a *api) RetireGrant(ctx context.Context, in *awskms.RetireGrantRequest) error {
	c := callerOf(ctx)
	grant, err := a.grantToRetire(ctx, in)
	if err != nil {
		return err
	}
	may, err := a.keys.MayRetire(ctx, c.Principal, grant)
	if err != nil {
		return err
	}
	question := a.keys.Question(kms.Use{Principal: c.Principal, Action: iam.RetireGrant, Key: kms.Reference{KeyID: grant.Key}})
	if !may {
		return &iam.DeniedError{Request: question}
	}
	question.Granted = func(context.Context) (bool, error) { return true, nil }
	if err := a.authorize(ctx, question, nil); err != nil {
		return err
	}
	return a.removeGrant(ctx, grant.Key, grant.ID, in.DryRun)
}

// grantToRetire returns the grant that a request names, by its token or by its
// key and id.
func (a *api) grantToRetire(ctx context.Context, in *awskms.RetireGrantRequest) (kms.Grant, error) {
	c := callerOf(ctx)
	switch {
	case in.GrantToken != nil && (in.GrantId != nil || in.KeyId != nil):
		return kms.Grant{}, refuse(kms.CodeValidation, "You cannot specify a grant token together with a key ID or grant ID.")
	case in.GrantToken != nil:
		return a.keys.GrantOfToken(ctx, *in.GrantToken)
	case in.GrantId == nil || in.KeyId == nil:
		return kms.Grant{}, refuse(kms.CodeValidation, "You must specify a grant token, or both a key ID and a grant ID.")
	}
	id, err := kms.Resolve(c.home(), *in.KeyId)
	if err != nil {
		return kms.Grant{}, err
	}
	return a.keys.Grant(ctx, id, *in.GrantId)
}
