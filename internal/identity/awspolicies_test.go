package identity

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/iam"
)

func TestEveryPolicyOfAWSIsValid(t *testing.T) {
	files, err := fs.Glob(awsPolicyDocuments, "awspolicies/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(awsPolicyTable) || len(awsPolicies) != len(awsPolicyTable) {
		t.Errorf("%d documents, %d policies and %d rows", len(files), len(awsPolicies), len(awsPolicyTable))
	}
	ids := map[string]bool{}
	for arn, p := range awsPolicies {
		if _, err := iam.ParseManagedPolicy(p.document); err != nil {
			t.Errorf("%s: %v", arn, err)
		}
		if !strings.HasPrefix(arn, "arn:aws:iam::aws:policy/") || len(p.ID) != 21 || ids[p.ID] || p.updated.Before(p.CreatedAt) {
			t.Errorf("%s: %+v", arn, p.Entity)
		}
		ids[p.ID] = true
	}
}

func TestPoliciesOfAWSGrantWhatTheirNamesSay(t *testing.T) {
	const repository = "arn:aws:ecr:us-east-1:123456789012:repository/app"
	for name, tt := range map[string]struct{ allowed, refused []string }{
		"AdministratorAccess":                 {[]string{iam.DeleteRepository, "iam:CreateUser"}, nil},
		"PowerUserAccess":                     {[]string{iam.DeleteRepository, "iam:ListRoles"}, []string{"iam:CreateUser"}},
		"IAMFullAccess":                       {[]string{"iam:CreateUser"}, []string{iam.DescribeRepositories}},
		"IAMReadOnlyAccess":                   {[]string{"iam:GetUser"}, []string{"iam:CreateUser"}},
		"AmazonEC2ContainerRegistryPullOnly":  {[]string{iam.GetAuthorizationToken, iam.BatchGetImage, iam.GetDownloadURLForLayer}, []string{iam.PutImage, iam.ListImages, iam.DescribeRepositories}},
		"AmazonEC2ContainerRegistryReadOnly":  {[]string{iam.BatchGetImage, iam.DescribeRepositories, iam.DescribeImageScanFindings}, []string{iam.PutImage, iam.InitiateLayerUpload, iam.CreateRepository}},
		"AmazonEC2ContainerRegistryPowerUser": {[]string{iam.PutImage, iam.InitiateLayerUpload, iam.UploadLayerPart, iam.CompleteLayerUpload}, []string{iam.CreateRepository, iam.BatchDeleteImage, iam.SetRepositoryPolicy}},
		"AmazonEC2ContainerRegistryFullAccess": {
			[]string{iam.DeleteRepository, iam.SetRepositoryPolicy, iam.PutRegistryPolicy}, []string{"iam:CreateUser", "iam:CreateServiceLinkedRole"},
		},
		"ECRReplicationServiceRolePolicy":              {[]string{iam.CreateRepository, iam.ReplicateImage}, []string{iam.PutImage}},
		"AmazonElasticContainerRegistryPublicReadOnly": {[]string{"ecr-public:DescribeImages", "sts:GetServiceBearerToken"}, []string{"ecr-public:PutImage", iam.BatchGetImage}},
	} {
		t.Run(name, func(t *testing.T) {
			path := "/"
			if strings.Contains(name, "ServiceRolePolicy") {
				path = serviceRolePath
			}
			document, ok := awsPolicyDocument(EntityARN(awsAccount, Policy, path, name))
			if !ok {
				t.Fatal("there is no such policy")
			}
			parsed, err := iam.ParseIdentityPolicy(document)
			if err != nil {
				t.Fatal(err)
			}
			decide := func(action string) iam.Outcome {
				caller := &iam.Caller{Principal: iam.Principal{ARN: "arn:aws:iam::123456789012:user/a", Account: "123456789012"}, Identity: []iam.NamedPolicy{{Name: name, Document: parsed}}}
				return iam.Evaluate(iam.Query{Caller: caller, Action: action, Resource: repository, ResourceAccount: "123456789012"}).Outcome
			}
			for _, action := range tt.allowed {
				if got := decide(action); got != iam.Allowed {
					t.Errorf("%s: %s", action, got)
				}
			}
			for _, action := range tt.refused {
				if got := decide(action); got != iam.ImplicitDeny {
					t.Errorf("%s: %s", action, got)
				}
			}
		})
	}
}
