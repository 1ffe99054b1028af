package iamapi

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
)

// authorizeOn asks whether the caller may take an action on the entity of a
// name in its own account, which it returns. The entity's path, and its tags
// where it has any, count; one that does not exist is asked for at the root's
// path, and that is what a refusal names, so that those who may not learn
// whether there is one are refused alike. keys are the further condition keys of
// the request and may be nil.
func (a *API) authorizeOn(ctx context.Context, action string, kind identity.Kind, name string, keys iam.Keys) (account string, err error) {
	account = callerOf(ctx).Principal.Account
	resource := identity.EntityARN(account, kind, "/", name)
	entity, err := a.identities.Find(ctx, account, kind, name)
	exists := err == nil
	if exists {
		resource = entity.ARN()
	} else if !identity.IsRefusal(err, identity.CodeNoSuchEntity) {
		return "", err
	}
	var failed error
	err = a.authorize(ctx, action, resource, account, func() iam.Keys {
		all := maps.Clone(keys)
		if all == nil {
			all = iam.Keys{}
		}
		if exists && kind != identity.Group {
			failed = a.addEntityKeys(ctx, all, entity)
		}
		return all
	})
	if failed != nil && !identity.IsRefusal(failed, identity.CodeNoSuchEntity) {
		return "", failed
	}
	if denied, ok := errors.AsType[*iam.DeniedError](err); ok {
		told := *denied
		told.Request.Resource = identity.EntityARN(account, kind, "/", name)
		return "", &told
	}
	return account, err
}

// addEntityKeys adds what counts of a user or role: its tags, and, unless the
// request sets another, its permissions boundary, so that a right may be limited
// to those that have one.
func (a *API) addEntityKeys(ctx context.Context, keys iam.Keys, e identity.Entity) error {
	tags, err := a.identities.Tags(ctx, e.Account, e.Kind, e.Name)
	if err != nil {
		return err
	}
	addResourceTags(keys, tags)
	boundary, err := a.identities.Boundary(ctx, e.ID)
	for key, values := range boundaryKeys(boundary) {
		if _, set := keys[key]; !set {
			keys[key] = values
		}
	}
	return err
}

// addResourceTags adds the tags of an entity, and to the keys of tags that a
// request sets or removes those of them under the keys that they have: TEAM in a
// request is team in the entity, and so it is to a policy that protects team.
func addResourceTags(keys iam.Keys, tags []identity.Tag) {
	named := keys["aws:tagkeys"]
	for _, tag := range tags {
		keys.Add("aws:ResourceTag/"+tag.Key, tag.Value)
		keys.Add("iam:ResourceTag/"+tag.Key, tag.Value)
		folded := strings.ToLower(tag.Key)
		for _, name := range named {
			if name != tag.Key && strings.ToLower(name) == folded {
				keys["aws:tagkeys"] = append(slices.Clip(keys["aws:tagkeys"]), tag.Key)
			}
		}
	}
}

// authorizeNew asks whether the caller may create an entity in its own account,
// which it returns.
func (a *API) authorizeNew(ctx context.Context, action string, kind identity.Kind, path, name string, keys iam.Keys) (account string, err error) {
	account = callerOf(ctx).Principal.Account
	if path == "" {
		path = "/"
	}
	return account, a.authorize(ctx, action, identity.EntityARN(account, kind, path, name), account, func() iam.Keys { return keys })
}

// policyKeys are the condition keys of a request about a managed policy.
func policyKeys(arn string) iam.Keys { return iam.Keys{"iam:policyarn": {arn}} }

// boundaryKeys are the condition keys of a request that sets a permissions
// boundary; an empty ARN sets none.
func boundaryKeys(arn string) iam.Keys {
	if arn == "" {
		return nil
	}
	return iam.Keys{"iam:permissionsboundary": {arn}}
}

// tagKeys adds to keys those of a request that brings tags.
func tagKeys(keys iam.Keys, tags []awsiam.Tag) iam.Keys {
	all := iam.Keys{}
	maps.Copy(all, keys)
	for _, tag := range tags {
		all.Add("aws:RequestTag/"+tag.Key, value(tag.Value))
		all.Add("aws:TagKeys", tag.Key)
	}
	return all
}

// untagKeys are the condition keys of a request that removes tags.
func untagKeys(names []string) iam.Keys { return iam.Keys{"aws:tagkeys": names} }

// authorizeList asks whether the caller may list the entities of a kind under a
// path in its own account, which it returns.
func (a *API) authorizeList(ctx context.Context, action string, kind identity.Kind, pathPrefix *string) (account string, err error) {
	prefix := value(pathPrefix)
	if prefix == "" {
		prefix = "/"
	}
	return a.authorizeAtHome(ctx, action, identity.EntityARN(callerOf(ctx).Principal.Account, kind, prefix, ""))
}

// authorizeRename asks whether the caller may take an action on an entity by
// its name, and on what it is to become; empty ones stay.
func (a *API) authorizeRename(ctx context.Context, action string, kind identity.Kind, name, newName, newPath string) (account string, err error) {
	account, err = a.authorizeOn(ctx, action, kind, name, nil)
	if err != nil {
		return "", err
	}
	entity, err := a.identities.Find(ctx, account, kind, name)
	if err != nil {
		return "", err
	}
	return a.authorizeNew(ctx, action, kind, cmp.Or(newPath, entity.Path), cmp.Or(newName, entity.Name), nil)
}

// authorizePolicy asks whether the caller may take an action on a managed
// policy. Its own account is asked, which it returns; a policy of AWS is as one
// of its own, and that of another account is that one's to allow. keys are the
// further condition keys of the request and may be nil.
func (a *API) authorizePolicy(ctx context.Context, action, arn string, keys iam.Keys) (account string, err error) {
	return a.authorizeARN(ctx, action, arn, keys, func(account string) ([]identity.Tag, error) {
		policy, err := a.identities.PolicyInfo(ctx, account, arn)
		return policy.Tags, err
	})
}

// authorizeProvider is authorizePolicy for an OIDC provider.
func (a *API) authorizeProvider(ctx context.Context, action, arn string, keys iam.Keys) (account string, err error) {
	return a.authorizeARN(ctx, action, arn, keys, func(account string) ([]identity.Tag, error) {
		provider, err := a.identities.OIDCProviderInfo(ctx, account, arn)
		return provider.Tags, err
	})
}

func (a *API) authorizeARN(ctx context.Context, action, arn string, keys iam.Keys, tagsIn func(account string) ([]identity.Tag, error)) (account string, err error) {
	account = callerOf(ctx).Principal.Account
	owner, _, _, ok := identity.ParseEntityARN(arn)
	if !ok || identity.IsAWSManaged(arn) {
		owner = account
	}
	var failed error
	err = a.authorize(ctx, action, arn, owner, func() iam.Keys {
		all := maps.Clone(keys)
		if all == nil {
			all = iam.Keys{}
		}
		tags, err := tagsIn(account)
		if _, refused := errors.AsType[*identity.Error](err); !refused {
			failed = err
		}
		addResourceTags(all, tags)
		return all
	})
	if failed != nil {
		return "", failed
	}
	return account, err
}
