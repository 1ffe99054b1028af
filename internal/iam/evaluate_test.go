package iam_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/iam"
)

func TestDecisionNamesTheStatementsThatApply(t *testing.T) {
	const push = `{"Sid":"Push","Effect":"Allow","Action":"ecr:PutImage","Resource":"*"}`
	const notProd = `{"Sid":"NotProd","Effect":"Deny","Action":"ecr:PutImage","Resource":"*","Condition":{"StringLike":{"nifuda:ImageTag":"prod-*"}}}`
	q := iam.Query{
		Caller: &iam.Caller{
			Principal: iam.Principal{ARN: userA, Account: accountA, UserID: "AIDAEXAMPLE"},
			Identity: []iam.NamedPolicy{
				{Name: "arn:aws:iam::aws:policy/ReadOnly", Document: identityPolicy(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:Get*","Resource":"*"}}`)},
				{Name: "push", Document: identityPolicy(t, `{"Version":"2012-10-17","Statement":[
					{"Sid":"Other","Effect":"Allow","Action":"s3:*","Resource":"*"}, `+push+`, `+notProd+`]}`)},
			},
		},
		Action: iam.PutImage, Resource: repositoryARN, ResourceAccount: accountA, RequestKeys: iam.Keys{iam.ImageTag: {"dev"}},
	}
	want := iam.Decision{Outcome: iam.Allowed, WithinBoundary: true, Matched: []iam.Match{{Policy: "push", Source: iam.IdentityPolicy, Statement: 1, SID: "Push", Text: push}}}
	if diff := cmp.Diff(want, iam.Evaluate(q)); diff != "" {
		t.Error(diff)
	}
	q.RequestKeys = iam.Keys{iam.ImageTag: {"prod-1"}}
	want = iam.Decision{
		Outcome: iam.ExplicitDeny, Reason: "with an explicit deny in an identity-based policy", WithinBoundary: true,
		Matched: []iam.Match{{Policy: "push", Source: iam.IdentityPolicy, Statement: 2, SID: "NotProd", Text: notProd}},
	}
	if diff := cmp.Diff(want, iam.Evaluate(q)); diff != "" {
		t.Error(diff)
	}
}

func TestMessageIsTheOneOfAWS(t *testing.T) {
	r := iam.Request{Principal: iam.Principal{ARN: userA, Account: accountA}, Action: iam.PutImage, Resource: repositoryARN, ResourceAccount: accountA}
	caller := &iam.Caller{Principal: r.Principal}
	decide := func(q iam.Query) string {
		q.Caller, q.Action, q.Resource, q.ResourceAccount = caller, r.Action, r.Resource, r.ResourceAccount
		return (&iam.DeniedError{Request: r, Reason: iam.Evaluate(q).Reason}).Error()
	}
	const prefix = "User: " + userA + " is not authorized to perform: ecr:PutImage on resource: " + repositoryARN + " "
	if got, want := decide(iam.Query{}), prefix+"because no identity-based policy allows the ecr:PutImage action"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	d, err := iam.ParseRepositoryPolicy(statement(map[string]string{"Effect": `"Deny"`}))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := decide(iam.Query{ResourcePolicies: []iam.NamedPolicy{{Document: d}}}), prefix+"with an explicit deny in a resource-based policy"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A document serves all requests at once; the race detector would tell.
func TestDocumentsAreSharedByGoroutines(t *testing.T) {
	d := identityPolicy(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"ecr:*","Resource":"arn:aws:ecr:*:*:repository/${aws:username}/*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:*:*:${aws:username}:*"}}},
		{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEqualsIgnoreCase":{"aws:ResourceTag/owner":"${aws:username}"}}}]}`)
	var goroutines sync.WaitGroup
	for i := range 8 {
		goroutines.Go(func() {
			name := fmt.Sprintf("user%d", i)
			caller := &iam.Caller{Principal: iam.Principal{ARN: userA, Account: accountA}, Identity: []iam.NamedPolicy{{Document: d}}, Keys: iam.Keys{"aws:username": {name}}}
			for range 200 {
				q := iam.Query{
					Caller: caller, Action: iam.PutImage, ResourceAccount: accountA, Resource: "arn:aws:ecr:us-east-1:" + accountA + ":repository/" + name + "/app",
					RequestKeys: iam.Keys{"aws:sourcearn": {"arn:aws:lambda:us-east-1:" + name + ":f"}, "aws:resourcetag/owner": {name}},
				}
				if got := iam.Evaluate(q); got.Outcome != iam.Allowed {
					t.Errorf("%s: %+v", name, got)
				}
			}
		})
	}
	goroutines.Wait()
}

func TestDocumentsTellTheirKeys(t *testing.T) {
	d := identityPolicy(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"ecr:*","Resource":"arn:aws:ecr:*:*:repository/${aws:PrincipalTag/Team, 'x'}","Condition":{"StringEquals":{"aws:ResourceTag/Env":"${aws:username}"},"NumericLessThan":{"aws:EpochTime":"1"}}},
		{"Effect":"Deny","Action":"ecr:*","Resource":"*","Condition":{"Null":{"AWS:username":"true"}}}]}`)
	want := []string{"aws:epochtime", "aws:principaltag/team", "aws:resourcetag/env", "aws:username"}
	if diff := cmp.Diff(want, d.Keys()); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]bool{"aws:resourcetag/": true, "aws:resourcetag/env": true, "aws:resourcetag/team": false, "aws:requesttag/": false, "aws:user": false} {
		if got := d.Mentions(name); got != want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func identityPolicy(t *testing.T, text string) *iam.Document {
	t.Helper()
	d, err := iam.ParseIdentityPolicy(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
