package authn

import "strings"

// maxRegion is the longest DNS label: a region is one in the registry's host name.
const maxRegion = 63

// IsRegion reports whether a name is one of a region, that is whether it
// matches [a-z]{2}(-[a-z]+)+-[0-9] and fits into a host name. Every such region
// exists. It is on the path of every request, hence no regexp.
func IsRegion(name string) bool {
	end := len(name) - 2
	if end < 0 || len(name) > maxRegion || name[end] != '-' || !isDigit(name[end+1]) {
		return false
	}
	area, rest, ok := strings.Cut(name[:end], "-")
	if !ok || len(area) != 2 || !isLower(area) {
		return false
	}
	for word := range strings.SplitSeq(rest, "-") {
		if word == "" || !isLower(word) {
			return false
		}
	}
	return true
}

// IsAccount reports whether an id has the form of an account's, 12 digits.
func IsAccount(id string) bool {
	if len(id) != 12 {
		return false
	}
	for i := range len(id) {
		if !isDigit(id[i]) {
			return false
		}
	}
	return true
}

func isLower(s string) bool {
	for i := range len(s) {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
