package authn_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/iam"
)

const (
	testKeyID  = "AKIATESTTESTTESTTEST"
	testSecret = "0123456789/abcdefghij+ABCDEFGHIJ01234567"
	testTarget = "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"
)

var testTime = time.Date(2026, 11, 22, 10, 30, 0, 0, time.UTC)

func testNow() time.Time { return testTime }

func testKeys() authn.StaticKeys {
	return authn.StaticKeys{testKeyID: {Secret: testSecret, Principal: iam.Root("aws", "123456789012")}}
}

// A signer signs requests as a plain reading of the AWS documentation has it,
// with every field free to be wrong.
type signer struct {
	keyID, secret, region, service, terminator string
	at                                         time.Time
	day                                        string
	signed                                     []string
}

func newSigner() signer {
	return signer{
		keyID: testKeyID, secret: testSecret, region: "us-east-1", service: "ecr", terminator: "aws4_request",
		at: testTime, day: testTime.Format("20060102"),
		signed: []string{"content-type", "host", "x-amz-date", "x-amz-target"},
	}
}

func newCall(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://localhost:5050/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", testTarget)
	return r
}

func (s signer) scope() string {
	return strings.Join([]string{s.day, s.region, s.service, s.terminator}, "/")
}

// header signs in the header form.
func (s signer) header(r *http.Request, body string) {
	r.Header.Set("X-Amz-Date", s.at.Format("20060102T150405Z"))
	signature := s.signature(r, hexSum(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+s.keyID+"/"+s.scope()+
		", SignedHeaders="+strings.Join(s.signed, ";")+", Signature="+signature)
}

// query signs in the query form, with no life if expires is none.
func (s signer) query(r *http.Request, expires, payload string) {
	q := r.URL.Query()
	q.Set("X-Amz-Algorithm", "AWS4-HMAC-SHA256")
	q.Set("X-Amz-Credential", s.keyID+"/"+s.scope())
	q.Set("X-Amz-Date", s.at.Format("20060102T150405Z"))
	if expires != "none" {
		q.Set("X-Amz-Expires", expires)
	}
	q.Set("X-Amz-SignedHeaders", strings.Join(s.signed, ";"))
	r.URL.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	r.URL.RawQuery += "&X-Amz-Signature=" + s.signature(r, payload)
}

func (s signer) signature(r *http.Request, payload string) string {
	canonical := r.Method + "\n" + "/" + "\n" + sortedQuery(r.URL.RawQuery) + "\n"
	for _, name := range s.signed {
		values := r.Header.Values(name)
		if name == "host" {
			values = []string{r.Host}
		}
		folded := make([]string, len(values))
		for i, value := range values {
			folded[i] = strings.Join(strings.Fields(value), " ")
		}
		canonical += name + ":" + strings.Join(folded, ",") + "\n"
	}
	canonical += "\n" + strings.Join(s.signed, ";") + "\n" + payload
	toSign := "AWS4-HMAC-SHA256\n" + s.at.Format("20060102T150405Z") + "\n" + s.scope() + "\n" + hexSum(canonical)
	key := []byte("AWS4" + s.secret)
	for _, text := range []string{s.day, s.region, s.service, s.terminator, toSign} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

func sortedQuery(raw string) string {
	if raw == "" {
		return ""
	}
	pairs := strings.Split(raw, "&")
	sort.Strings(pairs)
	return strings.Join(pairs, "&")
}

func hexSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func mustQuery(t *testing.T, raw string) url.Values {
	t.Helper()
	query, err := url.ParseQuery(raw)
	if err != nil {
		t.Fatal(err)
	}
	return query
}
