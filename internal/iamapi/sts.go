package iamapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/sts"
)

// GetCallerIdentity answers everyone who can sign: no policy is asked.
func (*stsService) GetCallerIdentity(ctx context.Context, _ *sts.GetCallerIdentityRequest) (*sts.GetCallerIdentityResponse, error) {
	p := callerOf(ctx).Principal
	return &sts.GetCallerIdentityResponse{Account: p.Account, Arn: p.ARN, UserId: p.UserID}, nil
}
