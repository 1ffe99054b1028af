package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

// A fakeServer answers every operation with the same response, and keeps what it
// was asked.
type fakeServer struct {
	*httptest.Server
	answers map[string][]string // responses by operation, one after the other
	status  int
	asked   []map[string]any
	headers []http.Header
}

func newFakeServer(t *testing.T, answers map[string][]string) *fakeServer {
	t.Helper()
	f := &fakeServer{answers: answers, status: http.StatusOK}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in map[string]any
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Errorf("the body is no JSON: %v", err)
		}
		f.asked, f.headers = append(f.asked, in), append(f.headers, r.Header)
		operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "Nifuda_20261122.")
		left := f.answers[operation]
		if len(left) == 0 {
			t.Errorf("asked for %s", operation)
			return
		}
		f.answers[operation] = left[1:]
		w.WriteHeader(f.status)
		_, _ = io.WriteString(w, left[0])
	}))
	t.Cleanup(f.Close)
	return f
}

// configure writes an AWS configuration with the profile nifuda, and makes it the
// only one that there is.
func configure(t *testing.T, endpoint string) {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"AWS_CONFIG_FILE":             "[profile nifuda]\nregion = eu-west-1\nendpoint_url = " + endpoint + "\n",
		"AWS_SHARED_CREDENTIALS_FILE": "[nifuda]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n",
	}
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv(name, file)
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// run runs a command line and returns what it printed.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	parser, err := kong.New(&commands{}, kong.Name("nifuda"), kong.BindTo(&out, (*io.Writer)(nil)))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return "", err
	}
	err = parsed.Run()
	return out.String(), err
}

const created = `{"Account":{"AccountId":"111122223333","Name":"Team A","CreatedAt":1795608000.000},` +
	`"AccessKey":{"AccessKeyId":"AKIAEXAMPLE","SecretAccessKey":"shown/once"}}`

func TestAccountCreatePrintsTheLinesToCopy(t *testing.T) {
	f := newFakeServer(t, map[string][]string{"CreateAccount": {created}})
	configure(t, f.URL)
	out, err := run(t, "account", "create", "--name", "Team A", "--id", "111122223333", "--profile", "nifuda")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Account 111122223333 is created: Team A\n",
		"\n[nifuda-111122223333]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = shown/once\n",
		"\n[profile nifuda-111122223333]\nregion = eu-west-1\nendpoint_url = " + f.URL + "\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q: %s", want, out)
		}
	}
	if diff := cmp.Diff(map[string]any{"Name": "Team A", "AccountId": "111122223333"}, f.asked[0]); diff != "" {
		t.Errorf("request, -want +got: %s", diff)
	}
	if got := f.headers[0].Get("Authorization"); !strings.Contains(got, "Credential=AKIDEXAMPLE/") || !strings.Contains(got, "/eu-west-1/nifuda/aws4_request") {
		t.Errorf("the request is signed %q", got)
	}
}

func TestOutputCanBeJSON(t *testing.T) {
	f := newFakeServer(t, map[string][]string{"CreateAccount": {created}})
	configure(t, f.URL)
	out, err := run(t, "account", "create", "--name", "Team A", "--profile", "nifuda", "--output", "json")
	var got, want any
	if json.Unmarshal([]byte(created), &want) != nil || json.Unmarshal([]byte(out), &got) != nil || err != nil {
		t.Fatalf("got %v, %s", err, out)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got: %s", diff)
	}
}

func TestAccountRootKeyPrintsTheLinesToCopy(t *testing.T) {
	f := newFakeServer(t, map[string][]string{"CreateRootAccessKey": {`{"AccessKey":{"AccessKeyId":"AKIAEXAMPLE","SecretAccessKey":"shown/once"}}`}})
	configure(t, f.URL)
	out, err := run(t, "account", "root-key", "--id", "111122223333", "--replace", "--profile", "nifuda")
	if lines := "\n[nifuda-111122223333]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = shown/once\n"; err != nil || !strings.Contains(out, lines) {
		t.Errorf("%v, the output lacks %q: %s", err, lines, out)
	}
	if diff := cmp.Diff([]map[string]any{{"AccountId": "111122223333", "Replace": true}}, f.asked); diff != "" {
		t.Errorf("requests, -want +got: %s", diff)
	}
}

func TestAccountListReadsEveryPage(t *testing.T) {
	f := newFakeServer(t, map[string][]string{"ListAccounts": {
		`{"Accounts":[{"AccountId":"111122223333","Name":"Team A","CreatedAt":1795608000.000}],"NextToken":"more"}`,
		`{"Accounts":[{"AccountId":"222222222222","Alias":"b","CreatedAt":1795608000.000}]}`,
	}})
	configure(t, f.URL)
	out, err := run(t, "account", "list", "--profile", "nifuda")
	want := "ACCOUNT       NAME    ALIAS  CREATED\n" +
		"111122223333  Team A  -      2026-11-25T12:00:00Z\n" +
		"222222222222  -       b      2026-11-25T12:00:00Z\n"
	if diff := cmp.Diff(want, out); err != nil || diff != "" {
		t.Errorf("%v, -want +got: %s", err, diff)
	}
	if diff := cmp.Diff([]map[string]any{{}, {"NextToken": "more"}}, f.asked); diff != "" {
		t.Errorf("requests, -want +got: %s", diff)
	}
}

