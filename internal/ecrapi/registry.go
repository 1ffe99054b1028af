package ecrapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/iam"
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
