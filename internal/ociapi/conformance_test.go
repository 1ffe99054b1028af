package ociapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// workflows are the specification's categories, a script of
// testdata/conformance each; its README says how to read them.
var workflows = []string{"pull", "push", "discovery", "management"}

// TestConformance holds /v2/ to the OCI distribution specification: the scripts
// are the contract, and run through a real connection on both databases.
func TestConformance(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixtureOn(t, s)
		f.rebuild(allButSecret{})
		server, _ := serveOverTheWire(f)
		account := 0
		for _, workflow := range workflows {
			t.Run(workflow, func(t *testing.T) {
				for _, c := range readCases(t, workflow) {
					account++ // a registry of its own for each case
					t.Run(c.name, func(t *testing.T) {
						newConversation(f.in(t), server, registry.ID{Account: fmt.Sprintf("%012d", account), Region: home.Region}).run(c)
					})
				}
			})
		}
	})
}

// An allButSecret denies whatever is asked of the repository "secret", once it
// has been filled.
type allButSecret struct{}

// Authorize implements [iam.Authorizer].
func (allButSecret) Authorize(_ context.Context, r iam.Request) error {
	if strings.HasSuffix(r.Resource, "/secret") && r.Action == iam.MountSource {
		return &iam.DeniedError{Request: r, Reason: "it is secret"}
	}
	return nil
}

// TestConformanceNamesEveryEndpointAndError: no clause of the specification's
// two tables is without a case.
func TestConformanceNamesEveryEndpointAndError(t *testing.T) {
	endpoints := []string{
		"end-1", "end-2", "end-3", "end-4a", "end-4b", "end-4c", "end-5", "end-6", "end-7a", "end-7b",
		"end-8a", "end-8b", "end-9", "end-10", "end-11", "end-12a", "end-12b", "end-13", "end-14",
	}
	// UNAUTHORIZED and DENIED are the subject of auth_test.go, TOOMANYREQUESTS
	// is never sent.
	codes := []string{
		"BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID",
		"MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNSUPPORTED",
	}
	text := ""
	for _, workflow := range workflows {
		for _, c := range readCases(t, workflow) {
			text += c.name + "\n" + strings.Join(c.lines, "\n") + "\n"
		}
	}
	for _, name := range slices.Concat(endpoints, codes) {
		if !regexp.MustCompile(`\b` + name + `\b`).MatchString(text) {
			t.Errorf("no case names %s", name)
		}
	}
}

// A conformanceCase is one case of a script.
type conformanceCase struct {
	name  string
	lines []string
}

// readCases reads a script. A case with an "each" line comes once for each of
// the contents that the line lists, which the case calls {it}.
func readCases(t *testing.T, workflow string) (cases []conformanceCase) {
	t.Helper()
	script, err := os.Open(filepath.Join("testdata", "conformance", workflow+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer script.Close()
	var all []conformanceCase
	for lines := bufio.NewScanner(script); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		name, isName := strings.CutPrefix(line, "=== ")
		switch {
		case isName:
			all = append(all, conformanceCase{name: name})
		case line != "" && line[0] != '#':
			all[len(all)-1].lines = append(all[len(all)-1].lines, line)
		}
	}
	for _, c := range all {
		list, isEach := strings.CutPrefix(c.lines[0], "each ")
		if !isEach {
			cases = append(cases, c)
			continue
		}
		for it := range strings.FieldsSeq(list) {
			one := conformanceCase{name: c.name + ": " + it}
			for _, line := range c.lines[1:] {
				one.lines = append(one.lines, regexp.MustCompile(`\bit\b`).ReplaceAllLiteralString(line, it))
			}
			cases = append(cases, one)
		}
	}
	return cases
}

// A conversation is one client's requests of a case and the last answer.
type conversation struct {
	*fixture
	server  *httptest.Server
	pushed  map[string]bool
	names   map[string]string // what the case took from answers
	request *http.Request     // not sent yet
	answer  answer
}

func newConversation(f *fixture, server *httptest.Server, id registry.ID) *conversation {
	f.login = f.loginFor(id.Account, id.Region)
	for _, name := range []string{"app", "base", "secret"} {
		f.createIn(id, name, registry.TagMutability{})
	}
	return &conversation{fixture: f, server: server, pushed: map[string]bool{}, names: map[string]string{}}
}

// run follows a case line by line.
func (c *conversation) run(script conformanceCase) {
	c.tb.Helper()
	at := ""
	defer func() {
		if c.tb.Failed() {
			c.tb.Logf("at %q, after %d %v", at, c.answer.Status, c.answer.Header)
		}
	}()
	for _, line := range script.lines {
		at = line
		mark, rest, _ := strings.Cut(line, " ")
		switch mark {
		case "push":
			c.push(c.expand(rest))
		case ">":
			c.ask(c.expand(rest))
		case "<":
			c.sendRequest()
			c.expect(rest)
		default:
			c.tb.Fatalf("what is %q?", line)
		}
		if c.tb.Failed() {
			return
		}
	}
	if c.request != nil {
		c.tb.Fatal("the case ends in a request")
	}
}

// push makes what a case presumes: "CONTENT [to REPOSITORY] [as TAG...]", with
// all that the content refers to.
func (c *conversation) push(what string) {
	c.tb.Helper()
	what, tags, _ := strings.Cut(what, " as ")
	name, repository, ok := strings.Cut(what, " to ")
	if !ok {
		repository = "app"
	}
	content := contentOf(c.tb, name)
	for _, needed := range content.needs {
		if !c.pushed[repository+" "+needed] {
			c.push(needed + " to " + repository)
		}
	}
	c.pushed[repository+" "+name] = true
	if content.mediaType == "" {
		c.ask("POST /v2/" + repository + "/blobs/uploads/?digest=" + content.digest)
	} else {
		c.ask("PUT /v2/" + repository + "/manifests/" + content.digest + "?tag=" + strings.ReplaceAll(tags, " ", "&tag="))
		c.ask("Content-Type: " + content.mediaType)
		if tags == "" {
			c.request.URL.RawQuery = ""
		}
	}
	c.setBody(content.bytes, false)
	c.sendRequest()
	c.want(http.StatusCreated, c.answer)
}

var methodLine = regexp.MustCompile(`^([A-Z]+) (/\S*)$`)

// ask adds a line to the request, or begins it.
func (c *conversation) ask(line string) {
	c.tb.Helper()
	if begin := methodLine.FindStringSubmatch(line); begin != nil {
		if c.request != nil {
			c.tb.Fatalf("nothing is expected of the request before %q", line)
		}
		request, err := http.NewRequestWithContext(c.tb.Context(), begin[1], c.server.URL+begin[2], nil)
		if err != nil {
			c.tb.Fatal(err)
		}
		request.Header.Set("Authorization", c.login)
		c.request = request
		return
	}
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "body", "stream":
		c.setBody(sliceOf(c.tb, rest), word == "stream")
	case "text":
		c.setBody(rest, false)
	case "stranger":
		c.request.Header.Del("Authorization")
	default:
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			c.tb.Fatalf("what is %q?", line)
		}
		c.request.Header.Set(name, value)
	}
}

