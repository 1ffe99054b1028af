package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/config"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/nifuda"
)

const signInPassword = "correct-Horse 7"

// withPassword makes a user who may sign in.
func (f *fixture) withPassword(name, policy string) {
	f.tb.Helper()
	_, err := f.identities.CreateUser(f.tb.Context(), identity.NewUser{Account: f.account, Name: name})
	if err == nil {
		err = f.identities.PutInlinePolicy(f.tb.Context(), f.account, identity.User, name, "p", policy)
	}
	if err == nil {
		_, err = f.identities.CreateLoginProfile(f.tb.Context(), f.account, name, signInPassword, false)
	}
	f.must(err)
}

// signInRequest is not signed.
func (f *fixture) signInRequest(user, password string) *http.Request {
	f.tb.Helper()
	body, err := json.Marshal(map[string]string{"AccountId": f.account, "UserName": user, "Password": password})
	f.must(err)
	r := httptest.NewRequest(http.MethodPost, "http://"+host+"/", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "Nifuda_20261122.SignIn")
	return r
}

func TestWhoSignsInWithAPasswordMayWhatTheUserMay(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, f *fixture) {
		f.withPassword("ann", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"nifuda:SearchRepositories","Resource":"*"}}`)
		var out nifuda.SignInResponse
		f.ask(f.signInRequest("ann", signInPassword), http.StatusOK, &out)
		ann := signer{id: out.Credentials.AccessKeyId, secret: out.Credentials.SecretAccessKey, token: out.Credentials.SessionToken}
		if w := f.call(ann, "nifuda", "Nifuda_20261122.SearchRepositories", map[string]any{}); w.Code != http.StatusOK {
			t.Errorf("what is allowed: %d %s", w.Code, w.Body)
		}
		if w := f.call(ann, "nifuda", "Nifuda_20261122.ListEvents", map[string]any{}); errorCode(w) != "AccessDeniedException" {
			t.Errorf("what is not: %d %s", w.Code, w.Body)
		}
	})
}

// Attempts are recorded with who was meant and from where, and no password.
func TestSignInsAreRecordedWithoutPasswords(t *testing.T) {
	c := config.Default()
	c.Data = t.TempDir()
	c.Database = "sqlite:" + filepath.Join(c.Data, "nifuda.db")
	c = inData(c)
	t.Run("until the server ends", func(t *testing.T) { // and has written all records
		f := startServerIn(t, c)
		f.withPassword("ann", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
		f.send(f.signInRequest("ann", "wrong-Horse 77"), http.StatusBadRequest)
		f.send(f.signInRequest("hunter2-Horse", "wrong-Horse 77"), http.StatusBadRequest)
		f.send(f.signInRequest("ann", signInPassword), http.StatusOK)
	})
	content, err := os.ReadFile(strings.TrimPrefix(c.Audit, "file:"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for _, secret := range []string{signInPassword, "wrong-Horse", "hunter2"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in %s", secret, text)
		}
	}
	for what, times := range map[string]int{`"eventName":"SignIn"`: 3, "SignInFailedException": 2, "user/ann": 2, "HIDDEN_DUE_TO_SECURITY_REASONS": 3} {
		if strings.Count(text, what) < times {
			t.Errorf("%s is fewer than %d times in %s", what, times, text)
		}
	}
}

func TestAReadOnlyServerBeginsNoSession(t *testing.T) {
	c := config.Default()
	c.Data = t.TempDir()
	c.Database = "sqlite:" + filepath.Join(c.Data, "nifuda.db")
	c = inData(c)
	t.Run("before", func(t *testing.T) {
		startServerIn(t, c).withPassword("ann", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	})
	c.ReadOnly = "on"
	f := startServerIn(t, c)
	w := f.send(f.signInRequest("ann", signInPassword), http.StatusServiceUnavailable)
	if code := errorCode(w); code != "ServiceUnavailableException" || !strings.Contains(w.Body.String(), "takes no changes for some minutes") || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %s %v", w.Body, w.Header())
	}
}
