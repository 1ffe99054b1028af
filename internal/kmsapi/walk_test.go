package kmsapi_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/awskms"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

var update = flag.Bool("update", false, "write testdata/walk.txt")

// TestWalkThroughEveryOperation sends the requests of testdata/walk.txt, lines
// that begin with an operation, in their order, and holds each answer to the line
// under it. $NAME in a request is a member of an earlier answer.
func TestWalkThroughEveryOperation(t *testing.T) {
	const file = "testdata/walk.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, storetest.SQLite(t))
	known, called := answers{}, map[string]bool{}
	var got []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"), line == "":
			got = append(got, line)
			continue
		case strings.HasPrefix(line, "  "):
			continue
		}
		got = append(got, line)
		operation, body, _ := strings.Cut(line, " ")
		called[operation] = true
		for _, name := range slices.Backward(slices.Sorted(maps.Keys(known))) {
			body = strings.ReplaceAll(body, "$"+name, known[name])
		}
		w := f.send(root, operation, body)
		got = append(got, "  "+strings.TrimSpace(w.Result().Status+" "+masked(strings.TrimSpace(w.Body.String()))))
		known.note(w.Body.Bytes())
	}
	answer := strings.Join(got, "\n") + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(answer), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(text), answer); diff != "" && !*update {
		t.Error(diff)
	}
	for operation := range awskms.Operations(awskms.Unimplemented{}) {
		if !called[operation] {
			t.Errorf("%s is not called", operation)
		}
	}
}

// answers are the texts of earlier answers, by their names.
type answers map[string]string

// note keeps what an answer has: of keys, each that is new under a number, and
// of what else there is the last.
func (a answers) note(body []byte) {
	var answer map[string]any
	if json.Unmarshal(body, &answer) != nil {
		return
	}
	if metadata, ok := answer["KeyMetadata"].(map[string]any); ok {
		n := 1
		for ; a["KEY"+strconv.Itoa(n)] != ""; n++ {
			if a["KEY"+strconv.Itoa(n)] == metadata["KeyId"] {
				return
			}
		}
		a["KEY"+strconv.Itoa(n)], a["ARN"+strconv.Itoa(n)] = metadata["KeyId"].(string), metadata["Arn"].(string)
	}
	for _, name := range []string{"CiphertextBlob", "GrantToken", "GrantId", "NextMarker"} {
		if text, ok := answer[name].(string); ok {
			a["LAST_"+name] = text
		}
	}
}
