package kms

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

// A Place is where keys are: an account and a region.
type Place struct{ Account, Region string }

func (p Place) arn(resource string) string {
	return "arn:" + iam.Partition(p.Region) + ":kms:" + p.Region + ":" + p.Account + ":" + resource
}

// AliasARN returns the ARN of an alias, existing or not; the name begins with
// alias/.
func (p Place) AliasARN(name string) string { return p.arn(name) }

// root names the account as a principal.
func (p Place) root() string { return iam.Root(iam.Partition(p.Region), p.Account).ARN }

// A KeyID is the key of an id, existing or not.
type KeyID struct {
	Place
	ID string // UUID
}

// ARN names the key.
func (k KeyID) ARN() string { return k.arn("key/" + k.ID) }

// keyIDOf returns the key that an ARN names.
func keyIDOf(arn string) (KeyID, bool) {
	place, resource, ok := cutARN(arn)
	id, isKey := strings.CutPrefix(resource, "key/")
	return KeyID{place, id}, ok && isKey && isID(id)
}

// cutARN returns the place and the resource of an ARN of KMS.
func cutARN(text string) (place Place, resource string, ok bool) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "kms" {
		return Place{}, "", false
	}
	place = Place{Account: parts[4], Region: parts[3]}
	return place, parts[5], parts[1] == iam.Partition(place.Region)
}

// isID reports whether a text is a UUID as this package writes them, in one
// spelling.
func isID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}

// aliasPrefix begins the names of aliases, and reservedPrefix those of the
// aliases of AWS.
const (
	aliasPrefix    = "alias/"
	reservedPrefix = "alias/aws/"
)

var aliasName = regexp.MustCompile(`^alias/[a-zA-Z0-9:/_-]+$`)

// A Reference is what a request names a key by, once it is looked up.
type Reference struct {
	KeyID
	// Alias is the name that was used, alias/…; empty for the key's own.
	Alias string
}

// IsUnmade reports whether it is the alias of a key that AWS manages and that
// nobody has used yet, see [Service.Managed].
func (r Reference) IsUnmade() bool { return r.ID == "" && r.Alias == ECRAlias }

// IsMissing reports whether it is an alias that does not exist.
func (r Reference) IsMissing() bool { return r.ID == "" }

// Resource is the ARN that permission is asked for: the key's, or the alias's
// where there is none.
func (r Reference) Resource() string {
	if r.IsMissing() {
		return r.AliasARN(r.Alias)
	}
	return r.ARN()
}

// Missing is the refusal for an alias that does not exist.
func (r Reference) Missing() error {
	return refuse(CodeNotFound, "Alias %s is not found.", r.AliasARN(r.Alias))
}

// Resolve returns the key that a name means at a place: an id or an ARN. Whether
// the key exists is not looked at.
func Resolve(at Place, name string) (KeyID, error) {
	if isID(name) {
		return KeyID{at, name}, nil
	}
	if !strings.HasPrefix(name, "arn:") {
		return KeyID{}, invalidKeyID(name)
	}
	place, _, ok := cutARN(name)
	if ok && place.Region != at.Region {
		return KeyID{}, refuse(CodeNotFound, "Invalid arn %s", place.Region)
	}
	id, isKey := keyIDOf(name)
	if !ok || !isKey {
		return KeyID{}, refuse(CodeInvalidArn, "Invalid arn %s", name)
	}
	return id, nil
}

// ResolveAny is [Resolve] for a name that may also be an alias or an ARN of one.
func (s *Service) ResolveAny(ctx context.Context, at Place, name string) (Reference, error) {
	alias := name
	if place, resource, ok := cutARN(name); ok && strings.HasPrefix(resource, aliasPrefix) {
		if place.Region != at.Region {
			return Reference{}, refuse(CodeNotFound, "Invalid arn %s", place.Region)
		}
		at, alias = place, resource
	}
	if !strings.HasPrefix(alias, aliasPrefix) {
		id, err := Resolve(at, name)
		return Reference{KeyID: id}, err
	}
	found, err := s.store.KMSAlias(ctx, at.Account, at.Region, alias)
	if errors.Is(err, store.ErrNotFound) {
		return Reference{KeyID: KeyID{Place: at}, Alias: alias}, nil
	}
	if err != nil {
		return Reference{}, fmt.Errorf("read alias: %w", err)
	}
	return Reference{KeyID: KeyID{at, found.KeyID}, Alias: alias}, nil
}
