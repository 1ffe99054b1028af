// Package access decides who may do what: it is the one [iam.Authorizer] of the
// product.
//
// It holds no policy itself. For each request it gathers what counts for the
// caller, from [Callers], and for the resource, from [Targets], and lets
// [iam.Evaluate] decide. Whoever keeps those keeps them in memory too, and lets
// go of them with the change that outdates them, so that a right which is
// revoked ends with the answer to the revocation. Where something cannot be
// found out, nothing is allowed.
package access

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nifuda/nifuda/internal/iam"
)

// ErrUnknownCaller is what a [Callers] answers for a principal who exists no
// more. It is denied everything.
var ErrUnknownCaller = errors.New("unknown caller")

// Callers knows what counts for principals.
type Callers interface {
	// Caller returns the policies and condition keys of a principal,
	// [ErrUnknownCaller], or the error that kept it from looking. The result is
	// not changed.
	Caller(ctx context.Context, p iam.Principal) (*iam.Caller, error)
}

// Targets knows what counts for resources.
type Targets interface {
	// Target returns what counts for an action on a resource, given by its ARN.
	// It says nothing of whether the resource exists. The result is not changed.
	Target(ctx context.Context, action, resource string) (*iam.Target, error)
}

// Principals knows whom the policies of resources may name.
type Principals interface {
	// FindPrincipal reports whether there is an account, user, role or session of
	// a role with an ARN, and the unique id of what has one.
	FindPrincipal(ctx context.Context, arn string) (id string, exists bool, err error)
}

// An Authorizer decides on requests. It is safe for concurrent use.
type Authorizer struct {
	callers    Callers
	targets    Targets
	principals Principals
}

// New returns an authorizer of the callers, for which the policies of targets
// count: of repositories with those of their registries, and of KMS keys.
// principals says whom those may name.
func New(callers Callers, targets Targets, principals Principals) *Authorizer {
	return &Authorizer{callers: callers, targets: targets, principals: principals}
}

// Authorize implements [iam.Authorizer].
func (a *Authorizer) Authorize(ctx context.Context, r iam.Request) error {
	target, err := a.target(ctx, r)
	if err != nil {
		return err
	}
	if isUnquestioned(r, target) {
		return nil
	}
	return a.authorize(ctx, r, target)
}

// isUnquestioned reports whether an account's root uses its own and no policy
// says anything about that, which is most of what a small installation sees.
func isUnquestioned(r iam.Request, target *iam.Target) bool {
	return len(target.Policies) == 0 && r.Principal.IsRoot() && r.Principal.Account == r.ResourceAccount && !isTemporary(r.Principal)
}

// isTemporary reports whether a session is behind the caller, which may have
// policies.
func isTemporary(p iam.Principal) bool { return strings.HasPrefix(p.AccessKeyID, "ASIA") }

func (a *Authorizer) authorize(ctx context.Context, r iam.Request, target *iam.Target) error {
	decision, told, err := a.decide(ctx, r, target)
	if err != nil {
		return err
	}
	if decision.Outcome != iam.Allowed {
		return &iam.DeniedError{Request: r, Reason: told.Reason, Explicit: decision.Outcome == iam.ExplicitDeny}
	}
	return nil
}

// Explain decides as Authorize does and tells which statements decided. Of the
// decisions on several image tags it is the first that refuses, or else the last.
func (a *Authorizer) Explain(ctx context.Context, r iam.Request) (iam.Decision, error) {
	target, err := a.target(ctx, r)
	if err != nil {
		return iam.Decision{}, err
	}
	_, told, err := a.decide(ctx, r, target)
	return told, err
}

// nothing is the target of an action that touches no resource with policies.
var nothing iam.Target

// target returns what counts for the resource: something for repositories and
// keys alone. Actions that touch none are for the identity's policies to decide
// (spec 2.7).
func (a *Authorizer) target(ctx context.Context, r iam.Request) (*iam.Target, error) {
	ofKey := strings.HasPrefix(r.Action, "kms:") && iam.IsKeyARN(r.Resource)
	if !iam.IsOfRepositories(r.Action, r.Resource) && !ofKey {
		return &nothing, nil
	}
	target, err := a.targets.Target(ctx, r.Action, r.Resource)
	if err != nil {
		return nil, fmt.Errorf("find policies of %s: %w", r.Resource, err)
	}
	return target, nil
}

