package iam

import (
	"strings"
	"unicode/utf8"
)

// MatchAction reports whether an action of a policy covers an action: a star
// stands for any characters or none, a question mark for one, case is ignored.
func MatchAction(pattern, action string) bool {
	g := newGlob(lowerASCII(wildcards(pattern)))
	return g.matches(lowerASCII(action))
}

// MatchResource reports whether a resource of a policy covers an ARN, as
// [MatchAction] but with case. A star crosses colons and slashes. Policy
// variables are not expanded.
func MatchResource(pattern, arn string) bool {
	g := newGlob(wildcards(pattern))
	return g.matches(arn)
}

// The wildcards of a compiled pattern are bytes that no valid text holds, so
// that a star that comes out of a policy variable is just a star.
const (
	anyRun  = 0xff // a star: any characters or none
	anyChar = 0xfe // a question mark: one character
)

// wildcards puts the wildcards' bytes in the place of stars and question marks.
func wildcards(pattern string) string {
	b := []byte(pattern)
	for i, c := range b {
		switch c {
		case '*':
			b[i] = anyRun
		case '?':
			b[i] = anyChar
		}
	}
	return string(b)
}

// A glob is a compiled pattern, sorted by how much work it takes to match it.
type glob struct {
	kind globKind
	text string
	// parts are what stands between the stars of a pattern with nothing else.
	parts []string
}

type globKind uint8

const (
	everything globKind = iota // a lone star
	exact                      // no wildcards
	starred                    // stars and no question marks
	general
)

// newGlob sorts a pattern whose wildcards are [anyRun] and [anyChar].
func newGlob(pattern string) glob {
	g := glob{kind: general, text: pattern}
	stars := string([]byte{anyRun})
	switch {
	case pattern == stars:
		g.kind = everything
	case strings.IndexByte(pattern, anyChar) >= 0:
	case strings.IndexByte(pattern, anyRun) < 0:
		g.kind = exact
	default:
		g.kind, g.parts = starred, strings.Split(pattern, stars)
	}
	return g
}

func (g *glob) matches(text string) bool {
	switch g.kind {
	case everything:
		return true
	case exact:
		return text == g.text
	case starred:
		return matchParts(g.parts, text)
	}
	return match(g.text, text)
}

// matchParts finds the first and the last part at the ends of the text, and the
// others between them as early as may be.
func matchParts(parts []string, text string) bool {
	first, last := parts[0], parts[len(parts)-1]
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}

// match compares a whole text with a pattern. It only ever goes back to the
// last star, for what an earlier one took can stay as it is: the time is at
// most the product of both lengths, and linear where stars are few.
func match[P string | []byte](pattern P, text string) bool {
	p, t := 0, 0
	star, resume := -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == text[t] && pattern[p] < anyChar:
			p++
			t++
		case p < len(pattern) && pattern[p] == anyRun:
			star, resume = p, t
			p++
		case p < len(pattern) && pattern[p] == anyChar:
			p++
			t += charLen(text[t:])
		case star >= 0:
			resume += charLen(text[resume:])
			p, t = star+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == anyRun {
		p++
	}
	return p == len(pattern)
}

func charLen(s string) int {
	if s[0] < utf8.RuneSelf {
		return 1
	}
	return runeLen(s)
}

func runeLen(s string) int {
	_, size := utf8.DecodeRuneInString(s)
	return size
}

// lowerASCII leaves everything but A to Z alone, which is all that the names of
// actions have.
func lowerASCII(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return lowerFrom(s, i)
		}
	}
	return s
}

func lowerFrom(s string, first int) string {
	b := []byte(s)
	for i := first; i < len(b); i++ {
		if 'A' <= b[i] && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}
