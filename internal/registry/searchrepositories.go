package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/nifuda/nifuda/internal/store"
)

// A RepositorySearch says which repositories of a registry are looked for, and in
// which order. What is empty is no condition.
type RepositorySearch struct {
	Registry   ID
	Name       string // exactly
	Text       string // that the name contains, without regard to case
	Mutability []Mutability
	ScanOnPush *bool
	TagKey     string  // of a resource tag
	TagValue   *string // of it
	Order      RepositoryOrder
	Descending bool
}

// A RepositoryOrder is by what found repositories are put in order.
type RepositoryOrder string

// The orders; "" is ByName.
const (
	ByName      RepositoryOrder = "NAME"
	ByCreatedAt RepositoryOrder = "CREATED_AT"
	ByBytes     RepositoryOrder = "SIZE"
	ByImages    RepositoryOrder = "IMAGES"
)

// A FoundRepository is a repository with how much it holds.
type FoundRepository struct {
	Repository
	Images int64
	Bytes  int64 // of its blobs, each counted once, and of its images' manifests
}

// SearchRepositories returns the repositories that are looked for, at most limit.
func (r *Registry) SearchRepositories(ctx context.Context, in RepositorySearch, after Cursor, limit int) (all []FoundRepository, next Cursor, err error) {
	if in.Order == "" {
		in.Order = ByName
	}
	var last *store.PlacedRepository
	if after != (Cursor{}) {
		if last, err = in.place(after); err != nil {
			return nil, Cursor{}, err
		}
	}
	found, err := r.store.SearchRepositories(ctx, in.filter(), store.RepositoryOrder(in.Order), in.Descending, last, limit+1)
	if err != nil {
		return nil, Cursor{}, fmt.Errorf("search repositories: %w", err)
	}
	if len(found) > limit {
		found = found[:limit]
		next = in.cursor(found[limit-1])
	}
	all, err = r.foundRepositories(ctx, in.Registry, found)
	return all, next, err
}

func (in RepositorySearch) filter() store.RepositoryFilter {
	f := store.RepositoryFilter{
		Account: in.Registry.Account, Region: in.Registry.Region, Name: in.Name, ScanOnPush: in.ScanOnPush, TagKey: in.TagKey, TagValue: in.TagValue,
	}
	if in.Text != "" {
		f.NamePattern = store.Containing(in.Text)
	}
	for _, m := range in.Mutability {
		f.Mutability = append(f.Mutability, string(m))
	}
	return f
}

// foundRepositories returns the repositories at places, in their order. One that
// went meanwhile is left out.
func (r *Registry) foundRepositories(ctx context.Context, id ID, places []store.PlacedRepository) ([]FoundRepository, error) {
	ids := make([]string, len(places))
	for i, p := range places {
		ids[i] = p.ID
	}
	rows, err := r.store.FoundRepositories(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("describe repositories: %w", err)
	}
	byID := make(map[string]store.FoundRepository, len(rows))
	for _, row := range rows {
		byID[row.ID] = row
	}
	all := make([]FoundRepository, 0, len(rows))
	for _, p := range places {
		row, ok := byID[p.ID]
		if !ok || row.Account != id.Account || row.Region != id.Region {
			continue
		}
		repository, err := repositoryOf(row.Repository)
		if err != nil {
			return nil, err
		}
		all = append(all, FoundRepository{Repository: repository, Images: row.Images, Bytes: row.Bytes})
	}
	return all, nil
}

// cursor is the position after a repository of this search, and of no other.
func (in RepositorySearch) cursor(p store.PlacedRepository) Cursor {
	return Cursor{searchKind("repositories", in), fmt.Sprintf("%d/%x", p.Value, p.Name)}
}

func (in RepositorySearch) place(c Cursor) (*store.PlacedRepository, error) {
	var p store.PlacedRepository
	var name string
	_, err := fmt.Sscanf(c.Key, "%d/%s", &p.Value, &name)
	raw, notHex := hex.DecodeString(name)
	if err != nil || notHex != nil || c.Kind != searchKind("repositories", in) {
		return nil, foreignPosition()
	}
	p.Name = string(raw)
	return &p, nil
}

// searchKind is the kind of the positions of a search: each search has its own.
func searchKind(what string, search any) string {
	text, err := json.Marshal(search)
	if err != nil {
		panic(err) // a search has JSON
	}
	sum := sha256.Sum256(text)
	return what + " " + hex.EncodeToString(sum[:8])
}
