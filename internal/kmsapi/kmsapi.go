// Package kmsapi is the control plane of keys: the API of the AWS Key Management
// Service, as SDKs, the AWS CLI and Terraform call it.
//
// It is a thin translation like package ecrapi. [New] binds the operations of
// [awskms.Service] to package kms and returns what the protocol of package
// awsjson serves. Each operation first asks the authorizer for the action that
// it stands for, so that a refusal does not tell what exists.
package kmsapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/awsjson"
	"github.com/nifuda/nifuda/internal/awskms"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/kms"
)

// An Authenticator finds out who calls. [authn.Verifier] is one.
type Authenticator interface {
	// Verify returns who sent a request with that body, an [*authn.Error] that
	// refuses the caller, or the error that kept it from looking.
	Verify(ctx context.Context, r *http.Request, body []byte) (authn.Identity, error)
	// Precheck returns those errors of Verify that need no body.
	Precheck(ctx context.Context, r *http.Request) error
}

// An Authorizer decides, and looks at new policies. The one of package access is
// one.
type Authorizer interface {
	iam.Authorizer
	// CheckKeyPolicy refuses with an [*iam.PolicyError] a policy that names
	// principals who do not exist and, unless force, with an [*iam.DeniedError] one
	// under which the request would be refused.
	CheckKeyPolicy(ctx context.Context, r iam.Request, policy *iam.Document, force bool) (iam.Pins, error)
}

// Principals knows whom grants may name.
type Principals interface {
	// FindPrincipal reports whether there is an account, user, role or session
	// of a role with an ARN.
	FindPrincipal(ctx context.Context, arn string) (id string, exists bool, err error)
}

// Options are what [New] needs. All but Now are required.
type Options struct {
	Keys *kms.Service
	// Authenticator accepts [awskms.SigningName].
	Authenticator Authenticator
	Authorizer    Authorizer
	Principals    Principals
	// Now is the clock that conditions on the time look at; nil means time.Now.
	Now func() time.Time
}

// New returns the service, for [awsjson.New].
func New(o Options) awsjson.Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &api{keys: o.Keys, authenticator: o.Authenticator, authorizer: o.Authorizer, principals: o.Principals, now: o.Now}
	operations := awskms.Operations(a)
	for name, operation := range operations {
		operations[name] = explained(operation)
	}
	return awsjson.Service{
		Name:         "kms",
		TargetPrefix: awskms.TargetPrefix,
		JSONVersion:  awskms.JSONVersion,
		Operations:   operations,
		Precheck:     a.precheck,
		Authenticate: a.authenticate,
		FaultCode:    "KMSInternalException",
	}
}

type api struct {
	keys          *kms.Service
	authenticator Authenticator
	authorizer    Authorizer
	principals    Principals
	now           func() time.Time
}

var _ awskms.Service = (*api)(nil)

func (a *api) precheck(r *http.Request) error {
	return explain(a.authenticator.Precheck(r.Context(), r))
}

type callerKey struct{}

// authenticate puts the caller into the context of the operation.
func (a *api) authenticate(r *http.Request, body []byte) (context.Context, error) {
	identity, err := a.authenticator.Verify(r.Context(), r, body)
	if err != nil {
		return nil, explain(fmt.Errorf("authenticate: %w", err))
	}
	httpx.RecordOf(r.Context()).Principal = identity.Principal.ARN
	return context.WithValue(r.Context(), callerKey{}, caller{identity, r}), nil
}

// A caller is who calls, and the request that it calls with.
type caller struct {
	authn.Identity
	request *http.Request
}

// callerOf returns who calls. Without a caller there is nobody to act for, and it
// panics.
func callerOf(ctx context.Context) caller { return ctx.Value(callerKey{}).(caller) }

// home is the caller's own account in the region that the call is for.
func (c caller) home() kms.Place { return kms.Place{Account: c.Principal.Account, Region: c.Region} }

// value is what an optional member holds; absent ones hold zero.
func value[T any](member *T) T {
	if member == nil {
		var zero T
		return zero
	}
	return *member
}
