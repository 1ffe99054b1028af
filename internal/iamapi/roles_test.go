package iamapi_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"
)

func TestRoleIsKept(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		document := trust(assumeOnly, accountRoot, "")
		f.newRole(document, "Description", "deploys", "MaxSessionDuration", "7200", "Tags.member.1.Key", "team", "Tags.member.1.Value", "a")
		body := f.ok(root, "GetRole", "RoleName", "DEPLOY")
		for name, want := range map[string]string{
			"RoleName": "deploy", "Path": "/ci/", "Arn": roleARN, "Description": "deploys", "MaxSessionDuration": "7200", "Key": "team", "Value": "a",
		} {
			if got := element(body, name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if got, err := url.QueryUnescape(element(body, "AssumeRolePolicyDocument")); err != nil || got != document {
			t.Errorf("the trust policy is %s", got)
		}
		if id := element(body, "RoleId"); !strings.HasPrefix(id, "AROA") {
			t.Errorf("the id is %s", id)
		}
		f.refused(f.call(root, "CreateRole", "RoleName", "Deploy", "AssumeRolePolicyDocument", document), "EntityAlreadyExists", "Role with name Deploy already exists.")
		f.ok(root, "UpdateRole", "RoleName", "deploy", "MaxSessionDuration", "3600")
		if body := f.ok(root, "UpdateRoleDescription", "RoleName", "deploy", "Description", "other"); element(body, "Description") != "other" || element(body, "MaxSessionDuration") != "3600" {
			t.Errorf("the role is now %s", body)
		}
		f.ok(root, "PutRolePolicy", "RoleName", "deploy", "PolicyName", "own", "PolicyDocument", allow("ecr:*", "*"))
		if got := element(f.ok(root, "ListRolePolicies", "RoleName", "deploy"), "member"); got != "own" {
			t.Errorf("the inline policies are %s", got)
		}
		if got, _ := url.QueryUnescape(element(f.ok(root, "GetRolePolicy", "RoleName", "deploy", "PolicyName", "own"), "PolicyDocument")); got != allow("ecr:*", "*") {
			t.Errorf("the inline policy is %s", got)
		}
		f.refused(f.call(root, "DeleteRole", "RoleName", "deploy"), "DeleteConflict", "Cannot delete entity, must delete policies first.")
		f.ok(root, "DeleteRolePolicy", "RoleName", "deploy", "PolicyName", "own")
		const managed = "arn:aws:iam::aws:policy/PowerUserAccess"
		f.ok(root, "AttachRolePolicy", "RoleName", "deploy", "PolicyArn", managed)
		if got := element(f.ok(root, "ListAttachedRolePolicies", "RoleName", "deploy"), "PolicyArn"); got != managed {
			t.Errorf("the attached policy is %s", got)
		}
		f.refused(f.call(root, "DeleteRole", "RoleName", "deploy"), "DeleteConflict", "Cannot delete entity, must detach all policies first.")
		f.ok(root, "DetachRolePolicy", "RoleName", "deploy", "PolicyArn", managed)
		f.ok(root, "UntagRole", "RoleName", "deploy", "TagKeys.member.1", "team")
		f.ok(root, "TagRole", "RoleName", "deploy", "Tags.member.1.Key", "x", "Tags.member.1.Value", "y")
		if got := element(f.ok(root, "ListRoleTags", "RoleName", "deploy"), "Key"); got != "x" {
			t.Errorf("the tag is %s", got)
		}
		if body := f.ok(root, "ListInstanceProfilesForRole", "RoleName", "deploy"); element(body, "IsTruncated") != "false" {
			t.Errorf("the instance profiles are %s", body)
		}
		if got := element(f.ok(root, "ListRoles", "PathPrefix", "/ci/"), "RoleName"); got != "deploy" {
			t.Errorf("the list has %s", got)
		}
		f.ok(root, "DeleteRole", "RoleName", "deploy")
		f.refused(f.call(root, "GetRole", "RoleName", "deploy"), "NoSuchEntity", "The role with name deploy cannot be found.")
	})
}

func TestTrustPolicyIsChecked(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.newUser("alice")
		f.newRole(trust(assumeOnly, "arn:aws:iam::123456789012:user/alice", ""))
		set := func(document string) answer {
			return f.call(root, "UpdateAssumeRolePolicy", "RoleName", "deploy", "PolicyDocument", document)
		}
		for _, principal := range []string{
			"arn:aws:iam::123456789012:user/bob", "arn:aws:iam::123456789012:user/Alice", "arn:aws:iam::123456789012:user/x/alice", "arn:aws:iam::123456789012:role/deploy",
			"arn:aws:iam::210987654321:root", "arn:aws:sts::123456789012:assumed-role/other/s1",
		} {
			f.refused(set(trust(assumeOnly, principal, "")), "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"`+principal+`"`)
		}
		for _, principal := range []string{"*", "123456789012", accountRoot, roleARN, "arn:aws:iam::123456789012:user/alice", "arn:aws:sts::123456789012:assumed-role/deploy/s1"} {
			if a := set(trust(assumeOnly, principal, "")); a.code != "" {
				t.Errorf("%s: %s: %s", principal, a.code, a.message)
			}
		}
		f.refused(set(allow("sts:AssumeRole", "*")), "MalformedPolicyDocument", "")
		f.refused(set(trust(assumeOnly, "*", `"StringEquals":{"sts:ExternalId":"`+strings.Repeat("x", 2048)+`"}`)), "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
		f.refused(f.call(root, "CreateRole", "RoleName", "r", "Path", "/aws-service-role/x/", "AssumeRolePolicyDocument", trust(assumeOnly, "*", "")), "InvalidInput", "")
	})
}

