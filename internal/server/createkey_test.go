package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/identity"
)

// Who creates a repository under a customer's key needs rights to it, which the
// policies may tie to ECR. Each of them, and of no other key.
func TestRepositoryUnderAKeyNeedsTheRightsToIt(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, f *fixture) {
		root := f.rootSigner()
		newKey := func() string {
			t.Helper()
			var made struct{ KeyMetadata struct{ Arn string } }
			w := f.call(root, "kms", "TrentService.CreateKey", map[string]any{})
			if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != http.StatusOK {
				t.Fatalf("CreateKey: %d %s", w.Code, w.Body)
			}
			return made.KeyMetadata.Arn
		}
		key, otherKey := newKey(), newKey()
		all := []string{"kms:DescribeKey", "kms:CreateGrant", "kms:RetireGrant"}
		via := `,"Condition":{"StringEquals":{"kms:ViaService":"ecr.` + f.region + `.amazonaws.com"}}`
		statement := func(actions []string, resource, condition string) string {
			return `{"Effect":"Allow","Action":["` + strings.Join(actions, `","`) + `"],"Resource":"` + resource + `"` + condition + `}`
		}
		alice := f.user("alice", `{"Version":"2012-10-17","Statement":`+statement([]string{"ecr:*"}, "*", "")+`}`)
		for name, test := range map[string]struct {
			rights string // a statement, or "" for none
			denied string // the action, or "" when the repository is made
		}{
			"none":             {"", "kms:DescribeKey"},
			"all":              {statement(all, key, ""), ""},
			"all-via-ecr":      {statement(all, key, via), ""},
			"all-via-another":  {statement(all, key, strings.ReplaceAll(via, `"ecr.`, `"s3.`)), "kms:DescribeKey"},
			"no-description":   {statement(all[1:], key, ""), "kms:DescribeKey"},
			"no-grants":        {statement([]string{all[0], all[2]}, key, ""), "kms:CreateGrant"},
			"no-retirement":    {statement(all[:2], key, ""), "kms:RetireGrant"},
			"those-to-another": {statement(all, otherKey, ""), "kms:DescribeKey"},
			"only-to-decrypt":  {statement([]string{"kms:Decrypt", "kms:GenerateDataKey"}, key, ""), "kms:DescribeKey"},
		} {
			rights := `{"Version":"2012-10-17","Statement":[` + statement([]string{"ecr:*"}, "*", "")
			if test.rights != "" {
				rights += "," + test.rights
			}
			f.must(f.identities.PutInlinePolicy(t.Context(), f.account, identity.User, "alice", "policy", rights+"]}"))
			w := f.as(alice, "CreateRepository", map[string]any{
				"repositoryName": name, "encryptionConfiguration": map[string]any{"encryptionType": "KMS", "kmsKey": key},
			})
			switch body := w.Body.String(); {
			case test.denied == "" && w.Code != http.StatusOK:
				t.Errorf("%s: %d %s", name, w.Code, body)
			case test.denied != "" && (w.Code != http.StatusBadRequest || !strings.Contains(body, "KmsException") ||
				!strings.Contains(body, `"kmsError":"AccessDeniedException"`) || !strings.Contains(body, "not authorized to perform: "+test.denied)):
				t.Errorf("%s: %d %s, want it to lack %s", name, w.Code, body, test.denied)
			}
		}
		f.must(f.identities.PutInlinePolicy(t.Context(), f.account, identity.User, "alice", "policy",
			`{"Version":"2012-10-17","Statement":`+statement([]string{"ecr:*"}, "*", "")+`}`))
		f.ok(alice, "CreateRepository", map[string]any{
			"repositoryName": "managed", "encryptionConfiguration": map[string]any{"encryptionType": "KMS"},
		})
	})
}
