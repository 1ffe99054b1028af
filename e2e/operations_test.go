package e2e_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

// walkOfAllOperations is an order in which every operation that works does. To
// the members that the SDK's snapshot of the request has, a step gives values of
// its own; nil leaves a member out.
var walkOfAllOperations = []struct {
	operation string
	members   map[string]any
}{
	{"CreateRepository", map[string]any{"imageTagMutability": "MUTABLE_WITH_EXCLUSION", "encryptionConfiguration": nil, "tags": []any{map[string]string{"Key": "team", "Value": "a"}}, "imageTagMutabilityExclusionFilters": []any{map[string]string{"filterType": "WILDCARD", "filter": "v*"}}}},
	{"DescribeRepositories", map[string]any{"repositoryNames": []string{"app"}, "maxResults": nil}},
	{"DescribeRegistry", nil},
	{"GetAuthorizationToken", map[string]any{"registryIds": nil}},
	{"InitiateLayerUpload", nil},
	{"UploadLayerPart", map[string]any{"layerPartBlob": []byte("layer"), "partFirstByte": 0, "partLastByte": 4}},
	{"CompleteLayerUpload", nil},
	{"BatchCheckLayerAvailability", nil},
	{"PutImage", nil},
	{"GetDownloadUrlForLayer", nil},
	{"BatchGetImage", map[string]any{"imageIds": imageIDs, "acceptedMediaTypes": []string{ociManifest}}},
	{"DescribeImages", map[string]any{"imageIds": imageIDs, "maxResults": nil, "filter": nil}},
	{"ListImages", map[string]any{"filter": map[string]string{"tagStatus": "TAGGED"}}},
	{"ListImageReferrers", map[string]any{"filter": nil}},
	{"PutImageTagMutability", map[string]any{"imageTagMutability": "IMMUTABLE", "imageTagMutabilityExclusionFilters": nil}},
	{"PutImageScanningConfiguration", nil},
	{"TagResource", map[string]any{"tags": []any{map[string]string{"Key": "team", "Value": "b"}}}},
	{"ListTagsForResource", nil},
	{"UntagResource", map[string]any{"tagKeys": []string{"team"}}},
	{"SetRepositoryPolicy", map[string]any{"policyText": repositoryPolicy}},
	{"GetRepositoryPolicy", nil},
	{"DeleteRepositoryPolicy", nil},
	{"PutLifecyclePolicy", map[string]any{"lifecyclePolicyText": lifecyclePolicy}},
	{"GetLifecyclePolicy", nil},
	{"DeleteLifecyclePolicy", nil},
	{"PutRegistryPolicy", map[string]any{"policyText": `{"Version":"2012-10-17","Statement":[{"Sid":"all","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":["ecr:CreateRepository","ecr:ReplicateImage"],"Resource":"*"}]}`}},
	{"GetRegistryPolicy", nil},
	{"DeleteRegistryPolicy", nil},
	{"PutAccountSetting", map[string]any{"name": "BLOB_MOUNTING", "value": "ENABLED"}},
	{"GetAccountSetting", map[string]any{"name": "BLOB_MOUNTING"}},
	{"BatchDeleteImage", map[string]any{"imageIds": imageIDs}},
	{"DeleteRepository", nil},
}

const (
	repositoryPolicy = `{"Version":"2012-10-17","Statement":[{"Sid":"pull","Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}]}`
	lifecyclePolicy  = `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":10},"action":{"type":"expire"}}]}`
)

var imageIDs = []any{map[string]string{"imageTag": "v1"}}

