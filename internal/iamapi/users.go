package iamapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/identity"
)

func userOf(u identity.Entity) awsiam.User {
	return awsiam.User{Path: u.Path, UserName: u.Name, UserId: u.ID, Arn: u.ARN(), CreateDate: awsiam.Timestamp{Time: u.CreatedAt}}
}

func wholeUserOf(u identity.UserInfo) *awsiam.User {
	user := userOf(u.Entity)
	user.PermissionsBoundary = boundaryOf(u.Boundary)
	if len(u.Tags) > 0 {
		user.Tags = tagsOf(u.Tags)
	}
	user.PasswordLastUsed = awsiam.Timestamp{Time: u.PasswordUsedAt}
	return &user
}

// CreateUser implements [awsiam.Service].
func (s *iamService) CreateUser(ctx context.Context, in *awsiam.CreateUserRequest) (*awsiam.CreateUserResponse, error) {
	path, boundary := value(in.Path), value(in.PermissionsBoundary)
	keys := tagKeys(boundaryKeys(boundary), in.Tags)
	account, err := s.authorizeNew(ctx, "iam:CreateUser", identity.User, path, in.UserName, keys)
	if err != nil {
		return nil, err
	}
	if len(in.Tags) > 0 {
		if _, err := s.authorizeNew(ctx, "iam:TagUser", identity.User, path, in.UserName, keys); err != nil {
			return nil, err
		}
	}
	user, err := s.identities.CreateUser(ctx, identity.NewUser{
		Account: account, Name: in.UserName, Path: path, Boundary: boundary, Tags: tagsFrom(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	return &awsiam.CreateUserResponse{User: wholeUserOf(user)}, nil
}

// GetUser implements [awsiam.Service]. Without a name it is about the caller.
func (s *iamService) GetUser(ctx context.Context, in *awsiam.GetUserRequest) (*awsiam.GetUserResponse, error) {
	name := value(in.UserName)
	if p := callerOf(ctx).Principal; name == "" && p.IsRoot() {
		return s.getRoot(ctx)
	}
	name, err := s.userNamed(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	account, err := s.authorizeOn(ctx, "iam:GetUser", identity.User, name, nil)
	if err != nil {
		return nil, err
	}
	user, err := s.identities.UserInfo(ctx, account, name)
	if err != nil {
		return nil, err
	}
	return &awsiam.GetUserResponse{User: wholeUserOf(user)}, nil
}

// getRoot shows the root user, which is no user of IAM: it has a path and a
// name for the sake of clients that ask who they are.
func (s *iamService) getRoot(ctx context.Context) (*awsiam.GetUserResponse, error) {
	p := callerOf(ctx).Principal
	if err := s.authorize(ctx, "iam:GetUser", p.ARN, p.Account, nil); err != nil {
		return nil, err
	}
	account, err := s.identities.Account(ctx, p.Account)
	if err != nil {
		return nil, err
	}
	return &awsiam.GetUserResponse{User: &awsiam.User{
		Path: "/", UserName: "root", UserId: p.UserID, Arn: p.ARN, CreateDate: awsiam.Timestamp{Time: account.CreatedAt},
	}}, nil
}

// userNamed returns a request's user name, or the caller's own if it has none.
// For root, which has no name, it is empty; a session of a role is nobody's.
func (s *iamService) userNamed(ctx context.Context, name *string) (string, error) {
	p := callerOf(ctx).Principal
	if value(name) != "" || p.IsRoot() {
		return value(name), nil
	}
	user, err := s.identities.ByID(ctx, p.UserID)
	if identity.IsRefusal(err, identity.CodeNoSuchEntity) {
		return "", &identity.Error{Code: identity.CodeValidationError, Message: "Must specify userName when calling with non-User credentials"}
	}
	return user.Name, err
}

// ListUsers implements [awsiam.Service].
func (s *iamService) ListUsers(ctx context.Context, in *awsiam.ListUsersRequest) (*awsiam.ListUsersResponse, error) {
	account, err := s.authorizeList(ctx, "iam:ListUsers", identity.User, in.PathPrefix)
	if err != nil {
		return nil, err
	}
	users, next, err := s.identities.Users(ctx, account, pageOf(in.Marker, in.MaxItems, in.PathPrefix))
	if err != nil {
		return nil, err
	}
	return &awsiam.ListUsersResponse{Users: each(users, userOf), IsTruncated: truncated(next), Marker: next}, nil
}

// UpdateUser implements [awsiam.Service]. It needs the right on the user as it
// is and as it will be.
func (s *iamService) UpdateUser(ctx context.Context, in *awsiam.UpdateUserRequest) error {
	account, err := s.authorizeRename(ctx, "iam:UpdateUser", identity.User, in.UserName, value(in.NewUserName), value(in.NewPath))
	if err != nil {
		return err
	}
	return s.identities.Rename(ctx, account, identity.User, in.UserName, value(in.NewUserName), value(in.NewPath))
}

// DeleteUser implements [awsiam.Service].
func (s *iamService) DeleteUser(ctx context.Context, in *awsiam.DeleteUserRequest) error {
	account, err := s.authorizeOn(ctx, "iam:DeleteUser", identity.User, in.UserName, nil)
	if err != nil {
		return err
	}
	return s.identities.DeleteUser(ctx, account, in.UserName)
}

// PutUserPermissionsBoundary implements [awsiam.Service].
func (s *iamService) PutUserPermissionsBoundary(ctx context.Context, in *awsiam.PutUserPermissionsBoundaryRequest) error {
	account, err := s.authorizeOn(ctx, "iam:PutUserPermissionsBoundary", identity.User, in.UserName, boundaryKeys(in.PermissionsBoundary))
	if err != nil {
		return err
	}
	return s.identities.SetBoundary(ctx, account, identity.User, in.UserName, in.PermissionsBoundary)
}

// DeleteUserPermissionsBoundary implements [awsiam.Service].
func (s *iamService) DeleteUserPermissionsBoundary(ctx context.Context, in *awsiam.DeleteUserPermissionsBoundaryRequest) error {
	account, err := s.authorizeOn(ctx, "iam:DeleteUserPermissionsBoundary", identity.User, in.UserName, nil)
	if err != nil {
		return err
	}
	return s.identities.SetBoundary(ctx, account, identity.User, in.UserName, "")
}

// TagUser implements [awsiam.Service].
func (s *iamService) TagUser(ctx context.Context, in *awsiam.TagUserRequest) error {
	account, err := s.authorizeOn(ctx, "iam:TagUser", identity.User, in.UserName, tagKeys(nil, in.Tags))
	if err != nil {
		return err
	}
	return s.identities.SetTags(ctx, account, identity.User, in.UserName, tagsFrom(in.Tags))
}

// UntagUser implements [awsiam.Service].
func (s *iamService) UntagUser(ctx context.Context, in *awsiam.UntagUserRequest) error {
	account, err := s.authorizeOn(ctx, "iam:UntagUser", identity.User, in.UserName, untagKeys(in.TagKeys))
	if err != nil {
		return err
	}
	return s.identities.RemoveTags(ctx, account, identity.User, in.UserName, in.TagKeys)
}

// ListUserTags implements [awsiam.Service].
func (s *iamService) ListUserTags(ctx context.Context, in *awsiam.ListUserTagsRequest) (*awsiam.ListUserTagsResponse, error) {
	account, err := s.authorizeOn(ctx, "iam:ListUserTags", identity.User, in.UserName, nil)
	if err != nil {
		return nil, err
	}
	tags, next, err := s.identities.PageOfTags(ctx, account, identity.User, in.UserName, pageOf(in.Marker, in.MaxItems, nil))
	if err != nil {
		return nil, err
	}
	return &awsiam.ListUserTagsResponse{Tags: tagsOf(tags), IsTruncated: truncated(next), Marker: next}, nil
}
