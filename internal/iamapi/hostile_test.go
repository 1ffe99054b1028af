package iamapi_test

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
)

func TestMarkersThatNobodyGaveAreRefused(t *testing.T) {
	each(t, func(_ *testing.T, f *fixture) {
		for _, position := range []string{"9223372036854775807", "-1", "1", "x"} {
			f.refused(f.call(root, "SimulateCustomPolicy", "PolicyInputList.member.1", allow("*", "*"), "ActionNames.member.1", "ecr:PutImage",
				"Marker", base64.RawURLEncoding.EncodeToString([]byte(position))), "InvalidInput", "Invalid Marker.")
		}
	})
}

// TestSimulationsEndPagesBeforeTheyAreTooLarge sends documents of many
// statements, all of which apply to each of many actions.
func TestSimulationsEndPagesBeforeTheyAreTooLarge(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		const statements, actions = 2500, 20
		document := `{"Version":"2012-10-17","Statement":[` +
			strings.TrimSuffix(strings.Repeat(`{"Effect":"Allow","Action":"*","Resource":"*"},`, statements), ",") + `]}`
		call := []string{"PolicyInputList.member.1", document, "MaxItems", "1000"}
		for i := range actions {
			call = append(call, "ActionNames.member."+strconv.Itoa(i+1), "ecr:Action"+strconv.Itoa(i))
		}
		seen := 0
		for marker := []string{}; ; {
			body := f.ok(root, "SimulateCustomPolicy", append(marker, call...)...)
			if n := strings.Count(body, "<SourcePolicyId>"); n > 10_000+statements {
				t.Fatalf("a page has %d statements", n)
			}
			seen += strings.Count(body, "<EvalActionName>")
			if element(body, "IsTruncated") != "true" {
				break
			}
			marker = []string{"Marker", element(body, "Marker")}
		}
		if seen != actions {
			t.Errorf("all pages have %d results, want %d", seen, actions)
		}
	})
}

// TestProtectedTagIsProtectedInAnySpelling: the keys of an entity's tags differ
// in more than case, so that a tag is changed and removed by another spelling.
func TestProtectedTagIsProtectedInAnySpelling(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key := f.newUser("alice")
		f.ok(root, "TagUser", "UserName", "alice", "Tags.member.1.Key", "team", "Tags.member.1.Value", "a")
		f.ok(root, "PutUserPolicy", "UserName", "alice", "PolicyName", "p", "PolicyDocument", `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"iam:*","Resource":"*"},
			{"Effect":"Deny","Action":["iam:TagUser","iam:UntagUser"],"Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":"team"}}}]}`)
		for _, spelling := range []string{"team", "TEAM", "Team"} {
			f.refused(f.call(key, "TagUser", "UserName", "alice", "Tags.member.1.Key", spelling, "Tags.member.1.Value", "b"), "AccessDenied", "")
			f.refused(f.call(key, "UntagUser", "UserName", "alice", "TagKeys.member.1", spelling), "AccessDenied", "")
		}
		f.ok(key, "TagUser", "UserName", "alice", "Tags.member.1.Key", "other", "Tags.member.1.Value", "b")
		if body := f.ok(root, "ListUserTags", "UserName", "alice"); !strings.Contains(body, "<Value>a</Value>") {
			t.Errorf("the tags are %s", body)
		}
	})
}

func TestLastUseOfAKeyDoesNotTellStrangersWhoseItIs(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		stranger, key := f.newUser("alice"), f.newUser("bob")
		of := func(id string) answer { return f.call(stranger, "GetAccessKeyLastUsed", "AccessKeyId", id) }
		existing, missing := of(key), of("AKIAIOSFODNN7EXAMPLE")
		if existing.code != "AccessDenied" || existing.message != missing.message {
			t.Errorf("of a key that exists %q, of one that does not %q", existing.message, missing.message)
		}
	})
}

func TestForbiddenProviderIsForbiddenInAnySpelling(t *testing.T) {
	each(t, func(_ *testing.T, f *fixture) {
		key := f.newUser("alice")
		f.ok(root, "PutUserPolicy", "UserName", "alice", "PolicyName", "p", "PolicyDocument", `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"iam:*","Resource":"*"},
			{"Effect":"Deny","Action":"iam:CreateOpenIDConnectProvider","Resource":"arn:aws:iam::123456789012:oidc-provider/login.example.com"}]}`)
		for _, url := range []string{"https://login.example.com", "https://login.example.com/"} {
			f.refused(f.call(key, "CreateOpenIDConnectProvider", "Url", url, "ClientIDList.member.1", "x"), "AccessDenied", "")
		}
		f.ok(key, "CreateOpenIDConnectProvider", "Url", "https://other.example.com/", "ClientIDList.member.1", "x")
	})
}

func TestDocumentsOfWhiteSpaceAreRefused(t *testing.T) {
	each(t, func(_ *testing.T, f *fixture) {
		f.newUser("alice")
		blank := strings.Repeat(" ", 100_000)
		f.refused(f.call(root, "CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", trust(assumeOnly, accountRoot, "")+blank), "LimitExceeded", "")
		f.refused(f.call(root, "CreatePolicy", "PolicyName", "p", "PolicyDocument", allow("*", "*")+blank), "LimitExceeded", "")
		f.refused(f.call(root, "PutUserPolicy", "UserName", "alice", "PolicyName", "p", "PolicyDocument", allow("*", "*")+blank), "LimitExceeded", "")
		f.ok(root, "PutUserPolicy", "UserName", "alice", "PolicyName", "p", "PolicyDocument", allow("*", "*")+blank[:2048])
	})
}
