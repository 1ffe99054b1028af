package iamapi_test

import (
	"strings"
	"testing"
)

func TestAccountAuthorizationDetails(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		key, own := f.newUser("alice"), f.newPolicy("own")
		f.ok(root, "CreateGroup", "GroupName", "team")
		f.ok(root, "AddUserToGroup", "GroupName", "team", "UserName", "alice")
		f.newRole(trust(assumeOnly, accountRoot, ""))
		f.ok(root, "PutUserPolicy", "UserName", "alice", "PolicyName", "inline", "PolicyDocument", allow("ecr:*", "*"))
		f.ok(root, "AttachGroupPolicy", "GroupName", "team", "PolicyArn", own)
		f.ok(root, "AttachRolePolicy", "RoleName", "deploy", "PolicyArn", "arn:aws:iam::aws:policy/PowerUserAccess")
		var names []string
		details := func(parameters ...string) string {
			names = nil
			for marker := ""; ; {
				with := append([]string{"MaxItems", "3"}, parameters...)
				if marker != "" {
					with = append(with, "Marker", marker)
				}
				body := f.ok(root, "GetAccountAuthorizationDetails", with...)
				for _, list := range []string{"UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"} {
					for _, name := range []string{"UserName", "GroupName", "RoleName", "DefaultVersionId"} {
						if got := element(element(body, list), name); got != "" {
							names = append(names, list+" "+got)
						}
					}
				}
				if marker = element(body, "Marker"); marker == "" {
					return strings.Join(names, ", ")
				}
			}
		}
		if got, want := details(), "UserDetailList alice, GroupDetailList team, RoleDetailList deploy, Policies v1, Policies v6"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if got, want := details("Filter.member.1", "Role", "Filter.member.2", "Group"), "GroupDetailList team, RoleDetailList deploy"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		body := f.ok(root, "GetAccountAuthorizationDetails", "Filter.member.1", "User")
		if element(element(body, "GroupList"), "member") != "team" || element(element(body, "UserPolicyList"), "PolicyName") != "inline" {
			t.Errorf("alice is %s", body)
		}
		f.refused(f.call(key, "GetAccountAuthorizationDetails"), "AccessDenied", "")
	})
}
