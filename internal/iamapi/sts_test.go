package iamapi_test

import (
	"strings"
	"testing"
)

// trust returns a trust policy for a principal of ours.
func trust(action, principal, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":` + action + `,"Principal":{"AWS":"` + principal + `"},"Condition":{` + condition + `}}]}`
}

const (
	roleARN     = "arn:aws:iam::123456789012:role/ci/deploy"
	accountRoot = "arn:aws:iam::123456789012:root"
	assumeOnly  = `"sts:AssumeRole"`
)

func (f *fixture) newRole(trustPolicy string, parameters ...string) {
	f.t.Helper()
	f.ok(root, "CreateRole", append([]string{"RoleName", "deploy", "Path", "/ci/", "AssumeRolePolicyDocument", trustPolicy}, parameters...)...)
}

func (f *fixture) grant(user, action, resource string) {
	f.t.Helper()
	f.ok(root, "PutUserPolicy", "UserName", user, "PolicyName", strings.ReplaceAll(action, ":", "-"), "PolicyDocument", allow(action, resource))
}

func assume(parameters ...string) []string {
	return append([]string{"RoleArn", roleARN, "RoleSessionName", "build-1"}, parameters...)
}

func TestRoleIsAssumedByWhomItTrusts(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key := f.newUser("alice")
		const denied = "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: sts:AssumeRole on resource: " + roleARN
		f.refused(f.call(key, "AssumeRole", assume()...), "AccessDenied", denied) // there is none
		f.newRole(trust(assumeOnly, accountRoot, ""))
		f.refused(f.call(key, "AssumeRole", assume()...), "AccessDenied", denied) // its account may say who
		f.grant("alice", "sts:AssumeRole", roleARN)
		body := f.ok(key, "AssumeRole", assume()...)
		session := element(body, "AccessKeyId")
		if arn := element(f.ok(session, "GetCallerIdentity"), "Arn"); arn != "arn:aws:sts::123456789012:assumed-role/deploy/build-1" {
			t.Errorf("the session is %s", arn)
		}
		if id := element(body, "AssumedRoleId"); !strings.HasPrefix(id, "AROA") || !strings.HasSuffix(id, ":build-1") {
			t.Errorf("the session's id is %s", id)
		}
		f.refused(f.call(root, "AssumeRole", assume()...), "AccessDenied", "Roles may not be assumed by root accounts.")
		f.refused(f.call(session, "GetSessionToken"), "AccessDenied", "Cannot call GetSessionToken with session credentials")
		f.refused(f.call(key, "AssumeRole", assume("DurationSeconds", "7200")...), "ValidationError",
			"The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
		f.ok(root, "DeleteRole", "RoleName", "deploy")
		f.refused(f.call(session, "GetCallerIdentity"), "InvalidClientTokenId", "")
	})
}

func TestExternalIDIsAsked(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key := f.newUser("alice")
		f.newRole(trust(assumeOnly, "arn:aws:iam::123456789012:user/alice", `"StringEquals":{"sts:ExternalId":"secret-word"}`))
		f.refused(f.call(key, "AssumeRole", assume()...), "AccessDenied", "")
		f.refused(f.call(key, "AssumeRole", assume("ExternalId", "other-word")...), "AccessDenied", "")
		f.ok(key, "AssumeRole", assume("ExternalId", "secret-word")...)
	})
}

func TestRoleOfAnotherAccountNeedsBothSides(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		other, otherRoot, err := f.identities.CreateAccount(t.Context(), "", "other")
		if err != nil {
			t.Fatal(err)
		}
		f.ok(otherRoot.AccessKeyID, "CreateUser", "UserName", "bob")
		bob := element(f.ok(otherRoot.AccessKeyID, "CreateAccessKey", "UserName", "bob"), "AccessKeyId")
		f.newRole(trust(assumeOnly, accountRoot, ""))
		allowBob := func() {
			f.ok(otherRoot.AccessKeyID, "PutUserPolicy", "UserName", "bob", "PolicyName", "p", "PolicyDocument", allow("sts:AssumeRole", roleARN))
		}
		allowBob()
		f.refused(f.call(bob, "AssumeRole", assume()...), "AccessDenied", "")
		f.ok(root, "UpdateAssumeRolePolicy", "RoleName", "deploy", "PolicyDocument", trust(assumeOnly, "arn:aws:iam::"+other.ID+":user/bob", ""))
		f.ok(bob, "AssumeRole", assume()...)
		f.ok(otherRoot.AccessKeyID, "DeleteUserPolicy", "UserName", "bob", "PolicyName", "p")
		f.refused(f.call(bob, "AssumeRole", assume()...), "AccessDenied", "")
	})
}

