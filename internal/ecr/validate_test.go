package ecr_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/ecr"
)

// request decodes the body of an operation's request.
func request(t *testing.T, operation, body string) ecr.Request {
	t.Helper()
	in, _ := ecr.Operations(ecr.Unimplemented{})[operation]()
	if err := json.Unmarshal([]byte(body), in); err != nil {
		t.Fatal(err)
	}
	return in
}

const (
	namePattern   = `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`
	uploadPattern = `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`
	uploadID      = `0a1b2c3d-0000-1111-2222-333344445555`
)

// TestConstraintTexts has the texts of spec A.4, and one broken constraint of every kind.
func TestConstraintTexts(t *testing.T) {
	long := strings.Repeat("a", 300)
	tests := []struct{ name, operation, body, param, constraint string }{
		{
			"registry id", "ListImages", `{"repositoryName":"app","registryId":"12345"}`,
			"registryId", "must satisfy regular expression [0-9]{12}",
		},
		{
			"registry id with more behind it", "ListImages", `{"repositoryName":"app","registryId":"123456789012\n"}`,
			"registryId", "must satisfy regular expression [0-9]{12}",
		},
		{
			"registry id in a structure", "PutReplicationConfiguration", `{"replicationConfiguration":{"rules":[{"destinations":[{"region":"us-west-2","registryId":"1"}]}]}}`,
			"replicationConfiguration.rules.1.member.destinations.1.member.registryId", "must satisfy regular expression [0-9]{12}",
		},
		{
			"element of registry ids", "GetAuthorizationToken", `{"registryIds":["123456789012","x"]}`,
			"registryIds", "Member must satisfy constraint: [Member must satisfy regular expression pattern: [0-9]{12}]",
		},
		{
			"repository name", "CreateRepository", `{"repositoryName":"App"}`,
			"repositoryName", "must satisfy regular expression '" + namePattern + "'",
		},
		{
			"element of repository names", "DescribeRepositories", `{"repositoryNames":["app","-"]}`,
			"repositoryNames", "Member must satisfy constraint: [Member must have length greater than or equal to 2]",
		},
		{
			"pattern of a repository name in a list", "DescribeRepositories", `{"repositoryNames":["a/"]}`,
			"repositoryNames", "Member must satisfy constraint: [Member must satisfy regular expression pattern: " + namePattern + "]",
		},
		{
			"image tag", "PutImage", `{"repositoryName":"app","imageManifest":"{}","imageTag":"a b"}`,
			"imageTag", "must satisfy regular expression '[a-zA-Z0-9-_.]+'",
		},
		{
			"image tag too long", "PutImage", `{"repositoryName":"app","imageManifest":"{}","imageTag":"` + long + `a"}`,
			"imageTag", "Member must have length less than or equal to 300",
		},
		{
			"image tag in an identifier", "StartImageScan", `{"repositoryName":"app","imageId":{"imageTag":""}}`,
			"imageId.imageTag", "Member must have length greater than or equal to 1",
		},
		{
			"too many results", "ListImages", `{"repositoryName":"app","maxResults":1001}`,
			"maxResults", "Member must have value less than or equal to 1000",
		},
		{
			"too few results", "ListImages", `{"repositoryName":"app","maxResults":0}`,
			"maxResults", "Member must have value greater than or equal to 1",
		},
		{
			"too many referrers", "ListImageReferrers", `{"repositoryName":"app","subjectId":{"imageDigest":"sha256:00"},"maxResults":51}`,
			"maxResults", "Member must have value less than or equal to 50",
		},
		{
			"name too long", "CreateRepository", `{"repositoryName":"` + long + `"}`,
			"repositoryName", "Member must have length less than or equal to 256",
		},
		{
			"name too short", "CreateRepository", `{"repositoryName":"a"}`,
			"repositoryName", "Member must have length greater than or equal to 2",
		},
		{
			"length counts characters", "PutAccountSetting", `{"name":"` + strings.Repeat("ä", 65) + `","value":"x"}`,
			"name", "Member must have length less than or equal to 64",
		},
		{
			"lifecycle policy too short", "PutLifecyclePolicy", `{"repositoryName":"app","lifecyclePolicyText":"` + strings.Repeat("ä", 99) + `"}`,
			"lifecyclePolicyText", "Member must have length greater than or equal to 100",
		},
		{
			"empty list", "BatchGetImage", `{"repositoryName":"app","imageIds":[]}`,
			"imageIds", "Member must have length greater than or equal to 1",
		},
		{
			"list too long", "BatchDeleteImage", `{"repositoryName":"app","imageIds":[{}` + strings.Repeat(",{}", 100) + `]}`,
			"imageIds", "Member must have length less than or equal to 100",
		},
		{
			"digest too long for a batch", "BatchCheckLayerAvailability", `{"repositoryName":"app","layerDigests":["` + strings.Repeat("a", 1001) + `"]}`,
			"layerDigests", "Member must satisfy constraint: [Member must have length less than or equal to 1000]",
		},
		{"missing name", "CreateRepository", `{}`, "repositoryName", "Member must not be null"},
		{"name null", "CreateRepository", `{"repositoryName":null}`, "repositoryName", "Member must not be null"},
		{"empty name", "CreateRepository", `{"repositoryName":""}`, "repositoryName", "Member must not be null"},
		{"missing list", "BatchGetImage", `{"repositoryName":"app"}`, "imageIds", "Member must not be null"},
		{"missing structure", "StartImageScan", `{"repositoryName":"app"}`, "imageId", "Member must not be null"},
		{
			"missing number", "UploadLayerPart", `{"repositoryName":"app","uploadId":"` + uploadID + `","partFirstByte":0,"layerPartBlob":""}`,
			"partLastByte", "Member must not be null",
		},
		{
			"missing blob", "UploadLayerPart", `{"repositoryName":"app","uploadId":"` + uploadID + `","partFirstByte":0,"partLastByte":0}`,
			"layerPartBlob", "Member must not be null",
		},
		{
			"missing in a structure of a list", "TagResource", `{"resourceArn":"x","tags":[{"Key":"k","Value":""},{"Key":"k"}]}`,
			"tags.2.member.Value", "Member must not be null",
		},
		{
			"missing before broken", "CompleteLayerUpload", `{"registryId":"x","uploadId":"y","layerDigests":["z"]}`,
			"repositoryName", "Member must not be null",
		},
		{"missing in the order of the model", "CompleteLayerUpload", `{}`, "layerDigests", "Member must not be null"},
		{
			"broken in the order of the model", "CompleteLayerUpload", `{"registryId":"x","repositoryName":"-","uploadId":"y","layerDigests":["z:0"]}`,
			"registryId", "must satisfy regular expression [0-9]{12}",
		},
		{
			"negative byte", "UploadLayerPart", `{"repositoryName":"app","uploadId":"` + uploadID + `","partFirstByte":-1,"partLastByte":0,"layerPartBlob":""}`,
			"partFirstByte", "Member must have value greater than or equal to 0",
		},
		{
			"upload id", "CompleteLayerUpload", `{"repositoryName":"app","uploadId":"` + uploadID + `0","layerDigests":["sha256:00"]}`,
			"uploadId", "must satisfy regular expression '" + uploadPattern + "'",
		},
		{
			"layer digest", "CompleteLayerUpload", `{"repositoryName":"app","uploadId":"` + uploadID + `","layerDigests":["sha256:xyz"]}`,
			"layerDigests", "Member must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z0-9-_+.]+:[a-fA-F0-9]+]",
		},
		{
			"enumeration", "PutImageTagMutability", `{"repositoryName":"app","imageTagMutability":"mutable"}`,
			"imageTagMutability", "Member must satisfy enum value set: [IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]",
		},
		{
			"enumeration in a structure", "CreateRepository", `{"repositoryName":"app","encryptionConfiguration":{"encryptionType":"DES"}}`,
			"encryptionConfiguration.encryptionType", "Member must satisfy enum value set: [AES256, KMS, KMS_DSSE]",
		},
		{
			"element of an enumeration", "CreateRepositoryCreationTemplate", `{"prefix":"ROOT","appliedFor":["PUSH"]}`,
			"appliedFor", "Member must satisfy constraint: [Member must satisfy enum value set: [REPLICATION, PULL_THROUGH_CACHE, CREATE_ON_PUSH]]",
		},
		{
			"exclusion filter", "CreateRepository", `{"repositoryName":"app","imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"v*"},{"filterType":"WILDCARD","filter":"v/"}]}`,
			"imageTagMutabilityExclusionFilters.2.member.filter", "must satisfy regular expression '^[0-9a-zA-Z._*-]{1,128}$'",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got *ecr.Error
			if err := request(t, test.operation, test.body).Validate(); !errors.As(err, &got) {
				t.Fatalf("got %v, want an *ecr.Error", err)
			}
			want := &ecr.Error{
				Code:    "InvalidParameterException",
				Message: fmt.Sprintf("Invalid parameter at '%s' failed to satisfy constraint: '%s'", test.param, test.constraint),
				Status:  400,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error("(-want +got)", diff)
			}
		})
	}
}