func TestRolesOfServices(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		const service, name = "replication.ecr.amazonaws.com", "AWSServiceRoleForECRReplication"
		key := f.newUser("alice")
		f.ok(root, "AttachUserPolicy", "UserName", "alice", "PolicyArn", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryFullAccess")
		f.refused(f.call(key, "CreateServiceLinkedRole", "AWSServiceName", "ecr.amazonaws.com"), "AccessDenied", "")
		body := f.ok(key, "CreateServiceLinkedRole", "AWSServiceName", service)
		if got := element(body, "Arn"); got != "arn:aws:iam::123456789012:role/aws-service-role/"+service+"/"+name {
			t.Errorf("the role is %s", got)
		}
		f.refused(f.call(root, "CreateServiceLinkedRole", "AWSServiceName", service), "InvalidInput",
			"Service role name "+name+" has been taken in this account, please try a different suffix.")
		f.refused(f.call(root, "CreateServiceLinkedRole", "AWSServiceName", "nothing.amazonaws.com"), "InvalidInput", "")
		for _, a := range []answer{
			f.call(root, "DeleteRole", "RoleName", name),
			f.call(root, "UpdateAssumeRolePolicy", "RoleName", name, "PolicyDocument", trust(assumeOnly, accountRoot, "")),
			f.call(root, "AttachRolePolicy", "RoleName", name, "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess"),
			f.call(root, "PutRolePolicy", "RoleName", name, "PolicyName", "p", "PolicyDocument", allow("*", "*")),
		} {
			f.refused(a, "UnmodifiableEntity", "")
		}
		f.ok(root, "PutUserPolicy", "UserName", "alice", "PolicyName", "delete", "PolicyDocument",
			`{"Statement":{"Effect":"Allow","Action":"iam:DeleteServiceLinkedRole","Resource":"*","Condition":{"StringEquals":{"iam:AWSServiceName":"ecr.amazonaws.com"}}}}`)
		f.refused(f.call(key, "DeleteServiceLinkedRole", "RoleName", name), "AccessDenied", "")
		f.ok(root, "PutUserPolicy", "UserName", "alice", "PolicyName", "delete", "PolicyDocument",
			`{"Statement":{"Effect":"Allow","Action":"iam:DeleteServiceLinkedRole","Resource":"*","Condition":{"StringEquals":{"iam:AWSServiceName":"`+service+`"}}}}`)
		task := element(f.ok(key, "DeleteServiceLinkedRole", "RoleName", strings.ToLower(name)), "DeletionTaskId")
		if got := element(f.ok(root, "GetServiceLinkedRoleDeletionStatus", "DeletionTaskId", task), "Status"); got != "SUCCEEDED" {
			t.Errorf("the status is %s", got)
		}
		f.refused(f.call(root, "GetServiceLinkedRoleDeletionStatus", "DeletionTaskId", "task/x"), "NoSuchEntity", "")
		f.newRole(trust(assumeOnly, accountRoot, ""))
		f.refused(f.call(root, "DeleteServiceLinkedRole", "RoleName", "deploy"), "InvalidInput", "The role deploy is not linked to a service.")
	})
}

// Whoever may only make roles within a boundary gives none a right beyond it.
func TestRightsOnRolesMayDependOnTheirBoundary(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key, bound := f.newUser("alice"), f.newPolicy("bound")
		f.ok(root, "PutUserPolicy", "UserName", "alice", "PolicyName", "own", "PolicyDocument",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:CreateRole","iam:AttachRolePolicy"],"Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"`+bound+`"}}}]}`)
		f.newRole(trust(assumeOnly, accountRoot, ""))
		const administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
		f.refused(f.call(key, "AttachRolePolicy", "RoleName", "deploy", "PolicyArn", administrator), "AccessDenied", "")
		create := []string{"RoleName", "bounded", "AssumeRolePolicyDocument", trust(assumeOnly, accountRoot, "")}
		f.refused(f.call(key, "CreateRole", create...), "AccessDenied", "")
		f.ok(key, "CreateRole", append(create, "PermissionsBoundary", bound)...)
		f.ok(key, "AttachRolePolicy", "RoleName", "bounded", "PolicyArn", administrator)
		f.refused(f.call(key, "DeleteRolePermissionsBoundary", "RoleName", "bounded"), "AccessDenied", "")
		if got := element(f.ok(root, "GetRole", "RoleName", "bounded"), "PermissionsBoundaryArn"); got != bound {
			t.Errorf("the boundary is %s", got)
		}
		f.ok(root, "DeleteRolePermissionsBoundary", "RoleName", "bounded")
		f.refused(f.call(key, "AttachRolePolicy", "RoleName", "bounded", "PolicyArn", administrator), "AccessDenied", "")
	})
}

// A session that begins while its role goes is worth nothing.
func TestSessionOfADeletedRoleIsNobody(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key := f.newUser("alice")
		f.grant("alice", "sts:AssumeRole", "*")
		for range 5 {
			f.newRole(trust(assumeOnly, "arn:aws:iam::123456789012:user/alice", ""))
			var group sync.WaitGroup
			var begun answer
			group.Go(func() { begun = f.call(key, "AssumeRole", assume()...) })
			group.Go(func() { f.call(root, "DeleteRole", "RoleName", "deploy") })
			group.Wait()
			if begun.code != "" {
				f.refused(begun, "AccessDenied", "")
				continue
			}
			f.refused(f.call(element(begun.body, "AccessKeyId"), "GetCallerIdentity"), "InvalidClientTokenId", "")
		}
	})
}
