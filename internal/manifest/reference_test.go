package manifest_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/nifuda/nifuda/internal/manifest"
)

// The grammars as the specifications print them.
var (
	repositoryName = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tag            = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	tagFilter      = regexp.MustCompile(`^[0-9a-zA-Z._*-]{1,128}$`)
	anyDigest      = regexp.MustCompile(`^(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$`)
)

func TestValidRepositoryName(t *testing.T) {
	for name, want := range map[string]bool{
		"ab": true, "a0": true, "00": true, "team/app": true, "a/b/c/d": true, "a.b": true, "a_b": true, "a__b": true, "a-b": true, "a-----b": true,
		strings.Repeat("a", 256): true,
		"":                       false, "a": false, "A0": false, "a/": false, "/a": false, "a//b": false, "a..b": false, "a___b": false, "a._b": false, "a-.b": false,
		"a-": false, "-a": false, "a_": false, ".a": false, "..": false, "a/../b": false, "a b": false, "a\n": false, "a\x00b": false, "é/a": false, "a%2fb": false,
		strings.Repeat("a", 257): false,
	} {
		if got := manifest.ValidRepositoryName(name); got != want {
			t.Errorf("ValidRepositoryName(%q) = %v", name, got)
		}
	}
}

func TestValidTag(t *testing.T) {
	for name, want := range map[string]bool{
		"latest": true, "v1.0-rc_1": true, "_": true, "0": true, "A..--": true, strings.Repeat("a", 128): true,
		"": false, ".a": false, "-a": false, "a+b": false, "a/b": false, "a:b": false, "a\n": false, "é": false, strings.Repeat("a", 129): false,
	} {
		if got := manifest.ValidTag(name); got != want {
			t.Errorf("ValidTag(%q) = %v", name, got)
		}
	}
}

func TestValidDigest(t *testing.T) {
	for name, want := range map[string]bool{
		hashA: true, hash512: true,
		"": false, "sha256:": false, hashA[:70]: false, hashA + "a": false, strings.ToUpper(hashA): false, "sha512:" + hashA[7:]: false,
		"sha384:" + strings.Repeat("a", 96): false, strings.Replace(hashA, "a", "A", 8): false, "sha256" + hashA[7:]: false, hashA + "\n": false,
	} {
		if got := manifest.ValidDigest(name); got != want {
			t.Errorf("ValidDigest(%q) = %v", name, got)
		}
	}
}

func TestValidTagFilter(t *testing.T) {
	for name, want := range map[string]bool{
		"*": true, "a*b*": true, "-a": true, "latest": true, "**": true, strings.Repeat("a", 128): true,
		"": false, "***": false, "a*b*c*": false, "a?": false, "a/b": false, strings.Repeat("a", 129): false,
	} {
		if got := manifest.ValidTagFilter(name); got != want {
			t.Errorf("ValidTagFilter(%q) = %v", name, got)
		}
	}
}

func TestTagFilterMatch(t *testing.T) {
	tests := []struct {
		filter, tag string
		want        bool
	}{
		{"latest", "latest", true},
		{"latest", "latest2", false},
		{"latest", "Latest", false},
		{"v*", "v1", true},
		{"v*", "v", true},
		{"v*", "dev1", false},
		{"*-rc", "1-rc", true},
		{"*-rc", "1-rc2", false},
		{"*dev*", "a-dev-b", true},
		{"*dev*", "dev", true},
		{"*dev*", "de-v", false},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"ab*ba", "aba", false},
		{"*ab*ab", "abab", true},
		{"*ab*ab", "ab", false},
		{"*", "anything", true},
		{"v.", "v1", false},
		{"v1.*", "v1x0", false},
		{"*a*b*a*", "xaxbxa", true},
	}
	for _, tt := range tests {
		if got := manifest.TagFilter(tt.filter).Match(tt.tag); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.filter, tt.tag, got)
		}
	}
}

func TestReferenceChecksDoNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() {
		if !manifest.ValidRepositoryName("team-a/group__b/app.c") || !manifest.ValidTag("v1.2.3") || !manifest.ValidDigest(hash512) ||
			!manifest.ValidTagFilter("v*-dev*") || !manifest.TagFilter("v*-dev*").Match("v1-dev2") {
			t.Error("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzReferencesAgreeWithGrammar(f *testing.F) {
	for _, seed := range []string{"a", "team/app", "a__b", "a___b", "a--b.c", "A", "_x", ".x", "v*", "***", hashA, hash512, "a/", "é", "a\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := manifest.ValidRepositoryName(s), len(s) >= 2 && len(s) <= 256 && repositoryName.MatchString(s); got != want {
			t.Errorf("repository name: got %v, want %v", got, want)
		}
		if got, want := manifest.ValidTag(s), tag.MatchString(s); got != want {
			t.Errorf("tag: got %v, want %v", got, want)
		}
		if got, want := manifest.ValidDigest(s), anyDigest.MatchString(s); got != want {
			t.Errorf("digest: got %v, want %v", got, want)
		}
		if got, want := manifest.ValidTagFilter(s), tagFilter.MatchString(s) && strings.Count(s, "*") <= 2; got != want {
			t.Errorf("tag filter: got %v, want %v", got, want)
		}
	})
}

func FuzzTagFilterAgreesWithRegexp(f *testing.F) {
	f.Add("v*", "v1")
	f.Add("a*a", "a")
	f.Add("*ab*ab", "abab")
	f.Add("a.c", "abc")
	f.Fuzz(func(t *testing.T, filter, tag string) {
		if len(filter) > 64 || len(tag) > 64 || !utf8.ValidString(filter) || !utf8.ValidString(tag) {
			t.Skip()
		}
		want := regexp.MustCompile(`(?s)\A` + strings.ReplaceAll(regexp.QuoteMeta(filter), `\*`, ".*") + `\z`).MatchString(tag)
		if got := manifest.TagFilter(filter).Match(tag); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
