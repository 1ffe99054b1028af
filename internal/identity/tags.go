package identity

import (
	"context"
	"fmt"
	"strings"

	"github.com/nifuda/nifuda/internal/store"
)

// A Tag is a key and value on an entity. Keys of one entity differ in more than case.
type Tag = store.ResourceTag

// MaxTags is how many tags an entity may have.
const MaxTags = 50

// Tags returns the tags of a user, role, policy or OIDC provider, in the order
// of their keys without case.
func (s *Identities) Tags(ctx context.Context, account string, kind Kind, name string) ([]Tag, error) {
	row, err := find(ctx, s.store, account, kind, name)
	if err != nil {
		return nil, err
	}
	tags, err := s.store.IdentityTags(ctx, row.ID)
	if err != nil {
		return nil, fmt.Errorf("read tags: %w", err)
	}
	return tags, nil
}

// SetTags adds tags to an entity or changes their values. It refuses with
// NoSuchEntity, InvalidInput or LimitExceeded.
func (s *Identities) SetTags(ctx context.Context, account string, kind Kind, name string, tags []Tag) error {
	if err := validateTags(tags); err != nil {
		return err
	}
	return s.amend(ctx, account, kind, name, func(ctx context.Context, tx *store.Tx, row *store.Identity) error {
		if err := putTags(ctx, tx, row.ID, tags); err != nil {
			return err
		}
		all, err := tx.IdentityTags(ctx, row.ID)
		if err != nil {
			return fmt.Errorf("read tags: %w", err)
		}
		if len(all) > MaxTags {
			return tooManyTags(kind)
		}
		return nil
	})
}

// RemoveTags takes tags from an entity, by their keys in any case; what is not
// there stays away.
func (s *Identities) RemoveTags(ctx context.Context, account string, kind Kind, name string, keys []string) error {
	return s.amend(ctx, account, kind, name, func(ctx context.Context, tx *store.Tx, row *store.Identity) error {
		for _, key := range keys {
			if err := tx.DeleteIdentityTag(ctx, row.ID, keyOf(key)); err != nil {
				return fmt.Errorf("delete tag: %w", err)
			}
		}
		return nil
	})
}

func putTags(ctx context.Context, tx *store.Tx, id string, tags []Tag) error {
	for _, tag := range tags {
		if err := tx.PutIdentityTag(ctx, id, keyOf(tag.Key), tag); err != nil {
			return fmt.Errorf("put tag: %w", err)
		}
	}
	return nil
}

// validateTags refuses keys of AWS's own, keys that come twice, and too many.
func validateTags(tags []Tag) error {
	if len(tags) > MaxTags {
		return refuse(CodeInvalidInput, "The number of tags exceeds the maximum of %d.", MaxTags)
	}
	seen := map[string]bool{}
	for _, tag := range tags {
		key := keyOf(tag.Key)
		if strings.HasPrefix(key, "aws:") {
			return refuse(CodeInvalidInput, "aws: prefixed tag key names are not allowed for external use.")
		}
		if seen[key] {
			return refuse(CodeInvalidInput, "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[key] = true
	}
	return nil
}

func tooManyTags(kind Kind) *Error {
	return quotaExceeded("TagsPer"+strings.ToUpper(string(kind[:1]))+string(kind[1:]), MaxTags)
}

// PageOfTags is [Identities.Tags] page by page.
func (s *Identities) PageOfTags(ctx context.Context, account string, kind Kind, name string, p Page) (tags []Tag, next string, err error) {
	all, err := s.Tags(ctx, account, kind, name)
	if err != nil {
		return nil, "", err
	}
	return paginate(p, func(tag Tag) string { return keyOf(tag.Key) }, func(after string, limit int) ([]Tag, error) {
		for len(all) > 0 && keyOf(all[0].Key) <= after {
			all = all[1:]
		}
		return all[:min(len(all), limit)], nil
	})
}
