// Package ecrapi is the control plane: the AWS API of Amazon ECR, as SDKs, the
// AWS CLI and Terraform call it.
//
// It is a thin translation. [New] binds the operations of [ecr.Service] to one
// [registry.Registry] and returns what the protocol of package awsjson serves.
// Each operation first asks the authorizer for the action that it stands for,
// so that a refusal does not tell what exists; then one method of the registry
// does the work, and its answer is put into ECR's shapes. Whatever of ECR is
// not built yet answers NotImplementedException. docs/compatibility.md lists
// what every operation does.
package ecrapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/awsjson"
	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/ratelimit"
	"github.com/nifuda/nifuda/internal/registry"
)

// An Authenticator finds out who calls. [authn.Verifier] is one.
type Authenticator interface {
	// Verify returns who sent a request with that body, an [*authn.Error] that
	// refuses the caller, or the error that kept it from looking.
	Verify(ctx context.Context, r *http.Request, body []byte) (authn.Identity, error)
	// Precheck returns those errors of Verify that need no body.
	Precheck(ctx context.Context, r *http.Request) error
}

// An Authorizer decides who may call what, and what repository and registry
// policies may say. [access.Authorizer] is one.
type Authorizer interface {
	iam.Authorizer
	// CheckRepositoryPolicy refuses with an [*iam.PolicyError] a policy that
	// names principals who do not exist and, unless force, with an
	// [*iam.DeniedError] one under which the request would be refused.
	CheckRepositoryPolicy(ctx context.Context, r iam.Request, policy *iam.Document, force bool) (iam.Pins, error)
	// CheckRegistryPolicy refuses with an [*iam.PolicyError] a policy that names
	// principals who do not exist.
	CheckRegistryPolicy(ctx context.Context, policy *iam.Document) (iam.Pins, error)
}

// Options are what [New] needs. All but Keys, Limiter, Domain and Now are required.
type Options struct {
	Registry *registry.Registry
	// Keys are those that repositories may name; without them the registry knows
	// names itself.
	Keys          Keys
	Authenticator Authenticator
	Authorizer    Authorizer
	// Limiter keeps callers to their rates; nil admits all.
	Limiter *ratelimit.Limiter
	// Tokens issues the passwords of docker clients.
	Tokens *authn.Tokens
	// Downloads signs the addresses of GetDownloadUrlForLayer, which are at
	// DownloadPath of the host that the call came in on.
	Downloads    *authn.Downloads
	DownloadPath string
	// Domain is what the host names of registries end in:
	// <account>.dkr.ecr.<region>.<Domain>. Without it repositories are at the
	// host that the call came in on.
	Domain string
	// Now is the clock that conditions on the time look at; nil means time.Now.
	Now func() time.Time
}

// targetPrefix stands before each operation's name in X-Amz-Target (spec A.1).
const targetPrefix = "AmazonEC2ContainerRegistry_V20150921"

// partBodyLimit is the size of an UploadLayerPart with the largest layer part,
// 20 MiB in base64, and everything else.
const partBodyLimit = 20<<20/3*4 + 64<<10

// New returns the service, for [awsjson.New].
func New(o Options) awsjson.Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &api{
		registry:      o.Registry,
		keys:          o.Keys,
		authenticator: o.Authenticator,
		authorizer:    o.Authorizer,
		limiter:       o.Limiter,
		tokens:        o.Tokens,
		downloads:     o.Downloads,
		downloadPath:  o.DownloadPath,
		domain:        o.Domain,
		now:           o.Now,
	}
	operations := ecr.Operations(a)
	for name, operation := range operations {
		operations[name] = explained(operation)
	}
	return awsjson.Service{
		Name:         "ecr",
		TargetPrefix: targetPrefix,
		JSONVersion:  "1.1",
		Operations:   operations,
		Limits:       map[string]int64{"UploadLayerPart": partBodyLimit},
		Precheck:     a.precheck,
		Authenticate: a.authenticate,
		FaultCode:    "ServerException",
	}
}

type api struct {
	ecr.Unimplemented
	registry      *registry.Registry
	keys          Keys
	authenticator Authenticator
	authorizer    Authorizer
	limiter       *ratelimit.Limiter
	tokens        *authn.Tokens
	downloads     *authn.Downloads
	downloadPath  string
	domain        string
	now           func() time.Time
}

// A caller is who sent a request, and where to.
type caller struct {
	authn.Identity
	endpoint authn.Endpoint
	request  *http.Request
}

type callerKey struct{}

func (a *api) precheck(r *http.Request) error {
	return explain(a.authenticator.Precheck(r.Context(), r))
}

// authenticate puts the caller into the context of the operation.
func (a *api) authenticate(r *http.Request, body []byte) (context.Context, error) {
	identity, err := a.authenticator.Verify(r.Context(), r, body)
	if err != nil {
		return nil, explain(fmt.Errorf("authenticate: %w", err))
	}
	record := httpx.RecordOf(r.Context())
	record.Principal = identity.Principal.ARN
	if err := a.limiter.Admit(r.Context(), ratelimit.Request{
		Principal: identity.Principal, Account: identity.Principal.Account, Region: identity.Region, Operation: record.Operation,
	}); err != nil {
		return nil, &ecr.Error{Code: authn.CodeThrottling, Message: err.Error(), Status: http.StatusBadRequest}
	}
	c := caller{Identity: identity, endpoint: authn.EndpointOf(r), request: r}
	return context.WithValue(r.Context(), callerKey{}, c), nil
}

// callerOf returns who calls. Without a caller there is nobody to act for, and
// it panics.
func callerOf(ctx context.Context) caller { return ctx.Value(callerKey{}).(caller) }

// home is the caller's own registry in the region that the call is for.
func (c caller) home() registry.ID {
	return registry.ID{Account: c.Principal.Account, Region: c.Region}
}

// registryID is the registry that a request means: the account's that it names,
// else the caller's (spec A.2).
func (c caller) registryID(account *string) registry.ID {
	id := c.home()
	if account != nil {
		id.Account = *account
	}
	return id
}

// endpointOf returns where the caller reaches a registry.
func (a *api) endpointOf(ctx context.Context, id registry.ID) authn.Endpoint {
	return callerOf(ctx).endpoint.OfRegistry(id.Account, id.Region, a.domain)
}

// repository returns the repository that a request names, if the caller may
// take the action on it.
func (a *api) repository(ctx context.Context, action string, account *string, name string, details ...detail) (registry.RepositoryName, error) {
	n := registry.RepositoryName{Registry: callerOf(ctx).registryID(account), Name: name}
	return n, a.authorize(ctx, action, n.ARN(), n.Registry, details...)
}

// authorizeAtHome is authorize for an action that touches no repository, on the
// caller's own registry. It returns the registry.
func (a *api) authorizeAtHome(ctx context.Context, action string, details ...detail) (registry.ID, error) {
	home := callerOf(ctx).home()
	return home, a.authorize(ctx, action, "*", home, details...)
}

// value is what an optional member holds; absent ones hold zero.
func value[T any](member *T) T {
	if member == nil {
		var zero T
		return zero
	}
	return *member
}
