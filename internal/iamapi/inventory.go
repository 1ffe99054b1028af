package iamapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/identity"
)

var inventoryKinds = map[string]identity.InventoryKind{
	awsiam.EntityTypeUser: identity.InventoryUsers, awsiam.EntityTypeGroup: identity.InventoryGroups, awsiam.EntityTypeRole: identity.InventoryRoles,
	awsiam.EntityTypeLocalManagedPolicy: identity.InventoryPolicies, awsiam.EntityTypeAWSManagedPolicy: identity.InventoryAWSPolicies,
}

// GetAccountAuthorizationDetails implements [awsiam.Service].
func (s *iamService) GetAccountAuthorizationDetails(ctx context.Context, in *awsiam.GetAccountAuthorizationDetailsRequest) (*awsiam.GetAccountAuthorizationDetailsResponse, error) {
	account, err := s.authorizeAtHome(ctx, "iam:GetAccountAuthorizationDetails", "*")
	if err != nil {
		return nil, err
	}
	of := each(in.Filter, func(kind string) identity.InventoryKind { return inventoryKinds[kind] })
	entities, next, err := s.identities.Inventory(ctx, account, of, pageOf(in.Marker, in.MaxItems, nil))
	if err != nil {
		return nil, err
	}
	out := &awsiam.GetAccountAuthorizationDetailsResponse{
		UserDetailList: []awsiam.UserDetail{}, GroupDetailList: []awsiam.GroupDetail{}, RoleDetailList: []awsiam.RoleDetail{},
		Policies: []awsiam.ManagedPolicyDetail{}, IsTruncated: truncated(next), Marker: next,
	}
	for _, e := range entities {
		// What is gone since it was listed is left out.
		if err := s.addDetail(ctx, out, account, e); err != nil && !identity.IsRefusal(err, identity.CodeNoSuchEntity) {
			return nil, err
		}
	}
	return out, nil
}

func (s *iamService) addDetail(ctx context.Context, out *awsiam.GetAccountAuthorizationDetailsResponse, account string, e identity.Entity) error {
	if e.Kind == identity.Policy {
		policy, err := s.policyDetail(ctx, account, e.ARN())
		if err == nil {
			out.Policies = append(out.Policies, policy)
		}
		return err
	}
	grant, err := s.identities.GrantOf(ctx, e)
	if err != nil {
		return err
	}
	switch e.Kind {
	case identity.User:
		user, err := s.identities.UserInfo(ctx, account, e.Name)
		if err != nil {
			return err
		}
		out.UserDetailList = append(out.UserDetailList, userDetail(user, grant))
	case identity.Group:
		out.GroupDetailList = append(out.GroupDetailList, awsiam.GroupDetail{
			Path: e.Path, GroupName: e.Name, GroupId: e.ID, Arn: e.ARN(), CreateDate: awsiam.Timestamp{Time: e.CreatedAt},
			GroupPolicyList: inlineOf(grant), AttachedManagedPolicies: attachedOf(grant.Attached),
		})
	case identity.Role:
		role, err := s.identities.RoleInfo(ctx, account, e.Name)
		if err != nil {
			return err
		}
		out.RoleDetailList = append(out.RoleDetailList, roleDetail(role, grant))
	}
	return nil
}

func userDetail(u identity.UserInfo, g identity.Grant) awsiam.UserDetail {
	return awsiam.UserDetail{
		Path: u.Path, UserName: u.Name, UserId: u.ID, Arn: u.ARN(), CreateDate: awsiam.Timestamp{Time: u.CreatedAt},
		UserPolicyList: inlineOf(g), AttachedManagedPolicies: attachedOf(g.Attached), PermissionsBoundary: boundaryOf(u.Boundary), Tags: tagsOf(u.Tags),
		GroupList: each(g.Groups, func(group identity.Entity) string { return group.Name }),
	}
}

func roleDetail(r identity.RoleInfo, g identity.Grant) awsiam.RoleDetail {
	return awsiam.RoleDetail{
		Path: r.Path, RoleName: r.Name, RoleId: r.ID, Arn: r.ARN(), CreateDate: awsiam.Timestamp{Time: r.CreatedAt},
		AssumeRolePolicyDocument: encodedDocument(r.TrustPolicy), InstanceProfileList: []awsiam.InstanceProfile{},
		RolePolicyList: inlineOf(g), AttachedManagedPolicies: attachedOf(g.Attached), PermissionsBoundary: boundaryOf(r.Boundary), Tags: tagsOf(r.Tags),
		RoleLastUsed: lastUsedOf(r),
	}
}

func inlineOf(g identity.Grant) []awsiam.PolicyDetail {
	return each(g.Inline, func(p identity.InlinePolicy) awsiam.PolicyDetail {
		return awsiam.PolicyDetail{PolicyName: p.Name, PolicyDocument: encodedDocument(p.Document)}
	})
}

func (s *iamService) policyDetail(ctx context.Context, account, arn string) (awsiam.ManagedPolicyDetail, error) {
	info, err := s.identities.PolicyInfo(ctx, account, arn)
	if err != nil {
		return awsiam.ManagedPolicyDetail{}, err
	}
	versions, _, err := s.identities.PolicyVersions(ctx, account, arn, identity.Page{})
	if err != nil {
		return awsiam.ManagedPolicyDetail{}, err
	}
	p := policyOf(info)
	return awsiam.ManagedPolicyDetail{
		PolicyName: p.PolicyName, PolicyId: p.PolicyId, Arn: p.Arn, Path: p.Path, Description: p.Description, DefaultVersionId: p.DefaultVersionId,
		AttachmentCount: p.AttachmentCount, PermissionsBoundaryUsageCount: p.PermissionsBoundaryUsageCount, IsAttachable: p.IsAttachable,
		CreateDate: p.CreateDate, UpdateDate: p.UpdateDate, PolicyVersionList: each(versions, versionOf),
	}, nil
}
