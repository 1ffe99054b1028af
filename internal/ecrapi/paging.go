package ecrapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/nifuda/nifuda/internal/registry"
)

const (
	// defaultPage is how many items a page has when the request does not say (spec A.5).
	defaultPage = 100
	// sumSize is how many bytes of its hash a token carries.
	sumSize = 8
)

// A listing is what the token of a page belongs to. The token of one listing is
// worth nothing to another.
type listing struct {
	operation  string
	repository registry.RepositoryName // Name is empty for a listing of repositories
	filter     []string
}

// token returns the nextToken for a position, which is empty at the end: the
// position behind a hash that binds it to the listing. It is no secret; the
// hash is there to tell a mistaken client from one that continues.
func (l listing) token(at registry.Cursor) string {
	if at == (registry.Cursor{}) {
		return ""
	}
	position := at.Kind + "\x00" + at.Key
	return base64.RawURLEncoding.EncodeToString(append(l.sum(position), position...))
}

// position returns where a page begins. A token that this listing did not give
// out is refused.
func (l listing) position(token *string) (registry.Cursor, error) {
	if token == nil {
		return registry.Cursor{}, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(*token)
	if err != nil || len(raw) < sumSize || !utf8.Valid(raw[sumSize:]) {
		return registry.Cursor{}, foreignToken()
	}
	position := string(raw[sumSize:])
	kind, key, ok := strings.Cut(position, "\x00")
	if !ok || strings.Contains(key, "\x00") || !bytes.Equal(raw[:sumSize], l.sum(position)) {
		return registry.Cursor{}, foreignToken()
	}
	return registry.Cursor{Kind: kind, Key: key}, nil
}

func (l listing) sum(position string) []byte {
	n := l.repository
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q %q", l.operation, n.Registry.Account, n.Registry.Region, n.Name, l.filter, position))
	return sum[:sumSize]
}

func foreignToken() error {
	return registry.InvalidParameter("nextToken", "must be the nextToken of the previous page of the same request")
}

// pageSize is how many items a page may have.
func pageSize(maxResults *int32, otherwise int) int {
	if maxResults == nil {
		return otherwise
	}
	return int(*maxResults)
}

// checkUnpaged refuses the members for paging in a request that names what it
// wants in a list (spec A.5).
func checkUnpaged(list string, maxResults *int32, nextToken *string) error {
	const constraint = "must not be given together with "
	switch {
	case maxResults != nil:
		return registry.InvalidParameter("maxResults", constraint+list)
	case nextToken != nil:
		return registry.InvalidParameter("nextToken", constraint+list)
	}
	return nil
}
