package iamapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/sts"
)

// AssumeRoleWithWebIdentity implements [sts.Service]. The token proves who calls,
// and the role's trust policy decides alone.
func (s *stsService) AssumeRoleWithWebIdentity(ctx context.Context, in *sts.AssumeRoleWithWebIdentityRequest) (*sts.AssumeRoleWithWebIdentityResponse, error) {
	if in.ProviderId != nil {
		return nil, &identity.Error{Code: identity.CodeValidationError, Message: "ProviderId is only for OAuth 2.0 access tokens, which are not supported by this registry."}
	}
	begun, err := s.identities.AssumeRoleWithWebIdentity(ctx, in.WebIdentityToken, identity.RoleSession{
		RoleARN: in.RoleArn, Name: in.RoleSessionName, Duration: seconds(in.DurationSeconds),
		Policy: value(in.Policy), PolicyARNs: arnsOf(in.PolicyArns),
		Region: callerOf(ctx).Region, Keys: s.requestKeys(ctx),
	})
	if err != nil {
		return nil, err
	}
	httpx.RecordOf(ctx).Principal = begun.Principal.ARN
	return &sts.AssumeRoleWithWebIdentityResponse{
		Credentials:                 credentialsOf(begun.Credentials),
		AssumedRoleUser:             assumedRoleUser(begun.Principal),
		PackedPolicySize:            packedSize(begun.PackedSize),
		SubjectFromWebIdentityToken: begun.Subject,
		Audience:                    begun.Audience,
		Provider:                    begun.Issuer,
	}, nil
}