// TestSDKHasEveryOperation calls all that the SDK has, with the requests that it
// publishes as samples: each works, or says that it is not there yet, as
// docs/compatibility.md tells.
func TestSDKHasEveryOperation(t *testing.T) {
	s := startServer(t)
	client := ecrClient(t, s)
	documented := documentedOperations(t)
	directory := sdkDirectory(t)

	// What the samples have placeholders for.
	manifest := string(marshal(t, map[string]any{
		"schemaVersion": 2, "mediaType": ociManifest, "layers": []any{},
		"config": newContent(ociConfig, []byte("layer")).descriptor(),
	}))
	values := map[string]string{
		"__RegistryId__": account, "__RepositoryName__": "app", "__ImageTag__": "v1",
		"__ImageManifest__": manifest, "__ImageManifestMediaType__": ociManifest, "__ImageDigest__": digestOf([]byte(manifest)),
		"__Member__": digestOf([]byte("layer")), "__LayerDigest__": digestOf([]byte("layer")), "__SubjectId__": digestOf([]byte(manifest)),
		"__ResourceArn__": "arn:aws:ecr:" + region + ":" + account + ":repository/app", "__Arn__": "arn:aws:ecr:" + region + ":" + account + ":repository/app",
	}
	for _, step := range walkOfAllOperations {
		request := sampleRequest(t, directory, step.operation, values)
		delete(request, "nextToken")
		maps.Copy(request, step.members)
		output, err := callOperation(t, client, step.operation, request)
		if err != nil || documented[step.operation] == "refuses" {
			t.Errorf("%s (documented: %s): %v", step.operation, documented[step.operation], err)
		}
		if upload, ok := output.(*ecr.InitiateLayerUploadOutput); ok {
			values["__UploadId__"] = aws.ToString(upload.UploadId)
		}
		delete(documented, step.operation)
	}
	maps.Copy(values, map[string]string{
		"__Member__": "app", "__Prefix__": "app", "__EcrRepositoryPrefix__": "app", "__UpstreamRepositoryPrefix__": "app", "__Filter__": "app",
		"__Region__": "eu-west-1", "__UpstreamRegistryUrl__": "registry.example.com", "__LifecyclePolicyText__": lifecyclePolicy, "__PolicyText__": repositoryPolicy,
		"__KmsKey__":        "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
		"__CredentialArn__": "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/app",
		"__CustomRoleArn__": "arn:aws:iam::123456789012:role/app", "__PrincipalArn__": "arn:aws:iam::123456789012:role/app",
		"__SigningProfileArn__": "arn:aws:signer:us-east-1:123456789012:/signing-profiles/app",
	})
	for operation, state := range documented {
		_, err := callOperation(t, client, operation, sampleRequest(t, directory, operation, values))
		refusal, ok := errors.AsType[smithy.APIError](err)
		if !ok || refusal.ErrorCode() != "NotImplementedException" || state != "refuses" {
			t.Errorf("%s (documented: %s): %v, want NotImplementedException", operation, state, err)
		}
	}
}

func TestDocsHaveTheSDKsOperations(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(sdkDirectory(t), "request_snapshot", "*.request.snap"))
	if err != nil {
		t.Fatal(err)
	}
	var published []string
	for _, file := range files {
		published = append(published, strings.TrimSuffix(filepath.Base(file), ".request.snap"))
	}
	if diff := cmp.Diff(published, slices.Sorted(maps.Keys(documentedOperations(t)))); diff != "" {
		t.Errorf("operations (-SDK +docs):\n%s", diff)
	}
}

// sdkDirectory returns where the SDK's source is.
func sdkDirectory(t *testing.T) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/ecr").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(output))
}

// documentedOperations returns what docs/compatibility.md says of each.
func documentedOperations(t *testing.T) map[string]string {
	t.Helper()
	_, table, _ := strings.Cut(string(readFile(t, "../docs/compatibility.md")), "<!-- operations:begin -->")
	table, _, _ = strings.Cut(table, "<!-- operations:end -->")
	states := map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([A-Z]\w+) \| (works|differs|refuses) \|`).FindAllStringSubmatch(table, -1) {
		states[row[1]] = row[2]
	}
	return states
}

// sampleRequest returns the members of the SDK's sample, with values for its
// placeholders.
func sampleRequest(t *testing.T, directory, operation string, values map[string]string) map[string]any {
	t.Helper()
	sample, err := os.ReadFile(filepath.Join(directory, "request_snapshot", operation+".request.snap"))
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(sample), "X-Amz-Target")
	_, body, _ = strings.Cut(body, "\n\n")
	for placeholder, value := range values {
		body = strings.ReplaceAll(body, `"`+placeholder+`"`, string(marshal(t, value)))
	}
	return decode[map[string]any](t, body)
}

// callOperation calls the SDK's method of that name.
func callOperation(t *testing.T, client *ecr.Client, operation string, members map[string]any) (output any, err error) {
	t.Helper()
	method := reflect.ValueOf(client).MethodByName(operation)
	if !method.IsValid() {
		t.Fatalf("the SDK has no operation %s", operation)
	}
	input := reflect.New(method.Type().In(1).Elem())
	if err := json.Unmarshal(marshal(t, members), input.Interface()); err != nil {
		t.Fatalf("%s: %v", operation, err)
	}
	results := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), input})
	err, _ = reflect.TypeAssert[error](results[1])
	return results[0].Interface(), err
}
