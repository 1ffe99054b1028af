package iamapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/identity"
)

// PutUserPolicy implements [awsiam.Service].
func (s *iamService) PutUserPolicy(ctx context.Context, in *awsiam.PutUserPolicyRequest) error {
	account, err := s.authorizeOn(ctx, "iam:PutUserPolicy", identity.User, in.UserName, nil)
	if err != nil {
		return err
	}
	return s.identities.PutInlinePolicy(ctx, account, identity.User, in.UserName, in.PolicyName, in.PolicyDocument)
}

// GetUserPolicy implements [awsiam.Service].
func (s *iamService) GetUserPolicy(ctx context.Context, in *awsiam.GetUserPolicyRequest) (*awsiam.GetUserPolicyResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:GetUserPolicy", identity.User, in.UserName, nil)
	if err != nil {
		return nil, err
	}
	document, err := s.identities.InlinePolicy(ctx, account, identity.User, in.UserName, in.PolicyName)
	if err != nil {
		return nil, err
	}
	return &awsiam.GetUserPolicyResponse{UserName: in.UserName, PolicyName: in.PolicyName, PolicyDocument: encodedDocument(document)}, nil
}

// ListUserPolicies implements [awsiam.Service].
func (s *iamService) ListUserPolicies(ctx context.Context, in *awsiam.ListUserPoliciesRequest) (*awsiam.ListUserPoliciesResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:ListUserPolicies", identity.User, in.UserName, nil)
	if err != nil {
		return nil, err
	}
	names, next, err := s.identities.InlinePolicies(ctx, account, identity.User, in.UserName, pageOf(in.Marker, in.MaxItems, nil))
	if err != nil {
		return nil, err
	}
	return &awsiam.ListUserPoliciesResponse{PolicyNames: each(names, itself), IsTruncated: truncated(next), Marker: next}, nil
}

// DeleteUserPolicy implements [awsiam.Service].
func (s *iamService) DeleteUserPolicy(ctx context.Context, in *awsiam.DeleteUserPolicyRequest) error {
	account, err := s.authorizeOn(ctx, "iam:DeleteUserPolicy", identity.User, in.UserName, nil)
	if err != nil {
		return err
	}
	return s.identities.DeleteInlinePolicy(ctx, account, identity.User, in.UserName, in.PolicyName)
}

// AttachUserPolicy implements [awsiam.Service].
func (s *iamService) AttachUserPolicy(ctx context.Context, in *awsiam.AttachUserPolicyRequest) error {
	account, err := s.authorizeOn(ctx, "iam:AttachUserPolicy", identity.User, in.UserName, policyKeys(in.PolicyArn))
	if err != nil {
		return err
	}
	return s.identities.Attach(ctx, account, identity.User, in.UserName, in.PolicyArn)
}

// DetachUserPolicy implements [awsiam.Service].
func (s *iamService) DetachUserPolicy(ctx context.Context, in *awsiam.DetachUserPolicyRequest) error {
	account, err := s.authorizeOn(ctx, "iam:DetachUserPolicy", identity.User, in.UserName, policyKeys(in.PolicyArn))
	if err != nil {
		return err
	}
	return s.identities.Detach(ctx, account, identity.User, in.UserName, in.PolicyArn)
}

// ListAttachedUserPolicies implements [awsiam.Service].
func (s *iamService) ListAttachedUserPolicies(ctx context.Context, in *awsiam.ListAttachedUserPoliciesRequest) (*awsiam.ListAttachedUserPoliciesResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:ListAttachedUserPolicies", identity.User, in.UserName, nil)
	if err != nil {
		return nil, err
	}
	policies, next, err := s.identities.AttachedPolicies(ctx, account, identity.User, in.UserName, pageOf(in.Marker, in.MaxItems, in.PathPrefix))
	if err != nil {
		return nil, err
	}
	return &awsiam.ListAttachedUserPoliciesResponse{AttachedPolicies: attachedOf(policies), IsTruncated: truncated(next), Marker: next}, nil
}
