package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/bucket"
)

// An endpoint answers as it is told, and keeps what it was asked.
type endpoint struct {
	url string

	mu       sync.Mutex
	requests []*http.Request
}

func startEndpoint(t *testing.T, answer http.HandlerFunc) *endpoint {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDBUCKET", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_REGION": "", "AWS_DEFAULT_REGION": "",
		"AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(t.TempDir(), "none"), "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	e := &endpoint{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		e.mu.Lock()
		e.requests = append(e.requests, r.Clone(context.Background()))
		e.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	e.url = s.URL
	return e
}

func (e *endpoint) last(t *testing.T) *http.Request {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.requests) == 0 {
		t.Fatal("nothing was asked")
	}
	return e.requests[len(e.requests)-1]
}

func (e *endpoint) open(t *testing.T, parameters string, o bucket.Options) *bucket.Bucket {
	t.Helper()
	a, err := bucket.ParseAddress("s3://blue-1/p?path-style=true&endpoint=" + url.QueryEscape(e.url) + parameters)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bucket.Open(t.Context(), a, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func put(ctx context.Context, b *bucket.Bucket) error {
	in := &s3.PutObjectInput{Bucket: &b.Bucket, Key: b.Key("name"), Body: strings.NewReader("content")}
	in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = b.Encryption()
	_, err := b.API.PutObject(ctx, in, b.Unsigned)
	return err
}

func ok(http.ResponseWriter, *http.Request) {}

func TestParametersAreInTheRequests(t *testing.T) {
	e := startEndpoint(t, ok)
	for _, test := range []struct {
		parameters string
		want       map[string]string // headers
	}{
		{"", map[string]string{"X-Amz-Server-Side-Encryption": "", "X-Amz-Checksum-Crc32": "/sUwqQ=="}},
		{"&checksums=off", map[string]string{"X-Amz-Checksum-Crc32": "", "X-Amz-Sdk-Checksum-Algorithm": "", "X-Amz-Trailer": ""}},
		{"&sse=AES256", map[string]string{"X-Amz-Server-Side-Encryption": "AES256", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": ""}},
		{"&sse=aws:kms", map[string]string{"X-Amz-Server-Side-Encryption": "aws:kms", "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled": "true"}},
		{"&sse=aws:kms&sse-kms-key=alias/blue", map[string]string{"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "alias/blue"}},
	} {
		if err := put(t.Context(), e.open(t, test.parameters, bucket.Options{})); err != nil {
			t.Errorf("%s: %v", test.parameters, err)
			continue
		}
		r := e.last(t)
		if r.URL.Path != "/blue-1/p/name" {
			t.Errorf("%s: the path is %s", test.parameters, r.URL.Path)
		}
		for name, want := range test.want {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", test.parameters, name, got, want)
			}
		}
	}
}

func TestAddressesOfObjectsAreForClients(t *testing.T) {
	startEndpoint(t, ok)
	for text, want := range map[string]string{
		"s3://blue-1/p?region=eu-west-1":                                                     "https://blue-1.s3.eu-west-1.amazonaws.com/p/a/b?",
		"s3://blue-1?region=eu-west-1&path-style=true":                                       "https://s3.eu-west-1.amazonaws.com/blue-1/a/b?",
		"s3://blue-1?endpoint=http://minio:9000":                                             "http://blue-1.minio:9000/a/b?",
		"s3://blue-1?endpoint=http://minio:9000&path-style=true":                             "http://minio:9000/blue-1/a/b?",
		"s3://blue-1?endpoint=http://minio:9000&path-style=true&public-endpoint=https://s3x": "https://s3x/blue-1/a/b?",
	} {
		a, err := bucket.ParseAddress(text)
		if err != nil {
			t.Fatal(err)
		}
		b, err := bucket.Open(t.Context(), a, bucket.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.URL(t.Context(), "a/b", "application/octet-stream", 10*time.Minute)
		if err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, %v, want %s", text, got, err, want)
		}
		for _, parameter := range []string{"X-Amz-Expires=600", "X-Amz-Signature=", "response-content-type=application%2Foctet-stream"} {
			if !strings.Contains(got, parameter) {
				t.Errorf("%s: %s is not in %s", text, parameter, got)
			}
		}
	}
}

// What IRSA gives a pod: a token in a file, and a role.
func TestAWebIdentityGivesCredentials(t *testing.T) {
	lifetime := time.Hour
	e := startEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			return
		}
		fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>
<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>session</SessionToken><Expiration>%s</Expiration>
</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, time.Now().Add(lifetime).UTC().Format(time.RFC3339))
	})
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("token"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_WEB_IDENTITY_TOKEN_FILE": token,
		"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/blue", "AWS_ENDPOINT_URL_STS": e.url, "AWS_REGION": "eu-west-1",
	} {
		t.Setenv(name, value)
	}
	b := e.open(t, "", bucket.Options{})
	if err := put(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if r := e.last(t); !strings.Contains(r.Header.Get("Authorization"), "ASIAROLE/") || r.Header.Get("X-Amz-Security-Token") != "session" {
		t.Errorf("signed by %s", r.Header.Get("Authorization"))
	}
	if _, err := b.URL(t.Context(), "a", "text/plain", 10*time.Minute); err != nil {
		t.Error(err)
	}
	if got, err := b.URL(t.Context(), "a", "text/plain", 3*time.Hour); err == nil {
		t.Errorf("%s outlives its credentials", got)
	}
}

func TestThrottlingIsWaitedOut(t *testing.T) {
	refused := 0
	e := startEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		if refused++; refused <= 2 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader([]int{http.StatusServiceUnavailable, http.StatusTooManyRequests}[refused-1])
		}
	})
	metrics := prometheus.NewRegistry()
	b := e.open(t, "", bucket.Options{Observe: bucket.NewMetrics(metrics)})
	start := time.Now()
	if err := put(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 2*time.Second {
		t.Errorf("it took %s, though the server has asked for two seconds", took)
	}
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		got[f.GetName()] = f.GetMetric()[0].GetCounter().GetValue()
	}
	if got["nifuda_s3_requests_total"] != 1 || got["nifuda_s3_retries_total"] != 2 {
		t.Errorf("the metrics are %v", got)
	}
}

func TestFailuresAreExplained(t *testing.T) {
	var status int
	var code, region string
	e := startEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		if region != "" {
			w.Header().Set("X-Amz-Bucket-Region", region)
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
	})
	b := e.open(t, "&region=eu-west-1", bucket.Options{})
	for _, test := range []struct {
		status       int
		code, region string
		want         string
	}{
		{404, "NoSuchBucket", "", "there is no bucket blue-1 at "},
		{301, "PermanentRedirect", "eu-north-1", "is in region eu-north-1, not eu-west-1: add region=eu-north-1"},
		{400, "AuthorizationHeaderMalformed", "", "is in another region than eu-west-1"},
		{403, "InvalidAccessKeyId", "", "the access key is not known"},
		{403, "SignatureDoesNotMatch", "", "the secret access key is not the one"},
		{403, "AccessDenied", "", "may not do this"},
		{403, "RequestTimeTooSkewed", "", "this machine's clock"},
		{400, "ExpiredToken", "", "has ended"},
		{501, "NotImplemented", "", "checksums=off"},
	} {
		status, code, region = test.status, test.code, test.region
		_, err := b.API.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &b.Bucket}, func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
		if explained := b.Explain(err); explained == nil || !strings.Contains(explained.Error(), test.want) || !errors.Is(explained, err) {
			t.Errorf("%s: %v, want %q", test.code, explained, test.want)
		}
	}
}
