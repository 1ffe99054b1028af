package ociapi

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/registry"
)

// TokenPath is where clients get a bearer token, as the challenge of an open
// registry says: with a login a token of that login, and without one a token of
// nobody. ([Token Authentication Specification] of docker's registry)
//
// [Token Authentication Specification]: https://distribution.github.io/distribution/spec/auth/token/
const TokenPath = "/token/"

// isOpen reports whether a registry lets those pull who have not signed in,
// where its policies allow everyone to.
func (a *api) isOpen(ctx context.Context, id registry.ID) (bool, error) {
	value, err := a.registry.AccountSetting(ctx, id, registry.AnonymousPull)
	return value == registry.Enabled, err
}

// admit asks whether the caller may do what it asks for. Whoever proved nothing
// is not told why not, but to sign in. An open registry lets those who have
// signed in do what they might without, unless a policy denies it.
func (a *api) admit(ctx context.Context, c *call) error {
	if !c.principal.IsAnonymous() {
		err := a.authorize(ctx, c, action(c.Op), c.repository)
		if denied, ok := errors.AsType[*iam.DeniedError](err); !ok || denied.Explicit || !isPull(c.Op) {
			return err
		}
		stranger := *c
		stranger.principal = iam.Anonymous()
		if a.admit(ctx, &stranger) == nil {
			return nil
		}
		return err
	}
	if !isPull(c.Op) {
		return authn.ErrBadCredentials
	}
	open, err := a.isOpen(ctx, c.repository.Registry)
	if err != nil {
		return err
	}
	if open {
		err = a.authorize(ctx, c, action(c.Op), c.repository)
	}
	if !open || isDenied(err) {
		return authn.ErrBadCredentials
	}
	return err
}

// isPull reports whether an operation is one of those that pull.
func isPull(op Op) bool {
	switch op {
	case OpPing, OpGetManifest, OpHeadManifest, OpGetBlob, OpHeadBlob, OpListReferrers:
		return true
	}
	return false
}

// bearerChallenge sends a client to the token's address, with the scope that it
// has to ask for.
func bearerChallenge(r *http.Request, request Request) string {
	challenge := `Bearer realm="` + origin(r) + TokenPath + `",service="` + r.Host + `"`
	if request.Name == "" {
		return challenge
	}
	actions := "pull"
	switch request.Op {
	case OpPutManifest, OpStartUpload, OpAppendUpload, OpGetUpload, OpCompleteUpload, OpCancelUpload:
		actions = "pull,push"
	case OpDeleteManifest, OpDeleteBlob:
		actions = "delete"
	}
	return challenge + `,scope="repository:` + request.Name + ":" + actions + `"`
}

// A bearerToken is the answer of [TokenPath]. The token is there under both
// names that clients look for.
type bearerToken struct {
	Token       string `json:"token"`
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
	IssuedAt    string `json:"issued_at"`
}

// serveToken answers [TokenPath]. What the client says of service and scope
// means nothing: what a token is good for is decided when it is used.
func (a *api) serveToken(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		told := &refusal{status: http.StatusMethodNotAllowed, code: codeUnsupported, message: "The method is not allowed here", allow: "GET, POST"}
		told.write(w)
		return
	}
	login, err := a.tokenLogin(w, r)
	record := httpx.RecordOf(r.Context())
	if err == nil {
		record.Principal = login.Principal.ARN
		var token string
		var expires time.Time
		if token, expires, err = a.bearerToken(r, login); err == nil {
			now := a.now()
			w.Header().Set("Cache-Control", "no-store")
			writeJSON(w, http.StatusOK, "application/json", bearerToken{
				Token: token, AccessToken: token,
				ExpiresIn: int64(expires.Sub(now) / time.Second), IssuedAt: now.UTC().Format(time.RFC3339),
			})
			return
		}
	}
	if errors.Is(err, authn.ErrNoCredentials) || errors.Is(err, authn.ErrBadCredentials) || errors.Is(err, authn.ErrTokenExpired) {
		told := &refusal{status: http.StatusUnauthorized, code: codeUnauthorized, message: "Not Authorized"}
		if errors.Is(err, authn.ErrTokenExpired) {
			told.message = authn.TokenExpiredText
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="`+origin(r)+`/",service="ecr.amazonaws.com"`)
		told.write(w)
		return
	}
	a.fail(w, r, OpToken, err)
}

// formLimit bounds a token's form, of which a login token is the largest part.
const formLimit = 16 << 10

// tokenLogin finds out who asks for a token: whom the header names, or the form
// of OAuth 2 with grant_type=password or refresh_token.
func (a *api) tokenLogin(w http.ResponseWriter, r *http.Request) (authn.Login, error) {
	if r.Method == http.MethodPost && r.Header.Get("Authorization") == "" {
		r.Body = http.MaxBytesReader(w, r.Body, formLimit)
		if err := r.ParseForm(); err != nil {
			return authn.Login{}, &refusal{status: http.StatusBadRequest, code: codeUnsupported, message: "The form is malformed"}
		}
		switch r.PostForm.Get("grant_type") {
		case "password":
			return a.authenticator.Password(r.Context(), r.PostForm.Get("username"), r.PostForm.Get("password"))
		case "refresh_token":
			return a.authenticator.Password(r.Context(), "AWS", r.PostForm.Get("refresh_token"))
		}
		return authn.Login{}, &refusal{status: http.StatusBadRequest, code: codeUnsupported, message: "The grant_type must be password or refresh_token"}
	}
	login, err := a.authenticator.Login(r)
	if !errors.Is(err, authn.ErrNoCredentials) {
		return login, err
	}
	open, settingErr := a.isOpen(r.Context(), a.registryOf(r))
	if settingErr != nil {
		return authn.Login{}, settingErr
	}
	if !open {
		return authn.Login{}, err
	}
	return authn.Login{Principal: iam.Anonymous()}, nil
}

// bearerToken returns the token that a login already is, or makes one.
func (a *api) bearerToken(r *http.Request, login authn.Login) (token string, expires time.Time, err error) {
	if login.Token != "" {
		return login.Token, login.Expires, nil
	}
	id := a.registryOf(r)
	if login.Principal.IsAnonymous() {
		return a.tokens.IssueAnonymous(id.Account, id.Region)
	}
	if _, _, named := authn.HostRegistry(r.Host); !named {
		id = registry.ID{Account: cmp.Or(login.Account, id.Account), Region: id.Region}
	}
	return a.tokens.Issue(authn.Identity{Principal: login.Principal, AccessKeyID: login.AccessKeyID, Expires: login.Expires}, id.Account, id.Region)
}

// isTokenPath reports whether a path is the token's, as clients write it.
func isTokenPath(path string) bool {
	return strings.TrimSuffix(path, "/") == strings.TrimSuffix(TokenPath, "/")
}
