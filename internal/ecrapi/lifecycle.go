package ecrapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/iam"
)

// PutLifecyclePolicy implements [ecr.Service] (spec B.2, 43).
func (a *api) PutLifecyclePolicy(ctx context.Context, in *ecr.PutLifecyclePolicyRequest) (*ecr.PutLifecyclePolicyResponse, error) {
	name, err := a.repository(ctx, iam.PutLifecyclePolicy, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if err := a.registry.PutLifecyclePolicy(ctx, name, in.LifecyclePolicyText, callerOf(ctx).Principal.ARN); err != nil {
		return nil, err
	}
	return &ecr.PutLifecyclePolicyResponse{
		RegistryId: name.Registry.Account, RepositoryName: name.Name, LifecyclePolicyText: in.LifecyclePolicyText,
	}, nil
}

// GetLifecyclePolicy implements [ecr.Service] (spec B.2, 28).
func (a *api) GetLifecyclePolicy(ctx context.Context, in *ecr.GetLifecyclePolicyRequest) (*ecr.GetLifecyclePolicyResponse, error) {
	name, err := a.repository(ctx, iam.GetLifecyclePolicy, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	policy, err := a.registry.LifecyclePolicy(ctx, name)
	if err != nil {
		return nil, err
	}
	return &ecr.GetLifecyclePolicyResponse{
		RegistryId: name.Registry.Account, RepositoryName: name.Name,
		LifecyclePolicyText: policy.Text, LastEvaluatedAt: ecr.Timestamp{Time: policy.EvaluatedAt},
	}, nil
}

// DeleteLifecyclePolicy implements [ecr.Service] (spec B.2, 9).
func (a *api) DeleteLifecyclePolicy(ctx context.Context, in *ecr.DeleteLifecyclePolicyRequest) (*ecr.DeleteLifecyclePolicyResponse, error) {
	name, err := a.repository(ctx, iam.DeleteLifecyclePolicy, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	policy, err := a.registry.DeleteLifecyclePolicy(ctx, name, callerOf(ctx).Principal.ARN)
	if err != nil {
		return nil, err
	}
	return &ecr.DeleteLifecyclePolicyResponse{
		RegistryId: name.Registry.Account, RepositoryName: name.Name,
		LifecyclePolicyText: policy.Text, LastEvaluatedAt: ecr.Timestamp{Time: policy.EvaluatedAt},
	}, nil
}
