package iamapi_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestUserLivesAndDies(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		body := f.ok(root, "CreateUser", "UserName", "Alice", "Path", "/dev/", "Tags.member.1.Key", "team", "Tags.member.1.Value", "a")
		if got := element(body, "Arn"); got != "arn:aws:iam::123456789012:user/dev/Alice" {
			t.Errorf("the ARN is %s", got)
		}
		f.refused(f.call(root, "CreateUser", "UserName", "alice"), "EntityAlreadyExists", "User with name alice already exists.")
		f.refused(f.call(root, "GetUser", "UserName", "bob"), "NoSuchEntity", "The user with name bob cannot be found.")

		f.ok(root, "CreateAccessKey", "UserName", "Alice")
		key := element(f.ok(root, "CreateAccessKey", "UserName", "Alice"), "AccessKeyId")
		f.refused(f.call(root, "CreateAccessKey", "UserName", "Alice"), "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
		f.ok(root, "CreateGroup", "GroupName", "team")
		f.ok(root, "AddUserToGroup", "GroupName", "team", "UserName", "Alice")
		f.ok(root, "PutUserPolicy", "UserName", "Alice", "PolicyName", "p", "PolicyDocument", allow("ecr:*", "*"))
		f.ok(root, "CreateLoginProfile", "UserName", "Alice", "Password", "Sup3r-secret")

		// A new name changes nothing else.
		f.ok(root, "UpdateUser", "UserName", "Alice", "NewUserName", "Carol")
		if arn := element(f.ok(key, "GetCallerIdentity"), "Arn"); arn != "arn:aws:iam::123456789012:user/dev/Carol" {
			t.Errorf("the renamed user is %s", arn)
		}
		if body := f.ok(root, "GetGroup", "GroupName", "team"); element(body, "UserName") != "Carol" {
			t.Errorf("the group has %s", body)
		}

		del := func() answer { return f.call(root, "DeleteUser", "UserName", "Carol") }
		f.refused(del(), "DeleteConflict", "Cannot delete entity, must delete access keys first.")
		for _, id := range keysOf(f.ok(root, "ListAccessKeys", "UserName", "Carol")) {
			f.ok(root, "DeleteAccessKey", "UserName", "Carol", "AccessKeyId", id)
		}
		f.refused(del(), "DeleteConflict", "Cannot delete entity, must remove users from group first.")
		f.refused(f.call(root, "DeleteGroup", "GroupName", "team"), "DeleteConflict", "Cannot delete entity, must remove users from group first.")
		f.ok(root, "RemoveUserFromGroup", "GroupName", "team", "UserName", "Carol")
		f.refused(del(), "DeleteConflict", "Cannot delete entity, must delete login profile first.")
		f.ok(root, "DeleteLoginProfile", "UserName", "Carol")
		f.refused(del(), "DeleteConflict", "Cannot delete entity, must delete policies first.")
		f.ok(root, "DeleteUserPolicy", "UserName", "Carol", "PolicyName", "p")
		f.ok(root, "DeleteUser", "UserName", "Carol")
		f.refused(del(), "NoSuchEntity", "The user with name Carol cannot be found.")
	})
}

// keysOf returns the access key ids in a body.
func keysOf(body string) (ids []string) {
	for _, part := range strings.Split(body, "<AccessKeyId>")[1:] {
		id, _, _ := strings.Cut(part, "<")
		ids = append(ids, id)
	}
	return ids
}

// Whoever may not ask about a user learns nothing of whether there is one.
func TestRefusalHidesWhatExists(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key := f.newUser("alice")
		f.ok(root, "CreateUser", "UserName", "bob")
		for _, name := range []string{"bob", "nobody"} {
			f.refused(f.call(key, "GetUser", "UserName", name), "AccessDenied", "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: "+
				"iam:GetUser on resource: arn:aws:iam::123456789012:user/"+name+" because no identity-based policy allows the iam:GetUser action")
		}
	})
}

