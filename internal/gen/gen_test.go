package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCommittedCodeIsCurrent fails when a model, a correction or the generator
// changed and nobody ran go generate.
func TestCommittedCodeIsCurrent(t *testing.T) {
	for _, target := range []struct{ model, name string }{
		{"models/ecr-2015-09-21.json", "ecr"},
		{"models/iam-2010-05-08.json", "awsiam"},
		{"models/sts-2011-06-15.json", "sts"},
		{"../../models/nifuda-2026-11-22.json", "nifuda"},
	} {
		text, err := os.ReadFile(target.model)
		if err != nil {
			t.Fatal(err)
		}
		want, err := generate(text, target.name)
		if err != nil {
			t.Fatal(err)
		}
		committed, err := filepath.Glob(filepath.Join("..", target.name, "*_gen.go"))
		if err != nil {
			t.Fatal(err)
		}
		if len(committed) != len(want) {
			t.Errorf("%s has the generated files %v, want %v", target.name, committed, slices.Sorted(maps.Keys(want)))
		}
		for file, source := range want {
			got, err := os.ReadFile(filepath.Join("..", target.name, file))
			if err != nil || !bytes.Equal(got, source) {
				t.Errorf("%s/%s is not what the generator writes (run go generate ./internal/%s): %v", target.name, file, target.name, err)
			}
		}
	}
}

