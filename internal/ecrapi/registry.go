package ecrapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/registry"
)

// DescribeRegistry implements [ecr.Service] (spec B.2, 22). Nothing is
// replicated yet, so there are no rules.
func (a *api) DescribeRegistry(ctx context.Context, _ *ecr.DescribeRegistryRequest) (*ecr.DescribeRegistryResponse, error) {
	id, err := a.authorizeAtHome(ctx, iam.DescribeRegistry)
	if err != nil {
		return nil, err
	}
	return &ecr.DescribeRegistryResponse{
		RegistryId:               id.Account,
		ReplicationConfiguration: &ecr.ReplicationConfiguration{Rules: []ecr.ReplicationRule{}},
	}, nil
}

// GetAccountSetting implements [ecr.Service] (spec B.2, 25). It knows one setting
// more than ECR.
func (a *api) GetAccountSetting(ctx context.Context, in *ecr.GetAccountSettingRequest) (*ecr.GetAccountSettingResponse, error) {
	id, err := a.authorizeAtHome(ctx, iam.GetAccountSetting, withSetting(in.Name))
	if err != nil {
		return nil, err
	}
	value, err := a.registry.AccountSetting(ctx, id, registry.AccountSetting(in.Name))
	if err != nil {
		return nil, err
	}
	return &ecr.GetAccountSettingResponse{Name: in.Name, Value: value}, nil
}

// PutAccountSetting implements [ecr.Service] (spec B.2, 39).
func (a *api) PutAccountSetting(ctx context.Context, in *ecr.PutAccountSettingRequest) (*ecr.PutAccountSettingResponse, error) {
	id, err := a.authorizeAtHome(ctx, iam.PutAccountSetting, withSetting(in.Name))
	if err != nil {
		return nil, err
	}
	if err := a.registry.PutAccountSetting(ctx, id, registry.AccountSetting(in.Name), *in.Value, callerOf(ctx).Principal.ARN); err != nil {
		return nil, err
	}
	return &ecr.PutAccountSettingResponse{Name: in.Name, Value: *in.Value}, nil
}
