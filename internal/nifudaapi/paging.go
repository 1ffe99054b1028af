package nifudaapi

import (
	"encoding/base64"
	"strings"

	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/registry"
)

// defaultPage is how many entries a page has when the request does not say.
const defaultPage = 100

// pageSize is how many entries a page may have.
func pageSize(maxResults *int32) int {
	if maxResults == nil {
		return defaultPage
	}
	return int(*maxResults)
}

// token returns the NextToken for a position, which is empty at the end.
func token(at registry.Cursor) string {
	if at == (registry.Cursor{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(at.Kind + "\x00" + at.Key))
}

// position returns where a page begins.
func position(token *string) (registry.Cursor, error) {
	if token == nil {
		return registry.Cursor{}, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(*token)
	kind, key, ok := strings.Cut(string(raw), "\x00")
	if err != nil || !ok || !isPlain(key) {
		return registry.Cursor{}, foreignToken()
	}
	return registry.Cursor{Kind: kind, Key: key}, nil
}

// isPlain reports whether a key has only what keys have.
func isPlain(key string) bool {
	return strings.Trim(key, "0123456789abcdef-/") == "" && key != ""
}

func foreignToken() error {
	return nifuda.InvalidNextTokenException("NextToken must be the NextToken of the previous page of the same request")
}
