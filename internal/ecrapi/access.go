package ecrapi

import (
	"context"
	"fmt"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/registry"
)

// A detail adds to a question what some policies ask beyond who, what and where.
type detail func(*question)

// A question is asked of the authorizer.
type question struct {
	iam.Request
	keys []func(iam.Keys)
}

// withTags tells which resource tags a request sets (aws:RequestTag, aws:TagKeys).
func withTags(tags []ecr.Tag) detail {
	return withKeys(func(keys iam.Keys) {
		names := make([]string, len(tags))
		for i, t := range tags {
			names[i] = *t.Key
			keys.Add("aws:RequestTag/"+*t.Key, *t.Value)
		}
		addTagKeys(keys, names)
	})
}

// withTagKeys tells which resource tags a request removes.
func withTagKeys(names []string) detail {
	return withKeys(func(keys iam.Keys) { addTagKeys(keys, names) })
}

// addTagKeys leaves the key out of a request without tags.
func addTagKeys(keys iam.Keys, names []string) {
	if len(names) > 0 {
		keys["aws:tagkeys"] = names
	}
}

// withSetting tells which account setting a request is about.
func withSetting(name string) detail {
	return withKeys(func(keys iam.Keys) { keys["ecr:accountsetting"] = []string{name} })
}

func withKeys(add func(iam.Keys)) detail {
	return func(q *question) { q.keys = append(q.keys, add) }
}

// withImageTags tells the tags of the images that a request is about.
func withImageTags(tags func(ctx context.Context) ([][]string, error)) detail {
	return func(q *question) { q.ImageTags = tags }
}

// authorize asks whether the caller may take an action on a resource of a
// registry. It comes before anything is looked up.
func (a *api) authorize(ctx context.Context, action, resource string, owner registry.ID, details ...detail) error {
	if err := a.authorizer.Authorize(ctx, a.question(ctx, action, resource, owner, details...)); err != nil {
		return fmt.Errorf("authorize %s: %w", action, err)
	}
	return nil
}

func (a *api) question(ctx context.Context, action, resource string, owner registry.ID, details ...detail) iam.Request {
	caller := callerOf(ctx)
	q := question{Request: iam.Request{
		Principal:       caller.Principal,
		Action:          action,
		Resource:        resource,
		ResourceAccount: owner.Account,
	}}
	for _, detail := range details {
		detail(&q)
	}
	q.Keys = func() iam.Keys {
		keys := authn.Conditions(caller.request, caller.Region, a.now())
		for _, add := range q.keys {
			add(keys)
		}
		return keys
	}
	return q.Request
}

// tagOf is the tag that a request itself names.
func tagOf(tag *string) func(context.Context) ([][]string, error) {
	return func(context.Context) ([][]string, error) {
		if tag == nil {
			return [][]string{nil}, nil
		}
		return [][]string{{*tag}}, nil
	}
}

// pulledTags are the tags of images to get: the one that an identifier names, or
// all that its digest is known by.
func (a *api) pulledTags(n registry.RepositoryName, ids []ecr.ImageIdentifier) func(context.Context) ([][]string, error) {
	return func(ctx context.Context) ([][]string, error) {
		all := make([][]string, len(ids))
		for i, id := range ids {
			switch {
			case id.ImageTag != nil:
				all[i] = []string{*id.ImageTag}
			case id.ImageDigest != nil:
				tags, err := a.registry.PulledTags(ctx, n, *id.ImageDigest)
				if err != nil {
					return nil, err
				}
				all[i] = tags
			}
		}
		return all, nil
	}
}