func (c *conversation) setBody(content string, chunked bool) {
	c.request.Body, c.request.ContentLength = io.NopCloser(strings.NewReader(content)), int64(len(content))
	if chunked {
		c.request.ContentLength = -1
	}
}

// sendRequest sends the request, unless its answer is here already.
func (c *conversation) sendRequest() {
	c.tb.Helper()
	if c.request == nil {
		return
	}
	got, err := c.server.Client().Do(c.request)
	if err != nil {
		c.tb.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.request, c.answer = nil, answer{got.StatusCode, got.Header, string(body)}
}

var takenLine = regexp.MustCompile(`^([A-Za-z-]+): \((\w+)\)$`)

// expect compares the answer with what a line says of it.
func (c *conversation) expect(line string) {
	c.tb.Helper()
	if taken := takenLine.FindStringSubmatch(line); taken != nil {
		c.names[taken[2]] = c.answer.Header.Get(taken[1])
		if c.names[taken[2]] == "" {
			c.tb.Fatalf("no %s in %v", taken[1], c.answer.Header)
		}
		return
	}
	word, rest, _ := strings.Cut(c.expand(line), " ")
	switch word {
	case "body":
		if want := sliceOf(c.tb, rest); c.answer.Body != want {
			c.tb.Errorf("a body of %d bytes, want %d: %.200s", len(c.answer.Body), len(want), c.answer.Body)
		}
	case "nothing":
		if c.answer.Body != "" {
			c.tb.Errorf("body %s", c.answer.Body)
		}
	case "json":
		c.expectJSON(rest)
	case "referrers":
		c.expectReferrers(strings.Fields(rest))
	case "no":
		if got := c.answer.Header.Values(rest); got != nil {
			c.tb.Errorf("%s: %q, want none", rest, got)
		}
	default:
		c.expectHeader(word, rest)
	}
}

// expectHeader compares a header, or the status and the error's code after it.
func (c *conversation) expectHeader(word, value string) {
	c.tb.Helper()
	if status, err := strconv.Atoi(word); err == nil {
		c.want(status, c.answer)
		if value != "" {
			c.wantError(status, value, c.answer)
		}
		return
	}
	name, ok := strings.CutSuffix(word, ":")
	if !ok {
		c.tb.Fatalf("what is %q?", word)
	}
	if got := strings.Join(c.answer.Header.Values(name), ", "); got != value {
		c.tb.Errorf("%s: %q, want %q", name, got, value)
	}
}

func (c *conversation) expectJSON(text string) {
	c.tb.Helper()
	var want any
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		c.tb.Fatalf("%s: %v", text, err)
	}
	if diff := cmp.Diff(want, decode[any](c.tb, c.answer)); diff != "" {
		c.tb.Error(diff)
	}
}

// expectReferrers compares an image index with the descriptors that the
// contents should have in it, in any order.
func (c *conversation) expectReferrers(names []string) {
	c.tb.Helper()
	want := map[string]any{}
	for _, name := range names {
		content := contentOf(c.tb, name)
		want[content.digest] = content.referrer()
	}
	index := decode[map[string]any](c.tb, c.answer)
	descriptors, _ := index["manifests"].([]any)
	got := map[string]any{}
	for _, d := range descriptors {
		descriptor, _ := d.(map[string]any)
		digest, _ := descriptor["digest"].(string)
		got[digest] = descriptor
	}
	if diff := cmp.Diff(want, got); diff != "" || len(descriptors) != len(names) {
		c.tb.Errorf("%d referrers: %s", len(descriptors), diff)
	}
	delete(index, "manifests")
	if diff := cmp.Diff(map[string]any{"schemaVersion": 2.0, "mediaType": indexType}, index); diff != "" {
		c.tb.Error(diff)
	}
}

// A name in braces; JSON's own braces are followed by something else.
var braced = regexp.MustCompile(`\{[a-z][a-z0-9.]*\}`)

// expand puts in what names in braces stand for: a value that was taken from an
// answer, a content's digest, or what follows the name with a point.
func (c *conversation) expand(line string) string {
	return braced.ReplaceAllStringFunc(line, func(text string) string {
		named := strings.Trim(text, "{}")
		if value, ok := c.names[named]; ok {
			return value
		}
		return contentOf(c.tb, named).part
	})
}
