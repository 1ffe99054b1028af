package kms

import (
	"encoding/base64"
	"fmt"
)

// A Page says which part of a listing to return.
type Page struct {
	// Marker is where a page before this ended; empty begins.
	Marker string
	// Limit is the most to return; 0 is as many as the API returns by default.
	Limit int
}

// The sizes of pages.
const (
	DefaultLimit = 100
	maxLimit     = 1000
)

// paginate reads one more than fits, which tells whether there is another page.
func paginate[T any](p Page, key func(T) string, read func(after string, limit int) ([]T, error)) (items []T, next string, err error) {
	after, err := base64.RawURLEncoding.DecodeString(p.Marker)
	if err != nil {
		return nil, "", refuse(CodeInvalidMarker, "Invalid marker")
	}
	size := min(p.Limit, maxLimit)
	if size <= 0 {
		size = DefaultLimit
	}
	items, err = read(string(after), size+1)
	if err != nil {
		return nil, "", fmt.Errorf("list: %w", err)
	}
	if len(items) <= size {
		return items, "", nil
	}
	items = items[:size]
	return items, base64.RawURLEncoding.EncodeToString([]byte(key(items[size-1]))), nil
}