func TestUserServesItself(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key := f.newUser("alice")
		f.refused(f.call(key, "GetUser"), "AccessDenied", "")
		f.ok(root, "PutUserPolicy", "UserName", "alice", "PolicyName", "self",
			"PolicyDocument", allow("iam:*", "arn:aws:iam::*:user/${aws:username}"))
		if name := element(f.ok(key, "GetUser"), "UserName"); name != "alice" {
			t.Errorf("the caller is %s", name)
		}
		second := element(f.ok(key, "CreateAccessKey"), "AccessKeyId")
		if ids := keysOf(f.ok(key, "ListAccessKeys")); len(ids) != 2 {
			t.Errorf("the caller's keys are %v", ids)
		}
		f.ok(key, "UpdateAccessKey", "AccessKeyId", second, "Status", "Inactive")
		f.refused(f.call(second, "GetCallerIdentity"), "InvalidClientTokenId", "")
		f.refused(f.call(key, "CreateAccessKey", "UserName", "bob"), "AccessDenied", "")
		f.refused(f.call(key, "ListUsers"), "AccessDenied", "")
	})
}

func TestRevokedRightIsRefusedByTheNextCall(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key := f.newUser("alice")
		for range 5 {
			f.ok(root, "PutUserPolicy", "UserName", "alice", "PolicyName", "list", "PolicyDocument", allow("iam:ListUsers", "*"))
			f.ok(key, "ListUsers")
			f.ok(root, "DeleteUserPolicy", "UserName", "alice", "PolicyName", "list")
			f.refused(f.call(key, "ListUsers"), "AccessDenied", "")
		}
	})
}

func TestPasswordIsChangedByWhoKnowsIt(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key := f.newUser("alice")
		f.ok(root, "PutUserPolicy", "UserName", "alice", "PolicyName", "self", "PolicyDocument", allow("iam:ChangePassword", "*"))
		f.refused(f.call(root, "GetLoginProfile", "UserName", "alice"), "NoSuchEntity", "Login Profile for User alice cannot be found.")
		f.refused(f.call(root, "CreateLoginProfile", "UserName", "alice", "Password", "short"), "PasswordPolicyViolation", "")
		f.ok(root, "CreateLoginProfile", "UserName", "alice", "Password", "Sup3r-secret", "PasswordResetRequired", "true")
		f.refused(f.call(root, "CreateLoginProfile", "UserName", "alice", "Password", "Sup3r-secret"), "EntityAlreadyExists", "")
		f.refused(f.call(key, "ChangePassword", "OldPassword", "Sup3r-secreT", "NewPassword", "Oth3r-secret"), "AccessDenied", "")
		f.ok(key, "ChangePassword", "OldPassword", "Sup3r-secret", "NewPassword", "Oth3r-secret")
		f.refused(f.call(key, "ChangePassword", "OldPassword", "Sup3r-secret", "NewPassword", "Third-secret"), "AccessDenied", "")
		if got := element(f.ok(root, "GetLoginProfile", "UserName", "alice"), "PasswordResetRequired"); got != "false" {
			t.Errorf("a password that was changed must be changed again: %s", got)
		}
		f.refused(f.call(root, "ChangePassword", "OldPassword", "a", "NewPassword", "b"), "InvalidUserType", "")
	})
}

func TestTagsOfAUserDifferInMoreThanCase(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.ok(root, "CreateUser", "UserName", "alice")
		f.refused(f.call(root, "TagUser", "UserName", "alice", "Tags.member.1.Key", "a", "Tags.member.1.Value", "1",
			"Tags.member.2.Key", "A", "Tags.member.2.Value", "2"), "InvalidInput", "")
		f.ok(root, "TagUser", "UserName", "alice", "Tags.member.1.Key", "a", "Tags.member.1.Value", "1")
		f.ok(root, "TagUser", "UserName", "alice", "Tags.member.1.Key", "A", "Tags.member.1.Value", "2")
		body := f.ok(root, "ListUserTags", "UserName", "alice")
		if strings.Count(body, "<member>") != 1 || element(body, "Value") != "2" {
			t.Errorf("the tags are %s", body)
		}
		f.ok(root, "UntagUser", "UserName", "alice", "TagKeys.member.1", "a")
		if body := f.ok(root, "ListUserTags", "UserName", "alice"); strings.Contains(body, "<member>") {
			t.Errorf("the tags are %s", body)
		}
	})
}

