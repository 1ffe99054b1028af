package ecr_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/ecr"
)

// sdk is the AWS SDK's package for ECR. It publishes a request and a response
// of every operation, and every error, with all members that there are.
const sdk = "github.com/aws/aws-sdk-go-v2/service/ecr"

// snapshots returns the files of the SDK that the end-to-end tests use.
func snapshots(t *testing.T, pattern string) []string {
	t.Helper()
	download := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", sdk)
	download.Dir = filepath.Join("..", "..", "e2e")
	output, err := download.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", download, err, output)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(output, &module); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(module.Dir, pattern))
	if err != nil || len(files) < 50 {
		t.Fatalf("the SDK has %d snapshots of the form %s, %v", len(files), pattern, err)
	}
	return files
}

// readSnapshot returns the operation that a snapshot is of, and its body.
func readSnapshot(t *testing.T, file string) (operation string, body []byte) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "X-Amz-Target: "+ecr.TargetPrefix+".")
	operation, data, found := strings.Cut(rest, "\n\n")
	if !found {
		t.Fatalf("%s is of no operation", file)
	}
	return operation, []byte(data)
}

// TestTheSDKsRequestsAreRead: every member of every request has a place in ours.
func TestTheSDKsRequestsAreRead(t *testing.T) {
	operations := ecr.Operations(ecr.Unimplemented{})
	for _, file := range snapshots(t, "request_snapshot/*.request.snap") {
		name, body := readSnapshot(t, file)
		operation, known := operations[name]
		if !known {
			t.Errorf("no operation %s", name)
			continue
		}
		delete(operations, name)
		request, _ := operation()
		wantRoundTrip(t, name, body, request)
	}
	for name := range operations {
		t.Errorf("the SDK has no operation %s", name)
	}
}

// TestTheSDKsResponsesAreWritten: what we can write has every member that the
// SDK reads, under the same names and as the same kinds of values.
func TestTheSDKsResponsesAreWritten(t *testing.T) {
	for _, file := range snapshots(t, "response_snapshot/*.response.snap") {
		name, body := readSnapshot(t, file)
		method, known := reflect.TypeFor[ecr.Service]().MethodByName(name)
		if !known {
			t.Errorf("no operation %s", name)
			continue
		}
		wantRoundTrip(t, name, body, reflect.New(method.Type.Out(0).Elem()).Interface())
	}
}

func TestTheSDKsErrorsAreKnown(t *testing.T) {
	for _, file := range snapshots(t, "response_snapshot/*.error.snap") {
		_, body := readSnapshot(t, file)
		var refusal struct {
			Type string `json:"__type"`
		}
		if err := json.Unmarshal(body, &refusal); err != nil {
			t.Fatal(err)
		}
		if _, known := ecr.ErrorStatus(refusal.Type); !known {
			t.Errorf("no error %s", refusal.Type)
		}
	}
}

// wantRoundTrip reads the body into value, which must know all of it, and
// writes it again.
func wantRoundTrip(t *testing.T, name string, body []byte, value any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		t.Errorf("%s: %v in %s", name, err, body)
		return
	}
	written, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(parsed(t, body), parsed(t, written)); diff != "" {
		t.Errorf("%s (-SDK +ours):\n%s", name, diff)
	}
}

func parsed(t *testing.T, text []byte) (value any) {
	t.Helper()
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return value
}
