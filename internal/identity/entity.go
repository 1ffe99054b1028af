package identity

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// A Kind says what an [Entity] is.
type Kind string

// The kinds, in the words of their ARNs.
const (
	User         Kind = "user"
	Group        Kind = "group"
	Role         Kind = "role"
	Policy       Kind = "policy"
	OIDCProvider Kind = "oidc-provider"
)

// kinds say what differs: the prefix of the unique ids, and how many an account
// may have, by the name of that quota (IAM user guide, "IAM and STS quotas",
// the most that can be asked for).
var kinds = map[Kind]struct {
	idPrefix string
	quota    string
	limit    int
}{
	User:         {"AIDA", "UsersPerAccount", 5000},
	Group:        {"AGPA", "GroupsPerAccount", 500},
	Role:         {"AROA", "RolesPerAccount", 5000},
	Policy:       {"ANPA", "PoliciesPerAccount", 5000},
	OIDCProvider: {"OIDC", "OpenIdConnectProvidersPerAccount", 100},
}

// An Entity is what all kinds of identities have.
type Entity struct {
	Account string
	Kind    Kind
	Name    string
	// Path begins and ends with a slash.
	Path string
	// ID is unique for ever: AIDA… for a user, and so on.
	ID        string
	CreatedAt time.Time
}

// ARN names the entity.
func (e Entity) ARN() string { return EntityARN(e.Account, e.Kind, e.Path, e.Name) }

// EntityARN returns the ARN of an entity, existing or not.
func EntityARN(account string, kind Kind, path, name string) string {
	return "arn:aws:iam::" + account + ":" + string(kind) + path + name
}

// ParseEntityARN returns what an ARN of an entity says: its account, its kind,
// and its name, whose path may be anything.
func ParseEntityARN(arn string) (account string, kind Kind, name string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || parts[3] != "" {
		return "", "", "", false
	}
	kindText, name, found := strings.Cut(parts[5], "/")
	kind = Kind(kindText)
	if _, known := kinds[kind]; !known || !found {
		return "", "", "", false
	}
	if kind != OIDCProvider { // whose name is a URL
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	return parts[4], kind, name, name != ""
}

func entityOf(row store.Identity) Entity {
	return Entity{Account: row.Account, Kind: Kind(row.Kind), Name: row.Name, Path: row.Path, ID: row.ID, CreatedAt: fromMillis(row.CreatedAt)}
}

// keyOf is what names are compared by: they differ in more than case.
func keyOf(name string) string { return strings.ToLower(name) }

// newID returns a random id of so many letters and digits behind its prefix.
func newID(prefix string, length int) string {
	random := make([]byte, length)
	_, _ = rand.Read(random) // never fails
	return prefix + base32.StdEncoding.EncodeToString(random)[:length]
}

// A reader is a store or a transaction.
type reader interface {
	Identity(ctx context.Context, account, kind, key string) (store.Identity, error)
}

// find returns the row of an entity by name, or refuses with NoSuchEntity.
func find(ctx context.Context, r reader, account string, kind Kind, name string) (store.Identity, error) {
	row, err := r.Identity(ctx, account, string(kind), keyOf(name))
	if errors.Is(err, store.ErrNotFound) {
		return row, notFound(kind, name)
	}
	if err != nil {
		return row, fmt.Errorf("look up %s: %w", kind, err)
	}
	return row, nil
}

// Find returns an entity by name, or refuses with NoSuchEntity.
func (s *Identities) Find(ctx context.Context, account string, kind Kind, name string) (Entity, error) {
	row, err := find(ctx, s.store, account, kind, name)
	return entityOf(row), err
}

// A newEntity is an entity to create.
type newEntity struct {
	account    string
	kind       Kind
	name, path string // no path is the root's
	detail     any    // what only this kind has; nil is nothing
	tags       []Tag
}

// create adds an entity with its tags and what also adds, in one transaction.
// It refuses with EntityAlreadyExists, LimitExceeded or InvalidInput.
func (s *Identities) create(ctx context.Context, n newEntity, also func(ctx context.Context, tx *store.Tx, row store.Identity) error) (Entity, error) {
	if n.path == "" {
		n.path = "/"
	}
	if err := validateTags(n.tags); err != nil {
		return Entity{}, err
	}
	detail, err := encodeDetail(n.detail)
	if err != nil {
		return Entity{}, err
	}
	row := store.Identity{
		Account: n.account, Kind: string(n.kind), Key: keyOf(n.name), Name: n.name, Path: n.path,
		ID: newID(kinds[n.kind].idPrefix, 17), Detail: detail, CreatedAt: s.millis() / 1000 * 1000,
	}
	err = s.change(ctx, n.account, func(ctx context.Context, tx *store.Tx) error {
		if err := insert(ctx, tx, row); err != nil {
			return err
		}
		if err := putTags(ctx, tx, row.ID, n.tags); err != nil {
			return err
		}
		if also == nil {
			return nil
		}
		return also(ctx, tx, row)
	})
	return entityOf(row), err
}

func insert(ctx context.Context, tx *store.Tx, row store.Identity) error {
	kind := Kind(row.Kind)
	count, err := tx.CountIdentities(ctx, row.Account, row.Kind, kinds[kind].limit)
	if err != nil {
		return fmt.Errorf("count %s entities: %w", kind, err)
	}
	if _, err := tx.Identity(ctx, row.Account, row.Kind, row.Key); err == nil {
		return alreadyExists(kind, row.Name)
	} else if !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("look up %s: %w", kind, err)
	}
	if count == kinds[kind].limit {
		return quotaExceeded(kinds[kind].quota, count)
	}
	if err := tx.InsertIdentity(ctx, row); err != nil {
		return fmt.Errorf("insert %s: %w", kind, err)
	}
	return nil
}

