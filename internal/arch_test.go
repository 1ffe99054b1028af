// Package internal_test holds the code base to its architecture: which package
// may import which, what may be called what, and that everything says what it
// is for. docs/architecture.md tells the reasons.
package internal_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/nifuda/nifuda/"

// The layers, from the top.
var (
	cmd        = []string{"cmd/nifuda"}
	wiring     = []string{"internal/server"}
	offline    = []string{"internal/backup", "internal/migrate"}
	settings   = []string{"internal/config", "internal/credentials"}
	keys       = []string{"internal/keyring"}
	dataKeys   = []string{"internal/datakeys"}
	output     = []string{"internal/logs"}
	clients    = []string{"internal/client"}
	fronts     = []string{"internal/console", "internal/ecrapi", "internal/iamapi", "internal/kmsapi", "internal/nifudaapi", "internal/ociapi", "internal/ops"}
	edges      = []string{"internal/audit", "internal/awsjson", "internal/awsquery", "internal/authn", "internal/httpx", "internal/ratelimit"}
	workers    = []string{"internal/verify"}
	nodes      = []string{"internal/cluster"}
	heart      = []string{"internal/access", "internal/registry", "internal/identity", "internal/kms"}
	state      = []string{"internal/store", "internal/blob"}
	machine    = []string{"internal/diskspace"}
	buckets    = []string{"internal/bucket"}
	outside    = []string{"internal/remotekms", "internal/webidentity"}
	vocabulary = []string{"internal/lifecycle", "internal/seal", "internal/iam", "internal/manifest", "internal/event", "internal/quota"}
	following  = []string{"internal/trace"}
	syntax     = []string{"internal/strictjson"}
	generated  = []string{"internal/awsiam", "internal/awskms", "internal/ecr", "internal/nifuda", "internal/sts"}
	generators = []string{"internal/gen"}
)

// arrows holds what the packages of a layer may import of ours; every package
// may also import what lies under it. A package without a row is an error: a
// new one states its place here.
var arrows = []struct {
	packages []string
	imports  []string
}{
	{cmd, slices.Concat(wiring, offline, settings, output, clients, []string{"internal/nifuda"})},
	{wiring, slices.Concat(nodes, settings, keys, dataKeys, fronts, edges, workers, heart, state, machine, outside, following, vocabulary, generated)},
	{offline, slices.Concat(workers, state, buckets, vocabulary)},
	{settings, buckets},
	{keys, []string{"internal/credentials"}},
	{dataKeys, slices.Concat(keys, heart, state, vocabulary)},
	{output, nil},
	{clients, []string{"internal/nifuda"}},
	{fronts, slices.Concat(edges, heart, vocabulary)},
	{[]string{"internal/ecrapi", "internal/iamapi", "internal/kmsapi", "internal/nifudaapi"}, generated}, // beside what every front may
	{[]string{"internal/nifudaapi"}, slices.Concat(workers, nodes)},
	{edges, slices.Concat([]string{"internal/httpx"}, following, vocabulary, syntax)},
	{[]string{"internal/audit"}, output}, // beside what every edge may
	{workers, slices.Concat(keys, heart, state, vocabulary)},
	{nodes, state},
	{heart, slices.Concat(state, machine, outside, following, vocabulary)},
	{state, slices.Concat(machine, buckets, following, vocabulary)},
	{machine, nil},
	{buckets, following},
	{following, nil},
	{outside, nil},
	{vocabulary, slices.Concat(vocabulary, syntax)},
	{syntax, nil},
	{generated, nil},
	{generators, nil},
}

// forbidden holds what a package may not reach, not even through others.
var forbidden = []struct {
	packages []string
	imports  []string
	reason   string
}{
	{vocabulary, []string{"net/http", "database/sql"}, "the vocabulary is pure"},
	{syntax, []string{"net/http", "database/sql"}, "syntax is pure"},
	{generated, []string{"net/http", "database/sql"}, "generated types are pure"},
}

// drivers may be imported by internal/store alone.
var drivers = []string{"database/sql", "modernc.org/sqlite", "github.com/jackc/pgx"}

// vagueNames are names that say nothing about what a package holds.
var vagueNames = []string{"base", "common", "helper", "helpers", "manager", "misc", "shared", "util", "utils"}

func TestImportsPointOneWay(t *testing.T) {
	for _, p := range packages(t) {
		allowed, ok := allowedBy(p.path())
		if !ok {
			t.Errorf("%s has no row in arrows", p.path())
			continue
		}
		for _, imported := range p.Imports {
			ours, ok := strings.CutPrefix(imported, module)
			if ok && !slices.ContainsFunc(allowed, func(a string) bool { return within(ours, a) }) {
				t.Errorf("%s must not import %s", p.path(), ours)
			}
		}
	}
}

func TestVocabularyIsPure(t *testing.T) {
	for _, p := range packages(t) {
		for _, rule := range forbidden {
			if !slices.ContainsFunc(rule.packages, func(name string) bool { return within(p.path(), name) }) {
				continue
			}
			for _, reached := range p.Deps {
				if slices.Contains(rule.imports, reached) {
					t.Errorf("%s must not reach %s: %s", p.path(), reached, rule.reason)
				}
			}
		}
	}
}

func TestOnlyTheStoreSpeaksSQL(t *testing.T) {
	for _, p := range packages(t) {
		if within(p.path(), "internal/store") {
			continue
		}
		for _, imported := range p.Imports {
			if slices.ContainsFunc(drivers, func(driver string) bool { return within(imported, driver) }) {
				t.Errorf("%s must not import %s", p.path(), imported)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.path())
		}
	}
}

func TestEveryPackageIsNamedAfterWhatItHolds(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains(vagueNames, p.Name) || slices.Contains(vagueNames, path.Base(p.path())) {
			t.Errorf("%s has a name that says nothing", p.path())
		}
	}
}

// A goPackage is what these tests read of one package, its tests left out.
type goPackage struct {
	ImportPath string
	Name       string
	Doc        string
	GoFiles    []string
	Imports    []string
	Deps       []string
}

// path is the package's path in the module.
func (p goPackage) path() string { return strings.TrimPrefix(p.ImportPath, module) }

// packages lists the module's packages that have code beside tests.
func packages(t *testing.T) []goPackage {
	t.Helper()
	touchSources(t)
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Name,Doc,GoFiles,Imports,Deps", "./...")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var found []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("decode go list's output: %v", err)
		}
		if len(p.GoFiles) > 0 {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		t.Fatal("go list found no package")
	}
	return found
}

// touchSources looks at every source file: go test reuses a result while what
// the test itself looked at is unchanged, and does not see what go list reads.
func touchSources(t *testing.T) {
	t.Helper()
	for _, root := range []string{"../cmd", "../internal"} {
		err := filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			_, err = os.Stat(name)
			return err
		})
		if err != nil {
			t.Fatalf("look at the sources: %v", err)
		}
	}
}

// allowedBy returns what the package may import of ours, and whether arrows has
// a row for it.
func allowedBy(name string) (allowed []string, ok bool) {
	for _, row := range arrows {
		for _, above := range row.packages {
			if within(name, above) {
				allowed, ok = slices.Concat(allowed, row.imports, []string{above}), true
			}
		}
	}
	return allowed, ok
}

// within reports whether name is the package or one under it.
func within(name, above string) bool {
	return name == above || strings.HasPrefix(name, above+"/")
}
