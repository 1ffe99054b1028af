package iamapi_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An evaluation is what tests read of a result of a simulation.
type evaluation struct {
	Action     string   `xml:"EvalActionName"`
	Resource   string   `xml:"EvalResourceName"`
	Decision   string   `xml:"EvalDecision"`
	Missing    []string `xml:"MissingContextValues>member"`
	OfResource []string `xml:"ResourceSpecificResults>member>MissingContextValues>member"`
	Matched    []struct {
		Policy       string `xml:"SourcePolicyId"`
		Type         string `xml:"SourcePolicyType"`
		Line         int    `xml:"StartPosition>Line"`
		Column       int    `xml:"StartPosition>Column"`
		EndingLine   int    `xml:"EndPosition>Line"`
		EndingColumn int    `xml:"EndPosition>Column"`
	} `xml:"MatchedStatements>member"`
	Bounded string `xml:"PermissionsBoundaryDecisionDetail>AllowedByPermissionsBoundary"`
	Sides   []struct {
		Side    string `xml:"key"`
		Outcome string `xml:"value"`
	} `xml:"EvalDecisionDetails>entry"`
}

func (f *fixture) simulate(action string, parameters ...string) (results []evaluation, body string) {
	f.t.Helper()
	body = f.ok(root, action, parameters...)
	var response struct {
		Results []evaluation `xml:"EvaluationResults>member"`
	}
	_, rest, _ := strings.Cut(body, "<"+action+"Result>")
	rest, _, _ = strings.Cut(rest, "</"+action+"Result>")
	if err := xml.Unmarshal([]byte("<r>"+rest+"</r>"), &response); err != nil {
		f.t.Fatal(err)
	}
	return response.Results, body
}

const repository = "arn:aws:ecr:us-east-1:123456789012:repository/app"

func TestSimulateCustomPolicy(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		document := "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\"Effect\": \"Allow\", \"Action\": \"ecr:Get*\", \"Resource\": \"*\"},\n" +
			"    {\n      \"Effect\": \"Deny\",\n      \"Action\": \"ecr:PutImage\",\n      \"Resource\": \"*\",\n      \"Condition\": {\"StringEquals\": {\"ecr:ResourceTag/Env\": \"prod\"}}\n    }\n  ]\n}"
		base := []string{"PolicyInputList.member.1", document, "ActionNames.member.1", "ecr:GetRepositoryPolicy", "ActionNames.member.2", "ecr:PutImage"}
		got, _ := f.simulate("SimulateCustomPolicy", base...)
		if len(got) != 2 || got[0].Decision != "allowed" || got[1].Decision != "implicitDeny" || got[0].Resource != "*" {
			t.Fatalf("got %+v", got)
		}
		if diff := cmp.Diff([]string{"ecr:ResourceTag/Env"}, got[0].Missing); diff != "" {
			t.Errorf("missing keys: %s", diff)
		}
		m := got[0].Matched
		if len(m) != 1 || m[0].Policy != "PolicyInputList.1" || m[0].Line != 4 || m[0].Column != 5 || m[0].EndingLine != 4 || m[0].EndingColumn != 63 {
			t.Errorf("matched %+v", m)
		}
		got, _ = f.simulate("SimulateCustomPolicy", append(base, "ResourceArns.member.1", repository,
			"ContextEntries.member.1.ContextKeyName", "ecr:ResourceTag/Env", "ContextEntries.member.1.ContextKeyType", "string", "ContextEntries.member.1.ContextKeyValues.member.1", "prod")...)
		if len(got) != 2 || got[1].Decision != "explicitDeny" || got[1].Resource != repository || got[1].OfResource != nil || got[1].Matched[0].Line != 5 || got[1].Matched[0].EndingLine != 10 {
			t.Errorf("got %+v", got)
		}
		got, _ = f.simulate("SimulateCustomPolicy", append(base, "PermissionsBoundaryPolicyInputList.member.1", allow("ecr:PutImage", "*"))...)
		if got[0].Decision != "implicitDeny" || got[0].Bounded != "false" || got[1].Bounded != "true" {
			t.Errorf("with a boundary %+v", got)
		}
		got, body := f.simulate("SimulateCustomPolicy", append(base, "MaxItems", "1")...)
		if len(got) != 1 || element(body, "IsTruncated") != "true" {
			t.Fatalf("the first page is %s", body)
		}
		if got, body = f.simulate("SimulateCustomPolicy", append(base, "Marker", element(body, "Marker"))...); len(got) != 1 || got[0].Action != "ecr:PutImage" || element(body, "IsTruncated") != "false" {
			t.Errorf("the second page is %s", body)
		}
		for _, bad := range [][]string{
			{"PolicyInputList.member.1", "{", "ActionNames.member.1", "ecr:PutImage"},
			{"PolicyInputList.member.1", document, "ActionNames.member.1", "PutImage"},
			{"PolicyInputList.member.1", document, "ActionNames.member.1", "ecr:*"},
			append(base, "ResourceArns.member.1", "app"),
			append(base, "ResourcePolicy", `{}`, "CallerArn", "arn:aws:iam::123456789012:user/a"),
			append(base, "ResourcePolicy", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*"}]}`),
		} {
			f.refused(f.call(root, "SimulateCustomPolicy", bad...), "InvalidInput", "")
		}
	})
}

