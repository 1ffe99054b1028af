package server

import (
	"net/http"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/awsjson"
	"github.com/nifuda/nifuda/internal/awskms"
	"github.com/nifuda/nifuda/internal/awsquery"
	"github.com/nifuda/nifuda/internal/cluster"
	"github.com/nifuda/nifuda/internal/console"
	"github.com/nifuda/nifuda/internal/credentials"
	"github.com/nifuda/nifuda/internal/ecrapi"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iamapi"
	"github.com/nifuda/nifuda/internal/kmsapi"
	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/nifudaapi"
	"github.com/nifuda/nifuda/internal/ociapi"
	"github.com/nifuda/nifuda/internal/ops"
	"github.com/nifuda/nifuda/internal/registry"
)

// routes returns the handler of everything on the one port. It matches paths
// itself: [http.ServeMux] would rewrite hostile ones before the fronts can
// refuse them.
func (s *server) routes(root credentials.RootKey) http.Handler {
	var (
		health = ops.Health(s.readiness)
		keys   = s.keys(root)
		access = s.authorizer()
		json   = s.jsonAPIs(keys, access)
		query  = s.queryAPIs(keys, access)
		v2     = s.dataPlane(keys, access)
		pages  = console.Handler()
	)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case ociapi.Serves(path):
			s.requests.Add(1)
			v2.ServeHTTP(w, r)
		case console.Serves(path):
			pages.ServeHTTP(w, r)
		case path == "/" && isQuery(r):
			s.requests.Add(1)
			query.ServeHTTP(w, r)
		case path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			s.welcome(w, r)
		case path == "/":
			s.requests.Add(1)
			json.ServeHTTP(w, r)
		default:
			health.ServeHTTP(w, r)
		}
	})
}

// handler returns routes with what surrounds every request.
func (s *server) handler(root credentials.RootKey) http.Handler {
	return httpx.NewHandler(s.served(root), httpx.Options{
		Log: s.Log, Metrics: httpx.NewMetrics(s.metrics), Tracer: s.tracer, Proxies: s.Config.TrustedProxies(), Audit: s.audit,
	})
}

// served is what is answered: of a node that only works in the background its
// health alone.
func (s *server) served(root credentials.RootKey) http.Handler {
	if s.Config.Role == cluster.RoleWorker {
		return ops.Health(s.readiness)
	}
	return s.routes(root)
}

// isQuery reports whether a request to / is one of the Query protocol: a form, or
// parameters that name an operation. What names one in X-Amz-Target is not.
func isQuery(r *http.Request) bool {
	if r.Header.Get("X-Amz-Target") != "" {
		return false
	}
	if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return true
	}
	return r.URL.RawQuery != "" && r.URL.Query().Has("Action")
}

// jsonAPIs serves the APIs that speak JSON.
func (s *server) jsonAPIs(keys authn.Keys, access auditedAuthorizer) http.Handler {
	registries := ecrapi.New(ecrapi.Options{
		Registry:      s.registry,
		Keys:          s.kms,
		Authenticator: s.verifier(keys, "ecr"),
		Tokens:        authn.NewTokens(s.keyring, time.Now),
		Downloads:     authn.NewDownloads(s.keyring, time.Now),
		Authorizer:    access,
		Limiter:       s.limiter,
		Domain:        s.Config.Domain,
		DownloadPath:  ociapi.DownloadPath,
	})
	options := nifudaapi.Options{
		Accounts:      s.identities,
		SignIns:       s.identities,
		Guard:         s.guard,
		Repositories:  s.registry,
		Insight:       s.registry,
		Keys:          s.kms,
		Sealing:       s.registry,
		Collector:     s.registry,
		Quotas:        s.registry,
		Nodes:         s.member,
		Verifier:      s.scrub,
		Authenticator: s.verifier(keys, nifuda.SigningName),
		Authorizer:    access,
		Domain:        s.Config.Domain,
		Home:          s.Config.Account,
	}
	if s.trail != nil {
		options.Audit = s.trail
	}
	own := nifudaapi.New(options)
	encryption := kmsapi.New(kmsapi.Options{
		Keys:          s.kms,
		Authenticator: s.verifier(keys, awskms.SigningName),
		Authorizer:    access,
		Principals:    s.identities,
	})
	return awsjson.New(awsjson.Options{
		Log:       s.Log,
		RequestID: requestID,
		Bodies:    s.bodies,
	}, registries, own, encryption)
}

// queryAPIs serves the APIs that take forms and answer in XML.
func (s *server) queryAPIs(keys authn.Keys, access auditedAuthorizer) http.Handler {
	api := iamapi.New(iamapi.Options{
		Authenticator: s.verifier(keys, iamapi.SigningNames...),
		Authorizer:    access,
		Identities:    s.identities,
		Region:        s.Config.Region,
	})
	return awsquery.New(awsquery.Options{
		Log:       s.Log,
		RequestID: requestID,
		Bodies:    s.bodies,
		Precheck:  api.Precheck,
	}, api.Services()...)
}

func requestID(r *http.Request) string { return httpx.RecordOf(r.Context()).ID }

func (s *server) dataPlane(keys authn.Keys, access auditedAuthorizer) http.Handler {
	tokens := authn.NewTokens(s.keyring, time.Now)
	return ociapi.New(ociapi.Options{
		Registry:      s.registry,
		Authenticator: s.logins(tokens, keys),
		Tokens:        tokens,
		Authorizer:    access,
		Limiter:       s.limiter,
		Downloads:     authn.NewDownloads(s.keyring, time.Now),
		Default:       registry.ID{Account: s.Config.Account, Region: s.Config.Region},
		Log:           s.Log,
		Bodies:        s.bodies,
	})
}
