package nifudaapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/awsjson"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/nifudaapi"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// Passwords of a test.
const (
	right  = "correct-Horse 7"
	wrong  = "correct-Horse 8"
	other8 = "battery-Staple 9"
)

// A signInFixture is the API with users who have passwords, a guard, and what is
// logged and recorded.
type signInFixture struct {
	*fixture
	at      time.Time
	log     bytes.Buffer
	records []httpx.Record
}

func newSignInFixture(t *testing.T, s *store.Store) *signInFixture {
	t.Helper()
	f := &signInFixture{fixture: newFixture(t, s), at: now()}
	log := slog.New(slog.NewTextHandler(&f.log, nil))
	service := nifudaapi.New(nifudaapi.Options{
		Accounts: f.identities, SignIns: f.identities, Authenticator: signedBy{}, Authorizer: f.authorizer, Home: home,
		Guard: authn.NewGuard(func() time.Time { return f.at }, log, prometheus.NewRegistry()),
	})
	inner := awsjson.New(awsjson.Options{Log: log}, service)
	f.handler = httpx.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r)
		f.records = append(f.records, *httpx.RecordOf(r.Context()))
	}), httpx.Options{Log: log})
	for _, name := range []string{"ann", "Bob", "none"} {
		if _, err := f.identities.CreateUser(t.Context(), identity.NewUser{Account: home, Name: name, Path: "/team/"}); err != nil {
			t.Fatal(err)
		}
	}
	for name, reset := range map[string]bool{"ann": false, "Bob": true} {
		if _, err := f.identities.CreateLoginProfile(t.Context(), home, name, right, reset); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.identities.SetAlias(t.Context(), home, "acme"); err != nil {
		t.Fatal(err)
	}
	return f
}

// signIn signs in from an address, without a signature.
func (f *signInFixture) signIn(t *testing.T, source string, members map[string]string) (status int, out map[string]any) {
	t.Helper()
	body, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.RemoteAddr = source + ":1234"
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "Nifuda_20261122.SignIn")
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	return w.Code, out
}

func signInOf(account, user, password string) map[string]string {
	return map[string]string{"AccountId": account, "UserName": user, "Password": password}
}

func TestAPasswordBeginsASessionOfAnHour(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newSignInFixture(t, s)
		for _, account := range []string{home, "acme"} {
			status, out := f.signIn(t, "192.0.2.1", signInOf(account, "ANN", right))
			if status != 200 || out["Arn"] != "arn:aws:iam::"+home+":user/team/ann" || out["AccountId"] != home {
				t.Fatalf("%s: %d %v", account, status, out)
			}
			credentials := out["Credentials"].(map[string]any)
			if credentials["Expiration"] != float64(now().Add(time.Hour).Unix()) {
				t.Errorf("good until %v", credentials["Expiration"])
			}
			key, err := f.identities.AccessKey(t.Context(), credentials["AccessKeyId"].(string))
			if err != nil || key.Secret != credentials["SecretAccessKey"] || key.SessionToken != credentials["SessionToken"] || key.Principal.ARN != out["Arn"] {
				t.Errorf("the key is %v, %v", key, err)
			}
			record := f.records[len(f.records)-1]
			if record.Caller.ARN != out["Arn"] || record.Principal != out["Arn"] || record.Touched[0].Account != home {
				t.Errorf("recorded %+v", record)
			}
		}
		user, err := f.identities.UserInfo(t.Context(), home, "ann")
		if err != nil || !user.PasswordUsedAt.Equal(now()) {
			t.Errorf("the password was used at %v, %v", user.PasswordUsedAt, err)
		}
	})
}

