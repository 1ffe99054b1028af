package kmsapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/awskms"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/kms"
)

// CreateAlias implements [awskms.Service]. It needs the permission on the alias
// and on the key.
func (a *api) CreateAlias(ctx context.Context, in *awskms.CreateAliasRequest) error {
	id, err := a.authorizeTarget(ctx, iam.CreateAlias, in.AliasName, in.TargetKeyId)
	if err != nil {
		return err
	}
	return a.keys.CreateAlias(ctx, id, in.AliasName)
}

// authorizeTarget asks for an action on an alias and on the key that it is to
// mean, which it returns.
func (a *api) authorizeTarget(ctx context.Context, action, alias, target string) (kms.KeyID, error) {
	if err := a.authorizeAlias(ctx, action, alias); err != nil {
		return kms.KeyID{}, err
	}
	if err := kms.CheckAliasName(alias); err != nil {
		return kms.KeyID{}, err
	}
	return a.managed(ctx, action, target, nil)
}

// authorizeOld asks for an action on the key that an alias means now. It returns
// the alias.
func (a *api) authorizeOld(ctx context.Context, action, name string) (kms.Alias, error) {
	alias, err := a.keys.Alias(ctx, callerOf(ctx).home(), name)
	if err == nil {
		_, err = a.managed(ctx, action, alias.Key.ARN(), nil)
	}
	return alias, err
}

// UpdateAlias implements [awskms.Service]. It needs the permission on the alias,
// on the key that it means and on the one that it is to mean.
func (a *api) UpdateAlias(ctx context.Context, in *awskms.UpdateAliasRequest) error {
	id, err := a.authorizeTarget(ctx, iam.UpdateAlias, in.AliasName, in.TargetKeyId)
	if err != nil {
		return err
	}
	alias, err := a.authorizeOld(ctx, iam.UpdateAlias, in.AliasName)
	if err != nil {
		return err
	}
	return a.keys.MoveAlias(ctx, alias, id)
}

// DeleteAlias implements [awskms.Service]. It needs the permission on the alias
// and on its key.
func (a *api) DeleteAlias(ctx context.Context, in *awskms.DeleteAliasRequest) error {
	if err := a.authorizeAlias(ctx, iam.DeleteAlias, in.AliasName); err != nil {
		return err
	}
	if err := kms.CheckAliasName(in.AliasName); err != nil {
		return err
	}
	alias, err := a.authorizeOld(ctx, iam.DeleteAlias, in.AliasName)
	if err != nil {
		return err
	}
	return a.keys.DeleteAlias(ctx, alias)
}

// ListAliases implements [awskms.Service].
func (a *api) ListAliases(ctx context.Context, in *awskms.ListAliasesRequest) (*awskms.ListAliasesResponse, error) {
	home, err := a.authorizeAtHome(ctx, iam.ListAliases, nil)
	if err != nil {
		return nil, err
	}
	var aliases []kms.Alias
	var next string
	if in.KeyId == nil {
		aliases, next, err = a.keys.Aliases(ctx, home, page(in.Limit, in.Marker))
	} else {
		var id kms.KeyID
		if id, err = kms.Resolve(home, *in.KeyId); err == nil && id.Place != home {
			err = refuse(kms.CodeNotFound, "Key '"+id.ARN()+"' does not exist")
		}
		if err == nil {
			aliases, next, err = a.keys.AliasesOf(ctx, id, page(in.Limit, in.Marker))
		}
	}
	if err != nil {
		return nil, err
	}
	out := &awskms.ListAliasesResponse{Aliases: make([]awskms.AliasListEntry, len(aliases)), NextMarker: next, Truncated: new(next != "")}
	for i, alias := range aliases {
		out.Aliases[i] = awskms.AliasListEntry{
			AliasName: alias.Name, AliasArn: alias.ARN(), TargetKeyId: alias.Key.ID,
			CreationDate: awskms.Timestamp{Time: alias.CreatedAt}, LastUpdatedDate: awskms.Timestamp{Time: alias.UpdatedAt},
		}
	}
	return out, nil
}
