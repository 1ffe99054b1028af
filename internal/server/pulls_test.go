package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/nifuda"
)

// own makes a signed call of nifuda's own API.
func (f *fixture) own(operation string, in any) *http.Request {
	body, err := json.Marshal(in)
	if err != nil {
		f.tb.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "http://"+host+"/", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "Nifuda_20261122."+operation)
	signer{id: f.root.AccessKeyID, secret: f.root.SecretAccessKey}.sign(r, body, nifuda.SigningName, f.region)
	return r
}

// TestPullsAreCountedWhicheverWayTheyCome: manifests that were read, by docker's
// way or ECR's, and not the questions whether one is there.
func TestPullsAreCountedWhicheverWayTheyCome(t *testing.T) {
	var flush func()
	f := newServer(t, "sqlite:"+t.TempDir()+"/nifuda.db", func(s *server) {
		flush = func() {
			if err := s.registry.FlushPulls(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	f.pushImage()
	digest := f.send(f.v2("HEAD", "/v2/app/manifests/latest", nil), http.StatusOK).Header().Get("Docker-Content-Digest")
	for range 3 {
		f.send(f.v2("GET", "/v2/app/manifests/latest", nil), http.StatusOK)
	}
	f.send(f.v2("GET", "/v2/app/manifests/"+digest, nil), http.StatusOK)
	f.send(f.v2("GET", "/v2/app/manifests/none", nil), http.StatusNotFound)
	f.send(f.api("BatchGetImage", map[string]any{"repositoryName": "app", "imageIds": []any{
		map[string]any{"imageTag": "latest"}, map[string]any{"imageDigest": digest},
	}}), http.StatusOK)
	flush()
	today := time.Now().UTC().Format(time.DateOnly)
	for name, c := range map[string]struct {
		in   map[string]any
		want int64
	}{
		"repository": {map[string]any{}, 6},
		"tag":        {map[string]any{"ImageTag": "latest", "FromDay": today}, 4},
		"digest":     {map[string]any{"ImageDigest": digest}, 6},
		"long ago":   {map[string]any{"ToDay": "2001-02-03"}, 0},
	} {
		c.in["RepositoryName"] = "app"
		var out nifuda.DescribePullStatisticsResponse
		f.ask(f.own("DescribePullStatistics", c.in), http.StatusOK, &out)
		var days int64
		for _, day := range out.Days {
			days += day.Pulls
		}
		if out.Pulls != c.want || days != c.want || (c.want > 0) == out.LastPulledAt.IsZero() {
			t.Errorf("%s: %+v, want %d", name, out, c.want)
		}
	}
	for _, in := range map[string]map[string]any{
		"both":       {"ImageTag": "latest", "ImageDigest": digest},
		"no day":     {"FromDay": "2026-02-30"},
		"backwards":  {"FromDay": "2026-02-03", "ToDay": "2026-02-02"},
		"no pattern": {"FromDay": "yesterday"},
		"foreign":    {"NextToken": "c2VxdWVuY2UAMQ"},
		"nowhere":    {"RepositoryName": "none"},
	} {
		if in["RepositoryName"] == nil {
			in["RepositoryName"] = "app"
		}
		f.send(f.own("DescribePullStatistics", in), http.StatusBadRequest)
	}
}
