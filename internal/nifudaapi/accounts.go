package nifudaapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/nifuda"
)

// CreateAccount implements [nifuda.Service].
func (a *api) CreateAccount(ctx context.Context, in *nifuda.CreateAccountRequest) (*nifuda.CreateAccountResponse, error) {
	if err := a.authorize(ctx, "nifuda:CreateAccount", "*", a.Home); err != nil {
		return nil, err
	}
	account, key, err := a.Accounts.CreateAccount(ctx, value(in.AccountId), in.Name)
	if err != nil {
		return nil, translated(err, identity.CodeEntityAlreadyExists, nifuda.AccountAlreadyExistsException)
	}
	shown := accountShape(account)
	return &nifuda.CreateAccountResponse{Account: &shown, AccessKey: accessKeyShape(key)}, nil
}

// CreateRootAccessKey implements [nifuda.Service]. It makes its caller root, of
// its own account too, so it also takes the right to make access keys, and to
// delete those that it replaces: a policy for everything but IAM, such as
// PowerUserAccess, does not give that away.
func (a *api) CreateRootAccessKey(ctx context.Context, in *nifuda.CreateRootAccessKeyRequest) (*nifuda.CreateRootAccessKeyResponse, error) {
	if err := a.authorize(ctx, "nifuda:CreateRootAccessKey", "*", a.Home); err != nil {
		return nil, err
	}
	actions := []string{"iam:CreateAccessKey"}
	if value(in.Replace) {
		actions = append(actions, "iam:DeleteAccessKey")
	}
	for _, action := range actions {
		if err := a.authorize(ctx, action, iam.Root("aws", in.AccountId).ARN, a.Home); err != nil {
			return nil, err
		}
	}
	if _, err := a.Accounts.Account(ctx, in.AccountId); err != nil {
		return nil, translated(err, identity.CodeNoSuchEntity, nifuda.AccountNotFoundException)
	}
	key, err := a.newRootKey(ctx, in.AccountId, value(in.Replace))
	if err != nil {
		return nil, translated(err, identity.CodeLimitExceeded, nifuda.LimitExceededException)
	}
	return &nifuda.CreateRootAccessKeyResponse{AccessKey: accessKeyShape(key)}, nil
}

func (a *api) newRootKey(ctx context.Context, account string, replace bool) (identity.NewAccessKey, error) {
	if replace {
		return a.Accounts.ReplaceRootAccessKeys(ctx, account)
	}
	return a.Accounts.CreateAccessKey(ctx, account, "")
}

// ListAccounts implements [nifuda.Service].
func (a *api) ListAccounts(ctx context.Context, in *nifuda.ListAccountsRequest) (*nifuda.ListAccountsResponse, error) {
	if err := a.authorize(ctx, "nifuda:ListAccounts", "*", a.Home); err != nil {
		return nil, err
	}
	page := identity.Page{Marker: value(in.NextToken), MaxItems: int(value(in.MaxResults))}
	accounts, next, err := a.Accounts.Accounts(ctx, page)
	if err != nil {
		return nil, translated(err, identity.CodeValidationError, nifuda.InvalidNextTokenException)
	}
	out := &nifuda.ListAccountsResponse{Accounts: []nifuda.Account{}, NextToken: next}
	for _, account := range accounts {
		out.Accounts = append(out.Accounts, accountShape(account))
	}
	return out, nil
}

func accountShape(a identity.Account) nifuda.Account {
	return nifuda.Account{AccountId: a.ID, Name: a.Name, Alias: a.Alias, CreatedAt: nifuda.Timestamp{Time: a.CreatedAt}}
}

func accessKeyShape(k identity.NewAccessKey) *nifuda.AccessKey {
	return &nifuda.AccessKey{AccessKeyId: k.AccessKeyID, SecretAccessKey: k.Secret}
}
