package authn_test

import (
	"bytes"
	"context"
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

// loginKeys are the access keys of user ci: a lasting one and a session's.
func loginKeys() authn.StaticKeys {
	return authn.StaticKeys{
		testKeyID:     {Secret: testSecret, Principal: testIdentity().Principal},
		testSessionID: {Secret: testSecret, SessionToken: "proof", Expires: testTime.Add(time.Hour), Principal: testIdentity().Principal},
	}
}

const testSessionID = "ASIATESTTESTTESTTEST"

// A desk issues tokens and takes them back.
type desk struct {
	*authn.Tokens
	*authn.Logins
}

func newDesk(t testing.TB, seed byte, keys authn.Keys, now func() time.Time) desk {
	tokens := authn.NewTokens(testKeyring(t, seed), now)
	return desk{tokens, authn.NewLogins(tokens, keys)}
}

func (d desk) issue(t testing.TB, who authn.Identity) (password string, expires time.Time) {
	t.Helper()
	password, expires, err := d.Issue(who, "210987654321", "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	return password, expires
}

func TestTokenLeadsToItsHolder(t *testing.T) {
	d := newDesk(t, 1, loginKeys(), testNow)
	password, expires := d.issue(t, testIdentity())
	if want := testTime.Add(12 * time.Hour); !expires.Equal(want) {
		t.Errorf("expires %s, want %s", expires, want)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(password) || len(password) > authn.MaxToken {
		t.Errorf("password %q", password)
	}
	holder := testIdentity().Principal
	holder.AccessKeyID = testKeyID
	want := authn.Login{
		Principal: holder, AccessKeyID: testKeyID, Account: "210987654321", Region: "eu-west-1", Token: password, Expires: expires,
	}
	for _, header := range []string{basic("AWS", password), "Bearer " + password, "bearer " + password} {
		for range 2 { // opened, then from the cache
			got, err := d.Login(withAuthorization(header))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
	}
	if got, err := newDesk(t, 1, loginKeys(), testNow).Login(withAuthorization(basic("AWS", password))); err != nil || got != want {
		t.Errorf("another server with the key got %v, %v", got, err)
	}
	if got, err := d.Password(t.Context(), "AWS", password); err != nil || got != want {
		t.Errorf("from a form: got %v, %v", got, err)
	}
}

func TestTokenExpires(t *testing.T) {
	now := testTime
	d := newDesk(t, 1, loginKeys(), func() time.Time { return now })
	password, _ := d.issue(t, testIdentity())
	r := withAuthorization(basic("AWS", password))
	now = testTime.Add(authn.TokenLifetime - time.Second)
	if _, err := d.Login(r); err != nil {
		t.Errorf("one second before: %v", err)
	}
	now = testTime.Add(authn.TokenLifetime)
	if _, err := d.Login(r); !errors.Is(err, authn.ErrTokenExpired) {
		t.Errorf("from the cache: %v", err)
	}
	if _, err := newDesk(t, 1, loginKeys(), func() time.Time { return now }).Login(r); !errors.Is(err, authn.ErrTokenExpired) {
		t.Errorf("opened afresh: %v", err)
	}
}

func TestTokenOfASessionEndsWithIt(t *testing.T) {
	now := testTime
	keys := loginKeys()
	d := newDesk(t, 1, keys, func() time.Time { return now })
	who := testIdentity()
	who.AccessKeyID, who.Expires = testSessionID, keys[testSessionID].Expires
	password, expires := d.issue(t, who)
	if !expires.Equal(who.Expires) {
		t.Errorf("expires %s, want %s", expires, who.Expires)
	}
	r := withAuthorization(basic("AWS", password))
	if _, err := d.Login(r); err != nil {
		t.Error(err)
	}
	// However long the token says, the session is asked.
	session := keys[testSessionID]
	session.Expires = testTime.Add(time.Minute)
	keys[testSessionID] = session
	now = testTime.Add(time.Minute)
	if _, err := d.Login(r); !errors.Is(err, authn.ErrTokenExpired) {
		t.Errorf("after the session's end: %v", err)
	}
}

func TestTokenIsWorthNoMoreThanItsAccessKey(t *testing.T) {
	keys := loginKeys()
	d := newDesk(t, 1, keys, testNow)
	password, _ := d.issue(t, testIdentity())
	headers := []string{basic("AWS", password), basic(testKeyID, testSecret)}
	for _, header := range headers {
		if _, err := d.Login(withAuthorization(header)); err != nil {
			t.Fatal(err)
		}
	}
	delete(keys, testKeyID) // disabled, or its user deleted
	for _, header := range headers {
		if _, err := d.Login(withAuthorization(header)); !errors.Is(err, authn.ErrBadCredentials) {
			t.Errorf("got %v", err)
		}
	}
}

func TestAccessKeySignsIn(t *testing.T) {
	d := newDesk(t, 1, loginKeys(), testNow)
	holder := testIdentity().Principal
	holder.AccessKeyID = testKeyID
	want := authn.Login{Principal: holder, AccessKeyID: testKeyID, Account: holder.Account}
	got, err := d.Login(withAuthorization(basic(testKeyID, testSecret)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnonymousTokenIsNobodys(t *testing.T) {
	d := newDesk(t, 1, loginKeys(), testNow)
	token, expires, err := d.IssueAnonymous("123456789012", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Login(withAuthorization("Bearer " + token))
	if err != nil {
		t.Fatal(err)
	}
	want := authn.Login{Principal: iam.Anonymous(), Account: "123456789012", Region: "us-east-1", Token: token, Expires: expires}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoginRefuses(t *testing.T) {
	d := newDesk(t, 1, loginKeys(), testNow)
	password, _ := d.issue(t, testIdentity())
	foreign, _ := newDesk(t, 2, loginKeys(), testNow).issue(t, testIdentity())
	good := basic("AWS", password)
	tests := []struct {
		name   string
		header []string
		want   error
	}{
		{"none", nil, authn.ErrNoCredentials},
		{"empty", []string{""}, authn.ErrBadCredentials},
		{"twice", []string{good, good}, authn.ErrBadCredentials},
		{"bearer of nothing", []string{"Bearer "}, authn.ErrBadCredentials},
		{"bearer of a key", []string{"Bearer " + testSecret}, authn.ErrBadCredentials},
		{"not base64", []string{"Basic !!!"}, authn.ErrBadCredentials},
		{"no colon", []string{"Basic " + base64.StdEncoding.EncodeToString([]byte("AWS"))}, authn.ErrBadCredentials},
		{"other user", []string{basic("aws", password)}, authn.ErrBadCredentials},
		{"no password", []string{basic("AWS", "")}, authn.ErrBadCredentials},
		{"another server's", []string{basic("AWS", foreign)}, authn.ErrBadCredentials},
		{"cut", []string{basic("AWS", password[:len(password)-1])}, authn.ErrBadCredentials},
		{"longer", []string{basic("AWS", password+"AAAA")}, authn.ErrBadCredentials},
		{"huge", []string{basic("AWS", strings.Repeat("A", 1<<20))}, authn.ErrBadCredentials},
		{"wrong secret", []string{basic(testKeyID, testSecret+"x")}, authn.ErrBadCredentials},
		{"no secret", []string{basic(testKeyID, "")}, authn.ErrBadCredentials},
		{"unknown key", []string{basic("AKIAUNKNOWN", testSecret)}, authn.ErrBadCredentials},
		{"unknown key without secret", []string{basic("AKIAUNKNOWN", "")}, authn.ErrBadCredentials},
		{"a session's key", []string{basic(testSessionID, testSecret)}, authn.ErrBadCredentials},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := withAuthorization(test.header...)
			if test.header == nil {
				r.Header.Del("Authorization")
			}
			if _, err := d.Login(r); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestLoginFailsWithTheKeys(t *testing.T) {
	broken := errors.New("no database")
	d := newDesk(t, 1, keysFunc(func() (authn.AccessKey, error) { return authn.AccessKey{}, broken }), testNow)
	password, _ := d.issue(t, testIdentity())
	for _, header := range []string{basic("AWS", password), basic(testKeyID, testSecret)} {
		if _, err := d.Login(withAuthorization(header)); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	}
}

type keysFunc func() (authn.AccessKey, error)

func (f keysFunc) Lookup(context.Context, string) (authn.AccessKey, error) { return f() }

func TestTokenWithAnyByteChangedIsForged(t *testing.T) {
	d := newDesk(t, 1, loginKeys(), testNow)
	password, _ := d.issue(t, testIdentity())
	for i := range password {
		changed := []byte(password)
		changed[i] = 'A'
		if password[i] == 'A' {
			changed[i] = 'B'
		}
		if _, err := d.Login(withAuthorization(basic("AWS", string(changed)))); !errors.Is(err, authn.ErrBadCredentials) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}

func TestTokenHasALimit(t *testing.T) {
	who := testIdentity()
	who.AccessKeyID = "ASIA" + strings.Repeat("X", 124) // the longest that AWS has
	d := newDesk(t, 1, authn.StaticKeys{who.AccessKeyID: {}}, testNow)
	password, _ := d.issue(t, who)
	if _, err := d.Login(withAuthorization(basic("AWS", password))); err != nil {
		t.Error(err)
	}
	who.AccessKeyID = strings.Repeat("X", 800)
	if _, _, err := d.Issue(who, "123456789012", "us-gov-west-1"); err == nil {
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
	for _, v := range []any{keys, authn.AccessKey{Secret: secret, SessionToken: secret}, authn.Login{Token: secret}} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(format, v); strings.Contains(text, secret) || strings.Contains(text, fmt.Sprint([]byte("top"))[1:11]) {
				t.Errorf("%s of %T prints %s", format, v, text)
			}
		}
	}
}

func FuzzLogin(f *testing.F) {
	d := newDesk(f, 1, loginKeys(), testNow)
	password, _ := d.issue(f, testIdentity())
	f.Add(basic("AWS", password))
	f.Add("Bearer " + password)
	f.Add(basic(testKeyID, testSecret))
	f.Add("Basic ")
	f.Add(basic("AWS", "AAAA"))
	f.Fuzz(func(t *testing.T, header string) {
		got, err := d.Login(withAuthorization(header))
		if err == nil && got.AccessKeyID != testKeyID {
			t.Errorf("%q opened as %v", header, got)
		}
		if err != nil && !errors.Is(err, authn.ErrBadCredentials) {
			t.Errorf("%q: %v", header, err)
		}
	})
}

func BenchmarkLogin(b *testing.B) {
	d := newDesk(b, 1, loginKeys(), testNow)
	password, _ := d.issue(b, testIdentity())
	for name, header := range map[string]string{"token": basic("AWS", password), "key": basic(testKeyID, testSecret)} {
		b.Run(name, func(b *testing.B) {
			r := withAuthorization(header)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Login(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
