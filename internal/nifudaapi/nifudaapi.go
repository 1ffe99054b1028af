// Package nifudaapi is the control plane of what the APIs of AWS have no
// operation for: the accounts and nodes of the installation, explanations of
// access, quotas, bringing back what was deleted and letting go of it, and how
// blobs are sealed.
//
// It is a thin translation like package ecrapi. [New] binds the operations of
// [nifuda.Service] to the domain and returns what the protocol of package
// awsjson serves. The model is public, so that the AWS CLI has the operations
// too (models/ of the project).
package nifudaapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/awsjson"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/kms"
	"github.com/nifuda/nifuda/internal/nifuda"
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

// Accounts keeps the accounts. [identity.Identities] is one.
type Accounts interface {
	// CreateAccount makes an account and its root's access key; an empty id is a
	// random one.
	CreateAccount(ctx context.Context, id, name string) (identity.Account, identity.NewAccessKey, error)
	// Account returns an account.
	Account(ctx context.Context, id string) (identity.Account, error)
	// Accounts returns a page of the accounts.
	Accounts(ctx context.Context, p identity.Page) (accounts []identity.Account, next string, err error)
	// CreateAccessKey makes an access key of a user, or of the root without a name.
	CreateAccessKey(ctx context.Context, account, user string) (identity.NewAccessKey, error)
	// ReplaceRootAccessKeys makes an access key of the root in place of all others.
	ReplaceRootAccessKeys(ctx context.Context, account string) (identity.NewAccessKey, error)
	// PrincipalNamed returns the principal with an ARN.
	PrincipalNamed(ctx context.Context, arn string) (iam.Principal, error)
}

// Repositories keep images, and what was deleted of them. [registry.Registry] is one.
type Repositories interface {
	// TagHistory returns a page of what happened to a tag.
	TagHistory(ctx context.Context, n registry.RepositoryName, tag string, after registry.Cursor, limit int) ([]registry.TagChange, registry.Cursor, error)
	// SearchRepositories returns a page of the repositories that are looked for.
	SearchRepositories(ctx context.Context, in registry.RepositorySearch, after registry.Cursor, limit int) ([]registry.FoundRepository, registry.Cursor, error)
	// SearchImages returns a page of the images that are looked for.
	SearchImages(ctx context.Context, in registry.ImageSearch, after registry.Cursor, limit int) ([]registry.FoundImage, registry.Cursor, error)
	// SearchTags returns a page of the tags that begin with a prefix.
	SearchTags(ctx context.Context, n registry.RepositoryName, prefix string, after registry.Cursor, limit int) ([]registry.FoundTag, registry.Cursor, error)
	// PullStatistics returns how often something was pulled, and a page of the days.
	PullStatistics(ctx context.Context, in registry.PullStatistics, after registry.Cursor, limit int) (total registry.Pulled, days []registry.Pulled, next registry.Cursor, err error)
	// DeletedImages returns a page of what can be restored in a repository.
	DeletedImages(ctx context.Context, n registry.RepositoryName, filter registry.DeletedFilter, after registry.Cursor, limit int) ([]registry.DeletedImage, registry.Cursor, error)
	// DeletedTags returns which deletion is meant, and what tags went with it.
	DeletedTags(ctx context.Context, n registry.RepositoryName, digest, deletionID string) (id string, tags []string, err error)
	// DeletedRepositories returns a page of what can be restored of a registry.
	DeletedRepositories(ctx context.Context, id registry.ID, name string, after registry.Cursor, limit int) ([]registry.DeletedRepository, registry.Cursor, error)
	// RestorationKey returns the KMS key of the repository that is meant.
	RestorationKey(ctx context.Context, in registry.RepositoryRestoration) (registry.RestorationKey, error)
	// RestoreImage, RestoreTag and RestoreRepository bring back what was deleted.
	RestoreImage(ctx context.Context, in registry.ImageRestoration) (registry.RestoredImage, error)
	RestoreTag(ctx context.Context, in registry.TagRestoration) (registry.RestoredTag, error)
	RestoreRepository(ctx context.Context, in registry.RepositoryRestoration) (registry.Repository, error)
}

// Keys are the KMS keys that repositories are encrypted with. [kms.Service] is
// one.
type Keys interface {
	// Describe returns a key.
	Describe(ctx context.Context, id kms.KeyID) (kms.Key, error)
	// Question is what an authorizer is to be asked before a key is used.
	Question(u kms.Use) iam.Request
}

