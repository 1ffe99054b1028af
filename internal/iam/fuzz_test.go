package iam_test

import (
	"fmt"
	"testing"

	"github.com/nifuda/nifuda/internal/iam"
)

// FuzzEvaluate puts one text in every place where a policy may stand and holds
// that a further Deny never allows, and a further Allow never denies explicitly.
func FuzzEvaluate(f *testing.F) {
	f.Add(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"arn:aws:ecr:*:*:repository/${aws:username, 'bob'}*"}}`, "aws:username", "a*", "ecr:PutImage", "arn:aws:ecr:us-east-1:111111111111:repository/app")
	f.Add(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotAction":"ecr:Get*","NotResource":"${x:y}","Condition":{"ForAnyValue:ArnNotLike":{"x:y":"arn:*:${x:z}*:::"},"NumericLessThan":{"x:n":"1e3"}}}]}`, "x:y", "1", "ecr:PutImage", "*")
	f.Add(statement(map[string]string{"Condition": `{"StringLikeIfExists":{"a:b":["${*}","?"]},"DateLessThan":{"a:d":"2020"},"IpAddress":{"a:b":"::1"}}`}), "a:b", "é", "ecr:x", "é")
	f.Add(statement(map[string]string{"Principal": "", "NotPrincipal": `{"AWS":"111111111111"}`}), "a:b", "\xff", "ECR:PUTIMAGE", "\xfe")
	callers := []iam.Principal{
		iam.Root("aws", accountA), iam.Anonymous(), iam.ServicePrincipal("lambda.amazonaws.com"),
		{ARN: userA, Account: accountA, UserID: "AIDAEXAMPLE"},
		{ARN: sessionB, Account: accountB, UserID: "AROAEXAMPLE:s1"},
	}
	f.Fuzz(func(t *testing.T, text, key, value, action, resource string) {
		q := iam.Query{Action: action, Resource: resource, ResourceAccount: accountA, RequestKeys: iam.Keys{key: {value}, "x:n": {value, value}}}
		var identity, ofResource []iam.NamedPolicy
		if d, err := iam.ParseIdentityPolicy(text); err == nil {
			identity = []iam.NamedPolicy{{Document: d}}
		}
		for _, parse := range []func(string) (*iam.Document, error){iam.ParseRepositoryPolicy, iam.ParseTrustPolicy} {
			if d, err := parse(text); err == nil {
				ofResource = append(ofResource, iam.NamedPolicy{Document: d})
			}
		}
		if identity == nil && ofResource == nil {
			return
		}
		for _, principal := range callers {
			for _, narrowed := range []bool{false, true} {
				q.Caller = &iam.Caller{Principal: principal, Identity: identity}
				if narrowed && identity != nil {
					q.Caller.Boundary, q.Caller.Session = &identity[0], identity
				}
				q.ResourcePolicies, q.Trust = ofResource, narrowed
				checkFurtherStatements(t, q)
			}
		}
	})
}

func checkFurtherStatements(t *testing.T, q iam.Query) {
	t.Helper()
	further := func(effect string) iam.Outcome {
		identity, err := iam.ParseIdentityPolicy(fmt.Sprintf(`{"Statement":{"Effect":%q,"Action":"ecr:PutImage","Resource":"*"}}`, effect))
		if err != nil {
			t.Fatal(err)
		}
		ofResource, err := iam.ParseRepositoryPolicy(fmt.Sprintf(`{"Statement":{"Effect":%q,"Principal":"*","Action":"ecr:PutImage"}}`, effect))
		if err != nil {
			t.Fatal(err)
		}
		more, caller := q, *q.Caller
		more.Caller = &caller
		caller.Identity = append([]iam.NamedPolicy{{Document: identity}}, caller.Identity...)
		more.ResourcePolicies = append([]iam.NamedPolicy{{Document: ofResource}}, q.ResourcePolicies...)
		return iam.Evaluate(more).Outcome
	}
	before := iam.Evaluate(q)
	if (before.Outcome == iam.Allowed) != (before.Reason == "") {
		t.Fatalf("%+v has no fitting reason", before)
	}
	if got := further("Deny"); before.Outcome != iam.Allowed && got == iam.Allowed || before.Outcome == iam.ExplicitDeny && got != iam.ExplicitDeny {
		t.Fatalf("a further Deny makes %s of %s", got, before.Outcome)
	}
	if got := further("Allow"); (got == iam.ExplicitDeny) != (before.Outcome == iam.ExplicitDeny) || before.Outcome == iam.Allowed && got != iam.Allowed {
		t.Fatalf("a further Allow makes %s of %s", got, before.Outcome)
	}
}
