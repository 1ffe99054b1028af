package kmsapi

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/awskms"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/kms"
)

// authorize asks a question, with the condition keys that every request has and
// further ones, which may be nil.
func (a *api) authorize(ctx context.Context, q iam.Request, further iam.Keys) error {
	if err := a.authorizer.Authorize(ctx, a.completed(ctx, q, further)); err != nil {
		return fmt.Errorf("authorize %s: %w", q.Action, err)
	}
	return nil
}

func (a *api) completed(ctx context.Context, q iam.Request, further iam.Keys) iam.Request {
	c, own := callerOf(ctx), q.Keys
	q.Keys = func() iam.Keys {
		keys := authn.Conditions(c.request, c.Region, a.now())
		if own != nil {
			maps.Copy(keys, own())
		}
		maps.Copy(keys, further)
		return keys
	}
	return q
}

// authorizeAtHome asks for an action that touches no key. It returns where the
// caller is.
func (a *api) authorizeAtHome(ctx context.Context, action string, further iam.Keys) (kms.Place, error) {
	c := callerOf(ctx)
	return c.home(), a.authorize(ctx, iam.Request{Principal: c.Principal, Action: action, Resource: "*", ResourceAccount: c.Principal.Account}, further)
}

// authorizeAlias asks for an action on an alias of the caller's account.
func (a *api) authorizeAlias(ctx context.Context, action, name string) error {
	c := callerOf(ctx)
	return a.authorize(ctx, iam.Request{
		Principal: c.Principal, Action: action, Resource: c.home().AliasARN(name), ResourceAccount: c.Principal.Account,
	}, nil)
}

// managed returns the key that a request names to change or look at it, by its id
// or ARN, if the caller may take the action on it. It is a key of the caller's
// account.
func (a *api) managed(ctx context.Context, action, name string, further iam.Keys) (kms.KeyID, error) {
	id, err := a.anyones(ctx, action, name, further)
	if err == nil && id.Account != callerOf(ctx).Principal.Account {
		// The API has no such operation across accounts, whatever policies say.
		err = &iam.DeniedError{Request: iam.Request{Principal: callerOf(ctx).Principal, Action: action, Resource: id.ARN(), ResourceAccount: id.Account}}
	}
	return id, err
}

// anyones is managed for an operation that is there for keys of other accounts
// too.
func (a *api) anyones(ctx context.Context, action, name string, further iam.Keys) (kms.KeyID, error) {
	c := callerOf(ctx)
	id, err := kms.Resolve(c.home(), name)
	if err != nil {
		return id, err
	}
	return id, a.authorize(ctx, a.keys.Question(kms.Use{Principal: c.Principal, Action: action, Key: kms.Reference{KeyID: id}}), further)
}

// A use is what a request wants to do with a key that it names, in any of the
// ways to name one.
type use struct {
	action, key string
	context     map[string]string
	grantTokens []string
	further     iam.Keys
}

// used returns the key that a request names to use it, if the caller may. The key
// that AWS manages is made at its first use.
func (a *api) used(ctx context.Context, u use) (kms.KeyID, error) {
	if err := kms.CheckTokens(u.grantTokens); err != nil {
		return kms.KeyID{}, err
	}
	c := callerOf(ctx)
	key, err := a.keys.ResolveAny(ctx, c.home(), u.key)
	if err != nil {
		return kms.KeyID{}, err
	}
	question := kms.Use{Principal: c.Principal, Action: u.action, Key: key, Context: u.context}
	err = a.authorize(ctx, a.keys.Question(question), u.further)
	if err != nil || !key.IsMissing() {
		return key.KeyID, err
	}
	if !key.IsUnmade() || key.Account != c.Principal.Account {
		return kms.KeyID{}, key.Missing()
	}
	if question.Key.KeyID, err = a.keys.Managed(ctx, key.Place); err != nil {
		return kms.KeyID{}, err
	}
	return question.Key.KeyID, a.authorize(ctx, a.keys.Question(question), u.further)
}

// usedByID is used for a key that is known already.
func (a *api) usedByID(ctx context.Context, u use, id kms.KeyID) error {
	if err := kms.CheckTokens(u.grantTokens); err != nil {
		return err
	}
	question := kms.Use{Principal: callerOf(ctx).Principal, Action: u.action, Key: kms.Reference{KeyID: id}, Context: u.context}
	return a.authorize(ctx, a.keys.Question(question), u.further)
}

// tagConditions are the condition keys of a request that sets tags.
func tagConditions(tags []awskms.Tag) iam.Keys {
	keys := iam.Keys{}
	for _, tag := range tags {
		keys.Add("aws:RequestTag/"+tag.TagKey, value(tag.TagValue))
		keys.Add("aws:TagKeys", tag.TagKey)
	}
	return keys
}

// untagConditions are the condition keys of a request that removes tags.
func untagConditions(names []string) iam.Keys {
	if len(names) == 0 {
		return nil
	}
	return iam.Keys{"aws:tagkeys": names}
}

// lockoutConditions tell whether a request sets a policy without the check for a
// lock-out.
func lockoutConditions(bypass *bool) iam.Keys {
	return iam.Keys{"kms:bypasspolicylockoutsafetycheck": {strconv.FormatBool(value(bypass))}}
}
