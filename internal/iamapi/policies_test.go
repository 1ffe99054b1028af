package iamapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
)

func policyARN(name string) string { return "arn:aws:iam::123456789012:policy/" + name }

func (f *fixture) newPolicy(name string, parameters ...string) string {
	f.t.Helper()
	return element(f.ok(root, "CreatePolicy", append([]string{"PolicyName", name, "PolicyDocument", allow("ecr:PutImage", "*")}, parameters...)...), "Arn")
}

func TestPolicyHasVersions(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		arn := f.newPolicy("push", "Path", "/team/", "Description", "who may push")
		if want := policyARN("team/push"); arn != want {
			t.Errorf("the ARN is %s, want %s", arn, want)
		}
		f.refused(f.call(root, "CreatePolicy", "PolicyName", "PUSH", "PolicyDocument", allow("*", "*")), "EntityAlreadyExists",
			"A policy called PUSH already exists. Duplicate names are not allowed.")
		version := func(document string, parameters ...string) answer {
			return f.call(root, "CreatePolicyVersion", append([]string{"PolicyArn", arn, "PolicyDocument", document}, parameters...)...)
		}
		for n := 2; n <= 5; n++ {
			if got := element(version(allow(fmt.Sprintf("ecr:Get%d*", n), "*")).body, "VersionId"); got != fmt.Sprintf("v%d", n) {
				t.Errorf("version %d is %s", n, got)
			}
		}
		f.refused(version(allow("ecr:*", "*")), "LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
		if got := element(f.ok(root, "GetPolicy", "PolicyArn", arn), "DefaultVersionId"); got != "v1" {
			t.Errorf("the default is %s", got)
		}
		f.refused(f.call(root, "DeletePolicyVersion", "PolicyArn", arn, "VersionId", "v1"), "DeleteConflict", "Cannot delete the default version of a policy.")
		f.refused(f.call(root, "DeletePolicy", "PolicyArn", arn), "DeleteConflict",
			"This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		f.ok(root, "SetDefaultPolicyVersion", "PolicyArn", arn, "VersionId", "v5")
		f.ok(root, "DeletePolicyVersion", "PolicyArn", arn, "VersionId", "v1")
		if got := element(version(allow("ecr:*", "*"), "SetAsDefault", "true").body, "VersionId"); got != "v6" {
			t.Errorf("a number came again: %s", got)
		}
		body := f.ok(root, "GetPolicyVersion", "PolicyArn", arn, "VersionId", "v6")
		document, err := url.QueryUnescape(element(body, "Document"))
		if err != nil || document != allow("ecr:*", "*") || element(body, "IsDefaultVersion") != "true" {
			t.Errorf("version 6 is %s", body)
		}
		f.refused(f.call(root, "GetPolicyVersion", "PolicyArn", arn, "VersionId", "v1"), "NoSuchEntity", "Policy "+arn+" version v1 does not exist or is not attachable.")
		if got := f.ok(root, "ListPolicyVersions", "PolicyArn", arn, "MaxItems", "2"); element(got, "VersionId") != "v6" || element(got, "IsTruncated") != "true" {
			t.Errorf("the first versions are %s", got)
		} else if got = f.ok(root, "ListPolicyVersions", "PolicyArn", arn, "Marker", element(got, "Marker")); element(got, "VersionId") != "v4" {
			t.Errorf("the other versions are %s", got)
		}
		for _, v := range []string{"v2", "v3", "v4", "v5"} {
			f.ok(root, "DeletePolicyVersion", "PolicyArn", arn, "VersionId", v)
		}
		f.ok(root, "DeletePolicy", "PolicyArn", arn)
		f.refused(f.call(root, "GetPolicy", "PolicyArn", arn), "NoSuchEntity", "Policy "+arn+" was not found.")
	})
}

func TestPolicyDocumentsAreChecked(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		create := func(document string) answer {
			return f.call(root, "CreatePolicy", "PolicyName", "p", "PolicyDocument", document)
		}
		f.refused(create("{"), "MalformedPolicyDocument", "Syntax errors in policy.")
		f.refused(create(strings.Replace(allow("a:b", "*"), "2012", "2008", 1)), "MalformedPolicyDocument", "")
		f.refused(create(strings.Replace(allow("a:b", "*"), `"Action"`, `"Principal":"*","Action"`, 1)), "MalformedPolicyDocument", "Policy document should not specify a principal.")
		long := allow("a:b", "arn:"+strings.Repeat("x", 6100)+"*")
		f.refused(create(long), "LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
		f.ok(root, "CreatePolicy", "PolicyName", "p", "PolicyDocument", allow("a:b", "*")+strings.Repeat(" \n", 10000))
	})
}

