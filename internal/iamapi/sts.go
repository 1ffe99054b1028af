package iamapi

import (
	"context"
	"errors"
	"time"

	"github.com/nifuda/nifuda/internal/awsquery"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/sts"
)

// GetCallerIdentity answers everyone who can sign: no policy is asked.
func (*stsService) GetCallerIdentity(ctx context.Context, _ *sts.GetCallerIdentityRequest) (*sts.GetCallerIdentityResponse, error) {
	p := callerOf(ctx).Principal
	return &sts.GetCallerIdentityResponse{Account: p.Account, Arn: p.ARN, UserId: p.UserID}, nil
}

func credentialsOf(c identity.Credentials) *sts.Credentials {
	return &sts.Credentials{
		AccessKeyId: c.AccessKeyID, SecretAccessKey: c.Secret, SessionToken: c.SessionToken, Expiration: sts.Timestamp{Time: c.Expires},
	}
}

func seconds(n *int32) time.Duration { return time.Duration(value(n)) * time.Second }

// mfaUnsupported refuses to look at a code of a device that nobody can have here.
func mfaUnsupported(serial, code *string) error {
	if serial == nil && code == nil {
		return nil
	}
	return &identity.Error{Code: identity.CodeAccessDenied, Message: "MultiFactorAuthentication failed with invalid MFA one time pass code."}
}

// GetSessionToken implements [sts.Service]. No policy is asked: the credentials
// may do what the caller may.
func (s *stsService) GetSessionToken(ctx context.Context, in *sts.GetSessionTokenRequest) (*sts.GetSessionTokenResponse, error) {
	if err := mfaUnsupported(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	credentials, err := s.identities.OwnSession(ctx, callerOf(ctx).Principal, seconds(in.DurationSeconds))
	if err != nil {
		return nil, err
	}
	return &sts.GetSessionTokenResponse{Credentials: credentialsOf(credentials)}, nil
}

// GetAccessKeyInfo implements [sts.Service].
func (s *stsService) GetAccessKeyInfo(ctx context.Context, in *sts.GetAccessKeyInfoRequest) (*sts.GetAccessKeyInfoResponse, error) {
	if _, err := s.authorizeAtHome(ctx, "sts:GetAccessKeyInfo", "*"); err != nil {
		return nil, err
	}
	account, err := s.identities.KeyAccount(ctx, in.AccessKeyId)
	if errors.Is(err, identity.ErrUnknownKey) {
		if caller := callerOf(ctx).Principal; caller.AccessKeyID == in.AccessKeyId {
			return &sts.GetAccessKeyInfoResponse{Account: caller.Account}, nil
		}
		return nil, &identity.Error{Code: identity.CodeValidationError, Message: "Invalid access key ID"}
	}
	if err != nil {
		return nil, err
	}
	return &sts.GetAccessKeyInfoResponse{Account: account}, nil
}

// AssumeRole implements [sts.Service]. The role's trust policy decides together
// with the caller's own.
func (s *stsService) AssumeRole(ctx context.Context, in *sts.AssumeRoleRequest) (*sts.AssumeRoleResponse, error) {
	if err := mfaUnsupported(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	if len(in.ProvidedContexts) > 0 {
		return nil, &identity.Error{Code: identity.CodeValidationError, Message: "ProvidedContexts are not supported by this registry."}
	}
	caller := callerOf(ctx)
	begun, err := s.identities.AssumeRole(ctx, caller.Principal, identity.RoleSession{
		RoleARN: in.RoleArn, Name: in.RoleSessionName, Duration: seconds(in.DurationSeconds),
		Policy: value(in.Policy), PolicyARNs: arnsOf(in.PolicyArns),
		Tags:              each(in.Tags, func(tag sts.Tag) identity.Tag { return identity.Tag{Key: tag.Key, Value: value(tag.Value)} }),
		TransitiveTagKeys: in.TransitiveTagKeys,
		SourceIdentity:    value(in.SourceIdentity), ExternalID: value(in.ExternalId),
		Region: caller.Region, Keys: s.requestKeys(ctx),
	})
	if errors.Is(err, identity.ErrUnknownPrincipal) { // gone since it signed
		return nil, &awsquery.Error{Code: "InvalidClientTokenId", Message: "The security token included in the request is invalid.", Status: 403}
	}
	if err != nil {
		return nil, err
	}
	return &sts.AssumeRoleResponse{
		Credentials:      credentialsOf(begun.Credentials),
		AssumedRoleUser:  assumedRoleUser(begun.Principal),
		PackedPolicySize: packedSize(begun.PackedSize),
		SourceIdentity:   begun.SourceIdentity,
	}, nil
}

func arnsOf(policies []sts.PolicyDescriptorType) []string {
	return each(policies, func(p sts.PolicyDescriptorType) string { return value(p.Arn) })
}

func assumedRoleUser(p iam.Principal) *sts.AssumedRoleUser {
	return &sts.AssumedRoleUser{Arn: p.ARN, AssumedRoleId: p.UserID}
}

func packedSize(percent int) *int32 {
	if percent == 0 {
		return nil
	}
	size := int32(min(percent, 100))
	return &size
}
