package ecrapi

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/registry"
)

// GetAuthorizationToken implements [ecr.Service] (spec B.2, 26). A token for
// another account's registry is no more than a default for clients that do not
// name the registry: what its holder may do there is asked with every request.
func (a *api) GetAuthorizationToken(ctx context.Context, in *ecr.GetAuthorizationTokenRequest) (*ecr.GetAuthorizationTokenResponse, error) {
	home, err := a.authorizeAtHome(ctx, iam.GetAuthorizationToken)
	if err != nil {
		return nil, err
	}
	accounts := in.RegistryIds
	if accounts == nil {
		accounts = []string{home.Account}
	}
	data := make([]ecr.AuthorizationData, len(accounts))
	for i := range accounts {
		if data[i], err = a.issueToken(callerOf(ctx), callerOf(ctx).registryID(&accounts[i])); err != nil {
			return nil, err
		}
	}
	return &ecr.GetAuthorizationTokenResponse{AuthorizationData: data}, nil
}

func (a *api) issueToken(c caller, id registry.ID) (ecr.AuthorizationData, error) {
	token, expires, err := a.tokens.Issue(c.Identity, id.Account, id.Region)
	if err != nil {
		return ecr.AuthorizationData{}, fmt.Errorf("issue token: %w", err)
	}
	return ecr.AuthorizationData{
		AuthorizationToken: base64.StdEncoding.EncodeToString([]byte("AWS:" + token)),
		ExpiresAt:          ecr.Timestamp{Time: expires},
		ProxyEndpoint:      c.endpoint.OfRegistry(id.Account, id.Region, a.domain).URL(),
	}, nil
}
