package server

import (
	"net/http"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/awsjson"
	"github.com/nifuda/nifuda/internal/credentials"
	"github.com/nifuda/nifuda/internal/ecrapi"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/ociapi"
	"github.com/nifuda/nifuda/internal/ops"
	"github.com/nifuda/nifuda/internal/registry"
)

// routes returns the handler of everything on the one port. It matches paths
// itself: [http.ServeMux] would rewrite hostile ones before the fronts can
// refuse them.
func (s *server) routes(root credentials.RootKey) http.Handler {
	var (
		health = ops.Health(s.registry.Ping, s.Log)
		api    = s.controlPlane(root)
		v2     = s.dataPlane()
	)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case strings.HasPrefix(path, "/v2/"), path == "/v2", path == ociapi.DownloadPath:
			v2.ServeHTTP(w, r)
		case path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			s.welcome(w, r)
		case path == "/":
			api.ServeHTTP(w, r)
		default:
			health.ServeHTTP(w, r)
		}
	})
}

func (s *server) controlPlane(root credentials.RootKey) http.Handler {
	principal := iam.Root(iam.Partition(s.Config.Region), s.Config.Account)
	keys := authn.StaticKeys{root.AccessKeyID: {Secret: root.SecretAccessKey, Principal: principal}}
	service := ecrapi.New(ecrapi.Options{
		Registry:      s.registry,
		Authenticator: authn.NewVerifier(keys, time.Now, "ecr"),
		Tokens:        authn.NewTokens(s.keyring, time.Now),
		Downloads:     authn.NewDownloads(s.keyring, time.Now),
		Authorizer:    iam.OwnAccount{},
		Domain:        s.Config.Domain,
		DownloadPath:  ociapi.DownloadPath,
	})
	return awsjson.New(awsjson.Options{
		Log:       s.Log,
		RequestID: func(r *http.Request) string { return httpx.RecordOf(r.Context()).ID },
		Bodies:    s.bodies,
	}, service)
}

func (s *server) dataPlane() http.Handler {
	return ociapi.New(ociapi.Options{
		Registry:      s.registry,
		Authenticator: authn.NewTokens(s.keyring, time.Now),
		Authorizer:    iam.OwnAccount{},
		Downloads:     authn.NewDownloads(s.keyring, time.Now),
		Default:       registry.ID{Account: s.Config.Account, Region: s.Config.Region},
		Log:           s.Log,
		Bodies:        s.bodies,
	})
}
