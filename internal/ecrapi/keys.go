package ecrapi

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

// Keys are the KMS keys that repositories are encrypted with. [kms.Service] is
// one.
type Keys interface {
	// ResolveAny returns the key that a name means at a place.
	ResolveAny(ctx context.Context, at kms.Place, name string) (kms.Reference, error)
	// Question is what an authorizer is to be asked before a key is used.
	Question(u kms.Use) iam.Request
}

// repositoryEncryption returns the encryption of a repository to create with the
// ARN of the key that the request names, if the caller may give the key to ECR:
// look at it, and make and retire grants. Without a name it is the key that AWS
// manages, which is for everyone.
func (a *api) repositoryEncryption(ctx context.Context, n registry.RepositoryName, asked registry.Encryption) (registry.Encryption, error) {
	if asked.KMSKey == "" || asked.Type == registry.AES256 || a.keys == nil {
		return asked, nil
	}
	at := kms.Place{Account: n.Registry.Account, Region: n.Registry.Region}
	key, err := a.keys.ResolveAny(ctx, at, asked.KMSKey)
	if err != nil {
		return asked, explainKey(err)
	}
	if key.IsUnmade() && key.Place == at {
		asked.KMSKey = ""
		return asked, nil
	}
	if err := a.authorizeKey(ctx, key, kms.RepositoryGrants(at, n.ARN())); err != nil {
		return asked, explainKey(err)
	}
	if key.IsMissing() {
		return asked, explainKey(key.Missing())
	}
	asked.KMSKey = key.ARN()
	return asked, nil
}

// authorizeKey asks whether the caller may have ECR make grants of a key.
func (a *api) authorizeKey(ctx context.Context, key kms.Reference, grants []kms.Terms) error {
	c := callerOf(ctx)
	for _, use := range kms.RepositoryUses(c.Principal, key, grants) {
		question := a.keys.Question(use)
		own := question.Keys
		question.Keys = func() iam.Keys {
			keys := authn.Conditions(c.request, c.Region, a.now())
			maps.Copy(keys, own())
			return keys
		}
		if err := a.authorizer.Authorize(ctx, question); err != nil {
			return fmt.Errorf("authorize %s: %w", use.Action, err)
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
