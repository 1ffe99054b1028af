package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/identity"
)

// TestEverythingButIAMDoesNotMakeRoot holds the policies that give everything
// but IAM to what they say.
func TestEverythingButIAMDoesNotMakeRoot(t *testing.T) {
	f := newServer(t, "sqlite:"+t.TempDir()+"/nifuda.db")
	alice := f.user("alice", "")
	f.must(f.identities.Attach(t.Context(), f.account, identity.User, "alice", "arn:aws:iam::aws:policy/PowerUserAccess"))
	f.ok(alice, "CreateRepository", map[string]any{"repositoryName": "app"})
	body := `{"AccountId":"` + f.account + `"}`
	call := func(s signer) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "http://"+host+"/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", "Nifuda_20261122.CreateRootAccessKey")
		s.sign(r, []byte(body), "nifuda", f.region)
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, r)
		return w
	}
	if w := call(alice); !strings.Contains(w.Body.String(), "AccessDeniedException") {
		t.Errorf("a power user becomes root: %d %s", w.Code, w.Body)
	}
	if w := call(f.rootSigner()); w.Code != http.StatusOK {
		t.Errorf("root is refused: %d %s", w.Code, w.Body)
	}
}
