package ecrapi_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/ecrapi"
	"github.com/nifuda/nifuda/internal/iam"
)

// requests has a valid request for every operation that works, and the resource
// that it touches. Nothing that they name exists.
var requests = map[string]struct{ request, resource string }{
	"BatchCheckLayerAvailability":   {`{"repositoryName":"none","layerDigests":["` + unknown + `"]}`, none},
	"BatchDeleteImage":              {`{"repositoryName":"none","imageIds":[{"imageTag":"a"}]}`, none},
	"BatchGetImage":                 {`{"repositoryName":"none","imageIds":[{"imageTag":"a"}]}`, none},
	"CompleteLayerUpload":           {`{"repositoryName":"none","uploadId":"01234567-89ab-cdef-0123-456789abcdef","layerDigests":["` + unknown + `"]}`, none},
	"CreateRepository":              {`{"repositoryName":"none"}`, none},
	"DeleteLifecyclePolicy":         {`{"repositoryName":"none"}`, none},
	"DeleteRegistryPolicy":          {`{}`, "*"},
	"DeleteRepository":              {`{"repositoryName":"none"}`, none},
	"DeleteRepositoryPolicy":        {`{"repositoryName":"none"}`, none},
	"DescribeImages":                {`{"repositoryName":"none"}`, none},
	"DescribeRegistry":              {`{}`, "*"},
	"GetAccountSetting":             {`{"name":"BLOB_MOUNTING"}`, "*"},
	"DescribeRepositories":          {`{"repositoryNames":["none"]}`, none},
	"GetAuthorizationToken":         {`{}`, "*"},
	"GetDownloadUrlForLayer":        {`{"repositoryName":"none","layerDigest":"` + unknown + `"}`, none},
	"GetLifecyclePolicy":            {`{"repositoryName":"none"}`, none},
	"GetRegistryPolicy":             {`{}`, "*"},
	"GetRepositoryPolicy":           {`{"repositoryName":"none"}`, none},
	"InitiateLayerUpload":           {`{"repositoryName":"none"}`, none},
	"ListImageReferrers":            {`{"repositoryName":"none","subjectId":{"imageDigest":"` + unknown + `"}}`, none},
	"ListImages":                    {`{"repositoryName":"none"}`, none},
	"ListTagsForResource":           {`{"resourceArn":"` + none + `"}`, none},
	"PutAccountSetting":             {`{"name":"BLOB_MOUNTING","value":"DISABLED"}`, "*"},
	"PutImage":                      {`{"repositoryName":"none","imageManifest":"{}"}`, none},
	"PutImageScanningConfiguration": {`{"repositoryName":"none","imageScanningConfiguration":{}}`, none},
	"PutImageTagMutability":         {`{"repositoryName":"none","imageTagMutability":"MUTABLE"}`, none},
	"PutLifecyclePolicy":            {`{"repositoryName":"none","lifecyclePolicyText":"` + strings.Repeat(" ", 100) + `"}`, none},
	"PutRegistryPolicy":             {`{"policyText":""}`, "*"},
	"SetRepositoryPolicy":           {`{"repositoryName":"none","policyText":""}`, none},
	"TagResource":                   {`{"resourceArn":"` + none + `","tags":[]}`, none},
	"UntagResource":                 {`{"resourceArn":"` + none + `","tagKeys":[]}`, none},
	"UploadLayerPart":               {`{"repositoryName":"none","uploadId":"01234567-89ab-cdef-0123-456789abcdef","partFirstByte":0,"partLastByte":0,"layerPartBlob":""}`, none},
}

const none = "arn:aws:ecr:us-east-1:123456789012:repository/none"

func TestEveryOperationIsAuthorizedBeforeAnythingIsLookedUp(t *testing.T) {
	if diff := cmp.Diff(overridden(), slices.Sorted(maps.Keys(requests))); diff != "" {
		t.Fatalf("the operations of this test (-want +got):\n%s", diff)
	}
	f := newFixture(t)
	f.policy.denied = func(iam.Request) bool { return true }
	for operation, c := range requests {
		f.policy.asked = nil
		action := iam.OperationAction(operation)
		f.run(step{operation, c.request, refused("AccessDeniedException", "User: arn:aws:iam::123456789012:root is not authorized to perform: "+action+
			" on resource: "+c.resource+" because no identity-based policy allows the "+action+" action")})
		want := []iam.Request{{Principal: iam.Root("aws", account), Action: action, Resource: c.resource, ResourceAccount: account}}
		if diff := cmp.Diff(want, f.policy.asked, cmpopts.IgnoreFields(iam.Request{}, "Keys", "ImageTags")); diff != "" {
			t.Errorf("%s asks (-want +got):\n%s", operation, diff)
		}
	}
}

