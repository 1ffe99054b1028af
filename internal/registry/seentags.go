package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nifuda/nifuda/internal/store"
)

// Indexes of indexes are followed this far from an image up.
const maxIndexDepth = 4

// PulledTags returns the tags by which an image can be said to be pulled: its
// own, and those of the indexes that it is a part of. There are none for what
// does not exist.
func (r *Registry) PulledTags(ctx context.Context, n RepositoryName, digest string) ([]string, error) {
	repositoryID, err := r.store.RepositoryID(ctx, n.Registry.Account, n.Registry.Region, n.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find repository: %w", err)
	}
	images := []string{digest}
	for depth, from := 0, 0; depth < maxIndexDepth && from < len(images); depth++ {
		level := images[from:]
		from = len(images)
		for _, image := range level {
			parents, err := r.store.Parents(ctx, repositoryID, image)
			if err != nil {
				return nil, fmt.Errorf("find indexes of image: %w", err)
			}
			for _, parent := range parents {
				if !slices.Contains(images, parent) {
					images = append(images, parent)
				}
			}
		}
	}
	return r.tagNames(ctx, repositoryID, images)
}

func (r *Registry) tagNames(ctx context.Context, repositoryID string, digests []string) ([]string, error) {
	tags, err := r.store.TagsOf(ctx, repositoryID, digests)
	if err != nil {
		return nil, fmt.Errorf("list tags of image: %w", err)
	}
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = t.Name
	}
	return names, nil
}

// SeenTags are the tags of an image that whoever decides about its deletion has
// seen. A deletion with them takes place only while the image has no others, so
// that a tag which arrives in between is not deleted by who may not.
type SeenTags struct {
	registry *Registry
	n        RepositoryName
	digest   string
	seen     bool
	tags     []string
}

// SeenTags returns the tags of an image, not seen yet.
func (r *Registry) SeenTags(n RepositoryName, digest string) *SeenTags {
	return &SeenTags{registry: r, n: n, digest: digest}
}

// See returns the tags. There are none for what does not exist.
func (s *SeenTags) See(ctx context.Context) ([]string, error) {
	repositoryID, err := s.registry.store.RepositoryID(ctx, s.n.Registry.Account, s.n.Registry.Region, s.n.Name)
	if errors.Is(err, store.ErrNotFound) {
		s.seen, s.tags = true, nil
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find repository: %w", err)
	}
	if s.tags, err = s.registry.tagNames(ctx, repositoryID, []string{s.digest}); err != nil {
		return nil, err
	}
	s.seen = true
	return s.tags, nil
}

// allow refuses to delete an image whose tags are not those that were seen. One
// of several tags may have gone, but not the last: of an image without tags
// something else may be true. Tags that nobody looked at allow everything.
func (s *SeenTags) allow(tags []store.Tag) error {
	if s == nil || !s.seen || len(tags) == 0 && len(s.tags) == 0 {
		return nil
	}
	unseen := func(t store.Tag) bool { return !slices.Contains(s.tags, t.Name) }
	if len(tags) == 0 || slices.ContainsFunc(tags, unseen) {
		return refuse(CodeTagsChanged, "The tags of the image with digest '%s' in the repository with name '%s' have changed. Try again.", s.digest, s.n.Name)
	}
	return nil
}

// TagsToDelete returns what a batch of deletions is about, one by one: the tag that
// an id names, or each of its digest, which are seen with it.
func TagsToDelete(ids []ImageID, seen []*SeenTags) func(context.Context) ([][]string, error) {
	return func(ctx context.Context) ([][]string, error) {
		var all [][]string
		for i, id := range ids {
			if id.Tag != "" {
				all = append(all, []string{id.Tag})
				continue
			}
			tags, err := seen[i].See(ctx)
			if err != nil {
				return nil, err
			}
			for _, tag := range tags {
				all = append(all, []string{tag})
			}
			if len(tags) == 0 {
				all = append(all, nil)
			}
		}
		return all, nil
	}
}
