package ociapi_test

import (
	"crypto/tls"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/registry"
)

func TestStrangerIsChallenged(t *testing.T) {
	f := newFixture(t)
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	tests := []struct{ name, method, path, authorization string }{
		{"no credentials", "GET", "/v2/", ""},
		{"forged token", "GET", "/v2/", basic("AWS:" + strings.Repeat("A", 200))},
		{"wrong user", "GET", "/v2/", basic("root:secret")},
		{"bearer token", "GET", "/v2/", "Bearer abc"},
		{"existing or not is the same", "GET", "/v2/nothing/manifests/latest", ""},
		{"malformed path", "GET", "/v2/../../etc/passwd", ""},
		{"unknown endpoint", "GET", "/v2/nothing", ""},
		{"push", "PUT", "/v2/app/manifests/latest", ""},
		{"HEAD", "HEAD", "/v2/app/manifests/latest", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			request := httptest.NewRequest(tt.method, "http://registry.example:5050"+tt.path, nil)
			if tt.authorization != "" {
				request.Header.Set("Authorization", tt.authorization)
			}
			got := f.want(http.StatusUnauthorized, f.serve(request))
			if got.Body != "Not Authorized\n" {
				t.Errorf("body %q", got.Body)
			}
			want := map[string]string{
				"Www-Authenticate":                `Basic realm="http://registry.example:5050/",service="ecr.amazonaws.com"`,
				"Docker-Distribution-Api-Version": "registry/2.0",
				"Content-Type":                    "text/plain; charset=utf-8",
				"Content-Length":                  "15",
			}
			for name, value := range want {
				if got.Header.Get(name) != value {
					t.Errorf("%s: %q, want %q", name, got.Header.Get(name), value)
				}
			}
		})
	}
}

func TestChallengeNamesTheScheme(t *testing.T) {
	f := newFixture(t)
	request := httptest.NewRequest(http.MethodGet, "https://123456789012.dkr.ecr.us-east-1.amazonaws.com/v2/", nil)
	request.TLS = &tls.ConnectionState{}
	f.handler = httpx.NewHandler(f.handler, httpx.Options{Log: slog.New(slog.DiscardHandler)})
	got := f.serve(request).Header.Get("Www-Authenticate")
	if want := `Basic realm="https://123456789012.dkr.ecr.us-east-1.amazonaws.com/",service="ecr.amazonaws.com"`; got != want {
		t.Errorf("challenge %q, want %q", got, want)
	}
}

func TestExpiredTokenIsChallengedWithTheReason(t *testing.T) {
	f := newFixture(t)
	f.now = f.now.Add(12 * time.Hour)
	got := f.send("GET", "/v2/", "")
	refused := f.wantError(http.StatusUnauthorized, "UNAUTHORIZED", got)
	if want := "Your authorization token has expired. Reauthenticate and try again."; refused.Message != want {
		t.Errorf("message %q, want %q", refused.Message, want)
	}
	if got.Header.Get("Www-Authenticate") == "" {
		t.Error("no challenge, so that clients would not sign in again")
	}
}

func TestTokenOfAnotherRegionIsDenied(t *testing.T) {
	f := newFixture(t)
	got := f.send("GET", "/v2/", "", "Host", "123456789012.dkr.ecr.eu-west-1.amazonaws.com")
	refused := f.wantError(http.StatusForbidden, "DENIED", got)
	for _, region := range []string{"us-east-1", "eu-west-1"} {
		if !strings.Contains(refused.Message, region) {
			t.Errorf("message %q does not name %s", refused.Message, region)
		}
	}
}

func TestRegistryThatARequestMeans(t *testing.T) {
	other := registry.ID{Account: "999999999999", Region: "us-east-1"}
	elsewhere := registry.ID{Account: "123456789012", Region: "eu-west-1"}
	tests := []struct {
		name, host string
		login      registry.ID
		want       registry.ID
	}{
		{"login", "localhost:5050", home, home},
		{"login of another registry", "localhost:5050", elsewhere, elsewhere},
		{"host of ECR", "999999999999.dkr.ecr.us-east-1.amazonaws.com", home, other},
		{"host under any domain, with a port", "999999999999.dkr.ecr.us-east-1.registry.example:5050", home, other},
		{"dual-stack host", "999999999999.dkr-ecr.us-east-1.on.aws", home, other},
		{"host of no region", "999999999999.dkr.ecr.nowhere.registry.example", home, home},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			f.createIn(tt.want, "team/app", registry.TagMutability{})
			got := f.want(http.StatusOK, f.send("GET", "/v2/team/app/tags/list", "",
				"Host", tt.host, "Authorization", f.loginFor(tt.login.Account, tt.login.Region)))
			if want := `{"name":"team/app","tags":[]}`; got.Body != want {
				t.Errorf("body %s, want %s", got.Body, want)
			}
			asked := f.authorizer.asked[len(f.authorizer.asked)-1]
			if asked.ResourceAccount != tt.want.Account || asked.Resource != tt.want.ARN("team/app") {
				t.Errorf("asked about %s of %s, want %s", asked.Resource, asked.ResourceAccount, tt.want.ARN("team/app"))
			}
		})
	}
}

