package store_test

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// statements returns every SQL statement in the source of this package by the
// place where it stands: each string constant, put together from others or not,
// that begins like one. A test that finds them by itself cannot forget one. Those
// about SQLite's own tables are left out: they run at the start, and there alone.
// So are those of a dump, which end before the name of the table: they are about
// all that there is.
func statements(t *testing.T) map[string]string {
	t.Helper()
	set := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	// Constants need no imports; what else is unknown without them does not matter.
	info := types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	checker := types.Config{Error: func(error) {}}
	_, _ = checker.Check("store", set, files, &info)
	found := map[string]string{}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			expression, ok := n.(ast.Expr)
			value := info.Types[expression].Value
			if !ok || value == nil || value.Kind() != constant.String {
				return true
			}
			if text := constant.StringVal(value); isStatement.MatchString(text) && !strings.Contains(text, "sqlite") && !ofDump.MatchString(text) {
				found[set.Position(n.Pos()).String()] = completed(text)
			}
			return false
		})
	}
	if len(found) < 50 {
		t.Fatalf("found %d statements only", len(found))
	}
	return found
}

var isStatement = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s`)

var ofDump = regexp.MustCompile(` (FROM|INTO) "$`)

// completed adds the row to an insertion whose rows are counted at run time.
func completed(text string) string {
	if !strings.HasSuffix(text, "VALUES ") {
		return text
	}
	columns := strings.Count(text, ",") + 1
	row := make([]string, columns)
	for i := range row {
		row[i] = "$" + strconv.Itoa(i+1)
	}
	return text + "(" + strings.Join(row, ",") + ")"
}

var parameter = regexp.MustCompile(`\$(\d+)`)

// parameters returns how many parameters a statement has.
func parameters(text string) (n int) {
	for _, match := range parameter.FindAllStringSubmatch(text, -1) {
		if i, err := strconv.Atoi(match[1]); err == nil {
			n = max(n, i)
		}
	}
	return n
}