// amend changes something of an entity that exists, or refuses with NoSuchEntity.
// do may change the row's name, path and detail, and whatever belongs to it.
func (s *Identities) amend(ctx context.Context, account string, kind Kind, name string, do func(ctx context.Context, tx *store.Tx, row *store.Identity) error) error {
	return s.change(ctx, account, func(ctx context.Context, tx *store.Tx) error {
		before, err := find(ctx, tx, account, kind, name)
		if err != nil {
			return err
		}
		row := before
		if err := do(ctx, tx, &row); err != nil {
			return err
		}
		row.Key = keyOf(row.Name)
		if row == before {
			return nil
		}
		if row.Key != before.Key {
			if _, err := tx.Identity(ctx, account, row.Kind, row.Key); err == nil {
				return alreadyExists(kind, row.Name)
			} else if !errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("look up %s: %w", kind, err)
			}
		}
		if err := tx.UpdateIdentity(ctx, row); err != nil {
			return fmt.Errorf("update %s: %w", kind, err)
		}
		return nil
	})
}

// remove deletes an entity after what check says, which refuses with
// DeleteConflict while something belongs to it.
func (s *Identities) remove(ctx context.Context, account string, kind Kind, name string, check func(ctx context.Context, tx *store.Tx, row store.Identity) error) error {
	return s.change(ctx, account, func(ctx context.Context, tx *store.Tx) error {
		row, err := find(ctx, tx, account, kind, name)
		if err != nil {
			return err
		}
		if err := check(ctx, tx, row); err != nil {
			return err
		}
		if err := tx.DeleteIdentity(ctx, row.ID); err != nil {
			return fmt.Errorf("delete %s: %w", kind, err)
		}
		return nil
	})
}

func encodeDetail(detail any) (string, error) {
	if detail == nil {
		return "{}", nil
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return "", fmt.Errorf("encode detail: %w", err)
	}
	return string(text), nil
}

func decodeDetail[T any](row store.Identity) (detail T, err error) {
	if err := json.Unmarshal([]byte(row.Detail), &detail); err != nil {
		return detail, fmt.Errorf("decode detail of %s %s: %w", row.Kind, row.ID, err)
	}
	return detail, nil
}

// DefaultMaxItems is how much a page has that asks for no size.
const DefaultMaxItems = 100

// A Page says which part of a list to return.
type Page struct {
	// Marker is where the page before ended; empty begins.
	Marker string
	// MaxItems is 1 to 1000; zero is [DefaultMaxItems].
	MaxItems int
	// PathPrefix narrows a list of entities to their paths; empty does not.
	PathPrefix string
}

// after opens the marker.
func (p Page) after() (string, error) {
	after, err := base64.RawURLEncoding.Strict().DecodeString(p.Marker)
	if err != nil {
		return "", refuse(CodeValidationError, "Invalid Marker.")
	}
	return string(after), nil
}

func (p Page) size() int {
	if p.MaxItems == 0 {
		return DefaultMaxItems
	}
	return p.MaxItems
}

// paginate reads one more than the page holds, by a list that goes on after a
// key, and returns the page and the marker of the next; empty is the end.
func paginate[T any](p Page, key func(T) string, read func(after string, limit int) ([]T, error)) (items []T, next string, err error) {
	after, err := p.after()
	if err != nil {
		return nil, "", err
	}
	size := p.size()
	items, err = read(after, size+1)
	if err != nil {
		return nil, "", fmt.Errorf("list: %w", err)
	}
	if len(items) <= size {
		return items, "", nil
	}
	items = items[:size]
	return items, markerOf(key(items[size-1])), nil
}

// markerOf returns the marker of the page after the one that ends with a key.
func markerOf(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// rows returns a page of an account's entities of a kind, in the order of their
// names without case.
func (s *Identities) rows(ctx context.Context, account string, kind Kind, p Page) (rows []store.Identity, next string, err error) {
	return paginate(p, func(row store.Identity) string { return row.Key }, func(after string, limit int) ([]store.Identity, error) {
		return s.store.Identities(ctx, store.PageOfIdentities{
			Account: account, Kind: string(kind), After: after,
			PathFrom: p.PathPrefix, PathTo: p.PathPrefix + afterASCII, Limit: limit,
		})
	})
}

// Paths are ASCII: what begins with a prefix comes before the prefix and this.
const afterASCII = "\u0080"
