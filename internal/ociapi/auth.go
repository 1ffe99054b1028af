package ociapi

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/ratelimit"
	"github.com/nifuda/nifuda/internal/registry"
)

// An Authenticator finds out who sends a request. [authn.Logins] is one. Both
// methods return [authn.ErrNoCredentials], [authn.ErrBadCredentials],
// [authn.ErrTokenExpired], or the error that kept them from looking.
type Authenticator interface {
	// Login returns whom the Authorization header names.
	Login(r *http.Request) (authn.Login, error)
	// Password returns whom a user name and a password name.
	Password(ctx context.Context, user, password string) (authn.Login, error)
}

// identify finds out who asks and which registry is meant (spec C.1): the one
// that the host names, else the one that the login was for, else the default.
// Like ECR's, a token is good for every registry of its region, and only there;
// an access key is good everywhere.
func (a *api) identify(r *http.Request, request Request) (call, error) {
	login, err := a.authenticator.Login(r)
	if err != nil {
		return call{}, err
	}
	id := registry.ID{Account: cmp.Or(login.Account, a.fallback.Account), Region: cmp.Or(login.Region, a.fallback.Region)}
	if account, region, ok := authn.HostRegistry(r.Host); ok {
		if region != id.Region && login.Region != "" {
			return call{}, &refusal{
				status: http.StatusForbidden, code: codeDenied,
				message: "Your authorization token was issued for the region " + id.Region + " and is not valid in " + region + ". Request one in that region and log in with it.",
			}
		}
		id = registry.ID{Account: account, Region: region}
	}
	return call{
		Request:    request,
		principal:  login.Principal,
		repository: registry.RepositoryName{Registry: id, Name: request.Name},
		api:        a,
		http:       r,
	}, nil
}

// registryOf is the registry that a request means which nobody has signed.
func (a *api) registryOf(r *http.Request) registry.ID {
	if account, region, ok := authn.HostRegistry(r.Host); ok {
		return registry.ID{Account: account, Region: region}
	}
	return a.fallback
}

// challenge answers a request whose caller is not known. Unlike ECR, an expired
// token gets 401 too, without which clients would not sign in again.
func (a *api) challenge(w http.ResponseWriter, r *http.Request, request Request, err error) {
	expired := errors.Is(err, authn.ErrTokenExpired)
	if !expired && !errors.Is(err, authn.ErrNoCredentials) && !errors.Is(err, authn.ErrBadCredentials) {
		a.fail(w, r, request.Op, err)
		return
	}
	header := w.Header()
	open, settingErr := a.isOpen(r.Context(), a.registryOf(r))
	switch {
	case settingErr != nil:
		a.fail(w, r, request.Op, settingErr)
		return
	case open:
		header.Set("WWW-Authenticate", bearerChallenge(r, request))
	default:
		header.Set("WWW-Authenticate", `Basic realm="`+origin(r)+`/",service="ecr.amazonaws.com"`)
	}
	if expired {
		told := &refusal{status: http.StatusUnauthorized, code: codeUnauthorized, message: authn.TokenExpiredText}
		told.write(w)
		return
	}
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Content-Length", "15")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, "Not Authorized\n")
}

// origin is the scheme and the host that a request was sent to.
func origin(r *http.Request) string {
	if httpx.RecordOf(r.Context()).Secure {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// action is the ECR action that an operation stands for (spec C.2); "" needs no
// more than a login. Operations that take further actions ask for them
// themselves.
func action(op Op) string {
	switch op {
	case OpPing:
		return ""
	case OpGetManifest, OpHeadManifest:
		return iam.ReadManifest
	case OpPutManifest:
		return iam.WriteManifest
	case OpDeleteManifest:
		return iam.DeleteManifest
	case OpGetBlob:
		return iam.ReadBlob
	case OpHeadBlob:
		return iam.CheckBlob
	case OpDeleteBlob:
		return iam.DeleteBlob
	case OpStartUpload:
		return iam.StartUpload
	case OpAppendUpload, OpGetUpload, OpCancelUpload:
		return iam.WriteUpload
	case OpCompleteUpload:
		return iam.FinishUpload
	case OpListTags:
		return iam.ListTags
	case OpListReferrers:
		return iam.ListReferrers
	case OpListCatalog:
		return iam.ListCatalog
	}
	// Not "": an operation that is forgotten here must not be everyone's.
	panic("ociapi: no action for " + string(op))
}

// rateOf is what a call counts as where callers are kept to rates: the operation
// of ECR that it stands for.
func rateOf(c *call) ratelimit.Request {
	return ratelimit.Request{
		Principal: c.principal, Account: c.repository.Registry.Account, Region: c.repository.Registry.Region,
		Operation: strings.TrimPrefix(action(c.Op), "ecr:"),
	}
}

// authorize asks whether the caller may act on a repository, or on all of a
// registry where the name is empty. It comes before anything is looked up, so
// that a refusal does not tell what exists.
func (a *api) authorize(ctx context.Context, c *call, action string, on registry.RepositoryName) error {
	if action == "" {
		return nil
	}
	name := on.Name
	if name == "" {
		name = "*"
	}
	question := iam.Request{
		Principal:       c.principal,
		Action:          action,
		Resource:        on.Registry.ARN(name),
		ResourceAccount: on.Registry.Account,
		Keys:            c.conditions,
	}
	if tagged(c.Op) {
		question.ImageTags = c.imageTags
	}
	return a.authorizer.Authorize(ctx, question)
}

// conditions are the condition keys of a call.
func (c *call) conditions() iam.Keys {
	return authn.Conditions(c.http, c.repository.Registry.Region, c.api.now())
}

// tagged reports whether an operation touches an image, and so its tags.
func tagged(op Op) bool {
	switch op {
	case OpGetManifest, OpHeadManifest, OpPutManifest, OpDeleteManifest, OpListReferrers:
		return true
	}
	return false
}

// imageTags returns the tags that a call is about, a list for each that has to be
// allowed: of a push each tag that it sets, of a deletion each that it removes;
// of a pull the tag that was asked for, or together all that a digest is known
// by.
func (c *call) imageTags(ctx context.Context) ([][]string, error) {
	switch {
	case c.Op == OpPutManifest:
		var tags []string
		if !c.byDigest() {
			tags = []string{c.Reference}
		}
		return each(append(tags, c.http.URL.Query()["tag"]...)), nil
	case !c.byDigest():
		return [][]string{{c.Reference}}, nil
	case c.Op == OpDeleteManifest:
		c.seen = c.api.registry.SeenTags(c.repository, c.Reference)
		tags, err := c.seen.See(ctx)
		return each(tags), err
	}
	tags, err := c.api.registry.PulledTags(ctx, c.repository, c.Reference)
	return [][]string{tags}, err
}

// each makes a list of each tag, or an empty one of none.
func each(tags []string) [][]string {
	if len(tags) == 0 {
		return [][]string{nil}
	}
	lists := make([][]string, len(tags))
	for i, tag := range tags {
		lists[i] = []string{tag}
	}
	return lists
}
