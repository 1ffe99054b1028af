package iam

import "unicode/utf8"

// MatchAction reports whether an action of a policy covers an action: a star
// stands for any characters or none, a question mark for one, case is ignored.
func MatchAction(pattern, action string) bool {
	return match(pattern, action, func(a, b byte) bool { return lower(a) == lower(b) })
}

// MatchResource reports whether a resource of a policy covers an ARN, as
// [MatchAction] but with case. A star crosses colons and slashes. Policy
// variables are not expanded.
func MatchResource(pattern, arn string) bool {
	return match(pattern, arn, func(a, b byte) bool { return a == b })
}

// match compares a whole text with a pattern. It only ever goes back to the
// last star, for what an earlier one took can stay as it is: the time is at
// most the product of both lengths, and linear where stars are few.
func match(pattern, text string, same func(a, b byte) bool) bool {
	p, t := 0, 0
	star, resume := -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && pattern[p] == '?':
			p++
			t += charLen(text[t:])
		case p < len(pattern) && same(pattern[p], text[t]):
			p++
			t++
		case star >= 0:
			resume += charLen(text[resume:])
			p, t = star+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func charLen(s string) int {
	_, size := utf8.DecodeRuneInString(s)
	return size
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
