package iam_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/iam"
)

// BenchmarkEvaluate decides with ten policies of ten statements each, of the
// kinds that people write, of which the last allows.
func BenchmarkEvaluate(b *testing.B) {
	statements := []string{
		`{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","sts:GetCallerIdentity"],"Resource":"*"}`,
		`{"Effect":"Allow","Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","ecr:BatchCheckLayerAvailability"],"Resource":"arn:aws:ecr:*:111111111111:repository/team-%d/*"}`,
		`{"Effect":"Allow","Action":["ecr:PutImage","ecr:InitiateLayerUpload","ecr:UploadLayerPart","ecr:CompleteLayerUpload"],"Resource":["arn:aws:ecr:us-east-1:111111111111:repository/a%d","arn:aws:ecr:us-east-1:111111111111:repository/b"]}`,
		`{"Effect":"Deny","Action":"ecr:*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","192.0.2.0/24"]}}}`,
		`{"Effect":"Deny","NotAction":"ecr:Get*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`,
		`{"Effect":"Allow","Action":"ecr:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"${aws:PrincipalTag/team}x%d"}}}`,
		`{"Effect":"Allow","Action":"ecr:Describe*","Resource":"*"}`,
		`{"Effect":"Deny","Action":"ecr:Batch*","NotResource":"arn:aws:ecr:*:*:repository/app","Condition":{"StringLike":{"nifuda:ImageTag":"prod-*"}}}`,
		`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2090-01-01T00:00:00Z"}}}`,
		`{"Effect":"Allow","Action":"ecr:BatchGetImage","Resource":"arn:aws:ecr:us-east-1:111111111111:repository/${aws:username}/*"}`,
	}
	caller := &iam.Caller{
		Principal: iam.Principal{ARN: "arn:aws:iam::111111111111:user/bob", Account: "111111111111", UserID: "AIDAAAAAAAAAAAAAAAAA"},
		Keys:      iam.Keys{"aws:username": {"bob"}, "aws:principaltag/team": {"blue"}},
	}
	for i := range 10 {
		text := `{"Version":"2012-10-17","Statement":[` + strings.ReplaceAll(strings.Join(statements, ","), "%d", strconv.Itoa(i)) + `]}`
		d, err := iam.ParseIdentityPolicy(text)
		if err != nil {
			b.Fatal(err)
		}
		caller.Identity = append(caller.Identity, iam.NamedPolicy{Name: strconv.Itoa(i), Document: d})
	}
	q := iam.Query{
		Caller: caller, Action: iam.BatchGetImage, Resource: "arn:aws:ecr:us-east-1:111111111111:repository/bob/app", ResourceAccount: "111111111111",
		ResourceKeys: iam.Keys{"aws:resourcetag/team": {"blue"}},
		RequestKeys:  iam.Keys{"aws:sourceip": {"10.1.2.3"}, "aws:securetransport": {"true"}, "aws:currenttime": {"2026-11-25T12:00:00Z"}, "nifuda:imagetag": {"v1"}},
	}
	b.ReportAllocs()
	for b.Loop() {
		if d := iam.Evaluate(q); d.Outcome != iam.Allowed {
			b.Fatal(d)
		}
	}
}
