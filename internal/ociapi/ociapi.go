// Package ociapi is the data plane: the distribution API under /v2/ that docker
// and every other client of a container registry speaks, as the OCI
// distribution specification has it and in the words of ECR.
//
// It is a thin translation. [Parse] turns a method and a path into one
// [Request]; the login token says who asks, and together with the host which
// registry is meant; the authorizer is asked for the ECR action that the
// operation stands for, before anything is looked up; then one method of
// [registry.Registry] does the work, and the answer is written in the
// protocol's form. The addresses that GetDownloadUrlForLayer signs are served
// here too, at [DownloadPath], and the tokens of clients that do not sign in, at
// [TokenPath].
package ociapi

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/ratelimit"
	"github.com/nifuda/nifuda/internal/registry"
)

// Options are what [New] needs. All of them but Bodies and Now are required.
type Options struct {
	Registry      *registry.Registry
	Authenticator Authenticator
	Authorizer    iam.Authorizer
	Downloads     Downloads
	// Tokens issues the bearer tokens of [TokenPath].
	Tokens *authn.Tokens
	// Default is the registry that a request means when neither its host nor
	// its login names one.
	Default registry.ID
	// Limiter keeps callers to their rates; nil admits all.
	Limiter *ratelimit.Limiter
	// Log takes the failures that no client is told.
	Log *slog.Logger
	// Bodies reads manifests; nil means one of the handler's own.
	Bodies *httpx.Bodies
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// New returns the handler of everything under /v2/, of [TokenPath] and of
// [DownloadPath].
//
// It must get each path as it was sent: [http.ServeMux] answers a path with
// doubled slashes or dots in it by a redirect of its own, before the handler
// can refuse it.
func New(o Options) http.Handler {
	if o.Bodies == nil {
		o.Bodies = httpx.NewBodies("", httpx.DefaultBodyMemory)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &api{
		bodies:        o.Bodies,
		registry:      o.Registry,
		authenticator: o.Authenticator,
		authorizer:    o.Authorizer,
		downloads:     o.Downloads,
		tokens:        o.Tokens,
		now:           o.Now,
		fallback:      o.Default,
		limiter:       o.Limiter,
		log:           o.Log,
		version:       []string{"registry/2.0"},
	}
}

// Serves reports whether a path is one of those that the handler answers.
func Serves(path string) bool {
	return strings.HasPrefix(path, "/v2/") || path == "/v2" || path == DownloadPath || isTokenPath(path)
}

type api struct {
	bodies        *httpx.Bodies
	registry      *registry.Registry
	authenticator Authenticator
	authorizer    iam.Authorizer
	downloads     Downloads
	tokens        *authn.Tokens
	now           func() time.Time
	fallback      registry.ID
	limiter       *ratelimit.Limiter
	log           *slog.Logger
	// version is the value of Docker-Distribution-Api-Version, which every
	// answer carries.
	version []string
}

// A call is a request whose caller is known.
type call struct {
	Request
	principal iam.Principal
	// repository is the one that the request names, in the registry that it
	// means; its Name is empty where the operation touches none.
	repository registry.RepositoryName
	api        *api
	http       *http.Request
	// seen are the tags that a deletion was allowed for; nil is not asked.
	seen *registry.SeenTags
}

// ServeHTTP implements [http.Handler].
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()["Docker-Distribution-Api-Version"] = a.version
	record := httpx.RecordOf(r.Context())
	record.Protocol = "oci"
	if r.URL.Path == DownloadPath {
		record.Operation = string(OpDownload)
		a.serveDownload(w, r)
		return
	}
	if isTokenPath(r.URL.Path) {
		record.Operation = string(OpToken)
		a.serveToken(w, r)
		return
	}
	request, parseErr := Parse(r.Method, r.URL.Path, r.URL.RawPath)
	record.Operation = string(request.Op)
	c, err := a.identify(r, request)
	if err != nil {
		a.challenge(w, r, request, err)
		return
	}
	record.Principal, record.Caller, record.Region = c.principal.ARN, c.principal, c.repository.Registry.Region
	if parseErr != nil {
		a.fail(w, r, request.Op, parseErr)
		return
	}
	if err := a.limiter.Admit(r.Context(), rateOf(&c)); err != nil {
		a.fail(w, r, request.Op, &refusal{status: http.StatusTooManyRequests, code: codeTooManyRequests, message: err.Error()})
		return
	}
	if err := a.admit(r.Context(), &c); err != nil {
		a.challenge(w, r, request, err)
		return
	}
	if err := a.serve(w, r, c); err != nil {
		a.fail(w, r, c.Op, err)
	}
}

// serve hands a call to its operation, which either answers or returns an error.
func (a *api) serve(w http.ResponseWriter, r *http.Request, c call) error {
	switch c.Op {
	case OpGetManifest, OpHeadManifest:
		return a.getManifest(w, r, c)
	case OpPutManifest:
		return a.putManifest(w, r, c)
	case OpDeleteManifest:
		return a.deleteManifest(w, r, c)
	case OpGetBlob:
		return a.getBlob(w, r, c)
	case OpHeadBlob:
		return a.headBlob(w, r, c)
	case OpDeleteBlob:
		return a.deleteBlob(w, r, c)
	case OpStartUpload:
		return a.startUpload(w, r, c)
	case OpAppendUpload:
		return a.appendUpload(w, r, c)
	case OpCompleteUpload:
		return a.completeUpload(w, r, c)
	case OpGetUpload:
		return a.getUpload(w, r, c)
	case OpCancelUpload:
		return a.cancelUpload(w, r, c)
	case OpListTags:
		return a.listTags(w, r, c)
	case OpListReferrers:
		return a.listReferrers(w, r, c)
	case OpListCatalog:
		return a.listCatalog(w, r, c)
	default:
		writeJSON(w, http.StatusOK, "application/json", struct{}{})
		return nil
	}
}
