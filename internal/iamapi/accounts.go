package iamapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/awsiam"
)

// CreateAccountAlias implements [awsiam.Service].
func (s *iamService) CreateAccountAlias(ctx context.Context, in *awsiam.CreateAccountAliasRequest) error {
	account, err := s.authorizeAtHome(ctx, "iam:CreateAccountAlias", "*")
	if err != nil {
		return err
	}
	return s.identities.SetAlias(ctx, account, in.AccountAlias)
}

// DeleteAccountAlias implements [awsiam.Service].
func (s *iamService) DeleteAccountAlias(ctx context.Context, in *awsiam.DeleteAccountAliasRequest) error {
	account, err := s.authorizeAtHome(ctx, "iam:DeleteAccountAlias", "*")
	if err != nil {
		return err
	}
	return s.identities.RemoveAlias(ctx, account, in.AccountAlias)
}

// ListAccountAliases implements [awsiam.Service]. There is one at most.
func (s *iamService) ListAccountAliases(ctx context.Context, _ *awsiam.ListAccountAliasesRequest) (*awsiam.ListAccountAliasesResponse, error) {
	id, err := s.authorizeAtHome(ctx, "iam:ListAccountAliases", "*")
	if err != nil {
		return nil, err
	}
	account, err := s.identities.Account(ctx, id)
	if err != nil {
		return nil, err
	}
	aliases := []string{}
	if account.Alias != "" {
		aliases = append(aliases, account.Alias)
	}
	return &awsiam.ListAccountAliasesResponse{AccountAliases: aliases, IsTruncated: truncated("")}, nil
}

// GetAccountSummary implements [awsiam.Service].
func (s *iamService) GetAccountSummary(ctx context.Context, _ *awsiam.GetAccountSummaryRequest) (*awsiam.GetAccountSummaryResponse, error) {
	account, err := s.authorizeAtHome(ctx, "iam:GetAccountSummary", "*")
	if err != nil {
		return nil, err
	}
	summary, err := s.identities.Summary(ctx, account)
	if err != nil {
		return nil, err
	}
	out := &awsiam.GetAccountSummaryResponse{SummaryMap: map[string]int32{}}
	for name, n := range summary {
		out.SummaryMap[name] = int32(n) // quotas and what they bound are small
	}
	return out, nil
}
