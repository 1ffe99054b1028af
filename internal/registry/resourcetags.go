package registry

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/nifuda/nifuda/internal/store"
)

// A ResourceTag is a key and value that a user puts on a repository.
type ResourceTag struct{ Key, Value string }

// A repository has at most this many resource tags (spec C.10).
const maxResourceTags = 50

// resourceTagText is what keys and values are made of (spec B.0, Tag).
var resourceTagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// TagRepository sets resource tags; others stay. It refuses with
// InvalidTagParameter, TooManyTags and RepositoryNotFound.
func (r *Registry) TagRepository(ctx context.Context, n RepositoryName, tags []ResourceTag) error {
	if err := validateResourceTags(tags); err != nil {
		return err
	}
	defer r.protections.change(n)()
	err := r.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		// Two callers must not exceed the limit together.
		row, err := tx.LockRepository(ctx, n.Registry.Account, n.Registry.Region, n.Name)
		if err != nil {
			return err
		}
		set, err := tx.ResourceTags(ctx, row.ID)
		if err != nil {
			return err
		}
		for _, t := range tags {
			if err := checkSpelling(t.Key, set); err != nil {
				return err
			}
			if err := tx.PutResourceTag(ctx, row.ID, store.ResourceTag(t)); err != nil {
				return err
			}
		}
		all, err := tx.ResourceTags(ctx, row.ID)
		if err == nil && len(all) > maxResourceTags {
			return tooManyTags()
		}
		return err
	})
	return r.explain("tag repository", n, err)
}

// UntagRepository removes resource tags; keys that are not there are ignored.
// It refuses with InvalidTagParameter, TooManyTags and RepositoryNotFound.
func (r *Registry) UntagRepository(ctx context.Context, n RepositoryName, keys []string) error {
	for _, key := range keys {
		if err := validateResourceTagKey(key); err != nil {
			return err
		}
	}
	if len(keys) > maxResourceTags {
		return tooManyTags()
	}
	defer r.protections.change(n)()
	err := r.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		id, err := tx.RepositoryID(ctx, n.Registry.Account, n.Registry.Region, n.Name)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if err := tx.DeleteResourceTag(ctx, id, key); err != nil {
				return err
			}
		}
		return nil
	})
	return r.explain("untag repository", n, err)
}

// RepositoryTags returns a repository's resource tags in the order of their keys.
func (r *Registry) RepositoryTags(ctx context.Context, n RepositoryName) ([]ResourceTag, error) {
	id, err := r.repositoryID(ctx, n)
	if err != nil {
		return nil, err
	}
	rows, err := r.store.ResourceTags(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("list resource tags: %w", err)
	}
	tags := make([]ResourceTag, len(rows))
	for i, row := range rows {
		tags[i] = ResourceTag(row)
	}
	return tags, nil
}

func validateResourceTags(tags []ResourceTag) error {
	seen := map[string]string{} // by key in lower case
	for _, t := range tags {
		if err := validateResourceTagKey(t.Key); err != nil {
			return err
		}
		other, known := seen[strings.ToLower(t.Key)]
		switch {
		case utf8.RuneCountInString(t.Value) > 256:
			return refuse(CodeInvalidTagParameter, "The value of the tag with key '%s' must have a length of at most 256 characters", t.Key)
		case !resourceTagText.MatchString(t.Value):
			return illegalTagCharacter(t.Key)
		case known && other == t.Key:
			return refuse(CodeInvalidTagParameter, "The tag key '%s' is given more than once", t.Key)
		case known:
			return differInCase(t.Key, other)
		}
		seen[strings.ToLower(t.Key)] = t.Key
	}
	if len(tags) > maxResourceTags {
		return tooManyTags()
	}
	return nil
}

// checkSpelling refuses a key that differs from one that is set in case only.
// The condition keys that policies compare tags by are without case: the value
// of team would be that of TEAM for who may not set team.
func checkSpelling(key string, set []store.ResourceTag) error {
	folded := strings.ToLower(key)
	for _, t := range set {
		if t.Key != key && strings.ToLower(t.Key) == folded {
			return differInCase(key, t.Key)
		}
	}
	return nil
}

func differInCase(key, other string) *Error {
	return refuse(CodeInvalidTagParameter, "The tag keys '%s' and '%s' differ in case only, which policies cannot tell apart", key, other)
}

func validateResourceTagKey(key string) error {
	switch {
	case key == "" || utf8.RuneCountInString(key) > 128:
		return refuse(CodeInvalidTagParameter, "The tag key '%s' must have a length between 1 and 128 characters", key)
	case len(key) >= 4 && strings.EqualFold(key[:4], "aws:"):
		return refuse(CodeInvalidTagParameter, "The tag key '%s' must not begin with aws:, which is reserved", key)
	case !resourceTagText.MatchString(key):
		return illegalTagCharacter(key)
	}
	return nil
}

func illegalTagCharacter(key string) *Error {
	return refuse(CodeInvalidTagParameter, "The tag with key '%s' has a character other than letters, digits, spaces and _.:/=+-@", key)
}

func tooManyTags() *Error {
	return refuse(CodeTooManyTags, "The number of tags exceeds the limit of %d tags per repository", maxResourceTags)
}
