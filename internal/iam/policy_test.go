package iam_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nifuda/nifuda/internal/iam"
)

const repositoryARN = "arn:aws:ecr:us-east-1:111111111111:repository/app"

func TestParseRepositoryPolicyReads(t *testing.T) {
	tests := map[string]struct {
		text string
		want iam.Document
	}{
		"one of everything": {
			`{"Statement":{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}}`,
			iam.Document{Version: iam.Version2008, Statements: []iam.Statement{
				{Effect: iam.Allow, Principals: []iam.PrincipalPattern{{Type: iam.Anyone}}, Actions: []string{"ecr:BatchGetImage"}},
			}},
		},
		"lists, principals of all forms, duplicate Sids": {
			`{"Version":"2012-10-17","Id":"p","Statement":[
				{"Sid":"a b","Effect":"Deny","NotPrincipal":{"AWS":["*","111111111111","arn:aws:iam::111111111111:root","arn:aws:iam::111111111111:user/div/it/Bob","arn:aws-cn:iam::111111111111:role/R",
					"arn:aws:sts::111111111111:assumed-role/R/s@x","arn:aws:sts::111111111111:federated-user/f"],"Service":"codebuild.amazonaws.com"},
				 "NotAction":["ecr:get*","*"],"NotResource":"*"},
				{"Sid":"a b","Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com"]},"Action":["ECR:*"],"Resource":["arn:aws:ecr:*:*:repository/*"]}]}`,
			iam.Document{Version: iam.Version2012, ID: "p", Statements: []iam.Statement{
				{
					SID: "a b", Effect: iam.Deny,
					NotPrincipals: []iam.PrincipalPattern{
						{Type: iam.Anyone},
						{Type: iam.AWS, Value: "arn:aws:iam::111111111111:root"},
						{Type: iam.AWS, Value: "arn:aws:iam::111111111111:root"},
						{Type: iam.AWS, Value: "arn:aws:iam::111111111111:user/div/it/Bob"},
						{Type: iam.AWS, Value: "arn:aws-cn:iam::111111111111:role/R"},
						{Type: iam.AWS, Value: "arn:aws:sts::111111111111:assumed-role/R/s@x"},
						{Type: iam.AWS, Value: "arn:aws:sts::111111111111:federated-user/f"},
						{Type: iam.Service, Value: "codebuild.amazonaws.com"},
					},
					NotActions: []string{"ecr:get*", "*"}, NotResources: []string{"*"},
				},
				{
					SID: "a b", Effect: iam.Allow, Principals: []iam.PrincipalPattern{{Type: iam.Service, Value: "lambda.amazonaws.com"}},
					Actions: []string{"ECR:*"}, Resources: []string{"arn:aws:ecr:*:*:repository/*"},
				},
			}},
		},
		"conditions": {
			`{"Statement":{"Effect":"Allow","Principal":"*","Action":"ecr:*","Condition":{
				"StringLike":{"aws:SourceArn":["a","b"],"aws:PrincipalTag/x":"c"},
				"ForAnyValue:StringEqualsIfExists":{"aws:TagKeys":"k"},"ForAllValues:ArnLike":{"x:y":"z"},
				"Bool":{"aws:SecureTransport":true},"NumericLessThan":{"aws:EpochTime":1.50e3},"Null":{"aws:ResourceTag/env":[false]}}}}`,
			iam.Document{Version: iam.Version2008, Statements: []iam.Statement{{
				Effect: iam.Allow, Principals: []iam.PrincipalPattern{{Type: iam.Anyone}}, Actions: []string{"ecr:*"},
				Conditions: []iam.Condition{
					{Operator: "StringLike", Key: "aws:SourceArn", Values: []string{"a", "b"}},
					{Operator: "StringLike", Key: "aws:PrincipalTag/x", Values: []string{"c"}},
					{Operator: "StringEquals", IfExists: true, Set: iam.ForAnyValue, Key: "aws:TagKeys", Values: []string{"k"}},
					{Operator: "ArnLike", Set: iam.ForAllValues, Key: "x:y", Values: []string{"z"}},
					{Operator: "Bool", Key: "aws:SecureTransport", Values: []string{"true"}},
					{Operator: "NumericLessThan", Key: "aws:EpochTime", Values: []string{"1.50e3"}},
					{Operator: "Null", Key: "aws:ResourceTag/env", Values: []string{"false"}},
				},
			}}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := iam.ParseRepositoryPolicy(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tt.want, got, cmpopts.IgnoreUnexported(iam.Document{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// statement prints a policy whose only statement has the given members in place
// of, or beside, those that a repository policy needs; "" leaves one out.
func statement(change map[string]string) string {
	members := map[string]string{"Effect": `"Allow"`, "Principal": `"*"`, "Action": `"ecr:PutImage"`}
	maps.Copy(members, change)
	var parts []string
	for name, value := range members {
		if value != "" {
			parts = append(parts, `"`+name+`":`+value)
		}
	}
	return `{"Statement":[{` + strings.Join(parts, ",") + `}]}`
}

func TestParseRepositoryPolicyRefuses(t *testing.T) {
	with := func(name, value string) string { return statement(map[string]string{name: value}) }
	valid := statement(nil)
	tests := map[string]struct{ text, detail string }{
		"nothing":                          {"", "object expected"},
		"not JSON":                         {valid + "}", "text after the value"},
		"not an object":                    {"[]", "object expected"},
		"deep nesting":                     {strings.Repeat(`{"Statement":`, 1e5), "unknown element"},
		"deep nesting in an unknown place": {`{"x":` + strings.Repeat("[", 1e5), "unknown element"},
		"unknown element":                  {`{"Statements":[]}`, `unknown element "Statements"`},
		"element in another case":          {`{"statement":[]}`, `unknown element "statement"`},
		"duplicate element":                {`{"Id":"a","Id":"b"}`, `duplicate name "Id"`},
		"unknown version":                  {`{"Version":"2013-10-17",` + valid[1:], "unknown version"},
		"version as number":                {`{"Version":2012,` + valid[1:], "string expected"},
		"no statement":                     {`{"Version":"2012-10-17"}`, "needs Statement"},
		"empty statements":                 {`{"Statement":[]}`, "an empty list"},
		"statement not an object":          {`{"Statement":"x"}`, "object expected"},
		"unknown element of a statement":   {with("Effects", `"Allow"`), `unknown element "Effects"`},
		"null element":                     {with("Sid", "null"), "string expected, not null"},
		"no effect":                        {with("Effect", ""), "neither Allow nor Deny"},
		"effect in another case":           {with("Effect", `"allow"`), "neither Allow nor Deny"},
		"no principal":                     {with("Principal", ""), "needs Principal"},
		"both principals":                  {with("NotPrincipal", `"*"`), "both Principal and NotPrincipal"},
		"principal as bare ARN":            {with("Principal", `"arn:aws:iam::111111111111:root"`), "is no star"},
		"principal list":                   {with("Principal", `["*"]`), "object expected, not array"},
		"empty principal":                  {with("Principal", `{}`), "an empty principal"},
		"empty principal list":             {with("Principal", `{"AWS":[]}`), "an empty list"},
		"no action":                        {with("Action", ""), "either Action or NotAction"},
		"both actions":                     {with("NotAction", `"ecr:PutImage"`), "both Action and NotAction"},
		"empty action list":                {with("Action", `[]`), "an empty list"},
		"empty action":                     {with("Action", `""`), "an empty string"},
		"action of another service":        {with("Action", `"s3:GetObject"`), "none of ecr"},
		"action of ecr-public":             {with("Action", `"ecr-public:PutImage"`), "none of ecr"},
		"action of any service":            {with("Action", `"*:PutImage"`), "none of ecr"},
		"action without service":           {with("Action", `"PutImage"`), "none of ecr"},
		"unknown action":                   {with("Action", `["ecr:PutImage","ecr:PutImages"]`), `"ecr:PutImages" is none of ecr`},
		"wildcard without an action":       {with("Action", `"ecr:Got*"`), "none of ecr"},
		"both resources":                   {statement(map[string]string{"Resource": `"*"`, "NotResource": `"*"`}), "both Resource and NotResource"},
		"resource not text":                {with("Resource", `1`), "string expected"},
		"unknown operator":                 {with("Condition", `{"StringEqual":{"a:b":"c"}}`), "unknown condition operator"},
		"unknown set":                      {with("Condition", `{"ForSomeValues:StringEquals":{"a:b":"c"}}`), "unknown condition operator"},
		"NullIfExists":                     {with("Condition", `{"NullIfExists":{"a:b":"true"}}`), "unknown condition operator"},
		"condition not an object":          {with("Condition", `["x"]`), "object expected"},
		"operator not an object":           {with("Condition", `{"StringEquals":"x"}`), "object expected"},
		"key without service":              {with("Condition", `{"StringEquals":{"SourceIp":"c"}}`), "malformed condition key"},
		"no values":                        {with("Condition", `{"StringEquals":{"a:b":[]}}`), "an empty list"},
		"value not scalar":                 {with("Condition", `{"StringEquals":{"a:b":{}}}`), "string expected, not object"},
		"duplicate key":                    {with("Condition", `{"StringEquals":{"a:b":"c","a:b":"d"}}`), `duplicate name "a:b"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := iam.ParseRepositoryPolicy(tt.text)
			var e *iam.PolicyError
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want a *PolicyError", err)
			}
			if !strings.Contains(e.Detail, tt.detail) {
				t.Errorf("got %q, want it to say %q", e.Detail, tt.detail)
			}
		})
	}
}

func TestParseRepositoryPolicyRefusesPrincipals(t *testing.T) {
	for _, principal := range []string{
		`{"AWS":"arn:aws:iam::111111111111:user/*"}`, `{"AWS":"arn:aws:iam::111111111111:role/a?c"}`, `{"AWS":"arn:aws:iam::*:root"}`, `{"AWS":"arn:*:iam::111111111111:root"}`,
		`{"AWS":"arn:aws:iam::111111111111:user/a*/b"}`, `{"AWS":"arn:aws:iam::111111111111:group/g"}`, `{"AWS":"arn:aws:iam::11111111111:root"}`,
		`{"AWS":"arn:aws:iam:us-east-1:111111111111:root"}`, `{"AWS":"arn:aws:iam::111111111111:root/x"}`, `{"AWS":"arn:aws:iam::111111111111:user/"}`,
		`{"AWS":"arn:aws:iam::111111111111:user"}`, `{"AWS":"arn:aws:sts::111111111111:assumed-role/R"}`, `{"AWS":"arn:aws:sts::111111111111:assumed-role/R/s/t"}`,
		`{"AWS":"arn:aws:sts::111111111111:assumed-role/R/*"}`, `{"AWS":"arn:aws:s3:::bucket"}`, `{"AWS":"AIDAEXAMPLE"}`, `{"AWS":"1111111111111"}`, `{"AWS":"arn:aws:iam::111111111111"}`,
		`{"AWS":"arn:aws-:iam::111111111111:root"}`, `{"AWS":1}`, `{"AWS":null}`, `{"Service":"*"}`, `{"Service":"lambda"}`, `{"Service":"lambda..com"}`, `{"Service":"Lambda.amazonaws.com"}`,
		`{"Federated":"cognito-identity.amazonaws.com"}`, `{"CanonicalUser":"x"}`, `{"aws":"*"}`, `{"*":"*"}`,
	} {
		if _, err := iam.ParseRepositoryPolicy(statement(map[string]string{"Principal": principal})); err == nil {
			t.Errorf("accepted %s", principal)
		}
	}
}

func TestParseRegistryPolicy(t *testing.T) {
	tests := map[string]struct {
		change map[string]string
		want   bool
	}{
		"repositories of an account":    {map[string]string{"Resource": `"arn:aws:ecr:us-east-1:111111111111:repository/*"`}, true},
		"one repository":                {map[string]string{"Resource": `["` + repositoryARN + `"]`}, true},
		"any":                           {map[string]string{"Resource": `"*"`}, true},
		"any action":                    {map[string]string{"Resource": `"*"`, "Action": `["ecr:ReplicateImage","ecr:BatchGet*"]`}, true},
		"wildcards in every part":       {map[string]string{"Resource": `"arn:*:ecr:us-*:1111?1111111:repository/a?/*"`}, true},
		"variable":                      {map[string]string{"Resource": `"arn:aws:ecr:us-east-1:111111111111:repository/${aws:PrincipalTag/team}/*"`}, true},
		"all but":                       {map[string]string{"NotResource": `"` + repositoryARN + `"`}, true},
		"no resource":                   {nil, false},
		"no principal":                  {map[string]string{"Resource": `"*"`, "Principal": ""}, false},
		"no action":                     {map[string]string{"Resource": `"*"`, "Action": ""}, false},
		"action of another service":     {map[string]string{"Resource": `"*"`, "Action": `"iam:PassRole"`}, false},
		"resource of another service":   {map[string]string{"Resource": `"arn:aws:s3:::bucket"`}, false},
		"resource that is no ARN":       {map[string]string{"Resource": `["*","app"]`}, false},
		"resource that is no part":      {map[string]string{"Resource": `"arn:aws:ecr:*"`}, false},
		"resource without a name":       {map[string]string{"Resource": `"arn:aws:ecr:us-east-1:111111111111:repository/"`}, false},
		"resource of another type":      {map[string]string{"Resource": `"arn:aws:ecr:us-east-1:111111111111:registry/x"`}, false},
		"resource without account":      {map[string]string{"Resource": `"arn:aws:ecr:us-east-1::repository/x"`}, false},
		"resource without region":       {map[string]string{"Resource": `"arn:aws:ecr::111111111111:repository/x"`}, false},
		"malformed account in resource": {map[string]string{"NotResource": `"arn:aws:ecr:us-east-1:x:repository/x"`}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := iam.ParseRegistryPolicy(statement(tt.change))
			if got := err == nil; got != tt.want {
				t.Errorf("got %v", err)
			}
		})
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add(statement(nil))
	f.Add(statement(map[string]string{"Resource": `["*","` + repositoryARN + `"]`, "Principal": `{"AWS":["111111111111","arn:aws:iam::111111111111:role/a/b"],"Service":"x.y"}`}))
	f.Add(statement(map[string]string{"Condition": `{"ForAllValues:StringLikeIfExists":{"a:b":["c",1,true]}}`}))
	f.Add(`{"Version":"2012-10-17","Id":"","Statement":{"Effect":"Deny","NotPrincipal":"*","NotAction":"ecr:Get*","NotResource":"*"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		repository, err := iam.ParseRepositoryPolicy(text)
		registry, registryErr := iam.ParseRegistryPolicy(text)
		for _, err := range []error{err, registryErr} {
			var e *iam.PolicyError
			if err != nil && !errors.As(err, &e) {
				t.Fatalf("got %T", err)
			}
		}
		if registryErr == nil {
			if diff := cmp.Diff(repository, registry, cmpopts.IgnoreUnexported(iam.Document{})); err != nil || diff != "" {
				t.Fatalf("a registry policy is no repository policy: %v %s", err, diff)
			}
		}
		if err != nil {
			return
		}
		for _, s := range repository.Statements {
			if (s.Principals == nil) == (s.NotPrincipals == nil) || (s.Actions == nil) == (s.NotActions == nil) || s.Resources != nil && s.NotResources != nil {
				t.Fatalf("impossible statement %+v", s)
			}
		}
	})
}
