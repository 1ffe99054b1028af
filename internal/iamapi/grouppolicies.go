package iamapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/identity"
)

// PutGroupPolicy implements [awsiam.Service].
func (s *iamService) PutGroupPolicy(ctx context.Context, in *awsiam.PutGroupPolicyRequest) error {
	account, err := s.authorizeOn(ctx, "iam:PutGroupPolicy", identity.Group, in.GroupName, nil)
	if err != nil {
		return err
	}
	return s.identities.PutInlinePolicy(ctx, account, identity.Group, in.GroupName, in.PolicyName, in.PolicyDocument)
}

// GetGroupPolicy implements [awsiam.Service].
func (s *iamService) GetGroupPolicy(ctx context.Context, in *awsiam.GetGroupPolicyRequest) (*awsiam.GetGroupPolicyResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:GetGroupPolicy", identity.Group, in.GroupName, nil)
	if err != nil {
		return nil, err
	}
	document, err := s.identities.InlinePolicy(ctx, account, identity.Group, in.GroupName, in.PolicyName)
	if err != nil {
		return nil, err
	}
	return &awsiam.GetGroupPolicyResponse{GroupName: in.GroupName, PolicyName: in.PolicyName, PolicyDocument: encodedDocument(document)}, nil
}

// ListGroupPolicies implements [awsiam.Service].
func (s *iamService) ListGroupPolicies(ctx context.Context, in *awsiam.ListGroupPoliciesRequest) (*awsiam.ListGroupPoliciesResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:ListGroupPolicies", identity.Group, in.GroupName, nil)
	if err != nil {
		return nil, err
	}
	names, next, err := s.identities.InlinePolicies(ctx, account, identity.Group, in.GroupName, pageOf(in.Marker, in.MaxItems, nil))
	if err != nil {
		return nil, err
	}
	return &awsiam.ListGroupPoliciesResponse{PolicyNames: each(names, itself), IsTruncated: truncated(next), Marker: next}, nil
}

// DeleteGroupPolicy implements [awsiam.Service].
func (s *iamService) DeleteGroupPolicy(ctx context.Context, in *awsiam.DeleteGroupPolicyRequest) error {
	account, err := s.authorizeOn(ctx, "iam:DeleteGroupPolicy", identity.Group, in.GroupName, nil)
	if err != nil {
		return err
	}
	return s.identities.DeleteInlinePolicy(ctx, account, identity.Group, in.GroupName, in.PolicyName)
}

// AttachGroupPolicy implements [awsiam.Service].
func (s *iamService) AttachGroupPolicy(ctx context.Context, in *awsiam.AttachGroupPolicyRequest) error {
	account, err := s.authorizeOn(ctx, "iam:AttachGroupPolicy", identity.Group, in.GroupName, policyKeys(in.PolicyArn))
	if err != nil {
		return err
	}
	return s.identities.Attach(ctx, account, identity.Group, in.GroupName, in.PolicyArn)
}

// DetachGroupPolicy implements [awsiam.Service].
func (s *iamService) DetachGroupPolicy(ctx context.Context, in *awsiam.DetachGroupPolicyRequest) error {
	account, err := s.authorizeOn(ctx, "iam:DetachGroupPolicy", identity.Group, in.GroupName, policyKeys(in.PolicyArn))
	if err != nil {
		return err
	}
	return s.identities.Detach(ctx, account, identity.Group, in.GroupName, in.PolicyArn)
}

// ListAttachedGroupPolicies implements [awsiam.Service].
func (s *iamService) ListAttachedGroupPolicies(ctx context.Context, in *awsiam.ListAttachedGroupPoliciesRequest) (*awsiam.ListAttachedGroupPoliciesResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:ListAttachedGroupPolicies", identity.Group, in.GroupName, nil)
	if err != nil {
		return nil, err
	}
	policies, next, err := s.identities.AttachedPolicies(ctx, account, identity.Group, in.GroupName, pageOf(in.Marker, in.MaxItems, in.PathPrefix))
	if err != nil {
		return nil, err
	}
	return &awsiam.ListAttachedGroupPoliciesResponse{AttachedPolicies: attachedOf(policies), IsTruncated: truncated(next), Marker: next}, nil
}
