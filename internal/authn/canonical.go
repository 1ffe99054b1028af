package authn

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// stringToSign returns the text that the signature of a request signs ("Create
// a signed AWS API request", steps 1 to 3 of the IAM user guide).
func stringToSign(r *http.Request, s *signature, payloadHash string) []byte {
	canonical := sha256.Sum256(canonicalRequest(r, s, payloadHash))
	b := make([]byte, 0, 192)
	b = append(b, algorithm+"\n"...)
	b = append(b, s.timestamp...)
	b = append(b, '\n')
	b = append(b, s.date...)
	b = append(b, '/')
	b = append(b, s.region...)
	b = append(b, '/')
	b = append(b, s.service...)
	b = append(b, "/"+terminator+"\n"...)
	return hex.AppendEncode(b, canonical[:])
}

func canonicalRequest(r *http.Request, s *signature, payloadHash string) []byte {
	b := make([]byte, 0, 1024)
	b = append(b, r.Method...)
	b = append(b, '\n')
	b = appendPath(b, r)
	b = append(b, '\n')
	b = appendQuery(b, s.query)
	b = append(b, '\n')
	for name := range strings.SplitSeq(s.signedHeaders, ";") {
		b = append(b, name...)
		b = append(b, ':')
		b = appendHeader(b, r, name)
		b = append(b, '\n')
	}
	b = append(b, '\n')
	b = append(b, s.signedHeaders...)
	b = append(b, '\n')
	return append(b, payloadHash...)
}

// appendPath writes the path as every service but S3 signs it: without empty
// and dot segments, and encoded once more than it was sent.
func appendPath(b []byte, r *http.Request) []byte {
	sent := r.URL.RawPath // bytes that Go would have encoded stay as they came
	if sent == "" {
		sent = r.URL.EscapedPath()
	}
	if sent == "" || sent == "/" {
		return append(b, '/')
	}
	var kept []string
	for segment := range strings.SplitSeq(sent, "/") {
		switch segment {
		case "", ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, segment)
		}
	}
	for _, segment := range kept {
		b = append(b, '/')
		b = appendEscaped(b, segment)
	}
	if len(kept) == 0 || strings.HasSuffix(sent, "/") {
		b = append(b, '/')
	}
	return b
}

// appendQuery writes the parameters but the signature itself, each encoded,
// sorted by name and then by value.
func appendQuery(b []byte, params []param) []byte {
	if len(params) == 0 {
		return b
	}
	encoded := make([]param, 0, len(params))
	for _, p := range params {
		if p.key != paramSignature {
			encoded = append(encoded, param{string(appendEscaped(nil, p.key)), string(appendEscaped(nil, p.value))})
		}
	}
	slices.SortFunc(encoded, func(x, y param) int {
		return cmp.Or(strings.Compare(x.key, y.key), strings.Compare(x.value, y.value))
	})
	for i, p := range encoded {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, p.key...)
		b = append(b, '=')
		b = append(b, p.value...)
	}
	return b
}

// appendHeader writes the values of a header, comma-separated, each trimmed and
// with every run of white space made one space. Two headers are not where the
// client put them: net/http moves Host away, and clients sign a content-length
// that may be known only from the length of the body.
func appendHeader(b []byte, r *http.Request, name string) []byte {
	if name == "host" {
		return appendFolded(b, r.Host)
	}
	values := r.Header[http.CanonicalHeaderKey(name)]
	if name == "content-length" && len(values) == 0 && r.ContentLength >= 0 {
		return strconv.AppendInt(b, r.ContentLength, 10)
	}
	for i, value := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFolded(b, value)
	}
	return b
}

func appendFolded(b []byte, value string) []byte {
	start := len(b)
	gap := false
	for i := range len(value) {
		c := value[i]
		if c == ' ' || '\t' <= c && c <= '\r' {
			gap = true
			continue
		}
		if gap && len(b) > start {
			b = append(b, ' ')
		}
		gap = false
		b = append(b, c)
	}
	return b
}

// appendEscaped percent-encodes all but the unreserved characters of RFC 3986.
func appendEscaped(b []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		if isUnreserved(c) {
			b = append(b, c)
			continue
		}
		b = append(b, '%', digits[c>>4], digits[c&15])
	}
	return b
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c) || c == '-' || c == '.' || c == '_' || c == '~'
}
