package ociapi

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/registry"
)

// An Authenticator opens the login token that a request carries.
// [authn.Tokens] is one.
type Authenticator interface {
	// Basic returns the token, [authn.ErrNoCredentials],
	// [authn.ErrBadCredentials], [authn.ErrTokenExpired], or the error that
	// kept it from looking.
	Basic(r *http.Request) (authn.Token, error)
}

// identify finds out who asks and which registry is meant (spec C.1): the one
// that the host names, else the one that the login was for, else the default.
// Like ECR's, a login is good for every registry of its region, and only there.
func (a *api) identify(r *http.Request, request Request) (call, error) {
	token, err := a.authenticator.Basic(r)
	if err != nil {
		return call{}, err
	}
	id := registry.ID{Account: token.Account, Region: token.Region}
	if id == (registry.ID{}) {
		id = a.fallback
	}
	if account, region, ok := authn.HostRegistry(r.Host); ok {
		if region != id.Region {
			return call{}, &refusal{
				status: http.StatusForbidden, code: codeDenied,
				message: "Your authorization token was issued for the region " + id.Region + " and is not valid in " + region + ". Request one in that region and log in with it.",
			}
		}
		id.Account = account
	}
	return call{
		Request:    request,
		principal:  token.Principal,
		repository: registry.RepositoryName{Registry: id, Name: request.Name},
	}, nil
}

// challenge answers a request whose caller is not known. Unlike ECR, an expired
// token gets 401 too, without which clients would not sign in again.
func (a *api) challenge(w http.ResponseWriter, r *http.Request, op Op, err error) {
	expired := errors.Is(err, authn.ErrTokenExpired)
	if !expired && !errors.Is(err, authn.ErrNoCredentials) && !errors.Is(err, authn.ErrBadCredentials) {
		a.fail(w, r, op, err)
		return
	}
	scheme := "http"
	if httpx.RecordOf(r.Context()).Secure {
		scheme = "https"
	}
	header := w.Header()
	header.Set("WWW-Authenticate", `Basic realm="`+scheme+"://"+r.Host+`/",service="ecr.amazonaws.com"`)
	if expired {
		told := &refusal{status: http.StatusUnauthorized, code: codeUnauthorized, message: "Your authorization token has expired. Reauthenticate and try again."}
		told.write(w)
		return
	}
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Content-Length", "15")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, "Not Authorized\n")
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

// authorize asks whether the caller may act on a repository, or on all of a
// registry where the name is empty. It comes before anything is looked up, so
// that a refusal does not tell what exists.
func (a *api) authorize(ctx context.Context, c call, action string, on registry.RepositoryName) error {
	if action == "" {
		return nil
	}
	name := on.Name
	if name == "" {
		name = "*"
	}
	return a.authorizer.Authorize(ctx, iam.Request{
		Principal:       c.principal,
		Action:          action,
		Resource:        on.Registry.ARN(name),
		ResourceAccount: on.Registry.Account,
	})
}
