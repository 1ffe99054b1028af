package nifudaapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/registry"
)

// registryID is the registry that a request means: the account's that it names,
// else the caller's.
func registryID(ctx context.Context, account *string) registry.ID {
	c := callOf(ctx)
	id := registry.ID{Account: c.Principal.Account, Region: c.Region}
	if account != nil {
		id.Account = *account
	}
	return id
}

// repository returns the repository that a request names, if the caller may take
// the action on it, for the image tags that it is about.
func (a *api) repository(ctx context.Context, action string, account *string, name string, tags imageTags) (registry.RepositoryName, error) {
	n := registry.RepositoryName{Registry: registryID(ctx, account), Name: name}
	return n, a.authorizeTags(ctx, action, n.ARN(), n.Registry.Account, tags)
}

// imageTags are the values of [iam.ImageTag], see [iam.Request].
type imageTags func(context.Context) ([][]string, error)

// tagOf is the tag that a request itself names.
func tagOf(tag string) imageTags {
	return func(context.Context) ([][]string, error) { return [][]string{{tag}}, nil }
}

// DescribeTagHistory implements [nifuda.Service].
func (a *api) DescribeTagHistory(ctx context.Context, in *nifuda.DescribeTagHistoryRequest) (*nifuda.DescribeTagHistoryResponse, error) {
	n, err := a.repository(ctx, iam.DescribeTagHistory, in.RegistryId, in.RepositoryName, tagOf(in.ImageTag))
	if err != nil {
		return nil, err
	}
	after, err := position(in.NextToken)
	if err != nil {
		return nil, err
	}
	changes, next, err := a.Repositories.TagHistory(ctx, n, in.ImageTag, after, pageSize(in.MaxResults))
	if err != nil {
		return nil, foreignOr(err)
	}
	out := &nifuda.DescribeTagHistoryResponse{
		RegistryId: n.Registry.Account, RepositoryName: n.Name, ImageTag: in.ImageTag,
		TagHistory: []nifuda.TagChange{}, NextToken: token(next),
	}
	for _, c := range changes {
		out.TagHistory = append(out.TagHistory, nifuda.TagChange{
			Sequence: c.Sequence, ImageDigest: c.Digest, ImageState: string(c.Image), ActorArn: c.Actor, ChangedAt: nifuda.Timestamp{Time: c.At},
		})
	}
	return out, nil
}

// ListDeletedImages implements [nifuda.Service].
func (a *api) ListDeletedImages(ctx context.Context, in *nifuda.ListDeletedImagesRequest) (*nifuda.ListDeletedImagesResponse, error) {
	n, err := a.repository(ctx, iam.ListDeletedImages, in.RegistryId, in.RepositoryName, nil)
	if err != nil {
		return nil, err
	}
	if in.ImageDigest != nil && in.ImageTag != nil {
		return nil, registry.InvalidParameter("ImageTag", "must not be given together with ImageDigest")
	}
	after, err := position(in.NextToken)
	if err != nil {
		return nil, err
	}
	filter := registry.DeletedFilter{Digest: value(in.ImageDigest), Tag: value(in.ImageTag)}
	deleted, next, err := a.Repositories.DeletedImages(ctx, n, filter, after, pageSize(in.MaxResults))
	if err != nil {
		return nil, foreignOr(err)
	}
	out := &nifuda.ListDeletedImagesResponse{
		RegistryId: n.Registry.Account, RepositoryName: n.Name, DeletedImages: []nifuda.DeletedImage{}, NextToken: token(next),
	}
	for _, d := range deleted {
		out.DeletedImages = append(out.DeletedImages, nifuda.DeletedImage{
			DeletionId: d.DeletionID, ImageDigest: d.Digest, ImageTags: orEmpty(d.Tags),
			ImageManifestMediaType: d.MediaType, ArtifactMediaType: d.ArtifactMediaType, ImageSizeInBytes: new(d.Size),
			ImagePushedAt: nifuda.Timestamp{Time: d.PushedAt}, DeletedBy: d.Actor,
			DeletedAt: nifuda.Timestamp{Time: d.DeletedAt}, RestorableUntil: nifuda.Timestamp{Time: d.RestorableUntil},
		})
	}
	return out, nil
}

// ListDeletedRepositories implements [nifuda.Service]. Without a name it needs the
// permission on all repositories, as DescribeRepositories of ECR does.
func (a *api) ListDeletedRepositories(ctx context.Context, in *nifuda.ListDeletedRepositoriesRequest) (*nifuda.ListDeletedRepositoriesResponse, error) {
	name := "*"
	if in.RepositoryName != nil {
		name = *in.RepositoryName
	}
	n, err := a.repository(ctx, iam.ListDeletedRepositories, in.RegistryId, name, nil)
	if err != nil {
		return nil, err
	}
	after, err := position(in.NextToken)
	if err != nil {
		return nil, err
	}
	deleted, next, err := a.Repositories.DeletedRepositories(ctx, n.Registry, value(in.RepositoryName), after, pageSize(in.MaxResults))
	if err != nil {
		return nil, foreignOr(err)
	}
	out := &nifuda.ListDeletedRepositoriesResponse{DeletedRepositories: []nifuda.DeletedRepository{}, NextToken: token(next)}
	for _, d := range deleted {
		out.DeletedRepositories = append(out.DeletedRepositories, nifuda.DeletedRepository{
			RepositoryId: d.ID, RegistryId: d.Registry.Account, RepositoryName: d.Name, RepositoryArn: d.ARN(), DeletedBy: d.Actor,
			DeletedAt: nifuda.Timestamp{Time: d.DeletedAt}, RestorableUntil: nifuda.Timestamp{Time: d.RestorableUntil},
		})
	}
	return out, nil
}

// orEmpty is a list that the answer shows even where there is nothing in it.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
