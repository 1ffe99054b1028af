package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/identity"
)

// Who must not give a key to a repository does not do it by restoring one.
func TestRestorationOfARepositoryNeedsTheRightsToItsKey(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, f *fixture) {
		root := f.rootSigner()
		var made struct{ KeyMetadata struct{ KeyID, Arn string } }
		w := f.call(root, "kms", "TrentService.CreateKey", map[string]any{})
		if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != http.StatusOK {
			t.Fatalf("CreateKey: %d %s", w.Code, w.Body)
		}
		const allow = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["ecr:*","nifuda:*"],"Resource":"*"}}`
		alice := f.user("alice", allow)
		for name, encryption := range map[string]map[string]any{
			"customer": {"encryptionType": "KMS", "kmsKey": made.KeyMetadata.Arn}, "managed": {"encryptionType": "KMS"},
		} {
			f.ok(root, "CreateRepository", map[string]any{"repositoryName": name, "encryptionConfiguration": encryption})
			f.ok(root, "DeleteRepository", map[string]any{"repositoryName": name})
		}
		restore := func(name string) (int, string) {
			t.Helper()
			w := f.call(alice, "nifuda", "Nifuda_20261122.RestoreRepository", map[string]any{"RepositoryName": name})
			return w.Code, w.Body.String()
		}
		if code, body := restore("customer"); code != http.StatusBadRequest || !strings.Contains(body, "KmsException") {
			t.Errorf("without rights to the key: %d %s", code, body)
		}
		if code, body := restore("managed"); code != http.StatusOK {
			t.Errorf("the key that AWS manages: %d %s", code, body)
		}
		f.must(f.identities.PutInlinePolicy(t.Context(), f.account, identity.User, "alice", "keys",
			`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["kms:DescribeKey","kms:CreateGrant","kms:RetireGrant"],"Resource":"*",
			"Condition":{"StringEquals":{"kms:ViaService":"ecr.`+f.region+`.amazonaws.com"}}}}`))
		if code, body := restore("customer"); code != http.StatusOK {
			t.Errorf("with them: %d %s", code, body)
		}
	})
}
