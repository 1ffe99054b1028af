package manifest

import "strings"

// A TagFilter selects tags: letters of either case stand for themselves, a star
// for any characters or none, and the whole tag must match. It is the WILDCARD
// filter of imageTagMutabilityExclusionFilters.
type TagFilter string

// ValidTagFilter reports whether s is a tag filter: 1 to 128 characters of tags
// and at most 2 stars.
func ValidTagFilter(s string) bool {
	return s != "" && len(s) <= 128 &&
		span(s, func(c byte) bool { return isTagByte(c) || c == '*' }) == len(s) &&
		strings.Count(s, "*") <= 2
}

// Match reports whether the filter selects the tag. It takes time linear in
// both, however many stars there are, and allocates nothing.
func (f TagFilter) Match(tag string) bool {
	prefix, rest, wild := strings.Cut(string(f), "*")
	if !wild {
		return tag == prefix
	}
	tag, ok := strings.CutPrefix(tag, prefix)
	if !ok {
		return false
	}
	// Between two stars the leftmost place is as good as any other.
	for {
		part, next, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(tag, part)
		}
		i := strings.Index(tag, part)
		if i < 0 {
			return false
		}
		tag, rest = tag[i+len(part):], next
	}
}