func TestValidRequests(t *testing.T) {
	tests := []struct{ name, operation, body string }{
		{"only what is required", "CreateRepository", `{"repositoryName":"team/app-1.2__x"}`},
		{"shortest name", "CreateRepository", `{"repositoryName":"ab"}`},
		{"longest name", "CreateRepository", `{"repositoryName":"` + strings.Repeat("a", 256) + `"}`},
		{"template key may be empty", "CreateRepositoryCreationTemplate", `{"prefix":"a","appliedFor":[],"encryptionConfiguration":{"encryptionType":"KMS","kmsKey":""}}`},
		{"longest tag in characters", "DescribeImages", `{"repositoryName":"app","imageIds":[{"imageTag":"` + strings.Repeat("ä", 300) + `"}]}`},
		{"empty policy", "PutRegistryPolicy", `{"policyText":""}`},
		{"no rules", "PutReplicationConfiguration", `{"replicationConfiguration":{"rules":[]}}`},
		{"first byte zero and no bytes", "UploadLayerPart", `{"repositoryName":"app","uploadId":"` + uploadID + `","partFirstByte":0,"partLastByte":0,"layerPartBlob":""}`},
		{"nothing", "DescribeRepositories", `{}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := request(t, test.operation, test.body).Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

// What the batch operations answer item by item must not fail the call (spec B.2, 1 to 4).
func TestBatchItemsAreNotJudged(t *testing.T) {
	items := `[{},null,{"imageTag":""},{"imageTag":"` + strings.Repeat("a", 301) + `"},{"imageTag":"a b"},{"imageDigest":"nonsense"}]`
	tests := []struct{ operation, body string }{
		{"BatchGetImage", `{"repositoryName":"app","imageIds":` + items + `}`},
		{"BatchDeleteImage", `{"repositoryName":"app","imageIds":` + items + `}`},
		{"BatchCheckLayerAvailability", `{"repositoryName":"app","layerDigests":["","nonsense","sha256:xyz"]}`},
		{"BatchGetRepositoryScanningConfiguration", `{"repositoryNames":["does/not/exist"]}`},
	}
	for _, test := range tests {
		if err := request(t, test.operation, test.body).Validate(); err != nil {
			t.Errorf("%s: %v", test.operation, err)
		}
	}
}

func TestBlobTooLarge(t *testing.T) {
	in := &ecr.UploadLayerPartRequest{
		RepositoryName: "app", UploadId: uploadID, PartFirstByte: new(int64(0)), PartLastByte: new(int64(0)),
		LayerPartBlob: make([]byte, 20<<20),
	}
	if err := in.Validate(); err != nil {
		t.Error(err)
	}
	in.LayerPartBlob = make([]byte, 20<<20+1)
	want := "InvalidParameterException: Invalid parameter at 'layerPartBlob' failed to satisfy constraint: 'Member must have length less than or equal to 20971520'"
	if err := in.Validate(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestOperationsWithoutRequiredMembers(t *testing.T) {
	var got []string
	for name, operation := range ecr.Operations(ecr.Unimplemented{}) {
		if in, _ := operation(); in.Validate() == nil {
			got = append(got, name)
		}
	}
	slices.Sort(got)
	want := []string{
		"DeleteRegistryPolicy", "DeleteSigningConfiguration", "DescribePullThroughCacheRules", "DescribeRegistry",
		"DescribeRepositories", "DescribeRepositoryCreationTemplates", "GetAuthorizationToken", "GetRegistryPolicy",
		"GetRegistryScanningConfiguration", "GetSigningConfiguration", "ListPullTimeUpdateExclusions", "ListReplicationBackfills",
		"PutRegistryScanningConfiguration",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got)", diff)
	}
}

// FuzzValidate decodes foreign bytes into every request. Whatever can be
// decoded is valid or refused as a parameter, and comes back from JSON as it was.
func FuzzValidate(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"repositoryName":"app"}`, `{"repositoryName":"app","imageIds":[null,{"imageTag":"v1"}]}`,
		`{"resourceArn":"","tags":[{"Key":"k","Value":"v"}]}`, `{"replicationConfiguration":{"rules":[{"destinations":[null]}]}}`,
		`{"repositoryName":"a\u0000b","registryId":"１２３456789012"}`, `{"signingConfiguration":{"rules":[{}]}}`,
	} {
		f.Add([]byte(seed))
	}
	operations := ecr.Operations(ecr.Unimplemented{})
	f.Fuzz(func(t *testing.T, body []byte) {
		for name, operation := range operations {
			in, _ := operation()
			if json.Unmarshal(body, in) != nil {
				continue
			}
			var refusal *ecr.Error
			if err := in.Validate(); err != nil && (!errors.As(err, &refusal) || refusal.Code != "InvalidParameterException") {
				t.Errorf("%s: %v", name, err)
			}
			again, _ := operation()
			text, err := json.Marshal(in)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := json.Unmarshal(text, again); err != nil {
				t.Fatalf("%s: %s: %v", name, text, err)
			}
			if diff := cmp.Diff(in, again); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	registry := "123456789012"
	in := &ecr.BatchGetImageRequest{RegistryId: &registry, RepositoryName: "team/product/app", ImageIds: make([]ecr.ImageIdentifier, 1)}
	b.ReportAllocs()
	for b.Loop() {
		if err := in.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}