func TestSimulationBetweenAccounts(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		const other = "arn:aws:ecr:us-east-1:210987654321:repository/app"
		got, _ := f.simulate("SimulateCustomPolicy", "PolicyInputList.member.1", allow("ecr:BatchGetImage", "*"), "ActionNames.member.1", "ecr:BatchGetImage",
			"ResourceArns.member.1", other, "CallerArn", "arn:aws:iam::123456789012:user/a",
			"ResourcePolicy", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"ecr:GetDownloadUrlForLayer"}]}`)
		sides := map[string]string{}
		for _, s := range got[0].Sides {
			sides[s.Side] = s.Outcome
		}
		if got[0].Decision != "implicitDeny" || sides["IAM Policy"] != "allowed" || sides["Resource Policy"] != "implicitDeny" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestSimulatePrincipalPolicy(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		const alice = "arn:aws:iam::123456789012:user/alice"
		key := f.newUser("alice")
		f.ok(root, "CreateGroup", "GroupName", "team")
		f.ok(root, "AddUserToGroup", "GroupName", "team", "UserName", "alice")
		f.ok(root, "PutGroupPolicy", "GroupName", "team", "PolicyName", "pull", "PolicyDocument", allow("ecr:BatchGetImage", "*"))
		f.ok(root, "PutUserPolicy", "UserName", "alice", "PolicyName", "own", "PolicyDocument", allow("ecr:PutImage", "arn:aws:ecr:*:*:repository/${aws:username}"))
		f.ok(root, "AttachUserPolicy", "UserName", "alice", "PolicyArn", "arn:aws:iam::aws:policy/IAMReadOnlyAccess")
		got, _ := f.simulate("SimulatePrincipalPolicy", "PolicySourceArn", alice, "ActionNames.member.1", "ecr:BatchGetImage", "ActionNames.member.2", "ecr:PutImage",
			"ActionNames.member.3", "iam:GetUser", "ActionNames.member.4", "ecr:DeleteRepository", "ResourceArns.member.1", "arn:aws:ecr:us-east-1:123456789012:repository/alice")
		var found []string
		for _, r := range got {
			line := r.Action + " " + r.Decision
			for _, m := range r.Matched {
				line += " " + m.Policy + " " + m.Type
			}
			found = append(found, line)
		}
		want := []string{
			"ecr:BatchGetImage allowed group_team_pull group", "ecr:PutImage allowed user_alice_own user",
			"iam:GetUser allowed IAMReadOnlyAccess aws-managed", "ecr:DeleteRepository implicitDeny",
		}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Error(diff)
		}
		if body := f.ok(root, "GetContextKeysForPrincipalPolicy", "PolicySourceArn", alice); !strings.Contains(body, "<member>aws:username</member>") {
			t.Errorf("the keys are %s", body)
		}
		if body := f.ok(root, "GetContextKeysForCustomPolicy", "PolicyInputList.member.1", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}}`); !strings.Contains(body, "<member>aws:SecureTransport</member>") {
			t.Errorf("the keys are %s", body)
		}
		f.refused(f.call(root, "SimulatePrincipalPolicy", "PolicySourceArn", alice+"x", "ActionNames.member.1", "a:b"), "NoSuchEntity", "")
		f.refused(f.call(root, "SimulatePrincipalPolicy", "PolicySourceArn", "arn:aws:iam::210987654321:user/x", "ActionNames.member.1", "a:b"), "AccessDenied", "")
		f.ok(key, "SimulatePrincipalPolicy", "PolicySourceArn", alice, "ActionNames.member.1", "a:b")
		f.ok(root, "DetachUserPolicy", "UserName", "alice", "PolicyArn", "arn:aws:iam::aws:policy/IAMReadOnlyAccess")
		f.refused(f.call(key, "SimulatePrincipalPolicy", "PolicySourceArn", alice, "ActionNames.member.1", "a:b"), "AccessDenied", "")
	})
}
