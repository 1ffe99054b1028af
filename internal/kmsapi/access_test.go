package kmsapi_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/identity"
)

const (
	allowAll   = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}`
	aliceARN   = "arn:aws:iam::" + account + ":user/alice"
	hello      = "aGVsbG8="
	delegating = `{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"kms:*","Resource":"*"}`
)

// statement allows or denies an identity something on all keys; condition is the
// text of a condition block or empty.
func statement(effect, action, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return `{"Version":"2012-10-17","Statement":{"Effect":"` + effect + `","Action":"` + action + `","Resource":"*"` + condition + `}}`
}

func keyPolicy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func (f *fixture) setPolicy(id string, statements ...string) {
	f.t.Helper()
	f.ok(root, "PutKeyPolicy", object{"KeyId": id, "Policy": keyPolicy(statements...), "BypassPolicyLockoutSafetyCheck": true})
}

func TestKeyPolicyDecidesWhetherIdentityPoliciesCount(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		powerful, powerless := f.user("bob", allowAll), f.user("alice", "")
		id := f.newKey()
		encrypt := object{"KeyId": id, "Plaintext": hello}
		f.ok(powerful, "Encrypt", encrypt)
		out, code := f.call(powerless, "Encrypt", encrypt)
		if want := "User: " + aliceARN + " is not authorized to perform: kms:Encrypt on resource: arn:aws:kms:us-east-1:" + account + ":key/" + id +
			" because no identity-based policy allows the kms:Encrypt action"; code != "AccessDeniedException" || out["message"] != want {
			t.Errorf("got  %v\nwant %s", out, want)
		}

		named := `{"Effect":"Allow","Principal":{"AWS":"` + aliceARN + `"},"Action":"kms:*","Resource":"*"}`
		f.setPolicy(id, named)
		f.ok(powerless, "Encrypt", encrypt)
		for _, key := range []string{powerful, root} {
			out, code := f.call(key, "Encrypt", encrypt)
			if code != "AccessDeniedException" || !strings.HasSuffix(out["message"].(string), "because no resource-based policy allows the kms:Encrypt action") {
				t.Errorf("got %v", out)
			}
		}
		f.refused(root, "PutKeyPolicy", object{"KeyId": id, "Policy": keyPolicy(delegating)}, "AccessDeniedException")
		// Whoever may set policies is not let out of it by mistake.
		f.refused(powerless, "PutKeyPolicy", object{"KeyId": id, "Policy": keyPolicy(delegating)}, "MalformedPolicyDocumentException")
		f.ok(powerless, "PutKeyPolicy", object{"KeyId": id, "Policy": keyPolicy(named, delegating)})
		f.ok(powerful, "Encrypt", encrypt)
		f.setPolicy(id, delegating, `{"Effect":"Deny","Principal":"*","Action":"kms:Encrypt","Resource":"*"}`)
		for _, key := range []string{powerful, root} {
			f.refused(key, "Encrypt", encrypt, "AccessDeniedException")
		}
	})
}

func TestWhetherAKeyExistsIsForThoseWhoMayAsk(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		powerful, powerless := f.user("bob", allowAll), f.user("alice", "")
		const none = "00000000-0000-4000-8000-000000000000"
		for _, operation := range []string{"DescribeKey", "DisableKey", "EnableKey", "GetKeyPolicy", "ListKeyPolicies", "ListGrants", "ListResourceTags", "GetKeyRotationStatus", "ScheduleKeyDeletion", "RotateKeyOnDemand"} {
			f.refused(powerful, operation, object{"KeyId": none}, "NotFoundException")
			f.refused(powerless, operation, object{"KeyId": none}, "AccessDeniedException")
		}
		f.refused(powerful, "DescribeKey", object{"KeyId": "alias/none"}, "NotFoundException")
		f.refused(powerless, "DescribeKey", object{"KeyId": "alias/none"}, "AccessDeniedException")
		f.refused(powerless, "DescribeKey", object{"KeyId": "alias/aws/ecr"}, "AccessDeniedException")
		if keys := f.ok(root, "ListKeys", object{})["Keys"].([]any); len(keys) != 0 {
			t.Errorf("who may nothing made %v", keys)
		}
	})
}

func TestConditionsOnTheUseOfKeys(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.ok(root, "CreateKey", object{"Tags": []object{{"TagKey": "team", "TagValue": "blue"}}})["KeyMetadata"].(object)["KeyId"].(string)
		f.ok(root, "CreateAlias", object{"AliasName": "alias/app", "TargetKeyId": id})
		f.ok(root, "CreateAlias", object{"AliasName": "alias/other", "TargetKeyId": id})
		type request struct {
			operation string
			in        object
			allowed   bool
		}
		encrypt := func(key string, context object, allowed bool) request {
			return request{"Encrypt", object{"KeyId": key, "Plaintext": hello, "EncryptionContext": context}, allowed}
		}
		for name, test := range map[string]struct {
			condition string
			requests  []request
		}{
			"encryption context": {`{"StringEquals":{"kms:EncryptionContext:App":"x"}}`, []request{encrypt(id, object{"App": "x"}, true), encrypt(id, object{"App": "y"}, false), encrypt(id, nil, false)}},
			"its keys":           {`{"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":["App"]}}`, []request{encrypt(id, object{"App": "x"}, true), encrypt(id, object{"Other": "y"}, false)}},
			"alias of request":   {`{"StringEquals":{"kms:RequestAlias":"alias/app"}}`, []request{encrypt("alias/app", nil, true), encrypt("alias/other", nil, false), encrypt(id, nil, false)}},
			"alias of key":       {`{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/app"}}`, []request{encrypt(id, nil, true)}},
			"tag":                {`{"StringEquals":{"aws:ResourceTag/team":"blue"}}`, []request{encrypt(id, nil, true)}},
			"another tag":        {`{"StringEquals":{"aws:ResourceTag/team":"red"}}`, []request{encrypt(id, nil, false)}},
			"account":            {`{"StringEquals":{"kms:CallerAccount":"` + account + `"}}`, []request{encrypt(id, nil, true)}},
			"service":            {`{"StringLike":{"kms:ViaService":"*"}}`, []request{encrypt(id, nil, false)}},
			"window": {`{"NumericGreaterThanEquals":{"kms:ScheduleKeyDeletionPendingWindowInDays":"20"}}`, []request{
				{"ScheduleKeyDeletion", object{"KeyId": id, "PendingWindowInDays": 7}, false},
			}},
			"grant for a service": {`{"Bool":{"kms:GrantIsForAWSResource":"true"}}`, []request{
				{"CreateGrant", object{"KeyId": id, "GranteePrincipal": account, "Operations": []string{"Encrypt"}}, false},
			}},
			"grant operations": {`{"ForAllValues:StringEquals":{"kms:GrantOperations":["Encrypt"]}}`, []request{
				{"CreateGrant", object{"KeyId": id, "GranteePrincipal": account, "Operations": []string{"Encrypt"}}, true},
				{"CreateGrant", object{"KeyId": id, "GranteePrincipal": account, "Operations": []string{"Encrypt", "Decrypt"}}, false},
			}},
		} {
			user := strings.ReplaceAll(name, " ", "-")
			key := f.user(user, statement("Allow", "kms:*", test.condition))
			for _, r := range test.requests {
				want := ""
				if !r.allowed {
					want = "AccessDeniedException"
				}
				if out, code := f.call(key, r.operation, r.in); code != want {
					t.Errorf("%s: %s %v: %v", name, r.operation, r.in, out)
				}
			}
		}
	})
}

