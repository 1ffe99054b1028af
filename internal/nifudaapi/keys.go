package nifudaapi

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/kms"
	"github.com/nifuda/nifuda/internal/registry"
)

// authorizeKey asks whether the caller may give a customer's key to a repository
// again: whoever has lost that right, or whose grants were revoked, does not get
// it back by deleting the repository and restoring it. Keys that AWS manages are
// for everyone.
func (a *api) authorizeKey(ctx context.Context, n registry.RepositoryName, key registry.RestorationKey) error {
	at := kms.Place{Account: n.Registry.Account, Region: n.Registry.Region}
	id, err := kms.Resolve(at, key.KMSKey)
	if err != nil {
		return explainKey(err)
	}
	described, err := a.Keys.Describe(ctx, id)
	if err != nil {
		return explainKey(err)
	}
	if described.Manager == kms.AWS {
		return nil
	}
	c := callOf(ctx)
	for _, use := range kms.RepositoryUses(c.Principal, kms.Reference{KeyID: id}, kms.RepositoryGrants(at, key.Context)) {
		question := a.Keys.Question(use)
		own := question.Keys
		question.Keys = func() iam.Keys {
			keys := authn.Conditions(c.request, c.Region, a.Now())
			maps.Copy(keys, own())
			return keys
		}
		if err := a.Authorizer.Authorize(ctx, question); err != nil {
			return explainKey(fmt.Errorf("authorize %s: %w", use.Action, err))
		}
	}
	return nil
}

// explainKey tells a refusal of KMS, or of the caller's rights there, as one of
// the repository's key.
func explainKey(err error) error {
	if refused, ok := errors.AsType[*kms.Error](err); ok {
		return registry.KmsRefusal(string(refused.Code), refused.Message)
	}
	if denied, ok := errors.AsType[*iam.DeniedError](err); ok {
		return registry.KmsRefusal(string(kms.CodeAccessDenied), denied.Error())
	}
	return err
}
