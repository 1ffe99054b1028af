package ecrapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/registry"
)

// CreateRepository implements [ecr.Service] (spec B.2, 7). With tags it also
// needs the permission to tag, and with a customer's key the rights to it.
func (a *api) CreateRepository(ctx context.Context, in *ecr.CreateRepositoryRequest) (*ecr.CreateRepositoryResponse, error) {
	name, err := a.repository(ctx, iam.CreateRepository, in.RegistryId, in.RepositoryName, withTags(in.Tags))
	if err == nil && len(in.Tags) > 0 {
		err = a.authorize(ctx, iam.TagResource, name.ARN(), name.Registry, withTags(in.Tags))
	}
	if err != nil {
		return nil, err
	}
	sealed, err := a.repositoryEncryption(ctx, name, encryption(in.EncryptionConfiguration))
	if err != nil {
		return nil, err
	}
	created, err := a.registry.CreateRepository(ctx, registry.NewRepository{
		RepositoryName: name,
		Mutability:     tagMutability(value(in.ImageTagMutability), in.ImageTagMutabilityExclusionFilters),
		ScanOnPush:     scansOnPush(in.ImageScanningConfiguration),
		Encryption:     sealed,
		Tags:           resourceTags(in.Tags),
		Actor:          callerOf(ctx).Principal.ARN,
	})
	if err != nil {
		return nil, err
	}
	return &ecr.CreateRepositoryResponse{Repository: new(a.wireRepository(ctx, created))}, nil
}

// DescribeRepositories implements [ecr.Service] (spec B.2, 23).
func (a *api) DescribeRepositories(ctx context.Context, in *ecr.DescribeRepositoriesRequest) (*ecr.DescribeRepositoriesResponse, error) {
	if in.RepositoryNames != nil {
		return a.describeNamed(ctx, in)
	}
	all, err := a.repository(ctx, iam.DescribeRepositories, in.RegistryId, "*")
	if err != nil {
		return nil, err
	}
	l := listing{operation: "DescribeRepositories", repository: registry.RepositoryName{Registry: all.Registry}}
	from, err := l.position(in.NextToken)
	if err != nil {
		return nil, err
	}
	limit := pageSize(in.MaxResults, defaultPage)
	// One more than asked for: it says whether there is another page.
	found, err := a.registry.Repositories(ctx, all.Registry, from.Key, limit+1)
	if err != nil {
		return nil, err
	}
	var next registry.Cursor
	if len(found) > limit {
		found = found[:limit]
		next = registry.Cursor{Kind: "repository", Key: found[limit-1].Name}
	}
	return &ecr.DescribeRepositoriesResponse{Repositories: a.wireRepositories(ctx, found), NextToken: l.token(next)}, nil
}

func (a *api) describeNamed(ctx context.Context, in *ecr.DescribeRepositoriesRequest) (*ecr.DescribeRepositoriesResponse, error) {
	names := make([]registry.RepositoryName, len(in.RepositoryNames))
	for i, name := range in.RepositoryNames {
		var err error
		if names[i], err = a.repository(ctx, iam.DescribeRepositories, in.RegistryId, name); err != nil {
			return nil, err
		}
	}
	if err := checkUnpaged("repositoryNames", in.MaxResults, in.NextToken); err != nil {
		return nil, err
	}
	found := make([]registry.Repository, len(names))
	for i, name := range names {
		var err error
		if found[i], err = a.registry.Repository(ctx, name); err != nil {
			return nil, err
		}
	}
	return &ecr.DescribeRepositoriesResponse{Repositories: a.wireRepositories(ctx, found)}, nil
}