func TestGrantsLetWhomPoliciesDoNot(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		alice, denied := f.user("alice", ""), f.user("denied", statement("Deny", "kms:Encrypt", ""))
		id := f.newKey()
		encrypt := object{"KeyId": id, "Plaintext": hello, "EncryptionContext": object{"a": "b"}}
		grant := func(grantee string, more object) object {
			in := object{"KeyId": id, "GranteePrincipal": grantee, "Operations": []string{"Encrypt", "CreateGrant"}, "Constraints": object{"EncryptionContextSubset": object{"a": "b"}}}
			maps.Copy(in, more)
			return f.ok(root, "CreateGrant", in)
		}
		f.refused(alice, "Encrypt", encrypt, "AccessDeniedException")
		granted := grant(aliceARN, nil)
		f.ok(alice, "Encrypt", encrypt)
		f.ok(alice, "Encrypt", object{"KeyId": id, "Plaintext": hello, "EncryptionContext": object{"a": "b"}, "GrantTokens": []any{granted["GrantToken"]}})
		f.refused(alice, "Encrypt", object{"KeyId": id, "Plaintext": hello}, "AccessDeniedException")
		f.refused(alice, "DescribeKey", object{"KeyId": id}, "AccessDeniedException")
		// What alice has she may pass on, and no more.
		f.refused(alice, "CreateGrant", object{"KeyId": id, "GranteePrincipal": account, "Operations": []string{"Encrypt"}}, "AccessDeniedException")
		f.ok(alice, "CreateGrant", object{"KeyId": id, "GranteePrincipal": account, "Operations": []string{"Encrypt"}, "Constraints": object{"EncryptionContextEquals": object{"a": "b"}}})
		// A deny counts before a grant.
		grant("arn:aws:iam::"+account+":user/denied", nil)
		f.refused(denied, "Encrypt", encrypt, "AccessDeniedException")

		f.refused(alice, "RetireGrant", object{"GrantToken": granted["GrantToken"]}, "AccessDeniedException")
		f.refused(alice, "RevokeGrant", object{"KeyId": id, "GrantId": granted["GrantId"]}, "AccessDeniedException")
		f.ok(root, "RevokeGrant", object{"KeyId": id, "GrantId": granted["GrantId"]})
		f.refused(alice, "Encrypt", encrypt, "AccessDeniedException")
		retirable := grant(account, object{"RetiringPrincipal": aliceARN})
		f.ok(alice, "RetireGrant", object{"KeyId": id, "GrantId": retirable["GrantId"]})
	})
}