func TestInlinePoliciesHaveALimitTogether(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.ok(root, "CreateUser", "UserName", "alice")
		big := allow("ecr:*", "arn:aws:ecr:*:*:repository/"+strings.Repeat("x", 1000))
		put := func(name string) answer {
			return f.call(root, "PutUserPolicy", "UserName", "alice", "PolicyName", name, "PolicyDocument", big)
		}
		if a := put("one"); a.status != http.StatusOK {
			t.Fatalf("%s: %s", a.code, a.message)
		}
		f.refused(put("two"), "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user alice")
		f.refused(f.call(root, "PutUserPolicy", "UserName", "alice", "PolicyName", "bad", "PolicyDocument", "{"), "MalformedPolicyDocument", "")
		if body := f.ok(root, "ListUserPolicies", "UserName", "alice"); strings.Count(body, "<member>") != 1 {
			t.Errorf("what was refused was kept: %s", body)
		}
	})
}

func TestAccountHasOneAliasThatNoOtherHas(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.ok(root, "CreateAccountAlias", "AccountAlias", "first")
		f.ok(root, "CreateAccountAlias", "AccountAlias", "second")
		if body := f.ok(root, "ListAccountAliases"); element(body, "member") != "second" {
			t.Errorf("the aliases are %s", body)
		}
		_, key, err := f.identities.CreateAccount(t.Context(), "", "other")
		if err != nil {
			t.Fatal(err)
		}
		f.refused(f.call(key.AccessKeyID, "CreateAccountAlias", "AccountAlias", "second"), "EntityAlreadyExists", "")
		f.refused(f.call(root, "DeleteAccountAlias", "AccountAlias", "first"), "NoSuchEntity", "")
		f.ok(root, "DeleteAccountAlias", "AccountAlias", "second")
		f.ok(key.AccessKeyID, "CreateAccountAlias", "AccountAlias", "second")
	})
}

func TestUseOfAKeyIsShown(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key := f.newUser("alice")
		if body := f.ok(root, "GetAccessKeyLastUsed", "AccessKeyId", key); element(body, "ServiceName") != "N/A" {
			t.Errorf("a key that was not used: %s", body)
		}
		f.identities.NoteUse(key, "eu-west-1", "ecr")
		if err := f.identities.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		body := f.ok(root, "GetAccessKeyLastUsed", "AccessKeyId", key)
		if element(body, "ServiceName") != "ecr" || element(body, "Region") != "eu-west-1" || element(body, "UserName") != "alice" || element(body, "LastUsedDate") == "" {
			t.Errorf("the use is %s", body)
		}
	})
}

// Who may not look is not told whether there is something, nor where.
func TestARefusalDoesNotTellWhatExists(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key := f.newUser("alice")
		f.ok(root, "CreateUser", "UserName", "Bob", "Path", "/secret/")
		for _, name := range []string{"bob", "nobody"} {
			f.refused(f.call(key, "GetUser", "UserName", name), "AccessDenied",
				"User: arn:aws:iam::123456789012:user/alice is not authorized to perform: iam:GetUser on resource: arn:aws:iam::123456789012:user/"+name+
					" because no identity-based policy allows the iam:GetUser action")
		}
	})
}

// What Terraform asks for before it deletes a user, with force_destroy too.
func TestUsersHaveNoDevices(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key := f.newUser("alice")
		for _, action := range []string{"ListMFADevices", "ListSSHPublicKeys", "ListServiceSpecificCredentials", "ListSigningCertificates"} {
			if body := f.ok(root, action, "UserName", "alice"); strings.Contains(body, "<member>") {
				t.Errorf("%s answered %s", action, body)
			}
			f.refused(f.call(root, action, "UserName", "nobody"), "NoSuchEntity", "The user with name nobody cannot be found.")
		}
		if body := f.ok(root, "ListVirtualMFADevices", "AssignmentStatus", "Any"); element(body, "IsTruncated") != "false" || strings.Contains(body, "<member>") {
			t.Errorf("ListVirtualMFADevices answered %s", body)
		}
		f.refused(f.call(key, "ListVirtualMFADevices"), "AccessDenied", "")
		f.refused(f.call(root, "ListVirtualMFADevices", "AssignmentStatus", "Lost"), "ValidationError", "")
	})
}