func TestWhatIsWrongWithASignInNobodyIsTold(t *testing.T) {
	f := newSignInFixture(t, storetest.SQLite(t))
	want := map[string]any{"__type": "SignInFailedException", "message": "The account, the user name or the password is wrong."}
	for name, members := range map[string]map[string]string{
		"account":          signInOf("999999999999", "ann", right),
		"alias":            signInOf("none", "ann", right),
		"user":             signInOf(home, "nobody", right),
		"password":         signInOf(home, "ann", wrong),
		"no password":      signInOf(home, "none", right),
		"must be changed":  signInOf(home, "bob", wrong),
		"with another new": {"AccountId": home, "UserName": "bob", "Password": wrong, "NewPassword": other8},
	} {
		status, out := f.signIn(t, "192.0.2.1", members)
		if diff := cmp.Diff(want, out); status != 400 || diff != "" {
			t.Errorf("wrong %s: %d, -want +got: %s", name, status, diff)
		}
		record, known := f.records[len(f.records)-1], members["AccountId"] == home && members["UserName"] != "nobody"
		shown, err := json.Marshal(record.Input)
		if err != nil || strings.Contains(string(shown), `"UserName":"`+members["UserName"]) != known || known != (len(record.Touched) == 1) || record.Caller.ARN != "" {
			t.Errorf("wrong %s: recorded %s %+v, %v", name, shown, record, err)
		}
	}
	if text := f.log.String(); strings.Contains(text, right) || strings.Contains(text, wrong) || !strings.Contains(text, "sign-in failed") {
		t.Errorf("logged %s", text)
	}
	f.wantError(t, "", "SignIn", `{"AccountId":"`+home+`","UserName":"ann"}`, "ValidationException")
	f.wantError(t, "", "SignIn", `{"AccountId":"`+home+`","UserName":"ann","Password":1}`, "SerializationException")
	_, out := f.signIn(t, "192.0.2.1", signInOf(home, "ann", strings.Repeat(wrong, 10)))
	if out["__type"] != "ValidationException" || strings.Contains(out["message"].(string), wrong) {
		t.Errorf("got %v", out)
	}
	// A signature neither helps nor hurts.
	f.wantError(t, "nonsense", "SignIn", `{"AccountId":"`+home+`","UserName":"ann","Password":"x"}`, "SignInFailedException")
	f.wantError(t, "", "DescribeUsage", `{}`, authn.CodeMissingToken)
}

func TestAPasswordThatMustBeChangedIs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newSignInFixture(t, s)
		for _, step := range []struct{ user, password, next, code string }{
			{"Bob", right, "", "PasswordChangeRequiredException"},
			{"Bob", right, right, "InvalidParameterException"},
			{"Bob", right, "short", "InvalidParameterException"},
			{"Bob", right, other8, ""},
			{"Bob", right, "", "SignInFailedException"},
			{"Bob", right, other8, "SignInFailedException"},
			{"Bob", other8, "", ""},
			{"ann", right, other8, "InvalidParameterException"}, // it need not be
			{"ann", right, "", ""},
		} {
			members := signInOf(home, step.user, step.password)
			if step.next != "" {
				members["NewPassword"] = step.next
			}
			status, out := f.signIn(t, "192.0.2.1", members)
			code, _ := out["__type"].(string)
			if code != step.code || (status == 200) != (step.code == "") {
				t.Errorf("%+v: %d %v", step, status, out)
			}
		}
	})
}

func TestWhoGuessesPasswordsIsKeptOut(t *testing.T) {
	f := newSignInFixture(t, storetest.SQLite(t))
	for i := range authn.GuardBurst {
		if status, out := f.signIn(t, "192.0.2.1", signInOf([]string{home, "acme"}[i%2], "ann", wrong)); status != 400 || out["__type"] != "SignInFailedException" {
			t.Fatalf("guess %d: %d %v", i, status, out)
		}
	}
	if status, out := f.signIn(t, "192.0.2.1", signInOf(home, "ann", right)); status != 429 || out["__type"] != "ThrottlingException" {
		t.Errorf("one more guess: %d %v", status, out)
	}
	if status, out := f.signIn(t, "192.0.2.1", signInOf(home, "bob", right)); status != 429 {
		t.Errorf("another user from the same address: %d %v", status, out)
	}
	if status, out := f.signIn(t, "192.0.2.2", signInOf(home, "ann", right)); status != 200 {
		t.Errorf("the user from elsewhere: %d %v", status, out)
	}
	if status, _ := f.signIn(t, "192.0.2.3", signInOf(home, "ann", wrong)); status != 400 {
		t.Errorf("the first guess from a third address: %d", status)
	}
	if status, out := f.signIn(t, "192.0.2.3", signInOf(home, "ann", wrong)); status != 429 {
		t.Errorf("the second one, at a user who is guessed at: %d %v", status, out)
	}
	f.at = f.at.Add(2 * authn.GuardPause) // the user was guessed at from elsewhere too
	if status, out := f.signIn(t, "192.0.2.1", signInOf(home, "ann", right)); status != 200 {
		t.Errorf("after the pauses: %d %v", status, out)
	}
}

func TestASessionGoesWithItsUser(t *testing.T) {
	f := newSignInFixture(t, storetest.SQLite(t))
	_, out := f.signIn(t, "192.0.2.1", signInOf(home, "ann", right))
	id := out["Credentials"].(map[string]any)["AccessKeyId"].(string)
	if err := f.identities.UpdateLoginProfile(t.Context(), home, "ann", other8, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.identities.AccessKey(t.Context(), id); err != nil {
		t.Errorf("after the password was changed: %v", err)
	}
	for _, take := range []func(ctx context.Context, account, name string) error{f.identities.DeleteLoginProfile, f.identities.DeleteUser} {
		if err := take(t.Context(), home, "ann"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.identities.AccessKey(t.Context(), id); err == nil {
		t.Error("the session of a user who is gone is still good")
	}
}
