package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/kms"
)

// TestWhoComesToHaveANameIsSomebodyElse gives somebody a right by each kind of
// policy that can name a principal. The right must go with who had the name, and
// must not come to who has it next.
func TestWhoComesToHaveANameIsSomebodyElse(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, f *fixture) {
		f.repository("app")
		arn := "arn:aws:iam::" + f.account + ":user/"
		allow := func(action string) string {
			return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + arn + `alice"},"Action":"` + action + `","Resource":"*"}}`
		}
		list := func(s signer) int { return f.as(s, "ListImages", map[string]any{"repositoryName": "app"}).Code }
		key, own := f.createKey(), kms.DefaultPolicy(kms.Place{Account: f.account, Region: f.region})
		encrypt := func(s signer) int {
			return f.call(s, "kms", "TrentService.Encrypt", map[string]any{"KeyId": key, "Plaintext": "AAAA"}).Code
		}
		for _, test := range []struct {
			name       string
			give, take func()
			use        func(signer) int
			renamed    int // what the one with the right is answered under another name
		}{
			{
				"repository policy",
				func() {
					f.ok(f.rootSigner(), "SetRepositoryPolicy", map[string]any{"repositoryName": "app", "policyText": strings.Replace(allow("ecr:ListImages"), `,"Resource":"*"`, "", 1)})
				},
				func() { f.ok(f.rootSigner(), "DeleteRepositoryPolicy", map[string]any{"repositoryName": "app"}) },
				list, http.StatusOK,
			},
			{
				"registry policy",
				func() {
					f.ok(f.rootSigner(), "PutRegistryPolicy", map[string]any{"policyText": allow("ecr:ListImages")})
				},
				func() { f.ok(f.rootSigner(), "DeleteRegistryPolicy", map[string]any{}) },
				list, http.StatusOK,
			},
			{
				"key policy",
				func() {
					f.putKeyPolicy(key, strings.Replace(own, `"Statement" : [ {`, `"Statement" : [ {"Effect":"Allow","Principal":{"AWS":"`+arn+`alice"},"Action":"kms:Encrypt","Resource":"*"}, {`, 1))
				},
				func() { f.putKeyPolicy(key, own) },
				encrypt, http.StatusOK,
			},
			{
				"grant",
				func() {
					w := f.call(f.rootSigner(), "kms", "TrentService.CreateGrant", map[string]any{"KeyId": key, "GranteePrincipal": arn + "alice", "Operations": []any{"Encrypt"}})
					if w.Code != http.StatusOK {
						t.Fatalf("CreateGrant: %d %s", w.Code, w.Body)
					}
				},
				func() {},
				encrypt, http.StatusBadRequest, // a grant is found by the name
			},
		} {
			t.Run(test.name, func(t *testing.T) {
				ctx := t.Context()
				first := f.user("alice", "")
				test.give()
				if got := test.use(first); got != http.StatusOK {
					t.Errorf("who was named is answered %d", got)
				}
				f.must(f.identities.Rename(ctx, f.account, identity.User, "alice", "alicia", ""))
				if got := test.use(first); got != test.renamed {
					t.Errorf("after a new name: %d, want %d", got, test.renamed)
				}
				second := f.user("alice", "")
				if got := test.use(second); got != http.StatusBadRequest {
					t.Errorf("who took the name is answered %d", got)
				}
				f.removeUser("alicia")
				if got := test.use(second); got != http.StatusBadRequest {
					t.Errorf("who took the name of one that is gone is answered %d", got)
				}
				test.take()
				test.give()
				if got := test.use(second); got != http.StatusOK {
					t.Errorf("who is named now is answered %d", got)
				}
				test.take()
				f.removeUser("alice")
			})
		}
	})
}

// TestTrustDoesNotComeWithAName does the same for trust policies, by the
// principals that they can name.
func TestTrustDoesNotComeWithAName(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		const assume = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}`
		trusting := func(arn string) string {
			return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + arn + `"},"Action":"sts:AssumeRole"}}`
		}
		role := func(name, trust string) identity.RoleInfo {
			made, err := f.identities.CreateRole(ctx, identity.NewRole{Account: f.account, Name: name, TrustPolicy: trust})
			f.must(err)
			f.must(f.identities.PutInlinePolicy(ctx, f.account, identity.Role, name, "p", assume))
			return made
		}
		account := "arn:aws:iam::" + f.account + ":root"
		sts := "arn:aws:sts::" + f.account + ":assumed-role/"
		deployer := role("deployer", trusting(account))
		target := role("by-role", trusting(deployer.ARN()))
		bySession := role("by-session", trusting(sts+"deployer/ci"))
		may := func(target identity.RoleInfo) bool {
			t.Helper()
			root, err := f.identities.RoleInfo(ctx, f.account, "deployer")
			f.must(err)
			begun, err := f.identities.BeginRoleSession(ctx, root, identity.RoleSession{Name: "ci", Duration: time.Hour}, identity.SessionScope{})
			f.must(err)
			session := begun.Principal
			session.AccessKeyID = begun.AccessKeyID
			_, err = f.identities.AssumeRole(ctx, session, identity.RoleSession{RoleARN: target.ARN(), Name: "next"})
			return err == nil
		}
		if !may(target) || !may(bySession) {
			t.Error("who was named is refused")
		}
		f.must(f.identities.DeleteInlinePolicy(ctx, f.account, identity.Role, "deployer", "p"))
		f.must(f.identities.DeleteRole(ctx, f.account, "deployer"))
		role("deployer", trusting(account))
		if may(target) || may(bySession) {
			t.Error("who took the name is trusted")
		}
		f.must(f.identities.SetTrustPolicy(ctx, f.account, "by-role", trusting(deployer.ARN())))
		if !may(target) {
			t.Error("who is named now is refused")
		}
	})
}

func (f *fixture) putKeyPolicy(id, policy string) {
	f.tb.Helper()
	in := map[string]any{"KeyId": id, "Policy": policy}
	if w := f.call(f.rootSigner(), "kms", "TrentService.PutKeyPolicy", in); w.Code != http.StatusOK {
		f.tb.Fatalf("PutKeyPolicy: %d %s", w.Code, w.Body)
	}
}

func (f *fixture) createKey() (id string) {
	f.tb.Helper()
	w := f.call(f.rootSigner(), "kms", "TrentService.CreateKey", map[string]any{})
	var made struct{ KeyMetadata map[string]any }
	f.must(json.Unmarshal(w.Body.Bytes(), &made))
	return made.KeyMetadata["KeyId"].(string)
}

func (f *fixture) removeUser(name string) {
	f.tb.Helper()
	ctx := f.tb.Context()
	keys, _, err := f.identities.AccessKeys(ctx, f.account, name, identity.Page{})
	f.must(err)
	for _, key := range keys {
		f.must(f.identities.DeleteAccessKey(ctx, f.account, name, key.AccessKeyID))
	}
	f.must(f.identities.DeleteUser(ctx, f.account, name))
}
