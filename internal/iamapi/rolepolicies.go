package iamapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/identity"
)

// PutRolePolicy implements [awsiam.Service].
func (s *iamService) PutRolePolicy(ctx context.Context, in *awsiam.PutRolePolicyRequest) error {
	account, err := s.authorizeOn(ctx, "iam:PutRolePolicy", identity.Role, in.RoleName, nil)
	if err != nil {
		return err
	}
	return s.identities.PutInlinePolicy(ctx, account, identity.Role, in.RoleName, in.PolicyName, in.PolicyDocument)
}

// GetRolePolicy implements [awsiam.Service].
func (s *iamService) GetRolePolicy(ctx context.Context, in *awsiam.GetRolePolicyRequest) (*awsiam.GetRolePolicyResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:GetRolePolicy", identity.Role, in.RoleName, nil)
	if err != nil {
		return nil, err
	}
	document, err := s.identities.InlinePolicy(ctx, account, identity.Role, in.RoleName, in.PolicyName)
	if err != nil {
		return nil, err
	}
	return &awsiam.GetRolePolicyResponse{RoleName: in.RoleName, PolicyName: in.PolicyName, PolicyDocument: encodedDocument(document)}, nil
}

// ListRolePolicies implements [awsiam.Service].
func (s *iamService) ListRolePolicies(ctx context.Context, in *awsiam.ListRolePoliciesRequest) (*awsiam.ListRolePoliciesResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:ListRolePolicies", identity.Role, in.RoleName, nil)
	if err != nil {
		return nil, err
	}
	names, next, err := s.identities.InlinePolicies(ctx, account, identity.Role, in.RoleName, pageOf(in.Marker, in.MaxItems, nil))
	if err != nil {
		return nil, err
	}
	return &awsiam.ListRolePoliciesResponse{PolicyNames: each(names, itself), IsTruncated: truncated(next), Marker: next}, nil
}

// DeleteRolePolicy implements [awsiam.Service].
func (s *iamService) DeleteRolePolicy(ctx context.Context, in *awsiam.DeleteRolePolicyRequest) error {
	account, err := s.authorizeOn(ctx, "iam:DeleteRolePolicy", identity.Role, in.RoleName, nil)
	if err != nil {
		return err
	}
	return s.identities.DeleteInlinePolicy(ctx, account, identity.Role, in.RoleName, in.PolicyName)
}

// AttachRolePolicy implements [awsiam.Service].
func (s *iamService) AttachRolePolicy(ctx context.Context, in *awsiam.AttachRolePolicyRequest) error {
	account, err := s.authorizeOn(ctx, "iam:AttachRolePolicy", identity.Role, in.RoleName, policyKeys(in.PolicyArn))
	if err != nil {
		return err
	}
	return s.identities.Attach(ctx, account, identity.Role, in.RoleName, in.PolicyArn)
}

// DetachRolePolicy implements [awsiam.Service].
func (s *iamService) DetachRolePolicy(ctx context.Context, in *awsiam.DetachRolePolicyRequest) error {
	account, err := s.authorizeOn(ctx, "iam:DetachRolePolicy", identity.Role, in.RoleName, policyKeys(in.PolicyArn))
	if err != nil {
		return err
	}
	return s.identities.Detach(ctx, account, identity.Role, in.RoleName, in.PolicyArn)
}

// ListAttachedRolePolicies implements [awsiam.Service].
func (s *iamService) ListAttachedRolePolicies(ctx context.Context, in *awsiam.ListAttachedRolePoliciesRequest) (*awsiam.ListAttachedRolePoliciesResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:ListAttachedRolePolicies", identity.Role, in.RoleName, nil)
	if err != nil {
		return nil, err
	}
	policies, next, err := s.identities.AttachedPolicies(ctx, account, identity.Role, in.RoleName, pageOf(in.Marker, in.MaxItems, in.PathPrefix))
	if err != nil {
		return nil, err
	}
	return &awsiam.ListAttachedRolePoliciesResponse{AttachedPolicies: attachedOf(policies), IsTruncated: truncated(next), Marker: next}, nil
}
