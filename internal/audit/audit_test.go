package audit_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/audit"
	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/awskms"
	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/sts"
)

var start = time.Date(2026, 11, 22, 10, 30, 0, 0, time.UTC)

// lines returns what a log writes of the requests.
func lines(t *testing.T, o audit.Options, served ...httpx.Served) string {
	t.Helper()
	var out bytes.Buffer
	o.To, o.Account, o.Region = &out, "123456789012", "us-east-1"
	log := audit.New(o)
	for _, s := range served {
		log.Add(s)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// recordOf returns the one record of a request, without its random eventID.
func recordOf(t *testing.T, o audit.Options, s httpx.Served) map[string]any {
	t.Helper()
	text := lines(t, o, s)
	var record map[string]any
	if err := json.Unmarshal([]byte(text), &record); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if id, _ := record["eventID"].(string); len(id) != 36 {
		t.Errorf("eventID %q", id)
	}
	delete(record, "eventID")
	return record
}

func served(status int, r httpx.Record) httpx.Served {
	request := httptest.NewRequest(http.MethodPost, "http://localhost:5050/", http.NoBody)
	request.Header.Set("User-Agent", "aws-cli/2")
	r.ID, r.Source = "927d4cd0-4e9c-4452-b962-d3b8b28653c6", netip.MustParseAddr("192.0.2.10")
	return httpx.Served{Request: request, Record: &r, Start: start, Status: status}
}

func user(name string) iam.Principal {
	return iam.Principal{ARN: "arn:aws:iam::123456789012:user/ci/" + name, Account: "123456789012", UserID: "AIDAEXAMPLE", AccessKeyID: "AKIAEXAMPLE"}
}

func TestRecordHasTheShapeOfCloudTrail(t *testing.T) {
	arn := "arn:aws:ecr:eu-west-1:210987654321:repository/app"
	got := recordOf(t, audit.Options{}, served(http.StatusOK, httpx.Record{
		Protocol: "ecr", Operation: "PutImage", Caller: user("bob"), Region: "eu-west-1",
		Input:   &ecr.PutImageRequest{RepositoryName: "app", ImageTag: new("v1"), ImageManifest: `{"schemaVersion":2}`},
		Output:  &ecr.PutImageResponse{Image: &ecr.Image{RepositoryName: "app"}},
		Touched: []httpx.Touched{{Action: "ecr:PutImage", Resource: arn, Account: "210987654321"}, {Action: "ecr:PutImage", Resource: arn, Account: "210987654321"}},
	}))
	want := map[string]any{
		"eventVersion": "1.11",
		"userIdentity": map[string]any{
			"type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": "arn:aws:iam::123456789012:user/ci/bob",
			"accountId": "123456789012", "accessKeyId": "AKIAEXAMPLE", "userName": "bob",
		},
		"eventTime": "2026-11-22T10:30:00Z", "eventSource": "ecr.amazonaws.com", "eventName": "PutImage", "awsRegion": "eu-west-1",
		"sourceIPAddress": "192.0.2.10", "userAgent": "aws-cli/2",
		"requestParameters": map[string]any{"repositoryName": "app", "imageTag": "v1", "imageManifest": `{"schemaVersion":2}`},
		"responseElements":  map[string]any{"image": map[string]any{"repositoryName": "app"}},
		"requestID":         "927d4cd0-4e9c-4452-b962-d3b8b28653c6", "readOnly": false,
		"resources": []any{map[string]any{"ARN": arn, "accountId": "210987654321", "type": "AWS::ECR::Repository"}},
		"eventType": "AwsApiCall", "managementEvent": true, "recipientAccountId": "210987654321", "eventCategory": "Management",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestIdentityTellsEveryKindOfCaller(t *testing.T) {
	session := iam.Principal{
		ARN: "arn:aws:sts::123456789012:assumed-role/deploy/run-7", Account: "123456789012", UserID: "AROAEXAMPLE:run-7", AccessKeyID: "ASIAEXAMPLE",
	}
	sessions := audit.Options{Session: func(iam.Principal) (audit.Session, bool) {
		return audit.Session{Role: "arn:aws:iam::123456789012:role/ci/deploy", Created: start}, true
	}}
	tests := []struct {
		name    string
		options audit.Options
		record  httpx.Record
		want    map[string]any
	}{
		{"root", audit.Options{}, httpx.Record{Caller: iam.Root("aws", "123456789012"), AccessKeyID: "AKIAROOT"}, map[string]any{
			"type": "Root", "principalId": "123456789012", "arn": "arn:aws:iam::123456789012:root", "accountId": "123456789012", "accessKeyId": "AKIAROOT",
		}},
		{"session of a role", sessions, httpx.Record{Caller: session}, map[string]any{
			"type": "AssumedRole", "principalId": "AROAEXAMPLE:run-7", "arn": session.ARN, "accountId": "123456789012", "accessKeyId": "ASIAEXAMPLE",
			"sessionContext": map[string]any{
				"attributes": map[string]any{"creationDate": "2026-11-22T10:30:00Z", "mfaAuthenticated": "false"},
				"sessionIssuer": map[string]any{
					"type": "Role", "principalId": "AROAEXAMPLE", "arn": "arn:aws:iam::123456789012:role/ci/deploy", "accountId": "123456789012", "userName": "deploy",
				},
			},
		}},
		{"session that nobody describes", audit.Options{}, httpx.Record{Caller: session}, map[string]any{
			"type": "AssumedRole", "principalId": "AROAEXAMPLE:run-7", "arn": session.ARN, "accountId": "123456789012", "accessKeyId": "ASIAEXAMPLE",
			"sessionContext": map[string]any{
				"attributes": map[string]any{"mfaAuthenticated": "false"},
				"sessionIssuer": map[string]any{
					"type": "Role", "principalId": "AROAEXAMPLE", "arn": "arn:aws:iam::123456789012:role/deploy", "accountId": "123456789012", "userName": "deploy",
				},
			},
		}},
		{"nobody", audit.Options{}, httpx.Record{}, map[string]any{"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}},
		{"anonymous", audit.Options{}, httpx.Record{Caller: iam.Anonymous()}, map[string]any{"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}},
		{"a claim", audit.Options{}, httpx.Record{AccessKeyID: "AKIACLAIMED", ErrorCode: "InvalidSignatureException"}, map[string]any{"type": "Unknown", "accessKeyId": "AKIACLAIMED"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.record.Protocol, test.record.Operation = "ecr", "DescribeRepositories"
			if diff := cmp.Diff(test.want, recordOf(t, test.options, served(http.StatusOK, test.record))["userIdentity"]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWebIdentityIsNamedAndItsSessionCanBeFollowed(t *testing.T) {
	got := recordOf(t, audit.Options{}, served(http.StatusOK, httpx.Record{
		Protocol: "sts", Operation: "AssumeRoleWithWebIdentity",
		Input: &sts.AssumeRoleWithWebIdentityRequest{RoleArn: "arn:aws:iam::123456789012:role/deploy", RoleSessionName: "run", WebIdentityToken: "SECRET"},
		Output: &sts.AssumeRoleWithWebIdentityResponse{
			Provider: "token.actions.example", Audience: "nifuda", SubjectFromWebIdentityToken: "repo:app",
			Credentials: &sts.Credentials{AccessKeyId: "ASIAEXAMPLE", SecretAccessKey: "SECRET", SessionToken: "SECRET", Expiration: sts.Timestamp{Time: start}},
		},
	}))
	want := map[string]any{
		"type": "WebIdentityUser", "principalId": "token.actions.example:nifuda:repo:app", "userName": "repo:app", "identityProvider": "token.actions.example",
	}
	if diff := cmp.Diff(want, got["userIdentity"]); diff != "" {
		t.Error(diff)
	}
	want = map[string]any{"accessKeyId": "ASIAEXAMPLE", "secretAccessKey": audit.Hidden, "sessionToken": audit.Hidden, "expiration": "Nov 22, 2026 10:30:00 AM"}
	if diff := cmp.Diff(want, got["responseElements"].(map[string]any)["credentials"]); diff != "" {
		t.Error(diff)
	}
}

func TestReadsAndRefusalsHaveNoResponse(t *testing.T) {
	for _, record := range []httpx.Record{
		{Protocol: "ecr", Operation: "DescribeRepositories", Output: &ecr.DescribeRepositoriesResponse{NextToken: "x"}},
		{Protocol: "ecr", Operation: "CreateRepository", Output: &ecr.CreateRepositoryResponse{Repository: &ecr.Repository{RepositoryName: "x"}}, ErrorCode: "LimitExceededException"},
		{Protocol: "iam", Operation: "DeleteUser", Output: (*awsiam.CreateUserResponse)(nil)},
	} {
		if got := recordOf(t, audit.Options{}, served(http.StatusOK, record)); got["responseElements"] != nil {
			t.Errorf("%s: got %v", record.Operation, got["responseElements"])
		}
	}
}

func TestRefusalSaysWhy(t *testing.T) {
	got := recordOf(t, audit.Options{}, served(http.StatusBadRequest, httpx.Record{
		Protocol: "ecr", Operation: "DeleteRepository", Caller: user("bob"), ErrorCode: "AccessDeniedException", ErrorMessage: "User: bob is not authorized",
	}))
	if got["errorCode"] != "AccessDeniedException" || got["errorMessage"] != "User: bob is not authorized" {
		t.Errorf("got %v", got)
	}
}

func TestDistributionRequestsAreRecordedWhenTheyAreDenied(t *testing.T) {
	tests := []struct {
		status        int
		authorization string
		want          bool
	}{
		{http.StatusOK, "Basic x", false},
		{http.StatusNotFound, "Basic x", false},
		{http.StatusUnauthorized, "", false},
		{http.StatusUnauthorized, "Basic x", true},
		{http.StatusForbidden, "Basic x", true},
		{http.StatusForbidden, "", true},
		{http.StatusTooManyRequests, "Basic x", true},
	}
	for _, test := range tests {
		s := served(test.status, httpx.Record{Protocol: "oci", Operation: "GetManifest"})
		if test.authorization != "" {
			s.Request.Header.Set("Authorization", test.authorization)
		}
		if got := lines(t, audit.Options{}, s) != ""; got != test.want {
			t.Errorf("%d with %q: recorded %t, want %t", test.status, test.authorization, got, test.want)
		}
	}
}

func TestFailedSignInByFormIsRecorded(t *testing.T) {
	s := served(http.StatusUnauthorized, httpx.Record{Protocol: "oci", Operation: "Token", AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SignInFailed: true})
	if got := recordOf(t, audit.Options{}, s); got["eventName"] != "Token" || got["errorCode"] == nil {
		t.Errorf("got %v", got)
	}
}

func TestDeniedDistributionRequestNamesTheActionOfECR(t *testing.T) {
	s := served(http.StatusForbidden, httpx.Record{
		Protocol: "oci", Operation: "GetManifest", Caller: user("bob"), ErrorCode: "DENIED", ErrorMessage: "User: …",
		Touched: []httpx.Touched{{Action: "ecr:BatchGetImage", Resource: "arn:aws:ecr:us-east-1:123456789012:repository/app", Account: "123456789012"}},
	})
	s.Request = httptest.NewRequest(http.MethodGet, "http://localhost:5050/v2/app/manifests/v1?secret=1", http.NoBody)
	got := recordOf(t, audit.Options{}, s)
	if got["eventName"] != "BatchGetImage" || got["eventSource"] != "ecr.amazonaws.com" || got["eventCategory"] != "Data" || got["readOnly"] != true {
		t.Errorf("got %v", got)
	}
	if diff := cmp.Diff(any(map[string]any{"method": "GET", "path": "/v2/app/manifests/v1"}), got["requestParameters"]); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoCallIsNotRecorded(t *testing.T) {
	for _, record := range []httpx.Record{{}, {Protocol: "ecr"}} {
		if got := lines(t, audit.Options{}, served(http.StatusNotFound, record)); got != "" {
			t.Errorf("got %s", got)
		}
	}
}

// known is a secret that no record may have.
const known = "KNOWN+SECRET/4711"

// fill sets everything in a value: texts to innocent ones, but those of members
// that are secret by name to the known secret, and all bytes too.
func fill(v reflect.Value, secret bool, depth int) {
	if depth > 6 {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), secret, depth+1)
	case reflect.Struct:
		for field, value := range v.Fields() {
			if field.IsExported() && field.Type != reflect.TypeFor[time.Time]() {
				fill(value, isSecret(field.Name), depth+1)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(known))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), secret, depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		element := reflect.New(v.Type().Elem()).Elem()
		fill(element, secret, depth+1)
		v.SetMapIndex(reflect.ValueOf("key"), element)
	case reflect.String:
		v.SetString("innocent")
		if secret {
			v.SetString(known)
		}
	case reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	}
}

// isSecret finds secrets by another rule than the package does: by words in
// names, less the members that only speak of secrets.
func isSecret(name string) bool {
	switch name {
	case "AllowUsersToChangePassword", "PasswordLastUsed", "PasswordReusePrevention", "PasswordResetRequired", "SubjectFromWebIdentityToken":
		return false
	}
	for _, word := range []string{"Password", "Secret", "SessionToken", "AuthorizationToken", "IdentityToken", "DownloadUrl", "Assertion", "TokenCode", "Plaintext"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

func TestNoSecretOfAnyOperationIsRecorded(t *testing.T) {
	services := map[string]reflect.Type{
		"ecr": reflect.TypeFor[ecr.Service](), "iam": reflect.TypeFor[awsiam.Service](), "sts": reflect.TypeFor[sts.Service](), "nifuda": reflect.TypeFor[nifuda.Service](),
		"kms": reflect.TypeFor[awskms.Service](),
	}
	for protocol, service := range services {
		for method := range service.Methods() {
			in := reflect.New(method.Type.In(1).Elem())
			fill(in.Elem(), false, 0)
			var out any
			if method.Type.NumOut() > 1 {
				answer := reflect.New(method.Type.Out(0).Elem())
				fill(answer.Elem(), false, 0)
				out = answer.Interface()
			}
			got := lines(t, audit.Options{}, served(http.StatusOK, httpx.Record{Protocol: protocol, Operation: method.Name, Caller: user("bob"), Input: in.Interface(), Output: out}))
			if !json.Valid([]byte(got)) {
				t.Errorf("%s of %s: not JSON: %s", method.Name, protocol, got)
			}
			if strings.Contains(got, known) || strings.Contains(got, "S05PV04") { // the second in base64
				t.Errorf("%s of %s records a secret: %s", method.Name, protocol, got)
			}
			if in.Elem().NumField() > 0 && strings.Contains(got, `"requestParameters":null`) {
				t.Errorf("%s of %s records no parameters: %s", method.Name, protocol, got)
			}
		}
	}
}

// TestWhatTheModelsCallSensitiveIsHidden holds the list of secrets to the models.
func TestWhatTheModelsCallSensitiveIsHidden(t *testing.T) {
	files, err := filepath.Glob("../gen/models/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no models: %v", err)
	}
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var model struct {
			Shapes map[string]struct {
				Sensitive bool
				Members   map[string]struct{ Shape string }
			}
		}
		if err := json.Unmarshal(text, &model); err != nil {
			t.Fatal(err)
		}
		for structure, s := range model.Shapes {
			for member, m := range s.Members {
				if !model.Shapes[m.Shape].Sensitive {
					continue
				}
				found++
				in := reflect.New(reflect.StructOf([]reflect.StructField{{
					Name: "Member", Type: reflect.TypeFor[string](), Tag: reflect.StructTag(`json:"` + member + `"`),
				}}))
				in.Elem().Field(0).SetString(known)
				if got := lines(t, audit.Options{}, served(http.StatusOK, httpx.Record{Protocol: "x", Operation: "Put", Input: in.Interface()})); strings.Contains(got, known) {
					t.Errorf("%s.%s of %s is recorded", structure, member, filepath.Base(file))
				}
			}
		}
	}
	if found == 0 {
		t.Error("the models call nothing sensitive: the test reads them wrong")
	}
}

func TestWhatIsLargeIsLeftOut(t *testing.T) {
	got := recordOf(t, audit.Options{}, served(http.StatusOK, httpx.Record{
		Protocol: "ecr", Operation: "PutImage",
		Input: &ecr.PutImageRequest{RepositoryName: "app", ImageManifest: strings.Repeat("x", 10<<10+1)},
	}))
	if diff := cmp.Diff(any(map[string]any{"repositoryName": "app"}), got["requestParameters"]); diff != "" {
		t.Error(diff)
	}
	names := make([]string, 20)
	for i := range names {
		names[i] = strings.Repeat("x", 9<<10)
	}
	got = recordOf(t, audit.Options{}, served(http.StatusOK, httpx.Record{
		Protocol: "ecr", Operation: "DescribeRepositories", Input: &ecr.DescribeRepositoriesRequest{RepositoryNames: names},
	}))
	if got["requestParameters"].(map[string]any)["omitted"] != true {
		t.Errorf("got %v", got["requestParameters"])
	}
}

func TestHostileTextsStayOneLineOfJSON(t *testing.T) {
	s := served(http.StatusOK, httpx.Record{Protocol: "ecr", Operation: "PutImage", Input: &ecr.PutImageRequest{RepositoryName: "a\n\"}\xff\u2028"}})
	s.Request.Header.Set("User-Agent", strings.Repeat("\n\"é\x00", 5000))
	got := lines(t, audit.Options{}, s)
	if strings.Count(got, "\n") != 1 || !json.Valid([]byte(got)) || len(got) > 20<<10 {
		t.Errorf("%d bytes: %.300s", len(got), got)
	}
}

func FuzzText(f *testing.F) {
	for _, text := range []string{"", "plain", "\"\\\n\x00\x7f", "é\u2028\U0001f600", "\xff\xc3", "\ufffd"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1024 {
			return
		}
		got := recordOf(t, audit.Options{}, served(http.StatusOK, httpx.Record{Protocol: "ecr", Operation: "PutImage", ErrorCode: text + "x"}))
		if want := string([]rune(text + "x")); got["errorCode"] != want {
			t.Errorf("%q became %q", want, got["errorCode"])
		}
	})
}

// A fullDisk fails as long as it is full.
type fullDisk struct {
	full bool
	bytes.Buffer
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.full {
		return 0, os.ErrPermission
	}
	return d.Buffer.Write(p)
}

func TestLostRecordsAreCountedAndLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	metrics := newMetrics()
	log := audit.New(audit.Options{To: &fullDisk{full: true}, Log: slog.New(slog.NewTextHandler(&out, nil)), Metrics: metrics})
	for range 3 {
		log.Add(served(http.StatusOK, httpx.Record{Protocol: "ecr", Operation: "PutImage"}))
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "are lost"); got != 1 {
		t.Errorf("logged %d times:\n%s", got, &out)
	}
	if got := metrics.text(t); !strings.Contains(got, "nifuda_audit_lost_total 3\n") {
		t.Errorf("got %s", got)
	}
}

func BenchmarkRecord(b *testing.B) {
	log := audit.New(audit.Options{To: &discard{}, Account: "123456789012", Region: "us-east-1"})
	defer log.Close()
	s := served(http.StatusOK, httpx.Record{
		Protocol: "ecr", Operation: "PutImage", Caller: user("bob"), Region: "eu-west-1",
		Input:   &ecr.PutImageRequest{RepositoryName: "app", ImageTag: new("v1"), ImageManifest: strings.Repeat(`{"schemaVersion":2}`, 50)},
		Output:  &ecr.PutImageResponse{Image: &ecr.Image{RepositoryName: "app"}},
		Touched: []httpx.Touched{{Action: "ecr:PutImage", Resource: "arn:aws:ecr:eu-west-1:210987654321:repository/app", Account: "210987654321"}},
	})
	b.ReportAllocs()
	for b.Loop() {
		log.Add(s)
	}
}

type discard struct{}

func (*discard) Write(p []byte) (int, error) { return len(p), nil }
