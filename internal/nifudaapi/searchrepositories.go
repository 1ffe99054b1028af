package nifudaapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/registry"
)

// SearchRepositories implements [nifuda.Service]. Without a name it needs the
// permission on all repositories, as DescribeRepositories of ECR does.
func (a *api) SearchRepositories(ctx context.Context, in *nifuda.SearchRepositoriesRequest) (*nifuda.SearchRepositoriesResponse, error) {
	name := "*"
	if in.RepositoryName != nil {
		name = *in.RepositoryName
	}
	n, err := a.repository(ctx, iam.SearchRepositories, in.RegistryId, name, nil)
	if err != nil {
		return nil, err
	}
	if in.ResourceTagValue != nil && in.ResourceTagKey == nil {
		return nil, registry.InvalidParameter("ResourceTagValue", "must not be given without ResourceTagKey")
	}
	after, err := position(in.NextToken)
	if err != nil {
		return nil, err
	}
	search := registry.RepositorySearch{
		Registry: n.Registry, Name: value(in.RepositoryName), Text: value(in.Query), ScanOnPush: in.ScanOnPush,
		TagKey: value(in.ResourceTagKey), TagValue: in.ResourceTagValue,
		Order: registry.RepositoryOrder(value(in.SortBy)), Descending: value(in.Descending),
	}
	for _, mode := range in.TagMutability {
		search.Mutability = append(search.Mutability, registry.Mutability(mode))
	}
	found, next, err := a.Repositories.SearchRepositories(ctx, search, after, searchPageSize(in.MaxResults))
	if err != nil {
		return nil, foreignOr(err)
	}
	out := &nifuda.SearchRepositoriesResponse{
		RegistryId: n.Registry.Account, Repositories: make([]nifuda.FoundRepository, len(found)), NextToken: token(next),
	}
	host := authn.EndpointOf(callOf(ctx).request).OfRegistry(n.Registry.Account, n.Registry.Region, a.Domain).Host
	for i, r := range found {
		out.Repositories[i] = foundRepository(r, host)
	}
	return out, nil
}

func foundRepository(r registry.FoundRepository, host string) nifuda.FoundRepository {
	return nifuda.FoundRepository{
		RepositoryName: r.Name, RepositoryArn: r.ARN(), RepositoryUri: host + "/" + r.Name,
		CreatedAt: nifuda.Timestamp{Time: r.CreatedAt}, TagMutability: string(r.Mutability.Mode), TagFilters: r.Mutability.Exclusions,
		ScanOnPush: r.ScanOnPush, EncryptionType: r.Encryption.Type, KmsKey: r.Encryption.KMSKey, Images: r.Images, Bytes: r.Bytes,
	}
}