func TestPolicyExplain(t *testing.T) {
	tests := []struct {
		name, answer, want string
		denied             bool
	}{
		{
			"allowed", `{"Decision":"allowed","MatchedStatements":[{"PolicyType":"identity-based policy","Policy":"push","StatementIndex":2,"Sid":"Push","Statement":"{\n  \"Effect\": \"Allow\"\n}"}]}`,
			"Allowed: ann may ecr:PutImage on app.\n\nThe statements that apply:\n\n- push, statement 2 (Push), identity-based policy:\n  {\n    \"Effect\": \"Allow\"\n  }\n", false,
		},
		{
			"root", `{"Decision":"allowed","MatchedStatements":[]}`,
			"Allowed: ann may ecr:PutImage on app.\n\nNo statement is needed: an account's root may do everything in it.\n", false,
		},
		{
			"nothing allows", `{"Decision":"implicitDeny","Reason":"because no identity-based policy allows the ecr:PutImage action","MatchedStatements":[]}`,
			"Denied: ann may not ecr:PutImage on app because no identity-based policy allows the ecr:PutImage action.\n\nNo statement applies.\n", true,
		},
		{
			"denied elsewhere", `{"Decision":"explicitDeny","Reason":"with an explicit deny in a resource-based policy","MatchedStatements":[{"PolicyType":"resource-based policy"}]}`,
			"Denied: ann may not ecr:PutImage on app with an explicit deny in a resource-based policy.\n\nThe statements that apply:\n\n- one of a resource-based policy of the other account\n", true,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFakeServer(t, map[string][]string{"ExplainAccess": {test.answer}})
			configure(t, f.URL)
			out, err := run(t, "policy", "explain", "--principal", "ann", "--action", "ecr:PutImage", "--resource", "app", "--profile", "nifuda",
				"--context", "nifuda:ImageTag=v1,2", "--context", "aws:SourceIp=10.0.0.1", "--context", "nifuda:imagetag=a=b")
			if errors.Is(err, errDenied) != test.denied || err != nil && !test.denied {
				t.Errorf("ends with %v", err)
			}
			if diff := cmp.Diff(test.want, out); diff != "" {
				t.Errorf("-want +got: %s", diff)
			}
			want := map[string]any{
				"PrincipalArn": "ann", "Action": "ecr:PutImage", "Resource": "app",
				"ContextEntries": []any{
					map[string]any{"Name": "nifuda:ImageTag", "Values": []any{"v1,2", "a=b"}},
					map[string]any{"Name": "aws:SourceIp", "Values": []any{"10.0.0.1"}},
				},
			}
			if diff := cmp.Diff(want, f.asked[0]); diff != "" {
				t.Errorf("request, -want +got: %s", diff)
			}
		})
	}
}

func TestTheEnvironmentNamesServerAndKey(t *testing.T) {
	f := newFakeServer(t, map[string][]string{"ListAccounts": {`{"Accounts":[]}`, `{"Accounts":[]}`}})
	configure(t, "http://127.0.0.1:1")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDOFENVIRONMENT")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_ENDPOINT_URL", f.URL+"/")
	if _, err := run(t, "account", "list"); err != nil {
		t.Fatal(err)
	}
	if got := f.headers[0].Get("Authorization"); !strings.Contains(got, "Credential=AKIDOFENVIRONMENT/") || !strings.Contains(got, "/us-east-1/nifuda/") {
		t.Errorf("the request is signed %q", got)
	}
	t.Setenv("AWS_ENDPOINT_URL", "")
	if _, err := run(t, "account", "list", "--endpoint-url", f.URL); err != nil {
		t.Error(err)
	}
}

func TestWhatGoesWrongIsSaid(t *testing.T) {
	refusing := newFakeServer(t, map[string][]string{"ListAccounts": {`{"__type":"AccessDeniedException","message":"User: ann is not authorized"}`, `<html>`}})
	refusing.status = http.StatusBadRequest
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"refusal", []string{"account", "list", "--endpoint-url", refusing.URL, "--profile", "nifuda"}, "AccessDeniedException: User: ann is not authorized"},
		{"other server", []string{"account", "list", "--endpoint-url", refusing.URL, "--profile", "nifuda"}, "answers 400 Bad Request, which nifuda does not"},
		{"no server", []string{"account", "list"}, "no server is given"},
		{"unreachable server", []string{"account", "list", "--profile", "nifuda"}, "reach the server"},
		{"unknown profile", []string{"account", "list", "--profile", "none"}, "read the AWS configuration"},
		{"no credentials", []string{"account", "list", "--endpoint-url", refusing.URL}, "find credentials"},
		{"context without a value", []string{"policy", "explain", "--principal", "a", "--action", "b", "--resource", "c", "--context", "x"}, `"x" is not of the form key=value`},
		{"unknown output", []string{"account", "list", "--output", "xml"}, "--output must be one of"},
		{"no name", []string{"account", "create"}, "missing flags: --name"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			configure(t, "http://127.0.0.1:1")
			if _, err := run(t, test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
