package kmsapi_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/awskms"
)

func TestTheCompatibilityTableHasTheOperations(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "compatibility.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "<!-- kms:begin -->")
	table, _, found := strings.Cut(table, "<!-- kms:end -->")
	if !found {
		t.Fatal("docs/compatibility.md has no table of KMS")
	}
	var got []string
	for _, row := range regexp.MustCompile(`(?m)^\| (\w+) \| (works|differs) \|.*\|$`).FindAllStringSubmatch(table, -1) {
		got = append(got, row[1])
	}
	want := slices.Sorted(maps.Keys(awskms.Operations(awskms.Unimplemented{})))
	if len(want) != 31 {
		t.Errorf("the API has %d operations, want 31", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/compatibility.md (-code +page):\n%s", diff)
	}
}
