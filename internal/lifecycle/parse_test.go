package lifecycle_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/lifecycle"
)

// A script is one case of testdata/policies.txt.
type script struct{ name, policy, expect string }

func readScripts(tb testing.TB) []script {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "policies.txt"))
	if err != nil {
		tb.Fatal(err)
	}
	var scripts []script
	open := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		name, isPolicy := strings.CutPrefix(line, "policy ")
		expect, isExpect := strings.CutPrefix(line, "expect ")
		switch {
		case isPolicy:
			scripts = append(scripts, script{name: name})
			open = true
		case isExpect:
			scripts[len(scripts)-1].expect = expect
			open = false
		case open:
			scripts[len(scripts)-1].policy += line + "\n"
		case line != "" && line[0] != '#':
			tb.Fatalf("what is %q?", line)
		}
	}
	return scripts
}

func TestParseFollowsScripts(t *testing.T) {
	for _, s := range readScripts(t) {
		t.Run(s.name, func(t *testing.T) {
			want := ""
			switch message, isError := strings.CutPrefix(s.expect, "error "); {
			case isError:
				want = "Lifecycle policy validation failure: " + message
			case s.expect == "unmappable":
				want = "Lifecycle policy parsing failure: Could not map policyString into LifecyclePolicy."
			case s.expect != "ok":
				t.Fatalf("what is %q?", s.expect)
			}
			_, err := lifecycle.Parse(s.policy)
			got := ""
			if e, ok := errors.AsType[*lifecycle.Error](err); ok {
				got = e.Message
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestErrorIsTheWholeSentence(t *testing.T) {
	tests := map[string]string{
		`{}`: `Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: object has missing required properties (["rules"])'`,
		`x`:  `Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy parsing failure: Could not map policyString into LifecyclePolicy.'`,
	}
	for text, want := range tests {
		if _, err := lifecycle.Parse(text); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestParseReturnsRulesInOrder(t *testing.T) {
	got, err := lifecycle.Parse(`{"rules":[
		{"rulePriority":30,"selection":{"tagStatus":"any","storageClass":"archive","countType":"sinceImageTransitioned","countUnit":"days","countNumber":365},"action":{"type":"expire"}},
		{"rulePriority":20,"description":"cold","selection":{"tagStatus":"tagged","tagPatternList":["v*-rc","*x"],"countType":"sinceImagePulled","countUnit":"days","countNumber":90},"action":{"type":"transition","targetStorageClass":"archive"}},
		{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPrefixList":["dev-","pr"],"countType":"imageCountMoreThan","countNumber":2147483647},"action":{"type":"expire"}},
		{"rulePriority":25,"selection":{"tagStatus":"untagged","storageClass":"standard","countType":"sinceImagePushed","countUnit":"days","countNumber":1},"action":{"type":"expire"}}
	]}`)
	if err != nil {
		t.Fatal(err)
	}
	want := lifecycle.Policy{Rules: []lifecycle.Rule{
		{
			Priority: 1,
			Selection: lifecycle.Selection{
				TagStatus: lifecycle.Tagged, TagPatterns: []string{"dev-*", "pr*"}, StorageClass: lifecycle.Standard,
				CountType: lifecycle.ImageCountMoreThan, CountNumber: 2147483647,
			},
			Action: lifecycle.Action{Type: lifecycle.Expire},
		},
		{
			Priority: 20, Description: "cold",
			Selection: lifecycle.Selection{
				TagStatus: lifecycle.Tagged, TagPatterns: []string{"v*-rc", "*x"}, StorageClass: lifecycle.Standard,
				CountType: lifecycle.SinceImagePulled, CountNumber: 90,
			},
			Action: lifecycle.Action{Type: lifecycle.Transition, TargetStorageClass: lifecycle.Archive},
		},
		{
			Priority: 25,
			Selection: lifecycle.Selection{
				TagStatus: lifecycle.Untagged, StorageClass: lifecycle.Standard,
				CountType: lifecycle.SinceImagePushed, CountNumber: 1,
			},
			Action: lifecycle.Action{Type: lifecycle.Expire},
		},
		{
			Priority: 30,
			Selection: lifecycle.Selection{
				TagStatus: lifecycle.Any, StorageClass: lifecycle.Archive,
				CountType: lifecycle.SinceImageTransitioned, CountNumber: 365,
			},
			Action: lifecycle.Action{Type: lifecycle.Expire},
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseLimitsRules(t *testing.T) {
	policy := func(n int) string {
		var rules []string
		for i := range n {
			rules = append(rules, fmt.Sprintf(`{"rulePriority":%d,"selection":{"tagStatus":"tagged","tagPatternList":["a"],"countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}`, i+1))
		}
		return `{"rules":[` + strings.Join(rules, ",") + `]}`
	}
	if _, err := lifecycle.Parse(policy(50)); err != nil {
		t.Errorf("50 rules: %v", err)
	}
	_, err := lifecycle.Parse(policy(51))
	var e *lifecycle.Error
	if want := "Lifecycle policy validation failure: array is too long: must have at most 50 elements but instance has 51 elements"; !errors.As(err, &e) || e.Message != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestParseSurvivesHostileText(t *testing.T) {
	for name, text := range map[string]string{
		"arrays":   strings.Repeat("[", 1<<20),
		"objects":  strings.Repeat(`{"rules":`, 1<<18),
		"encoding": "{\"rules\":\"\xff\"}",
		"number":   `{"rules":[{"rulePriority":` + strings.Repeat("9", 1<<20) + `}]}`,
	} {
		if _, err := lifecycle.Parse(text); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range readScripts(f) {
		f.Add(s.policy)
	}
	f.Fuzz(func(t *testing.T, text string) {
		policy, err := lifecycle.Parse(text)
		if err != nil {
			if _, ok := errors.AsType[*lifecycle.Error](err); !ok {
				t.Fatalf("got %T", err)
			}
			return
		}
		if n := len(policy.Rules); n < 1 || n > 50 {
			t.Fatalf("%d rules", n)
		}
		if !slices.IsSortedFunc(policy.Rules, func(a, b lifecycle.Rule) int { return a.Priority - b.Priority }) {
			t.Fatal("rules are out of order")
		}
		for _, r := range policy.Rules {
			s := r.Selection
			if r.Priority < 1 || s.CountNumber < 1 || (s.TagStatus == lifecycle.Tagged) != (len(s.TagPatterns) > 0) ||
				(s.StorageClass == lifecycle.Archive) != (s.CountType == lifecycle.SinceImageTransitioned) ||
				(r.Action.Type == lifecycle.Transition) != (r.Action.TargetStorageClass == lifecycle.Archive) {
				t.Fatalf("impossible rule %+v", r)
			}
		}
	})
}