func TestActionsThatAreAskedFor(t *testing.T) {
	digest := sha256Of("x")
	tests := []struct {
		method, path, body string
		want               []string
	}{
		{"GET", "/v2/", "", nil},
		{"GET", "/v2/_catalog", "", []string{"ecr:DescribeRepositories *"}},
		{"GET", "/v2/app/tags/list", "", []string{"ecr:ListImages app"}},
		{"GET", "/v2/app/manifests/1", "", []string{"ecr:BatchGetImage app"}},
		{"HEAD", "/v2/app/manifests/1", "", []string{"ecr:BatchGetImage app"}},
		{"PUT", "/v2/app/manifests/1", "{}", []string{"ecr:PutImage app"}},
		{"DELETE", "/v2/app/manifests/1", "", []string{"ecr:BatchDeleteImage app"}},
		{"GET", "/v2/app/referrers/" + digest, "", []string{"ecr:BatchGetImage app"}},
		{"GET", "/v2/app/blobs/" + digest, "", []string{"ecr:GetDownloadUrlForLayer app"}},
		{"HEAD", "/v2/app/blobs/" + digest, "", []string{"ecr:BatchCheckLayerAvailability app"}},
		{"DELETE", "/v2/app/blobs/" + digest, "", []string{"ecr:BatchDeleteImage app"}},
		{"POST", "/v2/app/blobs/uploads/", "", []string{"ecr:InitiateLayerUpload app"}},
		{"POST", "/v2/app/blobs/uploads/?digest=" + digest, "x", []string{"ecr:InitiateLayerUpload app", "ecr:UploadLayerPart app", "ecr:CompleteLayerUpload app"}},
		{"POST", "/v2/app/blobs/uploads/?from=base&mount=" + digest, "", []string{"ecr:InitiateLayerUpload app", "ecr:GetDownloadUrlForLayer base"}},
		{"PATCH", "/v2/app/blobs/uploads/1", "x", []string{"ecr:UploadLayerPart app"}},
		{"PUT", "/v2/app/blobs/uploads/1?digest=" + digest, "", []string{"ecr:CompleteLayerUpload app"}},
		{"PUT", "/v2/app/blobs/uploads/1?digest=" + digest, "x", []string{"ecr:CompleteLayerUpload app", "ecr:UploadLayerPart app"}},
		{"GET", "/v2/app/blobs/uploads/1", "", []string{"ecr:UploadLayerPart app"}},
		{"DELETE", "/v2/app/blobs/uploads/1", "", []string{"ecr:UploadLayerPart app"}},
	}
	f := newFixture(t)
	f.create("app", "base")
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			f.authorizer.asked = nil
			f.send(tt.method, tt.path, tt.body)
			var got []string
			for _, r := range f.authorizer.asked {
				got = append(got, r.Action+" "+strings.TrimPrefix(r.Resource, home.ARN("")))
				if r.Principal.ARN != "arn:aws:iam::123456789012:root" {
					t.Errorf("asked for %s", r.Principal.ARN)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDenialComesBeforeExistence(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	for _, repository := range []string{"app", "missing"} {
		f.authorizer.denied["ecr:BatchGetImage "+home.ARN(repository)] = true
		refused := f.wantError(http.StatusForbidden, "DENIED", f.send("GET", "/v2/"+repository+"/manifests/latest", ""))
		want := "User: arn:aws:iam::123456789012:root is not authorized to perform: ecr:BatchGetImage on resource: " +
			home.ARN(repository) + " because no identity-based policy allows the ecr:BatchGetImage action"
		if refused.Message != want {
			t.Errorf("message %q, want %q", refused.Message, want)
		}
	}
}

func TestInternalErrorsTellNothing(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.database.Close()
	got := f.send("GET", "/v2/app/manifests/latest", "")
	refused := f.wantError(http.StatusInternalServerError, "UNKNOWN", got)
	if text := strings.ToLower(refused.Message); strings.Contains(text, "sql") || strings.Contains(text, "database") || strings.Contains(text, "closed") {
		t.Errorf("message %q tells about the inside", refused.Message)
	}
}