// Sealing is how blobs are sealed at rest. [registry.Registry] is one.
type Sealing interface {
	// Sealing returns how far sealing has come.
	Sealing(ctx context.Context) (registry.SealingState, error)
	// RotateSealingKey makes a new key the current one of the key ring.
	RotateSealingKey(ctx context.Context) error
	// RetireSealingKey takes a key off the ring.
	RetireSealingKey(ctx context.Context, id string) error
}

// An Authorizer decides and explains. The one of package access is one.
type Authorizer interface {
	iam.Authorizer
	// Explain returns the decision on a request and what it depends on.
	Explain(ctx context.Context, r iam.Request) (iam.Decision, error)
}

// SignIns are of users who know the password of their login profile.
// [identity.Identities] has them.
type SignIns interface {
	// SignInAccount returns the number of an account that has an alias.
	SignInAccount(ctx context.Context, account string) (string, error)
	// SignIn begins a session of a user.
	SignIn(ctx context.Context, in identity.SignIn) (identity.SignedIn, error)
}

// A Guard slows down those who guess. [authn.Guard] is one.
type Guard interface {
	// Admit refuses who has guessed too often.
	Admit(ctx context.Context, plane authn.Plane, who string) error
	// Failed counts a wrong guess, Succeeded a right one.
	Failed(ctx context.Context, plane authn.Plane, who, reason string)
	Succeeded(ctx context.Context, who string)
}

// Options are what [New] needs. All but Audit, Domain and Now are required.
type Options struct {
	Accounts     Accounts
	SignIns      SignIns
	Guard        Guard
	Repositories Repositories
	Insight      Insight
	Keys         Keys
	Sealing      Sealing
	Collector    Collector
	Quotas       Quotas
	Nodes        Nodes
	Verifier     Verifier
	// Audit has the records of this node; nil where they are in no file.
	Audit AuditTrail
	// Authenticator accepts [nifuda.SigningName].
	Authenticator Authenticator
	Authorizer    Authorizer
	// Domain is what the host names of registries end in, see
	// [authn.Endpoint.OfRegistry].
	Domain string
	// Home is the account that the others are managed from.
	Home string
	// Now is the clock that conditions on the time look at; nil means time.Now.
	Now func() time.Time
}

// New returns the service, for [awsjson.New].
func New(o Options) awsjson.Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &api{Options: o}
	operations := nifuda.Operations(a)
	for name, operation := range operations {
		operations[name] = explained(operation)
	}
	return awsjson.Service{
		Name:         "nifuda",
		TargetPrefix: nifuda.TargetPrefix,
		JSONVersion:  nifuda.JSONVersion,
		Operations:   operations,
		Unsigned:     map[string]func(*http.Request) context.Context{"SignIn": (*http.Request).Context},
		Precheck:     a.precheck,
		Authenticate: a.authenticate,
		FaultCode:    "ServerException",
	}
}

type api struct {
	nifuda.Unimplemented
	Options
}

func (a *api) precheck(r *http.Request) error {
	return explain(a.Authenticator.Precheck(r.Context(), r))
}

type callerKey struct{}

// authenticate puts the caller into the context of the operation.
func (a *api) authenticate(r *http.Request, body []byte) (context.Context, error) {
	caller, err := a.Authenticator.Verify(r.Context(), r, body)
	if err != nil {
		return nil, explain(fmt.Errorf("authenticate: %w", err))
	}
	httpx.RecordOf(r.Context()).Principal = caller.Principal.ARN
	return context.WithValue(r.Context(), callerKey{}, call{caller, r}), nil
}

// A call is who calls, and how.
type call struct {
	authn.Identity
	request *http.Request
}

// callOf returns who calls. Without a caller there is nobody to act for, and it
// panics.
func callOf(ctx context.Context) call { return ctx.Value(callerKey{}).(call) }

// authorize asks whether the caller may take an action on a resource of an account.
func (a *api) authorize(ctx context.Context, action, resource, account string) error {
	return a.authorizeTags(ctx, action, resource, account, nil)
}

// authorizeTags is authorize with the image tags that the action is about, see
// [iam.Request].
func (a *api) authorizeTags(ctx context.Context, action, resource, account string, tags func(context.Context) ([][]string, error)) error {
	c := callOf(ctx)
	err := a.Authorizer.Authorize(ctx, iam.Request{
		Principal: c.Principal, Action: action, Resource: resource, ResourceAccount: account, ImageTags: tags,
		Keys: func() iam.Keys { return authn.Conditions(c.request, c.Region, a.Now()) },
	})
	if err != nil {
		return fmt.Errorf("authorize %s: %w", action, err)
	}
	return nil
}

// value is what an optional member holds; absent ones hold zero.
func value[T any](member *T) T {
	if member == nil {
		var zero T
		return zero
	}
	return *member
}
