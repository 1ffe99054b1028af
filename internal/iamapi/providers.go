package iamapi

import (
	"context"
	"strings"

	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/identity"
)

// CreateOpenIDConnectProvider implements [awsiam.Service].
func (s *iamService) CreateOpenIDConnectProvider(ctx context.Context, in *awsiam.CreateOpenIDConnectProviderRequest) (*awsiam.CreateOpenIDConnectProviderResponse, error) {
	// The slash at the end is no part of what the provider will be called.
	name, keys := strings.TrimSuffix(strings.TrimPrefix(in.Url, "https://"), "/"), tagKeys(nil, in.Tags)
	account, err := s.authorizeNew(ctx, "iam:CreateOpenIDConnectProvider", identity.OIDCProvider, "/", name, keys)
	if err != nil {
		return nil, err
	}
	if len(in.Tags) > 0 {
		if _, err := s.authorizeNew(ctx, "iam:TagOpenIDConnectProvider", identity.OIDCProvider, "/", name, keys); err != nil {
			return nil, err
		}
	}
	provider, err := s.identities.CreateOIDCProvider(ctx, identity.NewOIDCProvider{
		Account: account, URL: in.Url, ClientIDs: in.ClientIDList, Thumbprints: in.ThumbprintList, Tags: tagsFrom(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	out := &awsiam.CreateOpenIDConnectProviderResponse{OpenIDConnectProviderArn: provider.ARN()}
	if len(provider.Tags) > 0 {
		out.Tags = tagsOf(provider.Tags)
	}
	return out, nil
}

// GetOpenIDConnectProvider implements [awsiam.Service].
func (s *iamService) GetOpenIDConnectProvider(ctx context.Context, in *awsiam.GetOpenIDConnectProviderRequest) (*awsiam.GetOpenIDConnectProviderResponse, error) {
	account, err := s.authorizeProvider(ctx, "iam:GetOpenIDConnectProvider", in.OpenIDConnectProviderArn, nil)
	if err != nil {
		return nil, err
	}
	provider, err := s.identities.OIDCProviderInfo(ctx, account, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return &awsiam.GetOpenIDConnectProviderResponse{
		Url: provider.Name, ClientIDList: each(provider.ClientIDs, itself), ThumbprintList: each(provider.Thumbprints, itself),
		CreateDate: awsiam.Timestamp{Time: provider.CreatedAt}, Tags: tagsOf(provider.Tags),
	}, nil
}

// ListOpenIDConnectProviders implements [awsiam.Service].
func (s *iamService) ListOpenIDConnectProviders(ctx context.Context, _ *awsiam.ListOpenIDConnectProvidersRequest) (*awsiam.ListOpenIDConnectProvidersResponse, error) {
	account, err := s.authorizeList(ctx, "iam:ListOpenIDConnectProviders", identity.OIDCProvider, nil)
	if err != nil {
		return nil, err
	}
	providers, err := s.identities.OIDCProviders(ctx, account)
	if err != nil {
		return nil, err
	}
	return &awsiam.ListOpenIDConnectProvidersResponse{
		OpenIDConnectProviderList: each(providers, func(p identity.Entity) awsiam.OpenIDConnectProviderListEntry {
			return awsiam.OpenIDConnectProviderListEntry{Arn: p.ARN()}
		}),
	}, nil
}

// DeleteOpenIDConnectProvider implements [awsiam.Service].
func (s *iamService) DeleteOpenIDConnectProvider(ctx context.Context, in *awsiam.DeleteOpenIDConnectProviderRequest) error {
	account, err := s.authorizeProvider(ctx, "iam:DeleteOpenIDConnectProvider", in.OpenIDConnectProviderArn, nil)
	if err != nil {
		return err
	}
	return s.identities.DeleteOIDCProvider(ctx, account, in.OpenIDConnectProviderArn)
}

// UpdateOpenIDConnectProviderThumbprint implements [awsiam.Service].
func (s *iamService) UpdateOpenIDConnectProviderThumbprint(ctx context.Context, in *awsiam.UpdateOpenIDConnectProviderThumbprintRequest) error {
	account, err := s.authorizeProvider(ctx, "iam:UpdateOpenIDConnectProviderThumbprint", in.OpenIDConnectProviderArn, nil)
	if err != nil {
		return err
	}
	return s.identities.SetThumbprints(ctx, account, in.OpenIDConnectProviderArn, in.ThumbprintList)
}

// AddClientIDToOpenIDConnectProvider implements [awsiam.Service].
func (s *iamService) AddClientIDToOpenIDConnectProvider(ctx context.Context, in *awsiam.AddClientIDToOpenIDConnectProviderRequest) error {
	account, err := s.authorizeProvider(ctx, "iam:AddClientIDToOpenIDConnectProvider", in.OpenIDConnectProviderArn, nil)
	if err != nil {
		return err
	}
	return s.identities.AddClientID(ctx, account, in.OpenIDConnectProviderArn, in.ClientID)
}

// RemoveClientIDFromOpenIDConnectProvider implements [awsiam.Service].
func (s *iamService) RemoveClientIDFromOpenIDConnectProvider(ctx context.Context, in *awsiam.RemoveClientIDFromOpenIDConnectProviderRequest) error {
	account, err := s.authorizeProvider(ctx, "iam:RemoveClientIDFromOpenIDConnectProvider", in.OpenIDConnectProviderArn, nil)
	if err != nil {
		return err
	}
	return s.identities.RemoveClientID(ctx, account, in.OpenIDConnectProviderArn, in.ClientID)
}

// TagOpenIDConnectProvider implements [awsiam.Service].
func (s *iamService) TagOpenIDConnectProvider(ctx context.Context, in *awsiam.TagOpenIDConnectProviderRequest) error {
	account, err := s.authorizeProvider(ctx, "iam:TagOpenIDConnectProvider", in.OpenIDConnectProviderArn, tagKeys(nil, in.Tags))
	if err != nil {
		return err
	}
	return s.identities.SetOIDCProviderTags(ctx, account, in.OpenIDConnectProviderArn, tagsFrom(in.Tags))
}

// UntagOpenIDConnectProvider implements [awsiam.Service].
func (s *iamService) UntagOpenIDConnectProvider(ctx context.Context, in *awsiam.UntagOpenIDConnectProviderRequest) error {
	account, err := s.authorizeProvider(ctx, "iam:UntagOpenIDConnectProvider", in.OpenIDConnectProviderArn, untagKeys(in.TagKeys))
	if err != nil {
		return err
	}
	return s.identities.RemoveOIDCProviderTags(ctx, account, in.OpenIDConnectProviderArn, in.TagKeys)
}

// ListOpenIDConnectProviderTags implements [awsiam.Service].
func (s *iamService) ListOpenIDConnectProviderTags(ctx context.Context, in *awsiam.ListOpenIDConnectProviderTagsRequest) (*awsiam.ListOpenIDConnectProviderTagsResponse, error) {
	account, err := s.authorizeProvider(ctx, "iam:ListOpenIDConnectProviderTags", in.OpenIDConnectProviderArn, nil)
	if err != nil {
		return nil, err
	}
	tags, next, err := s.identities.PageOfOIDCProviderTags(ctx, account, in.OpenIDConnectProviderArn, pageOf(in.Marker, in.MaxItems, nil))
	if err != nil {
		return nil, err
	}
	return &awsiam.ListOpenIDConnectProviderTagsResponse{Tags: tagsOf(tags), IsTruncated: truncated(next), Marker: next}, nil
}
