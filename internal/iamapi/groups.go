package iamapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/identity"
)

func groupOf(g identity.Entity) awsiam.Group {
	return awsiam.Group{Path: g.Path, GroupName: g.Name, GroupId: g.ID, Arn: g.ARN(), CreateDate: awsiam.Timestamp{Time: g.CreatedAt}}
}

// CreateGroup implements [awsiam.Service].
func (s *iamService) CreateGroup(ctx context.Context, in *awsiam.CreateGroupRequest) (*awsiam.CreateGroupResponse, error) {
	account, err := s.authorizeNew(ctx, "iam:CreateGroup", identity.Group, value(in.Path), in.GroupName, nil)
	if err != nil {
		return nil, err
	}
	created, err := s.identities.CreateGroup(ctx, account, in.GroupName, value(in.Path))
	if err != nil {
		return nil, err
	}
	group := groupOf(created)
	return &awsiam.CreateGroupResponse{Group: &group}, nil
}

// GetGroup implements [awsiam.Service].
func (s *iamService) GetGroup(ctx context.Context, in *awsiam.GetGroupRequest) (*awsiam.GetGroupResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:GetGroup", identity.Group, in.GroupName, nil)
	if err != nil {
		return nil, err
	}
	found, members, next, err := s.identities.Members(ctx, account, in.GroupName, pageOf(in.Marker, in.MaxItems, nil))
	if err != nil {
		return nil, err
	}
	group := groupOf(found)
	return &awsiam.GetGroupResponse{Group: &group, Users: each(members, userOf), IsTruncated: truncated(next), Marker: next}, nil
}

// ListGroups implements [awsiam.Service].
func (s *iamService) ListGroups(ctx context.Context, in *awsiam.ListGroupsRequest) (*awsiam.ListGroupsResponse, error) {
	account, err := s.authorizeList(ctx, "iam:ListGroups", identity.Group, in.PathPrefix)
	if err != nil {
		return nil, err
	}
	groups, next, err := s.identities.Groups(ctx, account, pageOf(in.Marker, in.MaxItems, in.PathPrefix))
	if err != nil {
		return nil, err
	}
	return &awsiam.ListGroupsResponse{Groups: each(groups, groupOf), IsTruncated: truncated(next), Marker: next}, nil
}

// ListGroupsForUser implements [awsiam.Service].
func (s *iamService) ListGroupsForUser(ctx context.Context, in *awsiam.ListGroupsForUserRequest) (*awsiam.ListGroupsForUserResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:ListGroupsForUser", identity.User, in.UserName, nil)
	if err != nil {
		return nil, err
	}
	groups, next, err := s.identities.GroupsOf(ctx, account, in.UserName, pageOf(in.Marker, in.MaxItems, nil))
	if err != nil {
		return nil, err
	}
	return &awsiam.ListGroupsForUserResponse{Groups: each(groups, groupOf), IsTruncated: truncated(next), Marker: next}, nil
}

// UpdateGroup implements [awsiam.Service]. It needs the right on the group as
// it is and as it will be.
func (s *iamService) UpdateGroup(ctx context.Context, in *awsiam.UpdateGroupRequest) error {
	account, err := s.authorizeRename(ctx, "iam:UpdateGroup", identity.Group, in.GroupName, value(in.NewGroupName), value(in.NewPath))
	if err != nil {
		return err
	}
	return s.identities.Rename(ctx, account, identity.Group, in.GroupName, value(in.NewGroupName), value(in.NewPath))
}

// DeleteGroup implements [awsiam.Service].
func (s *iamService) DeleteGroup(ctx context.Context, in *awsiam.DeleteGroupRequest) error {
	account, err := s.authorizeOn(ctx, "iam:DeleteGroup", identity.Group, in.GroupName, nil)
	if err != nil {
		return err
	}
	return s.identities.DeleteGroup(ctx, account, in.GroupName)
}

// AddUserToGroup implements [awsiam.Service].
func (s *iamService) AddUserToGroup(ctx context.Context, in *awsiam.AddUserToGroupRequest) error {
	account, err := s.authorizeOn(ctx, "iam:AddUserToGroup", identity.Group, in.GroupName, nil)
	if err != nil {
		return err
	}
	return s.identities.AddToGroup(ctx, account, in.GroupName, in.UserName)
}

// RemoveUserFromGroup implements [awsiam.Service].
func (s *iamService) RemoveUserFromGroup(ctx context.Context, in *awsiam.RemoveUserFromGroupRequest) error {
	account, err := s.authorizeOn(ctx, "iam:RemoveUserFromGroup", identity.Group, in.GroupName, nil)
	if err != nil {
		return err
	}
	return s.identities.RemoveFromGroup(ctx, account, in.GroupName, in.UserName)
}
