package iam_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/iam"
)

func TestParseIdentityPolicyAccepts(t *testing.T) {
	for _, text := range []string{
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`,
		`{"Version":"2008-10-17","Id":"x","Statement":[{"Sid":"A1","Effect":"Deny","NotAction":["iam:*","s3:Get?bject"],"NotResource":["arn:aws:s3:::b/*","arn:aws:iam::*:user/${aws:username}"]}]}`,
		`{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Action":"ecr-public:*","Resource":"*"},{"Sid":"","Effect":"Allow","Action":"nifuda:ExplainAccess","Resource":"arn:*"}]}`,
		`{"Statement":{"Effect":"Allow","Action":"ecr:PutImage","Resource":"*","Condition":{"StringEquals":{"aws:username":"bob"}}}}`,
	} {
		if _, err := iam.ParseIdentityPolicy(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestParseIdentityPolicyRefuses(t *testing.T) {
	const rest = `"Effect":"Allow","Action":"ecr:*","Resource":"*"`
	one := func(statement string) string { return `{"Version":"2012-10-17","Statement":{` + statement + `}}` }
	tests := map[string]struct{ text, message string }{
		"not JSON":            {"policy", "Syntax errors in policy."},
		"empty":               {"{}", "Syntax errors in policy."},
		"unknown element":     {one(rest + `,"Actions":"x"`), "Syntax errors in policy."},
		"bad effect":          {one(`"Effect":"allow","Action":"ecr:*","Resource":"*"`), "Syntax errors in policy."},
		"unknown version":     {`{"Version":"2013-10-17","Statement":{` + rest + `}}`, "Policy document must be version 2012-10-17 or greater."},
		"principal":           {one(rest + `,"Principal":"*"`), "Policy document should not specify a principal."},
		"all but a principal": {one(rest + `,"NotPrincipal":"*"`), "Policy document should not specify a principal."},
		"no action":           {one(`"Effect":"Allow","Resource":"*"`), "Policy statement must contain actions."},
		"no resource":         {one(`"Effect":"Allow","Action":"ecr:*"`), "Policy statement must contain resources."},
		"Sid twice":           {`{"Version":"2012-10-17","Statement":[{"Sid":"a",` + rest + `},{"Sid":"a",` + rest + `}]}`, "Statement IDs (SID) in a single policy must be unique."},
		"Sid with a space":    {one(rest + `,"Sid":"a b"`), "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"},
		"action of nobody":    {one(`"Effect":"Allow","Action":"PutImage","Resource":"*"`), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		"action with colons":  {one(`"Effect":"Allow","Action":"ecr:a:b","Resource":"*"`), "Actions/Condition can contain only one colon."},
		"strange vendor":      {one(`"Effect":"Allow","Action":"a b:c","Resource":"*"`), "Vendor a b is not valid"},
		"action without name": {one(`"Effect":"Allow","Action":"ecr:","Resource":"*"`), "The policy failed legacy parsing"},
		"resource no ARN":     {one(`"Effect":"Allow","Action":"ecr:*","Resource":"app"`), `Resource app must be in ARN format or "*".`},
		"resource cut short":  {one(`"Effect":"Allow","Action":"ecr:*","Resource":"arn:aws:s3"`), "The policy failed legacy parsing"},
		"strange date":        {one(rest + `,"Condition":{"DateLessThan":{"aws:CurrentTime":"tomorrow"}}`), "The policy failed legacy parsing"},
		"strange number":      {one(rest + `,"Condition":{"NumericEquals":{"x:n":"0x10"}}`), "The policy failed legacy parsing"},
		"strange address":     {one(rest + `,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}`), "The policy failed legacy parsing"},
		"strange truth":       {one(rest + `,"Condition":{"Bool":{"aws:SecureTransport":"yes"}}`), "The policy failed legacy parsing"},
		"strange Null":        {one(rest + `,"Condition":{"Null":{"aws:username":"maybe"}}`), "The policy failed legacy parsing"},
		"strange bytes":       {one(rest + `,"Condition":{"BinaryEquals":{"x:b":"%"}}`), "The policy failed legacy parsing"},
		"variable for number": {one(rest + `,"Condition":{"NumericEquals":{"x:n":"${aws:username}"}}`), "The policy failed legacy parsing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := iam.ParseIdentityPolicy(tt.text)
			wantMessage(t, err, tt.message)
		})
	}
}

func wantMessage(t *testing.T, err error, message string) {
	t.Helper()
	var e *iam.PolicyError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a *PolicyError", err)
	}
	if e.Message != message {
		t.Errorf("got %q (%s), want %q", e.Message, e.Detail, message)
	}
}

func TestParseManagedPolicyNeedsTheNewVersion(t *testing.T) {
	const statement = `"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	if _, err := iam.ParseManagedPolicy(`{"Version":"2012-10-17",` + statement); err != nil {
		t.Error(err)
	}
	for _, text := range []string{`{` + statement, `{"Version":"2008-10-17",` + statement} {
		_, err := iam.ParseManagedPolicy(text)
		wantMessage(t, err, "Policy document must be version 2012-10-17 or greater.")
	}
}

func TestParseTrustPolicy(t *testing.T) {
	const accepted = ""
	tests := map[string]struct{ statement, message string }{
		"a user and a service": {`"Principal":{"AWS":["111111111111","arn:aws:iam::111111111111:user/bob"],"Service":"ecr.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]`, accepted},
		"a provider":           {`"Principal":{"Federated":"arn:aws:iam::111111111111:oidc-provider/gitlab.example.com/x"},"Action":"sts:AssumeRoleWithWebIdentity"`, accepted},
		"a well-known issuer":  {`"Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity"`, accepted},
		"unique ids":           {`"Principal":{"AWS":["AIDAABCDEFGHIJKLMNOPQ","AROAABCDEFGHIJKLMNOPQ"]},"Action":"sts:AssumeRole"`, accepted},
		"a pattern of actions": {`"Principal":"*","Action":"sts:Assume*"`, accepted},
		"no principal":         {`"Action":"sts:AssumeRole"`, "Missing required field Principal"},
		"a resource":           {`"Principal":"*","Action":"sts:AssumeRole","Resource":"*"`, "Has prohibited field Resource"},
		"no action":            {`"Principal":"*"`, "Policy statement must contain actions."},
		"another action":       {`"Principal":"*","Action":"sts:GetCallerIdentity"`, "AssumeRole policy may only specify STS AssumeRole actions."},
		"another service":      {`"Principal":"*","Action":["sts:AssumeRole","ecr:PutImage"]`, "AssumeRole policy may only specify STS AssumeRole actions."},
		"every action":         {`"Principal":"*","Action":"*"`, "AssumeRole policy may only specify STS AssumeRole actions."},
		"a strange provider":   {`"Principal":{"Federated":"arn:aws:iam::111111111111:user/x"},"Action":"sts:AssumeRoleWithWebIdentity"`, `Invalid principal in policy: "FEDERATED":"arn:aws:iam::111111111111:user/x"`},
		"a group":              {`"Principal":{"AWS":"arn:aws:iam::111111111111:group/g"},"Action":"sts:AssumeRole"`, `Invalid principal in policy: "AWS":"arn:aws:iam::111111111111:group/g"`},
		"a wildcard":           {`"Principal":{"AWS":"arn:aws:iam::111111111111:user/*"},"Action":"sts:AssumeRole"`, `Invalid principal in policy: "AWS":"arn:aws:iam::111111111111:user/*"`},
		"an unknown type":      {`"Principal":{"aws":"*"},"Action":"sts:AssumeRole"`, "Syntax errors in policy."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := iam.ParseTrustPolicy(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + tt.statement + `}]}`)
			if tt.message == accepted {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantMessage(t, err, tt.message)
		})
	}
}

func TestParseRegistryPolicyV1(t *testing.T) {
	tests := map[string]bool{
		`"ecr:ReplicateImage"`: true,
		`["ecr:CreateRepository","ECR:batchimportupstreamimage"]`: true,
		`"ecr:BatchGetImage"`:                            false,
		`["ecr:ReplicateImage","ecr:GetRegistryPolicy"]`: false,
		`"ecr:Replicate*"`:                               false,
		`"ecr:*"`:                                        false,
		`"*"`:                                            false,
	}
	for action, want := range tests {
		text := statement(map[string]string{"Action": action, "Resource": `"*"`})
		if _, err := iam.ParseRegistryPolicyV1(text); (err == nil) != want {
			t.Errorf("%s: %v", action, err)
		}
	}
	if _, err := iam.ParseRegistryPolicyV1(statement(map[string]string{"Action": "", "NotAction": `"ecr:CreateRepository"`, "Resource": `"*"`})); err == nil {
		t.Error("all actions but one are of scope V1")
	}
	if _, err := iam.ParseRegistryPolicyV1(statement(map[string]string{"Action": `"ecr:ReplicateImage"`})); err == nil {
		t.Error("a registry policy needs no resource")
	}
}

func TestSizeCountsNoWhiteSpace(t *testing.T) {
	tests := map[string]int{"": 0, " \t\r\n": 0, `{ "Sid" : "é" }`: len(`{"Sid":"e"}`), strings.Repeat(" a", 100): 100}
	for text, want := range tests {
		if got := iam.Size(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}