func TestSessionsUseTheGrantsOfTheirRoles(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		role, err := f.identities.CreateRole(ctx, identity.NewRole{
			Account: account, Path: "/team/", Name: "robot",
			TrustPolicy: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"sts:AssumeRole"}}`,
		})
		f.check(err)
		start := func(policies ...string) string {
			c, err := f.identities.StartSession(ctx, identity.NewSession{Account: account, OwnerID: role.ID, Duration: 1 << 40, Scope: identity.SessionScope{Name: "s", Policies: policies}})
			f.check(err)
			return c.AccessKeyID
		}
		id := f.newKey()
		encrypt := object{"KeyId": id, "Plaintext": hello}
		free, narrowed := start(), start(statement("Allow", "kms:Decrypt", ""))
		f.refused(free, "Encrypt", encrypt, "AccessDeniedException")
		f.ok(root, "CreateGrant", object{"KeyId": id, "GranteePrincipal": role.ARN(), "Operations": []string{"Encrypt"}})
		f.ok(free, "Encrypt", encrypt)
		f.refused(narrowed, "Encrypt", encrypt, "AccessDeniedException")
	})
}

func TestOtherAccountsUseKeysThatTheyAreGiven(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		_, made, err := f.identities.CreateAccount(t.Context(), foreign, "other")
		f.check(err)
		stranger := made.AccessKeyID
		id := f.newKey()
		arn := "arn:aws:kms:us-east-1:" + account + ":key/" + id
		f.ok(root, "CreateAlias", object{"AliasName": "alias/app", "TargetKeyId": id})
		encrypt := object{"KeyId": arn, "Plaintext": hello}
		byAlias := object{"KeyId": "arn:aws:kms:us-east-1:" + account + ":alias/app", "Plaintext": hello}
		texts := map[string]bool{}
		for _, in := range []object{encrypt, byAlias, {"KeyId": "arn:aws:kms:us-east-1:" + account + ":alias/none", "Plaintext": hello}, {"KeyId": arn[:len(arn)-1] + "0", "Plaintext": hello}} {
			out, code := f.call(stranger, "Encrypt", in)
			texts[code+": "+out["message"].(string)] = true
		}
		if len(texts) != 1 {
			t.Errorf("refusals tell what exists: %v", texts)
		}
		f.setPolicy(id, delegating, `{"Effect":"Allow","Principal":{"AWS":"`+foreign+`"},"Action":"kms:*","Resource":"*"}`)
		sealed := f.ok(stranger, "Encrypt", encrypt)
		f.ok(stranger, "Encrypt", byAlias)
		f.ok(stranger, "Decrypt", object{"CiphertextBlob": sealed["CiphertextBlob"]})
		f.ok(stranger, "DescribeKey", object{"KeyId": arn})
		f.ok(stranger, "ListGrants", object{"KeyId": arn})
		f.refused(stranger, "Encrypt", object{"KeyId": id, "Plaintext": hello}, "NotFoundException")
		for _, operation := range []string{"DisableKey", "ScheduleKeyDeletion", "GetKeyPolicy", "RotateKeyOnDemand"} {
			f.refused(stranger, operation, object{"KeyId": arn}, "AccessDeniedException")
		}
		f.refused(stranger, "CreateAlias", object{"AliasName": "alias/mine", "TargetKeyId": arn}, "AccessDeniedException")
		f.refused(stranger, "ListAliases", object{"KeyId": arn}, "NotFoundException")
	})
}

func TestAliasesNeedPermissionOnBothSides(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.newKey()
		of := func(resources ...string) string {
			list, err := json.Marshal(resources)
			f.check(err)
			return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":` + string(list) + `}}`
		}
		const aliases = "arn:aws:kms:*:*:alias/*"
		key := "arn:aws:kms:*:*:key/" + id
		in := object{"AliasName": "alias/app", "TargetKeyId": id}
		onlyAlias, onlyKey, both := f.user("a", of(aliases)), f.user("k", of(key)), f.user("b", of(aliases, key))
		for _, operation := range []string{"CreateAlias", "UpdateAlias"} {
			f.refused(onlyAlias, operation, in, "AccessDeniedException")
			f.refused(onlyKey, operation, in, "AccessDeniedException")
			f.ok(both, operation, in)
		}
		f.refused(onlyAlias, "DeleteAlias", object{"AliasName": "alias/app"}, "AccessDeniedException")
		f.refused(onlyKey, "DeleteAlias", object{"AliasName": "alias/app"}, "AccessDeniedException")
		f.ok(both, "DeleteAlias", object{"AliasName": "alias/app"})
	})
}

func TestPolicyOfANewKeyMustNotLockOut(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.user("alice", "")
		policy := keyPolicy(`{"Effect":"Allow","Principal":{"AWS":"` + aliceARN + `"},"Action":"kms:*","Resource":"*"}`)
		f.refused(root, "CreateKey", object{"Policy": policy}, "MalformedPolicyDocumentException")
		f.ok(root, "CreateKey", object{"Policy": policy, "BypassPolicyLockoutSafetyCheck": true})
		f.ok(root, "CreateKey", object{"Policy": keyPolicy(delegating)})
		f.refused(root, "CreateKey", object{"Policy": strings.Repeat(" ", 32<<10) + keyPolicy(delegating)}, "LimitExceededException")
	})
}
