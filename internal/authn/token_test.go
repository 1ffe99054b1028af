package authn_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/iam"
)

func testKeyring(t testing.TB, seed byte) authn.Keyring {
	t.Helper()
	keys, err := authn.NewKeyring(bytes.Repeat([]byte{seed}, authn.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func testIdentity() authn.Identity {
	return authn.Identity{
		Principal:   iam.Principal{ARN: "arn:aws:iam::123456789012:user/ci", Account: "123456789012", UserID: "AIDATESTTESTTESTTEST2"},
		AccessKeyID: testKeyID, Region: "us-east-1", Service: "ecr",
	}
}

func withAuthorization(values ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/v2/", nil)
	r.Header["Authorization"] = values
	return r
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestTokenCarriesItsHolder(t *testing.T) {
	tokens := authn.NewTokens(testKeyring(t, 1), testNow)
	password, expires, err := tokens.Issue(testIdentity(), "210987654321", "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	if want := testTime.Add(12 * time.Hour); !expires.Equal(want) {
		t.Errorf("expires %s, want %s", expires, want)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(password) || len(password) > authn.MaxToken {
		t.Errorf("password %q", password)
	}
	want := authn.Token{
		Principal: testIdentity().Principal, AccessKeyID: testKeyID,
		Account: "210987654321", Region: "eu-west-1", Expires: expires,
	}
	for range 2 { // opened, then from the cache
		got, err := tokens.Basic(withAuthorization(basic("AWS", password)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	if got, err := authn.NewTokens(testKeyring(t, 1), testNow).Basic(withAuthorization(basic("AWS", password))); err != nil || got != want {
		t.Errorf("another server with the key got %v, %v", got, err)
	}
}

func TestTokenExpires(t *testing.T) {
	now := testTime
	tokens := authn.NewTokens(testKeyring(t, 1), func() time.Time { return now })
	password, _, err := tokens.Issue(testIdentity(), "123456789012", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	r := withAuthorization(basic("AWS", password))
	now = testTime.Add(authn.TokenLifetime - time.Second)
	if _, err := tokens.Basic(r); err != nil {
		t.Errorf("one second before: %v", err)
	}
	now = testTime.Add(authn.TokenLifetime)
	if _, err := tokens.Basic(r); !errors.Is(err, authn.ErrTokenExpired) {
		t.Errorf("from the cache: %v", err)
	}
	if _, err := authn.NewTokens(testKeyring(t, 1), func() time.Time { return now }).Basic(r); !errors.Is(err, authn.ErrTokenExpired) {
		t.Errorf("opened afresh: %v", err)
	}
}

func TestBasicRefuses(t *testing.T) {
	tokens := authn.NewTokens(testKeyring(t, 1), testNow)
	password, _, err := tokens.Issue(testIdentity(), "123456789012", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	foreign, _, err := authn.NewTokens(testKeyring(t, 2), testNow).Issue(testIdentity(), "123456789012", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	good := basic("AWS", password)
	tests := []struct {
		name   string
		header []string
		want   error
	}{
		{"none", nil, authn.ErrNoCredentials},
		{"empty", []string{""}, authn.ErrBadCredentials},
		{"twice", []string{good, good}, authn.ErrBadCredentials},
		{"bearer", []string{"Bearer " + password}, authn.ErrBadCredentials},
		{"not base64", []string{"Basic !!!"}, authn.ErrBadCredentials},
		{"no colon", []string{"Basic " + base64.StdEncoding.EncodeToString([]byte("AWS"))}, authn.ErrBadCredentials},
		{"other user", []string{basic("aws", password)}, authn.ErrBadCredentials},
		{"no password", []string{basic("AWS", "")}, authn.ErrBadCredentials},
		{"another server's", []string{basic("AWS", foreign)}, authn.ErrBadCredentials},
		{"cut", []string{basic("AWS", password[:len(password)-1])}, authn.ErrBadCredentials},
		{"longer", []string{basic("AWS", password+"AAAA")}, authn.ErrBadCredentials},
		{"huge", []string{basic("AWS", strings.Repeat("A", 1<<20))}, authn.ErrBadCredentials},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := withAuthorization(test.header...)
			if test.header == nil {
				r.Header.Del("Authorization")
			}
			if _, err := tokens.Basic(r); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestTokenWithAnyByteChangedIsForged(t *testing.T) {
	tokens := authn.NewTokens(testKeyring(t, 1), testNow)
	password, _, err := tokens.Issue(testIdentity(), "123456789012", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	for i := range password {
		changed := []byte(password)
		changed[i] = 'A'
		if password[i] == 'A' {
			changed[i] = 'B'
		}
		if _, err := tokens.Basic(withAuthorization(basic("AWS", string(changed)))); !errors.Is(err, authn.ErrBadCredentials) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}

func TestTokenHoldsTheLongestPrincipals(t *testing.T) {
	tokens := authn.NewTokens(testKeyring(t, 1), testNow)
	who := testIdentity()
	who.Principal.ARN = "arn:aws-us-gov:iam::123456789012:user" + strings.Repeat("/path-of-a-user", 34) + "/" + strings.Repeat("n", 64)
	password, _, err := tokens.Issue(who, "123456789012", "us-gov-west-1")
	if err != nil || len(password) >= 1024 {
		t.Fatalf("%d bytes, %v", len(password), err)
	}
	if _, err := tokens.Basic(withAuthorization(basic("AWS", password))); err != nil {
		t.Error(err)
	}
	who.Principal.ARN += strings.Repeat("n", 500)
	if _, _, err := tokens.Issue(who, "123456789012", "us-gov-west-1"); err == nil {
		t.Error("issued a token that is too long")
	}
}

func TestTokensAndDownloadsHaveKeysOfTheirOwn(t *testing.T) {
	keys := testKeyring(t, 1)
	if bytes.Equal(keys.DeriveKey("a"), keys.DeriveKey("b")) || bytes.Equal(keys.DeriveKey("a"), testKeyring(t, 2).DeriveKey("a")) {
		t.Error("keys of two labels or of two servers are equal")
	}
	if !bytes.Equal(keys.DeriveKey("a"), testKeyring(t, 1).DeriveKey("a")) || len(keys.DeriveKey("a")) != authn.KeySize {
		t.Error("the key of a label is not one and the same")
	}
	if _, err := authn.NewKeyring(make([]byte, 16)); err == nil {
		t.Error("took a server key of 16 bytes")
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	const secret = "top/secret"
	keys, err := authn.NewKeyring([]byte(secret + strings.Repeat("x", 22)))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{keys, authn.AccessKey{Secret: secret, SessionToken: secret}} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(format, v); strings.Contains(text, secret) || strings.Contains(text, fmt.Sprint([]byte("top"))[1:11]) {
				t.Errorf("%s of %T prints %s", format, v, text)
			}
		}
	}
}

func FuzzBasic(f *testing.F) {
	tokens := authn.NewTokens(testKeyring(f, 1), testNow)
	password, _, err := tokens.Issue(testIdentity(), "123456789012", "us-east-1")
	if err != nil {
		f.Fatal(err)
	}
	good := basic("AWS", password)
	f.Add(good)
	f.Add("Basic ")
	f.Add(basic("AWS", "AAAA"))
	f.Fuzz(func(t *testing.T, header string) {
		got, err := tokens.Basic(withAuthorization(header))
		if err == nil && got.AccessKeyID != testKeyID {
			t.Errorf("%q opened as %v", header, got)
		}
		if err != nil && !errors.Is(err, authn.ErrBadCredentials) {
			t.Errorf("%q: %v", header, err)
		}
	})
}

func BenchmarkBasic(b *testing.B) {
	tokens := authn.NewTokens(testKeyring(b, 1), testNow)
	password, _, err := tokens.Issue(testIdentity(), "123456789012", "us-east-1")
	if err != nil {
		b.Fatal(err)
	}
	r := withAuthorization(basic("AWS", password))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tokens.Basic(r); err != nil {
			b.Fatal(err)
		}
	}
}
