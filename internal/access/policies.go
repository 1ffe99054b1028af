package access

import (
	"context"

	"github.com/nifuda/nifuda/internal/iam"
)

// CheckRepositoryPolicy looks at what the text of a repository's new policy does
// not tell, and returns the ids of the principals that it names. It refuses with
// an [*iam.PolicyError] a policy that names principals who do not exist and,
// unless force, with an [*iam.DeniedError] one under which the request, which is
// to set a policy again, would be refused.
func (a *Authorizer) CheckRepositoryPolicy(ctx context.Context, r iam.Request, policy *iam.Document, force bool) (iam.Pins, error) {
	return a.checkPolicy(ctx, r, policy, force, func(now *iam.Target, then iam.NamedPolicy) iam.Target {
		return iam.Target{Keys: now.Keys, Policies: append([]iam.NamedPolicy{then}, now.Inherited...)}
	})
}

// CheckKeyPolicy is CheckRepositoryPolicy for the policy of a KMS key.
func (a *Authorizer) CheckKeyPolicy(ctx context.Context, r iam.Request, policy *iam.Document, force bool) (iam.Pins, error) {
	return a.checkPolicy(ctx, r, policy, force, func(now *iam.Target, then iam.NamedPolicy) iam.Target {
		return iam.Target{Trust: true, Keys: now.Keys, Policies: []iam.NamedPolicy{then}}
	})
}

// checkPolicy makes the target that the resource would be under the new policy.
func (a *Authorizer) checkPolicy(ctx context.Context, r iam.Request, policy *iam.Document, force bool, under func(now *iam.Target, then iam.NamedPolicy) iam.Target) (iam.Pins, error) {
	pins, err := a.pin(ctx, policy)
	if err != nil || force {
		return pins, err
	}
	now, err := a.target(ctx, r)
	if err != nil {
		return nil, err
	}
	then := under(now, iam.NamedPolicy{Name: "new policy", Document: policy.Pinned(pins)})
	return pins, a.authorize(ctx, r, &then)
}

// CheckRegistryPolicy returns the ids of the principals that a registry's new
// policy names, and refuses with an [*iam.PolicyError] one that names principals
// who do not exist. It locks nobody out: what sets and deletes it touches no
// repository, and is not for it to decide.
func (a *Authorizer) CheckRegistryPolicy(ctx context.Context, policy *iam.Document) (iam.Pins, error) {
	return a.pin(ctx, policy)
}

// pin returns the unique ids of the principals that a policy names.
func (a *Authorizer) pin(ctx context.Context, policy *iam.Document) (iam.Pins, error) {
	pins, missing, err := policy.Pin(func(arn string) (string, bool, error) { return a.principals.FindPrincipal(ctx, arn) })
	if err == nil && missing != "" {
		err = &iam.PolicyError{Message: "Invalid principal in policy", Detail: "principal " + missing + " does not exist"}
	}
	return pins, err
}
