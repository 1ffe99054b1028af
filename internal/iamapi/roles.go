package iamapi

import (
	"context"
	"time"

	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
)

func roleOf(r identity.RoleInfo) awsiam.Role {
	seconds := int32(r.MaxSession / time.Second)
	return awsiam.Role{
		Path: r.Path, RoleName: r.Name, RoleId: r.ID, Arn: r.ARN(), CreateDate: awsiam.Timestamp{Time: r.CreatedAt},
		AssumeRolePolicyDocument: encodedDocument(r.TrustPolicy), Description: r.Description, MaxSessionDuration: &seconds,
	}
}

func wholeRoleOf(r identity.RoleInfo) *awsiam.Role {
	role := roleOf(r)
	role.PermissionsBoundary = boundaryOf(r.Boundary)
	if len(r.Tags) > 0 {
		role.Tags = tagsOf(r.Tags)
	}
	role.RoleLastUsed = lastUsedOf(r)
	return &role
}

func lastUsedOf(r identity.RoleInfo) *awsiam.RoleLastUsed {
	return &awsiam.RoleLastUsed{LastUsedDate: awsiam.Timestamp{Time: r.LastUsed.At}, Region: r.LastUsed.Region}
}

// CreateRole implements [awsiam.Service].
func (s *iamService) CreateRole(ctx context.Context, in *awsiam.CreateRoleRequest) (*awsiam.CreateRoleResponse, error) {
	path, boundary := value(in.Path), value(in.PermissionsBoundary)
	keys := tagKeys(boundaryKeys(boundary), in.Tags)
	account, err := s.authorizeNew(ctx, "iam:CreateRole", identity.Role, path, in.RoleName, keys)
	if err != nil {
		return nil, err
	}
	if len(in.Tags) > 0 {
		if _, err := s.authorizeNew(ctx, "iam:TagRole", identity.Role, path, in.RoleName, keys); err != nil {
			return nil, err
		}
	}
	role, err := s.identities.CreateRole(ctx, identity.NewRole{
		Account: account, Name: in.RoleName, Path: path, Description: value(in.Description), TrustPolicy: in.AssumeRolePolicyDocument,
		MaxSession: seconds(in.MaxSessionDuration), Boundary: boundary, Tags: tagsFrom(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	made := wholeRoleOf(role)
	made.RoleLastUsed = nil
	return &awsiam.CreateRoleResponse{Role: made}, nil
}

// GetRole implements [awsiam.Service].
func (s *iamService) GetRole(ctx context.Context, in *awsiam.GetRoleRequest) (*awsiam.GetRoleResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:GetRole", identity.Role, in.RoleName, nil)
	if err != nil {
		return nil, err
	}
	role, err := s.identities.RoleInfo(ctx, account, in.RoleName)
	if err != nil {
		return nil, err
	}
	return &awsiam.GetRoleResponse{Role: wholeRoleOf(role)}, nil
}

// ListRoles implements [awsiam.Service].
func (s *iamService) ListRoles(ctx context.Context, in *awsiam.ListRolesRequest) (*awsiam.ListRolesResponse, error) {
	account, err := s.authorizeList(ctx, "iam:ListRoles", identity.Role, in.PathPrefix)
	if err != nil {
		return nil, err
	}
	roles, next, err := s.identities.Roles(ctx, account, pageOf(in.Marker, in.MaxItems, in.PathPrefix))
	if err != nil {
		return nil, err
	}
	return &awsiam.ListRolesResponse{Roles: each(roles, roleOf), IsTruncated: truncated(next), Marker: next}, nil
}

// UpdateRole implements [awsiam.Service].
func (s *iamService) UpdateRole(ctx context.Context, in *awsiam.UpdateRoleRequest) (*awsiam.UpdateRoleResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:UpdateRole", identity.Role, in.RoleName, nil)
	if err != nil {
		return nil, err
	}
	change := identity.RoleChange{Description: in.Description}
	if in.MaxSessionDuration != nil {
		change.MaxSession = new(seconds(in.MaxSessionDuration))
	}
	if err := s.identities.UpdateRole(ctx, account, in.RoleName, change); err != nil {
		return nil, err
	}
	return &awsiam.UpdateRoleResponse{}, nil
}

// UpdateRoleDescription implements [awsiam.Service].
func (s *iamService) UpdateRoleDescription(ctx context.Context, in *awsiam.UpdateRoleDescriptionRequest) (*awsiam.UpdateRoleDescriptionResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:UpdateRoleDescription", identity.Role, in.RoleName, nil)
	if err != nil {
		return nil, err
	}
	if err := s.identities.UpdateRole(ctx, account, in.RoleName, identity.RoleChange{Description: in.Description}); err != nil {
		return nil, err
	}
	role, err := s.identities.RoleInfo(ctx, account, in.RoleName)
	if err != nil {
		return nil, err
	}
	return &awsiam.UpdateRoleDescriptionResponse{Role: wholeRoleOf(role)}, nil
}

// UpdateAssumeRolePolicy implements [awsiam.Service].
func (s *iamService) UpdateAssumeRolePolicy(ctx context.Context, in *awsiam.UpdateAssumeRolePolicyRequest) error {
	account, err := s.authorizeOn(ctx, "iam:UpdateAssumeRolePolicy", identity.Role, in.RoleName, nil)
	if err != nil {
		return err
	}
	return s.identities.SetTrustPolicy(ctx, account, in.RoleName, in.PolicyDocument)
}

// DeleteRole implements [awsiam.Service].
func (s *iamService) DeleteRole(ctx context.Context, in *awsiam.DeleteRoleRequest) error {
	account, err := s.authorizeOn(ctx, "iam:DeleteRole", identity.Role, in.RoleName, nil)
	if err != nil {
		return err
	}
	return s.identities.DeleteRole(ctx, account, in.RoleName)
}

// PutRolePermissionsBoundary implements [awsiam.Service].
func (s *iamService) PutRolePermissionsBoundary(ctx context.Context, in *awsiam.PutRolePermissionsBoundaryRequest) error {
	account, err := s.authorizeOn(ctx, "iam:PutRolePermissionsBoundary", identity.Role, in.RoleName, boundaryKeys(in.PermissionsBoundary))
	if err != nil {
		return err
	}
	return s.identities.SetBoundary(ctx, account, identity.Role, in.RoleName, in.PermissionsBoundary)
}

// DeleteRolePermissionsBoundary implements [awsiam.Service].
func (s *iamService) DeleteRolePermissionsBoundary(ctx context.Context, in *awsiam.DeleteRolePermissionsBoundaryRequest) error {
	account, err := s.authorizeOn(ctx, "iam:DeleteRolePermissionsBoundary", identity.Role, in.RoleName, nil)
	if err != nil {
		return err
	}
	return s.identities.SetBoundary(ctx, account, identity.Role, in.RoleName, "")
}

// TagRole implements [awsiam.Service].
func (s *iamService) TagRole(ctx context.Context, in *awsiam.TagRoleRequest) error {
	account, err := s.authorizeOn(ctx, "iam:TagRole", identity.Role, in.RoleName, tagKeys(nil, in.Tags))
	if err != nil {
		return err
	}
	return s.identities.SetTags(ctx, account, identity.Role, in.RoleName, tagsFrom(in.Tags))
}

// UntagRole implements [awsiam.Service].
func (s *iamService) UntagRole(ctx context.Context, in *awsiam.UntagRoleRequest) error {
	account, err := s.authorizeOn(ctx, "iam:UntagRole", identity.Role, in.RoleName, untagKeys(in.TagKeys))
	if err != nil {
		return err
	}
	return s.identities.RemoveTags(ctx, account, identity.Role, in.RoleName, in.TagKeys)
}

// ListRoleTags implements [awsiam.Service].
func (s *iamService) ListRoleTags(ctx context.Context, in *awsiam.ListRoleTagsRequest) (*awsiam.ListRoleTagsResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:ListRoleTags", identity.Role, in.RoleName, nil)
	if err != nil {
		return nil, err
	}
	tags, next, err := s.identities.PageOfTags(ctx, account, identity.Role, in.RoleName, pageOf(in.Marker, in.MaxItems, nil))
	if err != nil {
		return nil, err
	}
	return &awsiam.ListRoleTagsResponse{Tags: tagsOf(tags), IsTruncated: truncated(next), Marker: next}, nil
}

// ListInstanceProfilesForRole implements [awsiam.Service]. There are no
// instances here, so no role is in a profile of them; Terraform asks before it
// deletes a role.
func (s *iamService) ListInstanceProfilesForRole(ctx context.Context, in *awsiam.ListInstanceProfilesForRoleRequest) (*awsiam.ListInstanceProfilesForRoleResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:ListInstanceProfilesForRole", identity.Role, in.RoleName, nil)
	if err != nil {
		return nil, err
	}
	if _, err := s.identities.Find(ctx, account, identity.Role, in.RoleName); err != nil {
		return nil, err
	}
	return &awsiam.ListInstanceProfilesForRoleResponse{InstanceProfiles: []awsiam.InstanceProfile{}, IsTruncated: truncated("")}, nil
}

// serviceKeys are the condition keys of a request about the role of a service.
func serviceKeys(service string) iam.Keys { return iam.Keys{"iam:awsservicename": {service}} }

// CreateServiceLinkedRole implements [awsiam.Service].
func (s *iamService) CreateServiceLinkedRole(ctx context.Context, in *awsiam.CreateServiceLinkedRoleRequest) (*awsiam.CreateServiceLinkedRoleResponse, error) {
	path, name := identity.ServiceLinkedRole(in.AWSServiceName)
	account, err := s.authorizeNew(ctx, "iam:CreateServiceLinkedRole", identity.Role, path, name, serviceKeys(in.AWSServiceName))
	if err != nil {
		return nil, err
	}
	role, err := s.identities.CreateServiceLinkedRole(ctx, account, in.AWSServiceName, value(in.Description), value(in.CustomSuffix))
	if err != nil {
		return nil, err
	}
	made := roleOf(role)
	return &awsiam.CreateServiceLinkedRoleResponse{Role: &made}, nil
}

// DeleteServiceLinkedRole implements [awsiam.Service].
func (s *iamService) DeleteServiceLinkedRole(ctx context.Context, in *awsiam.DeleteServiceLinkedRoleRequest) (*awsiam.DeleteServiceLinkedRoleResponse, error) {
	var keys iam.Keys
	if service, ok := identity.LinkedService(in.RoleName); ok {
		keys = serviceKeys(service)
	}
	account, err := s.authorizeOn(ctx, "iam:DeleteServiceLinkedRole", identity.Role, in.RoleName, keys)
	if err != nil {
		return nil, err
	}
	task, err := s.identities.DeleteServiceLinkedRole(ctx, account, in.RoleName)
	if err != nil {
		return nil, err
	}
	return &awsiam.DeleteServiceLinkedRoleResponse{DeletionTaskId: task}, nil
}

// GetServiceLinkedRoleDeletionStatus implements [awsiam.Service].
func (s *iamService) GetServiceLinkedRoleDeletionStatus(ctx context.Context, in *awsiam.GetServiceLinkedRoleDeletionStatusRequest) (*awsiam.GetServiceLinkedRoleDeletionStatusResponse, error) {
	if _, err := s.authorizeAtHome(ctx, "iam:GetServiceLinkedRoleDeletionStatus", "*"); err != nil {
		return nil, err
	}
	if err := identity.CheckDeletionTask(in.DeletionTaskId); err != nil {
		return nil, err
	}
	return &awsiam.GetServiceLinkedRoleDeletionStatusResponse{Status: "SUCCEEDED"}, nil
}