func TestSessionPolicyNarrows(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key := f.newUser("alice")
		f.newRole(trust(assumeOnly, "arn:aws:iam::123456789012:user/alice", ""))
		f.ok(root, "PutRolePolicy", "RoleName", "deploy", "PolicyName", "p", "PolicyDocument", allow("iam:List*", "*"))
		whole := element(f.ok(key, "AssumeRole", assume()...), "AccessKeyId")
		f.ok(whole, "ListUsers")
		f.ok(whole, "ListGroups")
		body := f.ok(key, "AssumeRole", assume("Policy", allow("iam:ListUsers", "*"))...)
		narrow := element(body, "AccessKeyId")
		f.ok(narrow, "ListUsers")
		f.refused(f.call(narrow, "ListGroups"), "AccessDenied",
			"User: arn:aws:sts::123456789012:assumed-role/deploy/build-1 is not authorized to perform: iam:ListGroups on resource: "+
				"arn:aws:iam::123456789012:group/ because no session policy allows the iam:ListGroups action")
		if element(body, "PackedPolicySize") == "" {
			t.Errorf("no size of the session policy: %s", body)
		}
		f.refused(f.call(key, "AssumeRole", assume("Policy", "{")...), "MalformedPolicyDocument", "")
		long := allow("iam:*", "arn:aws:iam::*:user/"+strings.Repeat("x", 2040))
		f.refused(f.call(key, "AssumeRole", assume("Policy", long)...), "PackedPolicyTooLarge", "")
		padded := allow("iam:*", "*") + strings.Repeat(" ", 2048) // which each session would keep
		f.refused(f.call(key, "AssumeRole", assume("Policy", padded)...), "PackedPolicyTooLarge", "")
		f.ok(root, "DeleteRolePolicy", "RoleName", "deploy", "PolicyName", "p")
		f.refused(f.call(narrow, "ListUsers"), "AccessDenied", "")
		f.refused(f.call(whole, "ListUsers"), "AccessDenied", "")
	})
}

func TestSessionTagsNeedTheirOwnRight(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key := f.newUser("alice")
		tags := []string{"Tags.member.1.Key", "project", "Tags.member.1.Value", "red", "TransitiveTagKeys.member.1", "project"}
		f.newRole(trust(assumeOnly, "arn:aws:iam::123456789012:user/alice", ""))
		f.refused(f.call(key, "AssumeRole", assume(tags...)...), "AccessDenied",
			"User: arn:aws:iam::123456789012:user/alice is not authorized to perform: sts:TagSession on resource: "+roleARN)
		f.ok(root, "UpdateAssumeRolePolicy", "RoleName", "deploy",
			"PolicyDocument", trust(`["sts:AssumeRole","sts:TagSession"]`, accountRoot, `"StringEquals":{"aws:RequestTag/project":["red"]}`))
		f.grant("alice", "sts:AssumeRole", "*")
		f.grant("alice", "sts:TagSession", "*")
		f.ok(root, "PutRolePolicy", "RoleName", "deploy", "PolicyName", "p", "PolicyDocument",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/project":"red"}}},
			{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}`)
		session := element(f.ok(key, "AssumeRole", assume(tags...)...), "AccessKeyId")
		f.ok(session, "ListUsers")

		// A transitive tag goes on to the next session, which lasts an hour at most.
		f.ok(root, "UpdateRole", "RoleName", "deploy", "MaxSessionDuration", "43200")
		next := element(f.ok(session, "AssumeRole", assume()...), "AccessKeyId")
		f.ok(next, "ListUsers")
		f.refused(f.call(session, "AssumeRole", assume(tags...)...), "InvalidParameterValue", "")
		f.refused(f.call(session, "AssumeRole", assume("DurationSeconds", "3601")...), "ValidationError",
			"The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
		f.ok(key, "AssumeRole", assume(append(tags, "DurationSeconds", "43200")...)...)
	})
}

func TestOwnSessionMayWhatItsUserMay(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key := f.newUser("alice")
		session := element(f.ok(key, "GetSessionToken"), "AccessKeyId")
		f.refused(f.call(session, "ListUsers"), "AccessDenied", "")
		f.grant("alice", "iam:ListUsers", "*")
		f.ok(session, "ListUsers")
		if arn := element(f.ok(session, "GetCallerIdentity"), "Arn"); arn != "arn:aws:iam::123456789012:user/alice" {
			t.Errorf("the session is of %s", arn)
		}
		if got := element(f.ok(root, "GetAccessKeyInfo", "AccessKeyId", session), "Account"); got != account {
			t.Errorf("the key's account is %s", got)
		}
	})
}

func TestTokensOfARevokedTimeAreRefused(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key := f.newUser("alice")
		f.newRole(trust(assumeOnly, "arn:aws:iam::123456789012:user/alice", ""))
		f.ok(root, "PutRolePolicy", "RoleName", "deploy", "PolicyName", "p", "PolicyDocument", allow("iam:ListUsers", "*"))
		session := element(f.ok(key, "AssumeRole", assume()...), "AccessKeyId")
		f.ok(session, "ListUsers")
		f.ok(root, "PutRolePolicy", "RoleName", "deploy", "PolicyName", "AWSRevokeOlderSessions", "PolicyDocument",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":"2999-01-01T00:00:00Z"}}}]}`)
		f.refused(f.call(session, "ListUsers"), "AccessDenied", "")
		f.ok(session, "GetCallerIdentity")
	})
}
