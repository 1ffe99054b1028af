package iamapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/identity"
)

func loginProfileOf(p identity.LoginProfile) *awsiam.LoginProfile {
	return &awsiam.LoginProfile{UserName: p.UserName, PasswordResetRequired: &p.ResetRequired, CreateDate: awsiam.Timestamp{Time: p.CreatedAt}}
}

// notForRoot refuses what the account's root has not: a login profile.
func notForRoot(user string) error {
	if user == "" {
		return &identity.Error{Code: identity.CodeValidationError, Message: "Must specify userName when calling with non-User credentials"}
	}
	return nil
}

// CreateLoginProfile implements [awsiam.Service]. Without a name it is about the caller.
func (s *iamService) CreateLoginProfile(ctx context.Context, in *awsiam.CreateLoginProfileRequest) (*awsiam.CreateLoginProfileResponse, error) {
	account, user, err := s.authorizeOnUser(ctx, "iam:CreateLoginProfile", in.UserName)
	if err != nil {
		return nil, err
	}
	if err := notForRoot(user); err != nil {
		return nil, err
	}
	profile, err := s.identities.CreateLoginProfile(ctx, account, user, value(in.Password), value(in.PasswordResetRequired))
	if err != nil {
		return nil, err
	}
	return &awsiam.CreateLoginProfileResponse{LoginProfile: loginProfileOf(profile)}, nil
}

// GetLoginProfile implements [awsiam.Service]. Without a name it is about the caller.
func (s *iamService) GetLoginProfile(ctx context.Context, in *awsiam.GetLoginProfileRequest) (*awsiam.GetLoginProfileResponse, error) {
	account, user, err := s.authorizeOnUser(ctx, "iam:GetLoginProfile", in.UserName)
	if err != nil {
		return nil, err
	}
	if err := notForRoot(user); err != nil {
		return nil, err
	}
	profile, err := s.identities.LoginProfile(ctx, account, user)
	if err != nil {
		return nil, err
	}
	return &awsiam.GetLoginProfileResponse{LoginProfile: loginProfileOf(profile)}, nil
}

// UpdateLoginProfile implements [awsiam.Service].
func (s *iamService) UpdateLoginProfile(ctx context.Context, in *awsiam.UpdateLoginProfileRequest) error {
	account, err := s.authorizeOn(ctx, "iam:UpdateLoginProfile", identity.User, in.UserName, nil)
	if err != nil {
		return err
	}
	return s.identities.UpdateLoginProfile(ctx, account, in.UserName, value(in.Password), in.PasswordResetRequired)
}

// DeleteLoginProfile implements [awsiam.Service]. Without a name it is about the caller.
func (s *iamService) DeleteLoginProfile(ctx context.Context, in *awsiam.DeleteLoginProfileRequest) error {
	account, user, err := s.authorizeOnUser(ctx, "iam:DeleteLoginProfile", in.UserName)
	if err != nil {
		return err
	}
	if err := notForRoot(user); err != nil {
		return err
	}
	return s.identities.DeleteLoginProfile(ctx, account, user)
}

// ChangePassword implements [awsiam.Service]. It is about the caller.
func (s *iamService) ChangePassword(ctx context.Context, in *awsiam.ChangePasswordRequest) error {
	_, user, err := s.authorizeOnUser(ctx, "iam:ChangePassword", nil)
	if err != nil {
		return err
	}
	if user == "" {
		return &identity.Error{Code: identity.CodeInvalidUserType, Message: "Only IAM Users can change their own password"}
	}
	return s.identities.ChangePassword(ctx, callerOf(ctx).Principal.UserID, in.OldPassword, in.NewPassword)
}
