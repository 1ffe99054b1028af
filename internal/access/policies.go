package access

import (
	"context"
	"fmt"
	"slices"

	"github.com/nifuda/nifuda/internal/iam"
)

// CheckRepositoryPolicy looks at what the text of a repository's new policy does
// not tell. It refuses with an [*iam.PolicyError] a policy that names principals
// who do not exist and, unless force, with an [*iam.DeniedError] one under which
// the request, which is to set a policy again, would be refused.
func (a *Authorizer) CheckRepositoryPolicy(ctx context.Context, r iam.Request, policy *iam.Document, force bool) error {
	if err := a.checkPrincipals(ctx, policy); err != nil || force {
		return err
	}
	now, err := a.target(ctx, r)
	if err != nil {
		return err
	}
	then := iam.Target{Keys: now.Keys, Policies: append([]iam.NamedPolicy{{Name: "new policy", Document: policy}}, now.Inherited...)}
	return a.authorize(ctx, r, &then)
}

// CheckKeyPolicy looks at what the text of a KMS key's new policy does not tell.
// It refuses with an [*iam.PolicyError] a policy that names principals who do not
// exist and, unless force, with an [*iam.DeniedError] one under which the request,
// which is to set a policy again, would be refused.
func (a *Authorizer) CheckKeyPolicy(ctx context.Context, r iam.Request, policy *iam.Document, force bool) error {
	if err := a.checkPrincipals(ctx, policy); err != nil || force {
		return err
	}
	now, err := a.target(ctx, r)
	if err != nil {
		return err
	}
	return a.authorize(ctx, r, &iam.Target{Trust: true, Keys: now.Keys, Policies: []iam.NamedPolicy{{Name: "new policy", Document: policy}}})
}

// CheckRegistryPolicy refuses with an [*iam.PolicyError] a registry's new policy
// that names principals who do not exist. It locks nobody out: what sets and
// deletes it touches no repository, and is not for it to decide.
func (a *Authorizer) CheckRegistryPolicy(ctx context.Context, policy *iam.Document) error {
	return a.checkPrincipals(ctx, policy)
}

func (a *Authorizer) checkPrincipals(ctx context.Context, policy *iam.Document) error {
	for _, s := range policy.Statements {
		for _, p := range slices.Concat(s.Principals, s.NotPrincipals) {
			if p.Type != iam.AWS {
				continue
			}
			exists, err := a.principals.PrincipalExists(ctx, p.Value)
			if err != nil {
				return fmt.Errorf("find principal %s: %w", p.Value, err)
			}
			if !exists {
				return &iam.PolicyError{Message: "Invalid principal in policy", Detail: "principal " + p.Value + " does not exist"}
			}
		}
	}
	return nil
}
