package iamapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/identity"
)

func policyOf(p identity.PolicyInfo) awsiam.Policy {
	return awsiam.Policy{
		PolicyName: p.Name, PolicyId: p.ID, Arn: p.ARN(), Path: p.Path, Description: p.Description,
		DefaultVersionId: identity.VersionID(p.DefaultVersion), IsAttachable: new(true),
		AttachmentCount: new(int32(p.Attachments)), PermissionsBoundaryUsageCount: new(int32(p.Boundaries)),
		CreateDate: awsiam.Timestamp{Time: p.CreatedAt}, UpdateDate: awsiam.Timestamp{Time: p.UpdatedAt},
	}
}

// listedPolicyOf is policyOf for a list, where IAM leaves out the description.
func listedPolicyOf(p identity.PolicyInfo) awsiam.Policy {
	p.Description = ""
	return policyOf(p)
}

func wholePolicyOf(p identity.PolicyInfo) *awsiam.Policy {
	policy := policyOf(p)
	policy.Tags = tagsOf(p.Tags)
	return &policy
}

func versionOf(v identity.PolicyVersion) awsiam.PolicyVersion {
	return awsiam.PolicyVersion{
		VersionId: v.ID(), Document: encodedDocument(v.Document), IsDefaultVersion: &v.Default, CreateDate: awsiam.Timestamp{Time: v.CreatedAt},
	}
}

// listedVersionOf is versionOf without the document, which lists do not carry.
func listedVersionOf(v identity.PolicyVersion) awsiam.PolicyVersion {
	version := versionOf(v)
	version.Document = ""
	return version
}

