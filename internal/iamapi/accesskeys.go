package iamapi

import (
	"context"
	"errors"

	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
)

// The states of an access key.
const (
	statusActive   = "Active"
	statusInactive = "Inactive"
)

func statusOfKey(active bool) string {
	if active {
		return statusActive
	}
	return statusInactive
}

// authorizeOnUser is authorizeOn for a user, or for the caller itself if the
// name is empty; it returns the name, which is empty for the account's root.
func (s *iamService) authorizeOnUser(ctx context.Context, action string, userName *string) (account, name string, err error) {
	name, err = s.userNamed(ctx, userName)
	if err != nil {
		return "", "", err
	}
	if name == "" {
		p := callerOf(ctx).Principal
		return p.Account, "", s.authorize(ctx, action, p.ARN, p.Account, nil)
	}
	account, err = s.authorizeOn(ctx, action, identity.User, name, nil)
	return account, name, err
}

// CreateAccessKey implements [awsiam.Service]. Without a name it is about the caller.
func (s *iamService) CreateAccessKey(ctx context.Context, in *awsiam.CreateAccessKeyRequest) (*awsiam.CreateAccessKeyResponse, error) {
	account, name, err := s.authorizeOnUser(ctx, "iam:CreateAccessKey", in.UserName)
	if err != nil {
		return nil, err
	}
	key, err := s.identities.CreateAccessKey(ctx, account, name)
	if err != nil {
		return nil, err
	}
	return &awsiam.CreateAccessKeyResponse{AccessKey: &awsiam.AccessKey{
		UserName: key.UserName, AccessKeyId: key.AccessKeyID, SecretAccessKey: key.Secret, Status: statusActive,
		CreateDate: awsiam.Timestamp{Time: key.CreatedAt},
	}}, nil
}

// ListAccessKeys implements [awsiam.Service]. Without a name it is about the caller.
func (s *iamService) ListAccessKeys(ctx context.Context, in *awsiam.ListAccessKeysRequest) (*awsiam.ListAccessKeysResponse, error) {
	account, name, err := s.authorizeOnUser(ctx, "iam:ListAccessKeys", in.UserName)
	if err != nil {
		return nil, err
	}
	keys, next, err := s.identities.AccessKeys(ctx, account, name, pageOf(in.Marker, in.MaxItems, nil))
	if err != nil {
		return nil, err
	}
	all := each(keys, func(key identity.AccessKeyInfo) awsiam.AccessKeyMetadata {
		return awsiam.AccessKeyMetadata{
			UserName: key.UserName, AccessKeyId: key.AccessKeyID, Status: statusOfKey(key.Active), CreateDate: awsiam.Timestamp{Time: key.CreatedAt},
		}
	})
	return &awsiam.ListAccessKeysResponse{AccessKeyMetadata: all, IsTruncated: truncated(next), Marker: next}, nil
}

// UpdateAccessKey implements [awsiam.Service]. Without a name it is about the caller.
func (s *iamService) UpdateAccessKey(ctx context.Context, in *awsiam.UpdateAccessKeyRequest) error {
	account, name, err := s.authorizeOnUser(ctx, "iam:UpdateAccessKey", in.UserName)
	if err != nil {
		return err
	}
	return s.identities.SetAccessKeyActive(ctx, account, name, in.AccessKeyId, in.Status == statusActive)
}

// DeleteAccessKey implements [awsiam.Service]. Without a name it is about the caller.
func (s *iamService) DeleteAccessKey(ctx context.Context, in *awsiam.DeleteAccessKeyRequest) error {
	account, name, err := s.authorizeOnUser(ctx, "iam:DeleteAccessKey", in.UserName)
	if err != nil {
		return err
	}
	return s.identities.DeleteAccessKey(ctx, account, name, in.AccessKeyId)
}

// ofAll returns a refusal that does not say whose key it was about.
func ofAll(refused error, account string) error {
	denied, ok := errors.AsType[*iam.DeniedError](refused)
	if !ok {
		return refused
	}
	told := *denied
	told.Request.Resource = identity.EntityARN(account, identity.User, "/", "*")
	return &told
}

// GetAccessKeyLastUsed implements [awsiam.Service]. The right is one on the
// key's user; of a key that is not the account's it is asked for on all.
func (s *iamService) GetAccessKeyLastUsed(ctx context.Context, in *awsiam.GetAccessKeyLastUsedRequest) (*awsiam.GetAccessKeyLastUsedResponse, error) {
	const action = "iam:GetAccessKeyLastUsed"
	account := callerOf(ctx).Principal.Account
	user, use, err := s.identities.KeyUse(ctx, account, in.AccessKeyId)
	switch {
	case err != nil && !identity.IsRefusal(err, identity.CodeNoSuchEntity):
		return nil, err
	case err != nil || user == "":
		if refused := s.authorize(ctx, action, identity.EntityARN(account, identity.User, "/", "*"), account, nil); refused != nil {
			return nil, refused
		}
	default:
		if _, refused := s.authorizeOn(ctx, action, identity.User, user, nil); refused != nil {
			return nil, ofAll(refused, account)
		}
	}
	if err != nil {
		return nil, err
	}
	out := &awsiam.GetAccessKeyLastUsedResponse{
		UserName: user, AccessKeyLastUsed: &awsiam.AccessKeyLastUsed{Region: "N/A", ServiceName: "N/A"},
	}
	if !use.At.IsZero() {
		out.AccessKeyLastUsed = &awsiam.AccessKeyLastUsed{LastUsedDate: awsiam.Timestamp{Time: use.At}, Region: use.Region, ServiceName: use.Service}
	}
	return out, nil
}