func TestTheNamedRegistryDecidesWhoOwnsTheResource(t *testing.T) {
	f := newFixture(t)
	f.serve(func(o *ecrapi.Options) { o.Authorizer = ownAccount{policy: &policy{}} })
	denied := func(action, resource string) string {
		return refused("AccessDeniedException", "User: arn:aws:iam::123456789012:root is not authorized to perform: "+action+
			" on resource: arn:aws:ecr:us-east-1:210987654321:repository/"+resource+" because no resource-based policy allows the "+action+" action")
	}
	f.run(
		step{"DescribeRepositories", `{"registryId":"210987654321"}`, denied("ecr:DescribeRepositories", "*")},
		step{"DescribeRepositories", `{"registryId":"123456789012"}`, `{"repositories":[]}`},
		step{"ListImages", `{"registryId":"210987654321","repositoryName":"app"}`, denied("ecr:ListImages", "app")},
		step{"ListTagsForResource", `{"resourceArn":"arn:aws:ecr:us-east-1:210987654321:repository/app"}`, denied("ecr:ListTagsForResource", "app")},
	)
}

// ownAccount authorizes callers for what is their account's.
type ownAccount struct {
	*policy
	iam.OwnAccount
}

func (o ownAccount) Authorize(ctx context.Context, r iam.Request) error {
	return o.OwnAccount.Authorize(ctx, r)
}

func TestOtherOperationsRefuseHonestly(t *testing.T) {
	f := newFixture(t)
	f.run(
		step{"GetSigningConfiguration", `{}`, refused("NotImplementedException", "The operation GetSigningConfiguration is not implemented yet by this registry.")},
		step{
			"PutReplicationConfiguration", `{"replicationConfiguration":{"rules":[]}}`,
			refused("NotImplementedException", "The operation PutReplicationConfiguration is not implemented yet by this registry."),
		},
	)
}

func TestAnUnknownCallerIsToldWhy(t *testing.T) {
	f := newFixture(t)
	f.signature.err = &authn.Error{Code: authn.CodeIncomplete, Message: "no Signature", Status: http.StatusForbidden}
	status, body := f.call("DescribeRegistry", `{}`)
	if want := `{"__type":"IncompleteSignature","message":"no Signature"}`; status != http.StatusForbidden || body != want {
		t.Errorf("%d %s, want 403 %s", status, body, want)
	}
}

func TestFaultsAreHiddenFromCallersAndLoggedOnce(t *testing.T) {
	const want = `{"__type":"ServerException","message":"The request failed because of an internal error."}`
	f := newFixture(t)
	check := func(what, secret string) {
		t.Helper()
		status, body := f.call("DescribeRepositories", `{}`)
		if status != http.StatusInternalServerError || body != want {
			t.Errorf("%s: %d %s, want 500 %s", what, status, body, want)
		}
		if log := f.logged.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, secret) {
			t.Errorf("%s: the log has %q, want one line with %q", what, log, secret)
		}
		f.logged.Reset()
	}
	f.signature.err = errors.New("the key store is down")
	check("authentication", "the key store is down")
	f.signature.err = nil
	if err := f.database.Close(); err != nil {
		t.Fatal(err)
	}
	check("database", "closed")
}

// overridden lists the operations that work: the methods that the compiler did
// not promote from ecr.Unimplemented.
func overridden() (names []string) {
	for method := range reflect.TypeFor[ecr.Service]().Methods() {
		implementation, _ := ecrapi.Implementation.MethodByName(method.Name)
		entry := implementation.Func.Pointer()
		if file, _ := runtime.FuncForPC(entry).FileLine(entry); file != "<autogenerated>" {
			names = append(names, method.Name)
		}
	}
	slices.Sort(names)
	return names
}

func TestTheCompatibilityTableSaysWhatWorks(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "compatibility.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "<!-- operations:begin -->")
	table, _, found := strings.Cut(table, "<!-- operations:end -->")
	if !found {
		t.Fatal("docs/compatibility.md has no table of operations")
	}
	var got []string
	for _, row := range regexp.MustCompile(`(?m)^\| (\w+) \| (works|differs|refuses) \|.*\|$`).FindAllStringSubmatch(table, -1) {
		got = append(got, row[1]+" "+strings.Replace(row[2], "differs", "works", 1))
	}
	var want []string
	works := overridden()
	for method := range reflect.TypeFor[ecr.Service]().Methods() {
		state := "refuses"
		if slices.Contains(works, method.Name) {
			state = "works"
		}
		want = append(want, method.Name+" "+state)
	}
	slices.Sort(want)
	if len(want) != 62 {
		t.Errorf("the API has %d operations, want 62", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/compatibility.md (-code +page):\n%s", diff)
	}
}