// DeleteRepository implements [ecr.Service] (spec B.2, 12).
func (a *api) DeleteRepository(ctx context.Context, in *ecr.DeleteRepositoryRequest) (*ecr.DeleteRepositoryResponse, error) {
	name, err := a.repository(ctx, iam.DeleteRepository, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	deleted, err := a.registry.DeleteRepository(ctx, name, value(in.Force), callerOf(ctx).Principal.ARN)
	if err != nil {
		return nil, err
	}
	return &ecr.DeleteRepositoryResponse{Repository: new(a.wireRepository(ctx, deleted))}, nil
}

// PutImageTagMutability implements [ecr.Service] (spec B.2, 42).
func (a *api) PutImageTagMutability(ctx context.Context, in *ecr.PutImageTagMutabilityRequest) (*ecr.PutImageTagMutabilityResponse, error) {
	name, err := a.repository(ctx, iam.PutImageTagMutability, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if err := a.registry.SetTagMutability(ctx, name, tagMutability(in.ImageTagMutability, in.ImageTagMutabilityExclusionFilters), callerOf(ctx).Principal.ARN); err != nil {
		return nil, err
	}
	return &ecr.PutImageTagMutabilityResponse{
		RegistryId: name.Registry.Account, RepositoryName: name.Name,
		ImageTagMutability: in.ImageTagMutability, ImageTagMutabilityExclusionFilters: in.ImageTagMutabilityExclusionFilters,
	}, nil
}

// PutImageScanningConfiguration implements [ecr.Service] (spec B.2, 41).
func (a *api) PutImageScanningConfiguration(ctx context.Context, in *ecr.PutImageScanningConfigurationRequest) (*ecr.PutImageScanningConfigurationResponse, error) {
	name, err := a.repository(ctx, iam.PutImageScanningConfiguration, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	scan := scansOnPush(in.ImageScanningConfiguration)
	if err := a.registry.SetScanOnPush(ctx, name, scan, callerOf(ctx).Principal.ARN); err != nil {
		return nil, err
	}
	return &ecr.PutImageScanningConfigurationResponse{
		RegistryId: name.Registry.Account, RepositoryName: name.Name,
		ImageScanningConfiguration: &ecr.ImageScanningConfiguration{ScanOnPush: &scan},
	}, nil
}

func tagMutability(mode string, filters []ecr.ImageTagMutabilityExclusionFilter) registry.TagMutability {
	m := registry.TagMutability{Mode: registry.Mutability(mode)}
	for _, f := range filters {
		m.Exclusions = append(m.Exclusions, f.Filter)
	}
	return m
}

func exclusionFilters(m registry.TagMutability) []ecr.ImageTagMutabilityExclusionFilter {
	var filters []ecr.ImageTagMutabilityExclusionFilter
	for _, filter := range m.Exclusions {
		filters = append(filters, ecr.ImageTagMutabilityExclusionFilter{Filter: filter, FilterType: ecr.ImageTagMutabilityExclusionFilterTypeWildcard})
	}
	return filters
}

func scansOnPush(c *ecr.ImageScanningConfiguration) bool { return c != nil && value(c.ScanOnPush) }

func encryption(c *ecr.EncryptionConfiguration) registry.Encryption {
	if c == nil {
		return registry.Encryption{}
	}
	return registry.Encryption{Type: c.EncryptionType, KMSKey: value(c.KmsKey)}
}

// wireRepository is a repository in ECR's shape (spec B.0, Repository).
func (a *api) wireRepository(ctx context.Context, r registry.Repository) ecr.Repository {
	sealed := &ecr.EncryptionConfiguration{EncryptionType: r.Encryption.Type}
	if r.Encryption.KMSKey != "" {
		sealed.KmsKey = &r.Encryption.KMSKey
	}
	return ecr.Repository{
		RegistryId:                         r.Registry.Account,
		RepositoryName:                     r.Name,
		RepositoryArn:                      r.ARN(),
		RepositoryUri:                      a.endpointOf(ctx, r.Registry).Host + "/" + r.Name,
		CreatedAt:                          ecr.Timestamp{Time: r.CreatedAt},
		ImageTagMutability:                 string(r.Mutability.Mode),
		ImageTagMutabilityExclusionFilters: exclusionFilters(r.Mutability),
		ImageScanningConfiguration:         &ecr.ImageScanningConfiguration{ScanOnPush: &r.ScanOnPush},
		EncryptionConfiguration:            sealed,
	}
}

func (a *api) wireRepositories(ctx context.Context, all []registry.Repository) []ecr.Repository {
	list := make([]ecr.Repository, len(all))
	for i, r := range all {
		list[i] = a.wireRepository(ctx, r)
	}
	return list
}
