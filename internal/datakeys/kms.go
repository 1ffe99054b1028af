package datakeys

import (
	"context"
	"errors"
	"fmt"

	"github.com/nifuda/nifuda/internal/kms"
	"github.com/nifuda/nifuda/internal/registry"
)

// Check implements [registry.DataKeys].
func (k *Keys) Check(ctx context.Context, keeper registry.Keeper) error {
	if keeper.RepositoryID == "" {
		return nil
	}
	_, err := k.usable(ctx, keeper)
	return err
}

// Establish implements [registry.DataKeys].
func (k *Keys) Establish(ctx context.Context, keeper registry.Keeper) (registry.Encryption, registry.RepositoryKey, error) {
	encryption := keeper.Encryption
	id, err := k.customersKey(ctx, keeper)
	if err != nil {
		return encryption, registry.RepositoryKey{}, explain(err)
	}
	encryption.KMSKey = id.ARN()
	key := registry.RepositoryKey{Context: keeper.Repository.ARN()}
	if key.Grants, err = k.grant(ctx, id, keeper, key.Context); err != nil {
		return encryption, key, explain(err)
	}
	if key.Wrapped, err = k.wrapNew(ctx, id, keeper, key); err != nil {
		return encryption, key, explain(errors.Join(err, k.retire(context.WithoutCancel(ctx), id, key.Grants)))
	}
	return encryption, key, nil
}

// customersKey returns the key that a repository names, or the one that AWS
// manages for those that name none.
func (k *Keys) customersKey(ctx context.Context, keeper registry.Keeper) (kms.KeyID, error) {
	at := placeOf(keeper)
	if keeper.Encryption.KMSKey == "" {
		return k.KMS.Managed(ctx, at)
	}
	key, err := k.KMS.ResolveAny(ctx, at, keeper.Encryption.KMSKey)
	switch {
	case err != nil:
		return kms.KeyID{}, err
	case key.IsUnmade() && key.Place == at:
		return k.KMS.Managed(ctx, at)
	case key.IsMissing():
		return kms.KeyID{}, key.Missing()
	}
	return key.KeyID, k.KMS.Check(ctx, key.KeyID)
}

func placeOf(keeper registry.Keeper) kms.Place {
	return kms.Place{Account: keeper.Repository.Registry.Account, Region: keeper.Repository.Registry.Region}
}

// grant makes the grants of a repository, all or none.
func (k *Keys) grant(ctx context.Context, id kms.KeyID, keeper registry.Keeper, arn string) (grants []string, err error) {
	for _, terms := range kms.RepositoryGrants(placeOf(keeper), arn) {
		made, err := k.KMS.CreateGrant(ctx, id, terms)
		if err != nil {
			return nil, errors.Join(err, k.retire(context.WithoutCancel(ctx), id, grants))
		}
		grants = append(grants, made.ID)
	}
	return grants, nil
}

// Renew implements [registry.DataKeys].
func (k *Keys) Renew(ctx context.Context, keeper registry.Keeper, key registry.RepositoryKey) (registry.RepositoryKey, error) {
	id, err := kms.Resolve(placeOf(keeper), keeper.Encryption.KMSKey)
	if err != nil {
		return key, explain(err)
	}
	if key.Grants, err = k.grant(ctx, id, keeper, key.Context); err != nil {
		return key, explain(err)
	}
	k.opened.Remove(keeper.RepositoryID)
	return key, nil
}

// Release implements [registry.DataKeys].
func (k *Keys) Release(ctx context.Context, keeper registry.Keeper, key registry.RepositoryKey) error {
	k.opened.Remove(keeper.RepositoryID)
	id, err := kms.Resolve(placeOf(keeper), keeper.Encryption.KMSKey)
	if err != nil {
		return err
	}
	return k.retire(ctx, id, key.Grants)
}

// retire ends grants. One that has ended already is as it should be.
func (k *Keys) retire(ctx context.Context, id kms.KeyID, grants []string) error {
	var errs []error
	for _, grant := range grants {
		err := k.KMS.RemoveGrant(ctx, id, grant)
		if kms.IsRefusal(err, kms.CodeInvalidGrantID) {
			continue
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// explain returns an error of KMS as callers of the registry are told it.
func explain(err error) error {
	if refused, ok := errors.AsType[*kms.Error](err); ok {
		return registry.KmsRefusal(string(refused.Code), refused.Message)
	}
	if err != nil {
		return fmt.Errorf("KMS: %w", err)
	}
	return nil
}