// decide returns the decision, and what its caller may be told of it, which is
// the same but for who is refused by another account, see [stranger].
func (a *Authorizer) decide(ctx context.Context, r iam.Request, target *iam.Target) (decision, told iam.Decision, err error) {
	caller, err := a.caller(ctx, r.Principal)
	if errors.Is(err, ErrUnknownCaller) {
		none := iam.Decision{Outcome: iam.ImplicitDeny, Reason: "because no identity-based policy allows the " + r.Action + " action"}
		return none, none, nil
	}
	if err != nil {
		return decision, told, fmt.Errorf("find policies of %s: %w", r.Principal.ARN, err)
	}
	q := iam.Query{
		Caller: caller, Action: r.Action, Resource: r.Resource, ResourceAccount: r.ResourceAccount,
		ResourcePolicies: target.Policies, ResourceKeys: target.Keys, Trust: target.Trust,
	}
	if anyPolicy(&q, (*iam.Document).IsConditional) {
		q.RequestKeys = requestKeys(r)
	}
	if r.ImageTags == nil || !anyPolicy(&q, mentionsImageTag) {
		decision = iam.Evaluate(q)
	} else if decision, err = decideOnTags(ctx, q, r); err != nil {
		return decision, told, err
	}
	if decision.Outcome == iam.ImplicitDeny && r.Granted != nil {
		if q.Granted, err = r.Granted(ctx); err != nil {
			return decision, told, fmt.Errorf("find grants of %s for %s: %w", r.Resource, r.Action, err)
		}
		if q.Granted {
			decision = iam.Evaluate(q)
		}
	}
	if decision.Outcome == iam.Allowed || decision.ResourceAllows || caller.Principal.Account == r.ResourceAccount {
		return decision, decision, nil
	}
	return decision, iam.Evaluate(stranger(q)), nil
}

// stranger is a query without what only those may learn whom an account lets
// into its repository: that there is one, its policies and tags, and the tags of
// its images. A policy of the caller's own account would tell them by whether
// its conditions hold.
func stranger(q iam.Query) iam.Query {
	q.ResourcePolicies, q.ResourceKeys = nil, nil
	delete(q.RequestKeys, iam.ImageTag)
	return q
}

func (a *Authorizer) caller(ctx context.Context, p iam.Principal) (*iam.Caller, error) {
	if p.IsAnonymous() {
		return &iam.Caller{Principal: p}, nil
	}
	return a.callers.Caller(ctx, p)
}

// decideOnTags makes one decision for each list of image tags. The first that
// refuses counts.
func decideOnTags(ctx context.Context, q iam.Query, r iam.Request) (iam.Decision, error) {
	lists, err := r.ImageTags(ctx)
	if err != nil {
		return iam.Decision{}, fmt.Errorf("find image tags for %s on %s: %w", r.Action, r.Resource, err)
	}
	if len(lists) == 0 {
		lists = [][]string{nil}
	}
	var decision iam.Decision
	for _, tags := range lists {
		if len(tags) > 0 {
			q.RequestKeys[iam.ImageTag] = tags
		} else {
			delete(q.RequestKeys, iam.ImageTag)
		}
		if decision = iam.Evaluate(q); decision.Outcome != iam.Allowed {
			break
		}
	}
	return decision, nil
}

func requestKeys(r iam.Request) iam.Keys {
	keys := iam.Keys{}
	if r.Keys != nil {
		keys = r.Keys()
	}
	if r.ResourceAccount != "" {
		keys["aws:resourceaccount"] = []string{r.ResourceAccount}
	}
	return keys
}

func mentionsImageTag(d *iam.Document) bool { return d.Mentions(iam.ImageTag) }

// anyPolicy reports whether something is true of a policy that counts.
func anyPolicy(q *iam.Query, is func(*iam.Document) bool) bool {
	if q.Caller.Boundary != nil && is(q.Caller.Boundary.Document) {
		return true
	}
	for _, policies := range [...][]iam.NamedPolicy{q.ResourcePolicies, q.Caller.Identity, q.Caller.Session} {
		for _, p := range policies {
			if is(p.Document) {
				return true
			}
		}
	}
	return false
}
