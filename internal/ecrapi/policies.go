package ecrapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/iam"
)

// SetRepositoryPolicy implements [ecr.Service] (spec B.2, 49).
func (a *api) SetRepositoryPolicy(ctx context.Context, in *ecr.SetRepositoryPolicyRequest) (*ecr.SetRepositoryPolicyResponse, error) {
	name, err := a.repository(ctx, iam.SetRepositoryPolicy, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	again := a.question(ctx, iam.SetRepositoryPolicy, name.ARN(), name.Registry)
	err = a.registry.SetRepositoryPolicy(ctx, name, *in.PolicyText, func(ctx context.Context, policy *iam.Document) (iam.Pins, error) {
		return a.authorizer.CheckRepositoryPolicy(ctx, again, policy, value(in.Force))
	}, callerOf(ctx).Principal.ARN)
	if err != nil {
		return nil, err
	}
	return &ecr.SetRepositoryPolicyResponse{RegistryId: name.Registry.Account, RepositoryName: name.Name, PolicyText: *in.PolicyText}, nil
}

// GetRepositoryPolicy implements [ecr.Service] (spec B.2, 32).
func (a *api) GetRepositoryPolicy(ctx context.Context, in *ecr.GetRepositoryPolicyRequest) (*ecr.GetRepositoryPolicyResponse, error) {
	name, err := a.repository(ctx, iam.GetRepositoryPolicy, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	text, err := a.registry.RepositoryPolicy(ctx, name)
	if err != nil {
		return nil, err
	}
	return &ecr.GetRepositoryPolicyResponse{RegistryId: name.Registry.Account, RepositoryName: name.Name, PolicyText: text}, nil
}

// DeleteRepositoryPolicy implements [ecr.Service] (spec B.2, 14).
func (a *api) DeleteRepositoryPolicy(ctx context.Context, in *ecr.DeleteRepositoryPolicyRequest) (*ecr.DeleteRepositoryPolicyResponse, error) {
	name, err := a.repository(ctx, iam.DeleteRepositoryPolicy, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	text, err := a.registry.DeleteRepositoryPolicy(ctx, name, callerOf(ctx).Principal.ARN)
	if err != nil {
		return nil, err
	}
	return &ecr.DeleteRepositoryPolicyResponse{RegistryId: name.Registry.Account, RepositoryName: name.Name, PolicyText: text}, nil
}

// PutRegistryPolicy implements [ecr.Service] (spec B.2, 44).
func (a *api) PutRegistryPolicy(ctx context.Context, in *ecr.PutRegistryPolicyRequest) (*ecr.PutRegistryPolicyResponse, error) {
	id, err := a.authorizeAtHome(ctx, iam.PutRegistryPolicy)
	if err != nil {
		return nil, err
	}
	if err := a.registry.PutRegistryPolicy(ctx, id, *in.PolicyText, a.authorizer.CheckRegistryPolicy, callerOf(ctx).Principal.ARN); err != nil {
		return nil, err
	}
	return &ecr.PutRegistryPolicyResponse{RegistryId: id.Account, PolicyText: *in.PolicyText}, nil
}

// GetRegistryPolicy implements [ecr.Service] (spec B.2, 30).
func (a *api) GetRegistryPolicy(ctx context.Context, _ *ecr.GetRegistryPolicyRequest) (*ecr.GetRegistryPolicyResponse, error) {
	id, err := a.authorizeAtHome(ctx, iam.GetRegistryPolicy)
	if err != nil {
		return nil, err
	}
	text, err := a.registry.RegistryPolicy(ctx, id)
	if err != nil {
		return nil, err
	}
	return &ecr.GetRegistryPolicyResponse{RegistryId: id.Account, PolicyText: text}, nil
}

// DeleteRegistryPolicy implements [ecr.Service] (spec B.2, 11).
func (a *api) DeleteRegistryPolicy(ctx context.Context, _ *ecr.DeleteRegistryPolicyRequest) (*ecr.DeleteRegistryPolicyResponse, error) {
	id, err := a.authorizeAtHome(ctx, iam.DeleteRegistryPolicy)
	if err != nil {
		return nil, err
	}
	text, err := a.registry.DeleteRegistryPolicy(ctx, id, callerOf(ctx).Principal.ARN)
	if err != nil {
		return nil, err
	}
	return &ecr.DeleteRegistryPolicyResponse{RegistryId: id.Account, PolicyText: text}, nil
}
