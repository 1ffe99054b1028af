package iam_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/nifuda/nifuda/internal/iam"
)

func TestMatchAction(t *testing.T) {
	tests := []struct {
		pattern, action string
		want            bool
	}{
		{"*", "ecr:PutImage", true},
		{"ecr:*", "ecr:PutImage", true},
		{"ECR:putimage", "ecr:PutImage", true},
		{"ecr:Put*", "ecr:PutImageTagMutability", true},
		{"ecr:*Image", "ecr:PutImageTagMutability", false},
		{"ecr:*Image*", "ecr:PutImageTagMutability", true},
		{"ecr:PutImag?", "ecr:PutImage", true},
		{"ecr:PutImage?", "ecr:PutImage", false},
		{"ecr:PutImage", "ecr:PutImageTagMutability", false},
		{"ecr:Delete*", "ecr:BatchDeleteImage", false},
		{"", "ecr:PutImage", false},
		{"ecr:[P]utImage", "ecr:PutImage", false},
	}
	for _, tt := range tests {
		if got := iam.MatchAction(tt.pattern, tt.action); got != tt.want {
			t.Errorf("%q covers %q: %v", tt.pattern, tt.action, got)
		}
	}
}

func TestMatchResource(t *testing.T) {
	const app = "arn:aws:ecr:us-east-1:111111111111:repository/team-a/x"
	tests := []struct {
		pattern, resource string
		want              bool
	}{
		{"*", app, true},
		{"*", "*", true},
		{app, "*", false},
		{app, app, true},
		{strings.ToUpper(app), app, false},
		{"arn:aws:ecr:*:111111111111:repository/team-?/*", app, true},
		{"arn:aws:ecr:*:111111111111:repository/team-?/*", strings.Replace(app, "team-a", "team-ab", 1), false},
		{"arn:*/x", app, true},
		{"arn:aws:ecr:*:222222222222:repository/*", app, false},
		{app + "*", app, true},
		{app + "?", app, false},
		{"*?", "é", true},
		{"??", "é", false},
		{"*??", "é", false},
		{"*??yz", "€yz", false},
		{"ab*ba", "aba", false},
		{"ab*ba", "abba", true},
		{"a*b*c", "a-b-b-c", true},
		{"a*bb*c", "a-b-c", false},
	}
	for _, tt := range tests {
		if got := iam.MatchResource(tt.pattern, tt.resource); got != tt.want {
			t.Errorf("%q covers %q: %v", tt.pattern, tt.resource, got)
		}
	}
}

// With exponential backtracking this test would not end.
func TestMatchGoesBackToTheLastStarOnly(t *testing.T) {
	if iam.MatchResource(strings.Repeat("*a", 5000)+"b", strings.Repeat("a", 5000)) {
		t.Error("matched")
	}
}

func FuzzMatchAgreesWithRegexp(f *testing.F) {
	f.Add("*", "")
	f.Add("a*b?c", "aXbYc")
	f.Add("*?", "é")
	f.Add("*ab*ab", "abab")
	f.Add("[a]", "a")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 64 || len(text) > 64 || !utf8.ValidString(pattern) || !utf8.ValidString(text) {
			t.Skip()
		}
		expression := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
		want := regexp.MustCompile(`(?s)\A` + expression + `\z`).MatchString(text)
		if got := iam.MatchResource(pattern, text); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		if want && !iam.MatchAction(pattern, strings.Map(swapCase, text)) {
			t.Error("case counts for an action")
		}
	})
}

func swapCase(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z':
		return r - 'a' + 'A'
	case 'A' <= r && r <= 'Z':
		return r - 'A' + 'a'
	}
	return r
}