func TestPoliciesOfAWSAreInEveryAccountAndStayAsTheyAre(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		const arn = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
		key := f.newUser("alice")
		f.ok(root, "AttachUserPolicy", "UserName", "alice", "PolicyArn", arn)
		body := f.ok(root, "GetPolicy", "PolicyArn", arn)
		if element(body, "AttachmentCount") != "1" || element(body, "IsAttachable") != "true" {
			t.Errorf("the policy is %s", body)
		}
		document, _ := url.QueryUnescape(element(f.ok(root, "GetPolicyVersion", "PolicyArn", arn, "VersionId", element(body, "DefaultVersionId")), "Document"))
		if !strings.Contains(document, "ecr:BatchGetImage") {
			t.Errorf("the document is %s", document)
		}
		for _, a := range []answer{
			f.call(root, "DeletePolicy", "PolicyArn", arn),
			f.call(root, "CreatePolicyVersion", "PolicyArn", arn, "PolicyDocument", allow("*", "*")),
			f.call(root, "SetDefaultPolicyVersion", "PolicyArn", arn, "VersionId", "v1"),
			f.call(root, "DeletePolicyVersion", "PolicyArn", arn, "VersionId", "v1"),
			f.call(root, "TagPolicy", "PolicyArn", arn, "Tags.member.1.Key", "a", "Tags.member.1.Value", "b"),
		} {
			f.refused(a, "AccessDenied", "Policy "+arn+" is managed by AWS and cannot be changed.")
		}
		f.refused(f.call(root, "AttachUserPolicy", "UserName", "alice", "PolicyArn", "arn:aws:iam::aws:policy/Nothing"), "NoSuchEntity",
			"Policy arn:aws:iam::aws:policy/Nothing does not exist or is not attachable.")
		f.refused(f.call(root, "AttachUserPolicy", "UserName", "alice", "PolicyArn", "arn:aws:iam::aws:policy/aws-service-role/ECRReplicationServiceRolePolicy"), "PolicyNotAttachable", "")
		f.refused(f.call(key, "GetPolicy", "PolicyArn", arn), "AccessDenied", "")
		f.refused(f.call(root, "GetPolicy", "PolicyArn", "arn:aws:iam::210987654321:policy/p"), "AccessDenied", "")
	})
}