// notes is a small model of the other protocol with what is rare in ECR's:
// operations without input or output, errors with a code and a status of their
// own, recursion, maps, names in lower case, patterns of Java's.
func notes(t *testing.T) *model {
	t.Helper()
	text, err := os.ReadFile("testdata/notes.json")
	if err != nil {
		t.Fatal(err)
	}
	m, err := parseModel(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestGeneratedPackage(t *testing.T) {
	files, err := emit(notes(t), "notes", corrections{})
	if err != nil {
		t.Fatal(err)
	}
	scope := typeCheck(t, files).Scope()

	declarations := map[string]string{
		"PutNoteRequest": "type notes.PutNoteRequest struct{" +
			"Title string; Text *string; Color string; Type *string; Until *notes.Timestamp; Weight *float64; Draft *bool; " +
			"Replies []notes.Reply; Labels map[string]string}",
		"PutNoteResponse": "type notes.PutNoteResponse struct{" +
			"Id string; Size int64; Count *int32; Written notes.Timestamp; Reply *notes.Reply; Body []byte}",
		"Reply":               "type notes.Reply struct{Text string; Replies []notes.Reply}",
		"GetSummaryRequest":   "type notes.GetSummaryRequest struct{}",
		"GetSummaryResponse":  "type notes.GetSummaryResponse struct{Summary map[string]int32}",
		"ColorDarkBlue":       "const notes.ColorDarkBlue untyped string",
		"XMLNamespace":        "const notes.XMLNamespace untyped string",
		"TargetPrefix":        "",
		"NoSuchNoteException": "func notes.NoSuchNoteException(message string, typeValue string) *notes.Error",
		"FailureException":    "func notes.FailureException(message string) *notes.Error",
		"Service": "type notes.Service interface{" +
			"DeleteNote(ctx context.Context, in *notes.DeleteNoteRequest) error; " +
			"GetSummary(ctx context.Context, in *notes.GetSummaryRequest) (*notes.GetSummaryResponse, error); " +
			"PutNote(ctx context.Context, in *notes.PutNoteRequest) (*notes.PutNoteResponse, error)}",
	}
	for name, want := range declarations {
		if diff := cmp.Diff(want, declaration(scope.Lookup(name))); diff != "" {
			t.Errorf("%s (-want +got) %s", name, diff)
		}
	}

	for _, line := range []struct{ file, want string }{
		{"operations_gen.go", `SigningName = "notes"`},
		{"types_gen.go", `ColorDarkBlue = "dark-blue"`},
		{"types_gen.go", "`json:\"color\"`         // required, one of Color"},
		{"errors_gen.go", `"FailureException": 500,`},
		{"errors_gen.go", `"NoSuchNote":       404,`},
		{"validate_gen.go", "regexp.MustCompile(`^(?:[\\x{0020}-\\x{00FF}]+)$`),"},
	} {
		if !strings.Contains(string(files[line.file]), line.want+"\n") {
			t.Errorf("%s lacks %s:\n%s", line.file, line.want, files[line.file])
		}
	}
}

// declaration prints an object without the tags of its fields.
func declaration(o types.Object) string {
	if o == nil {
		return ""
	}
	if s, ok := o.Type().Underlying().(*types.Struct); ok {
		var fields []*types.Var
		for field := range s.Fields() {
			fields = append(fields, field)
		}
		return fmt.Sprintf("type notes.%s %s", o.Name(), types.NewStruct(fields, nil))
	}
	return o.String()
}

func typeCheck(t *testing.T, files map[string][]byte) *types.Package {
	t.Helper()
	set := token.NewFileSet()
	var parsed []*ast.File
	for name, source := range files {
		if !bytes.HasPrefix(source, []byte("// Code generated ")) {
			t.Errorf("%s does not say that it is generated", name)
		}
		file, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	config := types.Config{Importer: standardLibrary(t, set)}
	checked, err := config.Check("notes", set, parsed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return checked
}

// standardLibrary imports packages from where the go command has them: a test
// built with -trimpath does not know it.
func standardLibrary(t *testing.T, set *token.FileSet) types.Importer {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	build.Default.GOROOT = strings.TrimSpace(string(root))
	return importer.ForCompiler(set, "source", nil)
}

func TestSameModelGivesSameBytes(t *testing.T) {
	first, err := emit(notes(t), "notes", corrections{})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := emit(notes(t), "notes", corrections{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestCorrectionsChangeTheWording(t *testing.T) {
	files, err := emit(notes(t), "notes", corrections{
		Code: "BadNote", Frame: "%s: %s", Pattern: "like '%s'",
		PatternOf:     map[string]string{"ID": "exactly %s"},
		RE2:           map[string]string{"titleType": "[ -z]+"},
		Enum:          map[string][]string{"Color": {"dark-blue", "RED"}},
		MemberPattern: map[string]string{"PutNoteRequest.text": "t+"},
		Unchecked:     []string{"DeleteNoteRequest.ids"},
	})
	if err != nil {
		t.Fatal(err)
	}
	validation := string(files["validate_gen.go"])
	for _, want := range []string{
		`NewError("BadNote", fmt.Sprintf("%s: %s", found[0].path, found[0].constraint))`,
		`"exactly [a-z]*"`,
		"regexp.MustCompile(\"^(?:[ -z]+)$\"),\n\t\t`like '[\\u0020-\\u00FF]+'`",
		`checkEnum(v, "dark-blue", "RED")`,
		`checkPattern(*v.Text, patternPutNoteRequestText)`,
		`found = append(found, in("ids", checkCount(len(v.Ids), 0, 3))...)`,
	} {
		if !strings.Contains(validation, want) {
			t.Errorf("validation lacks %s", want)
		}
	}
	typeCheck(t, files)
}

func TestModelsThatCannotBeWritten(t *testing.T) {
	tests := []struct {
		name        string
		spoil       func(*model)
		corrections corrections
		want        string
	}{
		{"pattern that Go lacks", func(m *model) { m.Shapes["ID"].Pattern = "a(?!b)" }, corrections{}, "shape ID needs a pattern"},
		{"unknown type", func(m *model) { m.Shapes["ID"].Type = "document" }, corrections{}, `shape ID has the unknown type "document"`},
		{"constraints in a map", func(m *model) { m.Shapes["Labels"].Key.Shape = "ID" }, corrections{}, "shape Labels is a map of a request with constraints"},
		{"correction of no shape", nil, corrections{PatternOf: map[string]string{"X": "%s"}}, "corrections name the shape X"},
		{"correction of no member", nil, corrections{Unchecked: []string{"DeleteNoteRequest.x"}}, "corrections name the member DeleteNoteRequest.x"},
		{"correction that loses a value", nil, corrections{Enum: map[string][]string{"Color": {"RED"}}}, "corrections order the values of Color"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := notes(t)
			if test.spoil != nil {
				test.spoil(m)
			}
			if _, err := emit(m, "notes", test.corrections); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestModelsThatCannotBeRead(t *testing.T) {
	for _, text := range []string{
		``,
		`{}`,
		`{"operations":{"A":{"input":{"shape":"X"}}},"shapes":{}}`,
		`{"operations":{"A":{}},"shapes":{"L":{"type":"list","member":{"shape":"X"}}}}`,
		`{"operations":{"A":{}},"shapes":{"S":{"type":"structure","members":{"m":7}}}}`,
	} {
		if _, err := parseModel([]byte(text)); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func TestRunWritesTheFiles(t *testing.T) {
	dir := t.TempDir()
	if err := run("testdata/notes.json", "notes", dir); err != nil {
		t.Fatal(err)
	}
	got, err := filepath.Glob(filepath.Join(dir, "*_gen.go"))
	if err != nil || len(got) != 4 {
		t.Errorf("got %v, %v, want four files", got, err)
	}
	if err := run("testdata/none.json", "notes", dir); err == nil {
		t.Error("no error without a model")
	}
}
