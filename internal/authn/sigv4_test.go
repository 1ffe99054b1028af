package authn_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/iam"
)

// golden holds requests that the AWS SDK for Python has signed, as they went
// over the wire.
type golden struct {
	Time         string
	AccessKeyID  string
	Secret       string
	SessionToken string
	Requests     []struct{ Name, Request string }
}

func loadGolden(t testing.TB) golden {
	t.Helper()
	data, err := os.ReadFile("testdata/botocore.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g golden) verifier(t *testing.T, request string) *authn.Verifier {
	t.Helper()
	now, err := time.Parse("20060102T150405Z", g.Time)
	if err != nil {
		t.Fatal(err)
	}
	key := authn.AccessKey{Secret: g.Secret, Principal: iam.Root("aws", "123456789012")}
	if strings.Contains(request, "X-Amz-Security-Token") {
		key.SessionToken = g.SessionToken
	}
	return authn.NewVerifier(authn.StaticKeys{g.AccessKeyID: key}, func() time.Time { return now }, "ecr")
}

func readRequest(t *testing.T, raw string) (*http.Request, []byte) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, body
}

func TestVerifyAcceptsWhatTheSDKSigns(t *testing.T) {
	g := loadGolden(t)
	for _, test := range g.Requests {
		t.Run(test.Name, func(t *testing.T) {
			r, body := readRequest(t, test.Request)
			got, err := g.verifier(t, test.Request).Verify(t.Context(), r, body)
			if err != nil {
				t.Fatal(err)
			}
			root := iam.Root("aws", "123456789012")
			root.AccessKeyID = g.AccessKeyID
			want := authn.Identity{Principal: root, AccessKeyID: g.AccessKeyID, Region: "us-east-1", Service: "ecr"}
			if strings.Contains(test.Request, "eu-central-1") {
				want.Region = "eu-central-1"
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVerifyRefusesWhatWasTamperedWith(t *testing.T) {
	tamper := map[string]func(r *http.Request, body *[]byte){
		"method": func(r *http.Request, _ *[]byte) { r.Method = http.MethodPut },
		"host":   func(r *http.Request, _ *[]byte) { r.Host = "elsewhere:5050" },
		"path":   func(r *http.Request, _ *[]byte) { r.URL.Path, r.URL.RawPath = "/elsewhere", "" },
		"query":  func(r *http.Request, _ *[]byte) { r.URL.RawQuery += "&more=1" },
		"body":   func(_ *http.Request, body *[]byte) { *body = append(*body, ' ') },
		"region": func(r *http.Request, _ *[]byte) {
			regions := strings.NewReplacer("us-east-1", "us-west-2", "eu-central-1", "us-west-2")
			r.URL.RawQuery = regions.Replace(r.URL.RawQuery)
			if header := r.Header["Authorization"]; header != nil {
				header[0] = regions.Replace(header[0])
			}
		},
		"x-amz-date": func(r *http.Request, _ *[]byte) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "20261122T103000Z", "20261122T103001Z", 1)
			if r.Header.Get("X-Amz-Date") != "" {
				r.Header.Set("X-Amz-Date", "20261122T103001Z")
			}
		},
		"x-amz-target": func(r *http.Request, _ *[]byte) {
			r.Header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.DeleteRepository")
		},
	}
	g := loadGolden(t)
	for _, test := range g.Requests {
		for name, change := range tamper {
			t.Run(test.Name+"/"+name, func(t *testing.T) {
				r, body := readRequest(t, test.Request)
				change(r, &body)
				_, err := g.verifier(t, test.Request).Verify(t.Context(), r, body)
				if refusal(t, err).Code != authn.CodeInvalidSignature {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

const (
	textMismatch = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	textSignedHeaders = "SignedHeaders must be lower-case header names in alphabetical order, separated by ';'."
	textScope         = "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
	textDate          = "X-Amz-Date must be in the ISO-8601 basic format 'YYYYMMDDTHHMMSSZ'."
)

func TestVerifyRefusesHeaderForm(t *testing.T) {
	authorization := func(header string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", header) }
	}
	replace := func(old, text string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, text, 1))
		}
	}
	tests := []struct {
		name   string
		signer func(*signer)
		before func(*http.Request) // changes what is signed
		after  func(*http.Request) // changes what was signed
		code   string
		text   string
	}{
		{
			name: "nothing", after: func(r *http.Request) { r.Header.Del("Authorization") },
			code: authn.CodeMissingToken, text: "Missing Authentication Token",
		},
		{
			name: "other scheme", after: authorization("Basic QVdTOng="),
			code: authn.CodeIncomplete, text: "Authorization header requires the algorithm 'AWS4-HMAC-SHA256'.",
		},
		{
			name: "other algorithm", after: replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"),
			code: authn.CodeIncomplete, text: "Authorization header requires the algorithm 'AWS4-HMAC-SHA256'.",
		},
		{
			name: "no parameters", after: authorization("AWS4-HMAC-SHA256 Credential="),
			code: authn.CodeIncomplete, text: "Authorization header requires 'Credential' parameter. " +
				"Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.",
		},
		{
			name: "unknown parameter", after: replace("Signature=", "Sig="),
			code: authn.CodeIncomplete, text: "Authorization header has a parameter other than 'Credential', 'SignedHeaders' and 'Signature'.",
		},
		{
			name: "parameter twice", after: func(r *http.Request) { r.Header["Authorization"][0] += ", Signature=00" },
			code: authn.CodeIncomplete, text: "Authorization header has 'Signature' more than once.",
		},
		{
			name: "header twice", after: func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) },
			code: authn.CodeIncomplete, text: "The request has more than one Authorization header.",
		},
		{
			name: "both forms", after: func(r *http.Request) { r.URL.RawQuery = "X-Amz-Signature=00" },
			code: authn.CodeIncomplete, text: "Only one authentication mechanism is allowed: the Authorization header or the query parameters.",
		},
		{
			name: "no date", after: func(r *http.Request) { r.Header.Del("X-Amz-Date") },
			code: authn.CodeIncomplete, text: "Authorization header requires existence of a 'X-Amz-Date' header.",
		},
		{
			name: "two dates", after: func(r *http.Request) { r.Header.Add("X-Amz-Date", "20261122T103000Z") },
			code: authn.CodeIncomplete, text: "The request has more than one 'X-Amz-Date' header.",
		},
		{
			name: "date in another form", after: func(r *http.Request) { r.Header.Set("X-Amz-Date", "2026-11-22T10:30:00Z") },
			code: authn.CodeIncomplete, text: textDate,
		},
		{
			name: "date with fraction", after: func(r *http.Request) { r.Header.Set("X-Amz-Date", "20261122T103000.5Z") },
			code: authn.CodeIncomplete, text: textDate,
		},
		{
			name: "short scope", after: replace("/aws4_request", ""),
			code: authn.CodeIncomplete, text: textScope,
		},
		{
			name: "key id with a slash", signer: func(s *signer) { s.keyID = "AKIA/X" },
			code: authn.CodeIncomplete, text: textScope,
		},
		{
			name: "other terminator", signer: func(s *signer) { s.terminator = "aws5_request" },
			code: authn.CodeInvalidSignature, text: "Credential should be scoped with a valid terminator: 'aws4_request'.",
		},
		{
			name: "other service", signer: func(s *signer) { s.service = "s3" },
			code: authn.CodeInvalidSignature, text: "Credential should be scoped to correct service: 'ecr' or 'nifuda'.",
		},
		{
			name: "no region", signer: func(s *signer) { s.region = "nowhere" },
			code: authn.CodeInvalidSignature, text: "Credential should be scoped to a valid region.",
		},
		{
			name: "day other than date", signer: func(s *signer) { s.day = "20261121" },
			code: authn.CodeInvalidSignature, text: "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: " +
				"'20261121' != '20261122', from '20261122T103000Z'.",
		},
		{
			name: "clock behind", signer: func(s *signer) { s.at = testTime.Add(-5*time.Minute - time.Second) },
			code: authn.CodeInvalidSignature, text: "Signature expired: 20261122T102459Z is now earlier than 20261122T102500Z (20261122T103000Z - 5 min.)",
		},
		{
			name: "clock ahead", signer: func(s *signer) { s.at = testTime.Add(5*time.Minute + time.Second) },
			code: authn.CodeInvalidSignature, text: "Signature not yet current: 20261122T103501Z is still later than 20261122T103500Z (20261122T103000Z + 5 min.)",
		},
		{
			name: "host not signed", signer: func(s *signer) { s.signed = []string{"x-amz-date", "x-amz-target"} },
			code: authn.CodeInvalidSignature, text: "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
		},
		{
			name: "target not signed", signer: func(s *signer) { s.signed = []string{"host", "x-amz-date"} },
			code: authn.CodeInvalidSignature, text: "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.",
		},
		{
			name: "header added", after: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") },
			code: authn.CodeInvalidSignature, text: "'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization.",
		},
		{
			name: "unsorted headers", signer: func(s *signer) { s.signed = []string{"x-amz-date", "host", "x-amz-target"} },
			code: authn.CodeIncomplete, text: textSignedHeaders,
		},
		{
			name: "repeated header", signer: func(s *signer) { s.signed = []string{"host", "host", "x-amz-date", "x-amz-target"} },
			code: authn.CodeIncomplete, text: textSignedHeaders,
		},
		{
			name: "upper-case header", signer: func(s *signer) { s.signed = []string{"Host", "x-amz-date", "x-amz-target"} },
			code: authn.CodeIncomplete, text: textSignedHeaders,
		},
		{
			name:   "wrong content hash",
			signer: func(s *signer) { s.signed = []string{"host", "x-amz-content-sha256", "x-amz-date", "x-amz-target"} },
			before: func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", hexSum("other")) },
			code:   authn.CodeInvalidSignature, text: "The provided 'x-amz-content-sha256' header does not match what was computed.",
		},
		{
			name:   "unsigned payload",
			signer: func(s *signer) { s.signed = []string{"host", "x-amz-content-sha256", "x-amz-date", "x-amz-target"} },
			before: func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") },
			code:   authn.CodeInvalidSignature, text: "The provided 'x-amz-content-sha256' header does not match what was computed.",
		},
		{
			name: "unknown key", signer: func(s *signer) { s.keyID = "AKIANOBODY" },
			code: authn.CodeUnrecognizedClient, text: "The security token included in the request is invalid.",
		},
		{
			name:   "session token of a lasting key",
			signer: func(s *signer) { s.signed = []string{"host", "x-amz-date", "x-amz-security-token", "x-amz-target"} },
			before: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") },
			code:   authn.CodeUnrecognizedClient, text: "The security token included in the request is invalid.",
		},
		{
			name: "wrong secret", signer: func(s *signer) { s.secret = "wrong" },
			code: authn.CodeInvalidSignature, text: textMismatch,
		},
		{name: "signature cut short", after: func(r *http.Request) {
			header := r.Header["Authorization"]
			header[0] = header[0][:len(header[0])-1]
		}, code: authn.CodeInvalidSignature, text: textMismatch},
		{
			name: "bad query", after: func(r *http.Request) { r.URL.RawQuery = "a=%zz" },
			code: authn.CodeMalformedRequest, text: "The query string is not valid percent-encoding.",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, r := newSigner(), newCall("{}")
			if test.signer != nil {
				test.signer(&s)
			}
			if test.before != nil {
				test.before(r)
			}
			s.header(r, "{}")
			if test.after != nil {
				test.after(r)
			}
			_, err := authn.NewVerifier(testKeys(), testNow, "ecr", "nifuda").Verify(t.Context(), r, []byte("{}"))
			want := &authn.Error{Code: test.code, Message: test.text, Status: http.StatusBadRequest}
			if test.code == authn.CodeIncomplete {
				want.Status = http.StatusForbidden
			}
			if diff := cmp.Diff(want, refusal(t, err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAPresignedRequestLives15MinutesUnlessItSays(t *testing.T) {
	s := newSigner()
	s.signed, s.at = []string{"host"}, testTime.Add(-900*time.Second)
	r := httptest.NewRequest(http.MethodGet, "http://localhost:5050/", http.NoBody)
	s.query(r, "none", hexSum(""))
	if _, err := authn.NewVerifier(testKeys(), testNow, "ecr").Verify(t.Context(), r, nil); err != nil {
		t.Error(err)
	}
}

func TestVerifyRefusesQueryForm(t *testing.T) {
	const expiresText = "X-Amz-Expires must be a number of seconds between 1 and 604800."
	tests := []struct {
		name    string
		expires string
		signer  func(*signer)
		after   func(*http.Request)
		code    string
		text    string
	}{
		{
			name: "no parameters", after: func(r *http.Request) { r.URL.RawQuery = "X-Amz-Algorithm=AWS4-HMAC-SHA256" },
			code: authn.CodeIncomplete, text: "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-Signature'. " +
				"AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS query-string parameters must include 'X-Amz-Date'.",
		},
		{name: "other algorithm", after: func(r *http.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "AWS4-HMAC-SHA256", "AWS4-ECDSA", 1)
		}, code: authn.CodeIncomplete, text: "AWS query-string parameters require the algorithm 'AWS4-HMAC-SHA256'."},
		{
			name: "parameter twice", after: func(r *http.Request) { r.URL.RawQuery += "&X-Amz-Date=20261122T103000Z" },
			code: authn.CodeIncomplete, text: "AWS query-string parameters have 'X-Amz-Date' more than once.",
		},
		{name: "no life", expires: "0", code: authn.CodeIncomplete, text: expiresText},
		{name: "long life", expires: "604801", code: authn.CodeIncomplete, text: expiresText},
		{name: "negative life", expires: "-1", code: authn.CodeIncomplete, text: expiresText},
		{name: "life out of range", expires: "99999999999999999999", code: authn.CodeIncomplete, text: expiresText},
		{
			name: "over", signer: func(s *signer) { s.at = testTime.Add(-901 * time.Second) },
			code: authn.CodeInvalidSignature, text: "Signature expired: 20261122T101459Z is now earlier than 20261122T101500Z (20261122T103000Z - 900 sec.)",
		},
		{
			name: "over without a life", expires: "none", signer: func(s *signer) { s.at = testTime.Add(-901 * time.Second) },
			code: authn.CodeInvalidSignature, text: "Signature expired: 20261122T101459Z is now earlier than 20261122T101500Z (20261122T103000Z - 900 sec.)",
		},
		{
			name: "host not signed", signer: func(s *signer) { s.signed = []string{"accept"} },
			code: authn.CodeInvalidSignature, text: "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
		},
		{
			name: "target added", after: func(r *http.Request) { r.Header.Set("X-Amz-Target", testTarget) },
			code: authn.CodeInvalidSignature, text: "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.",
		},
		{name: "longer life than signed", after: func(r *http.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "Expires=900", "Expires=901", 1)
		}, code: authn.CodeInvalidSignature, text: textMismatch},
		{
			name: "session token added", after: func(r *http.Request) { r.URL.RawQuery += "&X-Amz-Security-Token=x" },
			code: authn.CodeUnrecognizedClient, text: "The security token included in the request is invalid.",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSigner()
			s.signed = []string{"host"}
			if test.signer != nil {
				test.signer(&s)
			}
			if test.expires == "" {
				test.expires = "900"
			}
			r := httptest.NewRequest(http.MethodGet, "http://localhost:5050/?Action=x", nil)
			s.query(r, test.expires, hexSum(""))
			if test.after != nil {
				test.after(r)
			}
			_, err := authn.NewVerifier(testKeys(), testNow, "ecr").Verify(t.Context(), r, nil)
			got := refusal(t, err)
			if got.Code != test.code || got.Message != test.text {
				t.Errorf("got  %s %s\nwant %s %s", got.Code, got.Message, test.code, test.text)
			}
		})
	}
}

func TestVerifyAcceptsTheEdgesOfTime(t *testing.T) {
	for _, off := range []time.Duration{-authn.MaxSkew, authn.MaxSkew} {
		s, r := newSigner(), newCall("{}")
		s.at = testTime.Add(off)
		s.header(r, "{}")
		if _, err := authn.NewVerifier(testKeys(), testNow, "ecr").Verify(t.Context(), r, []byte("{}")); err != nil {
			t.Errorf("%s off: %v", off, err)
		}
	}
}

func TestPresignedMayLeaveThePayloadUnsigned(t *testing.T) {
	s := newSigner()
	s.signed = []string{"host"}
	r := httptest.NewRequest(http.MethodPost, "http://localhost:5050/?X-Amz-Content-Sha256=UNSIGNED-PAYLOAD", nil)
	s.query(r, "900", "UNSIGNED-PAYLOAD")
	if _, err := authn.NewVerifier(testKeys(), testNow, "ecr").Verify(t.Context(), r, []byte("anything")); err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Content-Sha256", hexSum("anything"))
	_, err := authn.NewVerifier(testKeys(), testNow, "ecr").Verify(t.Context(), r, []byte("anything"))
	if err == nil {
		t.Error("accepted a second declaration of the payload")
	}
}

func TestVerifyJoinsRepeatedHeaders(t *testing.T) {
	s, r := newSigner(), newCall("{}")
	s.signed = append(s.signed, "x-note")
	r.Header["X-Note"] = []string{" a  b ", "c"}
	s.header(r, "{}")
	r.Header["X-Note"] = []string{"a b", " c"}
	v := authn.NewVerifier(testKeys(), testNow, "ecr")
	if _, err := v.Verify(t.Context(), r, []byte("{}")); err != nil {
		t.Error(err)
	}
	r.Header["X-Note"] = []string{"c", "a b"}
	if _, err := v.Verify(t.Context(), r, []byte("{}")); err == nil {
		t.Error("accepted another order of values")
	}
}

// The SDK for Go signs content-length, which net/http may have moved away.
func TestVerifyKnowsTheContentLengthOfAServer(t *testing.T) {
	const body = `{"maxResults":7}`
	v := authn.NewVerifier(testKeys(), testNow, "ecr")
	answer := make(chan error, 2)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		_, err := v.Verify(r.Context(), r, got)
		answer <- err
		r.Header.Del("Content-Length")
		_, err = v.Verify(r.Context(), r, got)
		answer <- err
	}))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", testTarget)
	r.Header.Set("Content-Length", "16")
	s := newSigner()
	s.signed = []string{"content-length", "host", "x-amz-date", "x-amz-target"}
	s.header(r, body)
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for range 2 {
		if err := <-answer; err != nil {
			t.Error(err)
		}
	}
}

func TestTemporaryKeyNeedsItsTokenAndItsTime(t *testing.T) {
	now := testTime
	keys := authn.StaticKeys{testKeyID: {Secret: testSecret, SessionToken: "session", Expires: testTime.Add(time.Minute)}}
	v := authn.NewVerifier(keys, func() time.Time { return now }, "ecr")
	verify := func(token string) error {
		s, r := newSigner(), newCall("{}")
		if token != "" {
			s.signed = []string{"host", "x-amz-date", "x-amz-security-token", "x-amz-target"}
			r.Header.Set("X-Amz-Security-Token", token)
		}
		s.header(r, "{}")
		_, err := v.Verify(t.Context(), r, []byte("{}"))
		return err
	}
	if err := verify("session"); err != nil {
		t.Error(err)
	}
	for _, token := range []string{"", "other"} {
		if got := refusal(t, verify(token)); got.Code != authn.CodeUnrecognizedClient {
			t.Errorf("token %q: %v", token, got)
		}
	}
	now = now.Add(time.Minute)
	want := &authn.Error{Code: authn.CodeExpiredToken, Message: "The security token included in the request is expired", Status: http.StatusBadRequest}
	if diff := cmp.Diff(want, refusal(t, verify("session"))); diff != "" {
		t.Error(diff)
	}
}

func TestReplacedSecretIsNotServedFromTheCache(t *testing.T) {
	keys := testKeys()
	v := authn.NewVerifier(keys, testNow, "ecr")
	s, r := newSigner(), newCall("{}")
	s.header(r, "{}")
	if _, err := v.Verify(t.Context(), r, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	keys[testKeyID] = authn.AccessKey{Secret: "another secret"}
	_, err := v.Verify(t.Context(), r, []byte("{}"))
	if refusal(t, err).Message != textMismatch {
		t.Errorf("got %v", err)
	}
}

type brokenKeys struct{ err error }

func (k brokenKeys) Lookup(context.Context, string) (authn.AccessKey, error) {
	return authn.AccessKey{}, k.err
}

func TestVerifyPassesOnWhyKeysCannotBeRead(t *testing.T) {
	s, r := newSigner(), newCall("{}")
	s.header(r, "{}")
	broken := errors.New("database is gone")
	_, err := authn.NewVerifier(brokenKeys{broken}, testNow, "ecr").Verify(t.Context(), r, []byte("{}"))
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func refusal(t testing.TB, err error) *authn.Error {
	t.Helper()
	var refused *authn.Error
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, want an *authn.Error", err)
	}
	return refused
}

func FuzzAuthorizationHeader(f *testing.F) {
	s, r := newSigner(), newCall("{}")
	s.header(r, "{}")
	f.Add(r.Header.Get("Authorization"))
	f.Add("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request,SignedHeaders=host,Signature=")
	f.Add("AWS4-HMAC-SHA256 ,=,=")
	f.Add("Basic QVdTOng=")
	v := authn.NewVerifier(testKeys(), testNow, "ecr")
	good := r.Header.Get("Authorization")
	f.Fuzz(func(t *testing.T, header string) {
		r := newCall("{}")
		r.Header.Set("X-Amz-Date", "20261122T103000Z")
		r.Header.Set("Authorization", header)
		_, err := v.Verify(t.Context(), r, []byte("{}"))
		if err == nil && !strings.Contains(header, good[len(good)-64:]) {
			t.Errorf("accepted %q", header)
		}
		if err != nil {
			refusal(t, err)
		}
	})
}

func FuzzQueryForm(f *testing.F) {
	g := loadGolden(f)
	for _, test := range g.Requests {
		target := strings.Fields(test.Request)[1]
		_, query, _ := strings.Cut(target, "?")
		f.Add(query)
	}
	f.Add("X-Amz-Signature=%00&&=&;")
	v := authn.NewVerifier(testKeys(), testNow, "ecr")
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "http://localhost:5050/", nil)
		r.URL.RawQuery = query
		_, err := v.Verify(t.Context(), r, nil)
		refusal(t, err)
	})
}

func BenchmarkVerify(b *testing.B) {
	s, r := newSigner(), newCall("{}")
	r.Header.Set("User-Agent", "aws-cli/2.30")
	r.Header.Set("Accept-Encoding", "identity")
	r.Header.Set("Amz-Sdk-Invocation-Id", "a7c9c9c0-0000-4000-8000-000000000000")
	r.Header.Set("Content-Length", "2")
	s.header(r, "{}")
	v := authn.NewVerifier(testKeys(), testNow, "ecr")
	body := []byte("{}")
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(ctx, r, body); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPrecheckNeedsNoBody: it refuses strangers, and leaves what depends on the
// body to Verify.
func TestPrecheckNeedsNoBody(t *testing.T) {
	verifier := authn.NewVerifier(authn.StaticKeys{}, time.Now, "ecr")
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	err := verifier.Precheck(t.Context(), r)
	if refused, ok := errors.AsType[*authn.Error](err); !ok || refused.Code != authn.CodeMissingToken {
		t.Errorf("without a signature: %v", err)
	}
	const id = "AKIAIOSFODNN7EXAMPLE"
	r.Header.Set("X-Amz-Date", "20261122T000000Z")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+id+"/20261122/us-east-1/ecr/aws4_request, SignedHeaders=host;x-amz-date, Signature="+strings.Repeat("0", 64))
	now := func() time.Time { return time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC) }
	err = authn.NewVerifier(authn.StaticKeys{}, now, "ecr").Precheck(t.Context(), r)
	if refused, ok := errors.AsType[*authn.Error](err); !ok || refused.Code != authn.CodeUnrecognizedClient {
		t.Errorf("with an unknown key: %v", err)
	}
	if err := authn.NewVerifier(authn.StaticKeys{id: {Secret: "secret"}}, now, "ecr").Precheck(t.Context(), r); err != nil {
		t.Errorf("with a forged signature of a known key: %v, want it left to Verify", err)
	}
}