// CreatePolicy implements [awsiam.Service].
func (s *iamService) CreatePolicy(ctx context.Context, in *awsiam.CreatePolicyRequest) (*awsiam.CreatePolicyResponse, error) {
	path, keys := value(in.Path), tagKeys(nil, in.Tags)
	account, err := s.authorizeNew(ctx, "iam:CreatePolicy", identity.Policy, path, in.PolicyName, keys)
	if err != nil {
		return nil, err
	}
	if len(in.Tags) > 0 {
		if _, err := s.authorizeNew(ctx, "iam:TagPolicy", identity.Policy, path, in.PolicyName, keys); err != nil {
			return nil, err
		}
	}
	policy, err := s.identities.CreatePolicy(ctx, identity.NewPolicy{
		Account: account, Name: in.PolicyName, Path: path, Description: value(in.Description), Document: in.PolicyDocument, Tags: tagsFrom(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	made := listedPolicyOf(policy) // as IAM: without the description
	if len(policy.Tags) > 0 {
		made.Tags = tagsOf(policy.Tags)
	}
	return &awsiam.CreatePolicyResponse{Policy: &made}, nil
}

// GetPolicy implements [awsiam.Service].
func (s *iamService) GetPolicy(ctx context.Context, in *awsiam.GetPolicyRequest) (*awsiam.GetPolicyResponse, error) {
	account, err := s.authorizePolicy(ctx, "iam:GetPolicy", in.PolicyArn, nil)
	if err != nil {
		return nil, err
	}
	policy, err := s.identities.PolicyInfo(ctx, account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	return &awsiam.GetPolicyResponse{Policy: wholePolicyOf(policy)}, nil
}

// ListPolicies implements [awsiam.Service].
func (s *iamService) ListPolicies(ctx context.Context, in *awsiam.ListPoliciesRequest) (*awsiam.ListPoliciesResponse, error) {
	account, err := s.authorizeList(ctx, "iam:ListPolicies", identity.Policy, in.PathPrefix)
	if err != nil {
		return nil, err
	}
	scope := value(in.Scope)
	filter := identity.PolicyFilter{
		OwnOnly: scope == awsiam.PolicyScopeTypeLocal, AWSOnly: scope == awsiam.PolicyScopeTypeAws,
		OnlyAttached: value(in.OnlyAttached), Usage: usageFrom(in.PolicyUsageFilter),
	}
	policies, next, err := s.identities.Policies(ctx, account, filter, pageOf(in.Marker, in.MaxItems, in.PathPrefix))
	if err != nil {
		return nil, err
	}
	return &awsiam.ListPoliciesResponse{Policies: each(policies, listedPolicyOf), IsTruncated: truncated(next), Marker: next}, nil
}

func usageFrom(filter *string) identity.PolicyUsage {
	switch value(filter) {
	case awsiam.PolicyUsageTypePermissionsPolicy:
		return identity.PermissionsPolicy
	case awsiam.PolicyUsageTypePermissionsBoundary:
		return identity.PermissionsBoundary
	}
	return ""
}

// DeletePolicy implements [awsiam.Service].
func (s *iamService) DeletePolicy(ctx context.Context, in *awsiam.DeletePolicyRequest) error {
	account, err := s.authorizePolicy(ctx, "iam:DeletePolicy", in.PolicyArn, nil)
	if err != nil {
		return err
	}
	return s.identities.DeletePolicy(ctx, account, in.PolicyArn)
}

// CreatePolicyVersion implements [awsiam.Service].
func (s *iamService) CreatePolicyVersion(ctx context.Context, in *awsiam.CreatePolicyVersionRequest) (*awsiam.CreatePolicyVersionResponse, error) {
	account, err := s.authorizePolicy(ctx, "iam:CreatePolicyVersion", in.PolicyArn, nil)
	if err != nil {
		return nil, err
	}
	version, err := s.identities.CreatePolicyVersion(ctx, account, in.PolicyArn, in.PolicyDocument, value(in.SetAsDefault))
	if err != nil {
		return nil, err
	}
	made := listedVersionOf(version)
	return &awsiam.CreatePolicyVersionResponse{PolicyVersion: &made}, nil
}

// GetPolicyVersion implements [awsiam.Service].
func (s *iamService) GetPolicyVersion(ctx context.Context, in *awsiam.GetPolicyVersionRequest) (*awsiam.GetPolicyVersionResponse, error) {
	account, err := s.authorizePolicy(ctx, "iam:GetPolicyVersion", in.PolicyArn, nil)
	if err != nil {
		return nil, err
	}
	version, err := s.identities.PolicyVersion(ctx, account, in.PolicyArn, in.VersionId)
	if err != nil {
		return nil, err
	}
	found := versionOf(version)
	return &awsiam.GetPolicyVersionResponse{PolicyVersion: &found}, nil
}

// ListPolicyVersions implements [awsiam.Service].
func (s *iamService) ListPolicyVersions(ctx context.Context, in *awsiam.ListPolicyVersionsRequest) (*awsiam.ListPolicyVersionsResponse, error) {
	account, err := s.authorizePolicy(ctx, "iam:ListPolicyVersions", in.PolicyArn, nil)
	if err != nil {
		return nil, err
	}
	versions, next, err := s.identities.PolicyVersions(ctx, account, in.PolicyArn, pageOf(in.Marker, in.MaxItems, nil))
	if err != nil {
		return nil, err
	}
	return &awsiam.ListPolicyVersionsResponse{Versions: each(versions, listedVersionOf), IsTruncated: truncated(next), Marker: next}, nil
}

// SetDefaultPolicyVersion implements [awsiam.Service].
func (s *iamService) SetDefaultPolicyVersion(ctx context.Context, in *awsiam.SetDefaultPolicyVersionRequest) error {
	account, err := s.authorizePolicy(ctx, "iam:SetDefaultPolicyVersion", in.PolicyArn, nil)
	if err != nil {
		return err
	}
	return s.identities.SetDefaultPolicyVersion(ctx, account, in.PolicyArn, in.VersionId)
}

// DeletePolicyVersion implements [awsiam.Service].
func (s *iamService) DeletePolicyVersion(ctx context.Context, in *awsiam.DeletePolicyVersionRequest) error {
	account, err := s.authorizePolicy(ctx, "iam:DeletePolicyVersion", in.PolicyArn, nil)
	if err != nil {
		return err
	}
	return s.identities.DeletePolicyVersion(ctx, account, in.PolicyArn, in.VersionId)
}

// kindsOfFilter are the kinds of entities that can have a policy.
var kindsOfFilter = map[string]identity.Kind{
	awsiam.EntityTypeUser: identity.User, awsiam.EntityTypeGroup: identity.Group, awsiam.EntityTypeRole: identity.Role,
	// No policy has a policy: the filter finds nothing.
	awsiam.EntityTypeLocalManagedPolicy: identity.Policy, awsiam.EntityTypeAWSManagedPolicy: identity.Policy,
}

// ListEntitiesForPolicy implements [awsiam.Service].
func (s *iamService) ListEntitiesForPolicy(ctx context.Context, in *awsiam.ListEntitiesForPolicyRequest) (*awsiam.ListEntitiesForPolicyResponse, error) {
	account, err := s.authorizePolicy(ctx, "iam:ListEntitiesForPolicy", in.PolicyArn, nil)
	if err != nil {
		return nil, err
	}
	filter := identity.HolderFilter{Kind: kindsOfFilter[value(in.EntityFilter)], Usage: usageFrom(in.PolicyUsageFilter)}
	holders, next, err := s.identities.PolicyHolders(ctx, account, in.PolicyArn, filter, pageOf(in.Marker, in.MaxItems, in.PathPrefix))
	if err != nil {
		return nil, err
	}
	out := &awsiam.ListEntitiesForPolicyResponse{
		PolicyGroups: []awsiam.PolicyGroup{}, PolicyRoles: []awsiam.PolicyRole{}, PolicyUsers: []awsiam.PolicyUser{},
		IsTruncated: truncated(next), Marker: next,
	}
	for _, h := range holders {
		switch h.Kind {
		case identity.User:
			out.PolicyUsers = append(out.PolicyUsers, awsiam.PolicyUser{UserName: h.Name, UserId: h.ID})
		case identity.Group:
			out.PolicyGroups = append(out.PolicyGroups, awsiam.PolicyGroup{GroupName: h.Name, GroupId: h.ID})
		case identity.Role:
			out.PolicyRoles = append(out.PolicyRoles, awsiam.PolicyRole{RoleName: h.Name, RoleId: h.ID})
		}
	}
	return out, nil
}

// TagPolicy implements [awsiam.Service].
func (s *iamService) TagPolicy(ctx context.Context, in *awsiam.TagPolicyRequest) error {
	account, err := s.authorizePolicy(ctx, "iam:TagPolicy", in.PolicyArn, tagKeys(nil, in.Tags))
	if err != nil {
		return err
	}
	return s.identities.SetPolicyTags(ctx, account, in.PolicyArn, tagsFrom(in.Tags))
}

// UntagPolicy implements [awsiam.Service].
func (s *iamService) UntagPolicy(ctx context.Context, in *awsiam.UntagPolicyRequest) error {
	account, err := s.authorizePolicy(ctx, "iam:UntagPolicy", in.PolicyArn, untagKeys(in.TagKeys))
	if err != nil {
		return err
	}
	return s.identities.RemovePolicyTags(ctx, account, in.PolicyArn, in.TagKeys)
}

// ListPolicyTags implements [awsiam.Service].
func (s *iamService) ListPolicyTags(ctx context.Context, in *awsiam.ListPolicyTagsRequest) (*awsiam.ListPolicyTagsResponse, error) {
	account, err := s.authorizePolicy(ctx, "iam:ListPolicyTags", in.PolicyArn, nil)
	if err != nil {
		return nil, err
	}
	tags, next, err := s.identities.PageOfPolicyTags(ctx, account, in.PolicyArn, pageOf(in.Marker, in.MaxItems, nil))
	if err != nil {
		return nil, err
	}
	return &awsiam.ListPolicyTagsResponse{Tags: tagsOf(tags), IsTruncated: truncated(next), Marker: next}, nil
}
