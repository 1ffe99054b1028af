package kms

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nifuda/nifuda/internal/store"
)

// maxTags is how many tags a key may have.
const maxTags = 50

// A Tag is a label of a key.
type Tag = store.ResourceTag

// mergeTags returns tags with others set. It refuses with [CodeTag] or
// [CodeLimitExceeded].
func mergeTags(tags, more []Tag) ([]Tag, error) {
	seen := map[string]bool{}
	for _, tag := range more {
		switch {
		case strings.HasPrefix(strings.ToLower(tag.Key), "aws:"):
			return nil, refuse(CodeTag, "Tag keys may not begin with aws:, which is reserved: %s", tag.Key)
		case seen[tag.Key]:
			return nil, refuse(CodeTag, "Duplicate tag keys: %s", tag.Key)
		}
		seen[tag.Key] = true
	}
	all := slices.DeleteFunc(slices.Clone(tags), func(tag Tag) bool { return seen[tag.Key] })
	if len(all)+len(more) > maxTags {
		return nil, refuse(CodeLimitExceeded, "A key has at most %d tags.", maxTags)
	}
	return append(all, more...), nil
}

// SetTags sets tags of a key and leaves its others.
func (s *Service) SetTags(ctx context.Context, id KeyID, tags []Tag) error {
	_, err := s.manage(ctx, id, func(ctx context.Context, tx *store.Tx, _ *store.KMSKey) error {
		now, err := tx.KMSTags(ctx, id.ID)
		if err != nil {
			return fmt.Errorf("list tags: %w", err)
		}
		if _, err := mergeTags(now, tags); err != nil {
			return err
		}
		for _, tag := range tags {
			if err := tx.PutKMSTag(ctx, id.ID, tag); err != nil {
				return fmt.Errorf("put tag: %w", err)
			}
		}
		return nil
	})
	return err
}

// RemoveTags removes tags of a key, by their keys.
func (s *Service) RemoveTags(ctx context.Context, id KeyID, keys []string) error {
	_, err := s.manage(ctx, id, func(ctx context.Context, tx *store.Tx, _ *store.KMSKey) error {
		for _, key := range keys {
			if err := tx.DeleteKMSTag(ctx, id.ID, key); err != nil {
				return fmt.Errorf("delete tag: %w", err)
			}
		}
		return nil
	})
	return err
}

// Tags returns a page of a key's tags.
func (s *Service) Tags(ctx context.Context, id KeyID, p Page) (tags []Tag, next string, err error) {
	if _, err := s.state(ctx, id); err != nil {
		return nil, "", err
	}
	return paginate(p, func(tag Tag) string { return tag.Key }, func(after string, limit int) ([]Tag, error) {
		all, err := s.store.KMSTags(ctx, id.ID)
		first, _ := slices.BinarySearchFunc(all, after, func(tag Tag, key string) int {
			if tag.Key <= key {
				return -1
			}
			return 1
		})
		return all[first:min(len(all), first+limit)], err
	})
}
