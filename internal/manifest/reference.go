package manifest

import (
	"strings"

	"github.com/opencontainers/go-digest"
)

// The checks of this file run on every request, so that they are written out
// instead of compiled from regular expressions. None allocates.

// ValidRepositoryName reports whether s is a repository name: 2 to 256 bytes of
// lower-case components joined by slashes, where one dot, one or two
// underscores or any run of hyphens may separate letters and digits
// (repositoryName in the model of ECR).
func ValidRepositoryName(s string) bool {
	if len(s) < 2 || len(s) > 256 {
		return false
	}
	for more := true; more; {
		var component string
		component, s, more = strings.Cut(s, "/")
		if !validComponent(component) {
			return false
		}
	}
	return true
}

func validComponent(s string) bool {
	for {
		n := span(s, isLowerAlnum)
		if n == 0 {
			return false
		}
		if s = s[n:]; s == "" {
			return true
		}
		if n = separator(s); n == 0 {
			return false
		}
		s = s[n:]
	}
}

// separator returns the length of the separator that begins s, or 0.
func separator(s string) int {
	switch {
	case s[0] == '.':
		return 1
	case s[0] == '-':
		return span(s, func(c byte) bool { return c == '-' })
	case strings.HasPrefix(s, "__"):
		return 2
	case s[0] == '_':
		return 1
	}
	return 0
}

// ValidTag reports whether s is a tag: 1 to 128 letters, digits, underscores,
// dots and hyphens, of which the last two do not begin it (OCI
// distribution-spec, pulling manifests).
func ValidTag(s string) bool {
	if s == "" || len(s) > 128 || s[0] == '.' || s[0] == '-' {
		return false
	}
	return span(s, isTagByte) == len(s)
}

// ValidDigest reports whether s is a digest that a registry can verify: sha256
// or sha512 in lower-case hexadecimal (OCI image-spec, registered algorithms).
func ValidDigest(s string) bool {
	algorithm, hex, _ := strings.Cut(s, ":")
	switch algorithm {
	case "sha256":
		return len(hex) == 64 && span(hex, isLowerHex) == 64
	case "sha512":
		return len(hex) == 128 && span(hex, isLowerHex) == 128
	}
	return false
}

// validMediaType reports whether s is up to 255 printable characters with a
// slash. That is looser than RFC 6838 because clients are, too.
func validMediaType(s string) bool {
	return len(s) <= 255 && strings.Contains(s, "/") && span(s, isPrintable) == len(s)
}

// span returns how many bytes at the start of s are in the set.
func span(s string, in func(byte) bool) int {
	for i := range len(s) {
		if !in(s[i]) {
			return i
		}
	}
	return len(s)
}

func isDigit(c byte) bool      { return '0' <= c && c <= '9' }
func isLowerAlnum(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'z' }
func isAlnum(c byte) bool      { return isLowerAlnum(c) || 'A' <= c && c <= 'Z' }
func isPrintable(c byte) bool  { return ' ' <= c && c <= '~' }
func isLowerHex(c byte) bool   { return isDigit(c) || 'a' <= c && c <= 'f' }
func isTagByte(c byte) bool    { return isAlnum(c) || c == '_' || c == '.' || c == '-' }

// HasDigest reports whether bytes have a digest. None have one that is not valid.
func HasDigest(content []byte, d string) bool {
	return ValidDigest(d) && digest.Digest(d).Algorithm().FromBytes(content) == digest.Digest(d)
}