func TestPoliciesAreListed(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		a, b := f.newPolicy("a"), f.newPolicy("b", "Path", "/x/")
		f.newUser("alice")
		f.ok(root, "CreateGroup", "GroupName", "team")
		f.newRole(trust(assumeOnly, accountRoot, ""))
		f.ok(root, "AttachUserPolicy", "UserName", "alice", "PolicyArn", a)
		f.ok(root, "AttachGroupPolicy", "GroupName", "team", "PolicyArn", a)
		f.ok(root, "AttachRolePolicy", "RoleName", "deploy", "PolicyArn", a)
		f.ok(root, "PutRolePermissionsBoundary", "RoleName", "deploy", "PermissionsBoundary", b)
		names := func(parameters ...string) string {
			var all []string
			for marker := ""; ; {
				with := append([]string{"MaxItems", "2"}, parameters...)
				if marker != "" {
					with = append(with, "Marker", marker)
				}
				body := f.ok(root, "ListPolicies", with...)
				for rest := body; strings.Contains(rest, "<PolicyName>"); _, rest, _ = strings.Cut(rest, "</PolicyName>") {
					all = append(all, element(rest, "PolicyName"))
				}
				if marker = element(body, "Marker"); marker == "" {
					return strings.Join(all, " ")
				}
			}
		}
		if got := names("Scope", "Local"); got != "a b" {
			t.Errorf("own policies: %s", got)
		}
		if got := names(); !strings.HasPrefix(got, "a b AdministratorAccess AmazonEC2ContainerRegistryFullAccess ") || !strings.HasSuffix(got, " PowerUserAccess") {
			t.Errorf("all policies: %s", got)
		}
		if got := names("Scope", "AWS", "PathPrefix", "/aws-service-role/"); got != "AWSECRPullThroughCache_ServiceRolePolicy ECRReplicationServiceRolePolicy ECRTemplateServiceRolePolicy" {
			t.Errorf("policies of services: %s", got)
		}
		if got := names("OnlyAttached", "true"); got != "a b" {
			t.Errorf("used policies: %s", got)
		}
		if got := names("PolicyUsageFilter", "PermissionsBoundary"); got != "b" {
			t.Errorf("boundaries: %s", got)
		}
		body := f.ok(root, "ListEntitiesForPolicy", "PolicyArn", a)
		for name, want := range map[string]string{"UserName": "alice", "GroupName": "team", "RoleName": "deploy"} {
			if got := element(body, name); got != want {
				t.Errorf("%s is %q", name, got)
			}
		}
		if body := f.ok(root, "ListEntitiesForPolicy", "PolicyArn", a, "EntityFilter", "Role"); strings.Contains(body, "alice") || !strings.Contains(body, "deploy") {
			t.Errorf("the roles are %s", body)
		}
		if got := element(f.ok(root, "ListEntitiesForPolicy", "PolicyArn", b), "RoleName"); got != "deploy" {
			t.Errorf("the boundary is that of %q", got)
		}
		f.refused(f.call(root, "DeletePolicy", "PolicyArn", a), "DeleteConflict", "Cannot delete a policy attached to entities.")
		f.refused(f.call(root, "DeletePolicy", "PolicyArn", b), "DeleteConflict", "Cannot delete a policy attached to entities.")
	})
}

func TestTagsOfPolicies(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		arn := f.newPolicy("p", "Tags.member.1.Key", "team", "Tags.member.1.Value", "a")
		key := f.newUser("alice")
		f.ok(root, "PutUserPolicy", "UserName", "alice", "PolicyName", "own", "PolicyDocument",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}}}]}`)
		f.ok(key, "GetPolicy", "PolicyArn", arn)
		f.ok(root, "TagPolicy", "PolicyArn", arn, "Tags.member.1.Key", "team", "Tags.member.1.Value", "b")
		f.refused(f.call(key, "GetPolicy", "PolicyArn", arn), "AccessDenied", "")
		f.ok(root, "UntagPolicy", "PolicyArn", arn, "TagKeys.member.1", "team")
		if body := f.ok(root, "ListPolicyTags", "PolicyArn", arn); strings.Contains(body, "team") {
			t.Errorf("the tags are %s", body)
		}
	})
}

// At most five versions, however many are made at once.
func TestVersionsMadeAtOnceKeepTheLimit(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		arn := f.newPolicy("p")
		var group sync.WaitGroup
		made := make(chan string, 10)
		for range 10 {
			group.Go(func() {
				a := f.call(root, "CreatePolicyVersion", "PolicyArn", arn, "PolicyDocument", allow("a:b", "*"))
				if a.code == "" {
					made <- element(a.body, "VersionId")
				} else if a.code != "LimitExceeded" {
					t.Errorf("got %s: %s", a.code, a.message)
				}
			})
		}
		group.Wait()
		close(made)
		seen := map[string]bool{}
		for id := range made {
			seen[id] = true
		}
		if len(seen) != 4 {
			t.Errorf("made %v", seen)
		}
	})
}

// A policy that is deleted is attached to nobody, and one that is attached stays.
func TestPolicyIsDeletedOrAttached(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.newUser("alice")
		for n := range 10 {
			arn := f.newPolicy(fmt.Sprint("p", n))
			var group sync.WaitGroup
			var deleted, attached answer
			group.Go(func() { deleted = f.call(root, "DeletePolicy", "PolicyArn", arn) })
			group.Go(func() { attached = f.call(root, "AttachUserPolicy", "UserName", "alice", "PolicyArn", arn) })
			group.Wait()
			if (deleted.code == "") == (attached.code == "") {
				t.Fatalf("deleted: %q, attached: %q", deleted.code, attached.code)
			}
			if attached.code == "" {
				f.ok(root, "DetachUserPolicy", "UserName", "alice", "PolicyArn", arn)
			}
		}
	})
}
