// Package iamapi is the control plane of identities: the AWS APIs of IAM and
// STS, as SDKs, the AWS CLI and Terraform call them.
//
// It is a thin translation. [New] binds the operations of [awsiam.Service] and
// [sts.Service] to the domain and returns what the protocol of package awsquery
// serves. Each operation first asks the authorizer for the action that it
// stands for, so that a refusal does not tell what exists. Whatever is not built
// yet answers NotImplementedException.
package iamapi

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/awsquery"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/sts"
)

// SigningNames are the services that the authenticator must accept.
var SigningNames = []string{awsiam.SigningName, sts.SigningName}

// An Authenticator finds out who calls. [authn.Verifier] is one.
type Authenticator interface {
	// Verify returns who sent a request with that body, an [*authn.Error] that
	// refuses the caller, or the error that kept it from looking.
	Verify(ctx context.Context, r *http.Request, body []byte) (authn.Identity, error)
	// Precheck returns those errors of Verify that need no body.
	Precheck(ctx context.Context, r *http.Request) error
}

// Options are what [New] needs.
type Options struct {
	// Authenticator accepts the [SigningNames].
	Authenticator Authenticator
	Authorizer    iam.Authorizer
	Identities    *identity.Identities
	// Region is what requests without a signature mean; empty is none.
	Region string
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// An API is both services.
type API struct {
	authenticator Authenticator
	authorizer    iam.Authorizer
	identities    *identity.Identities
	region        string
	now           func() time.Time
}

// New returns the services.
func New(o Options) *API {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &API{authenticator: o.Authenticator, authorizer: o.Authorizer, identities: o.Identities, region: o.Region, now: o.Now}
}

// Services returns what package awsquery serves.
func (a *API) Services() []awsquery.Service {
	return []awsquery.Service{
		{
			Name:         "iam",
			Version:      awsiam.APIVersion,
			Namespace:    awsiam.XMLNamespace,
			Operations:   explained(awsiam.Operations(&iamService{API: a})),
			Authenticate: a.authenticate(awsiam.SigningName),
			FaultCode:    "ServiceFailure",
		},
		{
			Name:         "sts",
			Version:      sts.APIVersion,
			Namespace:    sts.XMLNamespace,
			Operations:   explained(sts.Operations(&stsService{API: a})),
			Unsigned:     map[string]func(*http.Request) context.Context{"AssumeRoleWithWebIdentity": a.anonymously},
			Authenticate: a.authenticate(sts.SigningName),
		},
	}
}

// iamService answers the operations of IAM.
type iamService struct {
	awsiam.Unimplemented
	*API
}

// stsService answers the operations of STS.
type stsService struct {
	sts.Unimplemented
	*API
}

// Precheck refuses what both services refuse without looking at the body.
func (a *API) Precheck(r *http.Request) error {
	return explain(a.authenticator.Precheck(r.Context(), r))
}

type callerKey struct{}

// authenticate puts the caller into the context of the operation. The signature
// must be one for the service: what is signed for STS says nothing in IAM.
func (a *API) authenticate(service string) func(*http.Request, []byte) (context.Context, error) {
	return func(r *http.Request, body []byte) (context.Context, error) {
		identity, err := a.authenticator.Verify(r.Context(), r, body)
		if err != nil {
			return nil, explain(fmt.Errorf("authenticate: %w", err))
		}
		if identity.Service != service {
			return nil, signatureDoesNotMatch("Credential should be scoped to correct service: '" + service + "'.")
		}
		httpx.RecordOf(r.Context()).Principal = identity.Principal.ARN
		return context.WithValue(r.Context(), callerKey{}, caller{identity, r}), nil
	}
}

// anonymously puts nobody into the context of an operation that needs no
// signature.
func (a *API) anonymously(r *http.Request) context.Context {
	nobody := authn.Identity{Principal: iam.Anonymous(), Region: a.region}
	return context.WithValue(r.Context(), callerKey{}, caller{nobody, r})
}

// A caller is who calls, and the request that it calls with.
type caller struct {
	authn.Identity
	request *http.Request
}

// callerOf returns who calls. Without a caller there is nobody to act for, and
// it panics.
func callerOf(ctx context.Context) caller { return ctx.Value(callerKey{}).(caller) }

// authorize asks whether the caller may take an action on a resource of an
// account. It comes before anything is looked up. keys returns the condition
// keys of this operation alone and may be nil.
func (a *API) authorize(ctx context.Context, action, resource, account string, keys func() iam.Keys) error {
	c := callerOf(ctx)
	err := a.authorizer.Authorize(ctx, iam.Request{
		Principal:       c.Principal,
		Action:          action,
		Resource:        resource,
		ResourceAccount: account,
		Keys: func() iam.Keys {
			all := a.requestKeys(ctx)
			if keys != nil {
				maps.Copy(all, keys())
			}
			return all
		},
	})
	if err != nil {
		return fmt.Errorf("authorize %s: %w", action, err)
	}
	return nil
}

// requestKeys are the condition keys that every request has.
func (a *API) requestKeys(ctx context.Context) iam.Keys {
	c := callerOf(ctx)
	return authn.Conditions(c.request, c.Region, a.now())
}

// authorizeAtHome is authorize in the caller's own account, which it returns.
func (a *API) authorizeAtHome(ctx context.Context, action, resource string) (account string, err error) {
	account = callerOf(ctx).Principal.Account
	return account, a.authorize(ctx, action, resource, account, nil)
}
