package nifudaapi

import (
	"context"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/registry"
)

// RestoreImage implements [nifuda.Service].
func (a *api) RestoreImage(ctx context.Context, in *nifuda.RestoreImageRequest) (*nifuda.RestoreImageResponse, error) {
	restoration := registry.ImageRestoration{
		Repository: registry.RepositoryName{Registry: registryID(ctx, in.RegistryId), Name: in.RepositoryName},
		Digest:     value(in.ImageDigest), DeletionID: value(in.DeletionId), WithoutTags: value(in.WithoutTags),
		Actor: callOf(ctx).Principal.ARN,
	}
	n, err := a.repository(ctx, iam.RestoreImage, in.RegistryId, in.RepositoryName, a.restoredTags(&restoration))
	if err != nil {
		return nil, err
	}
	if (in.ImageDigest == nil) == (in.DeletionId == nil) {
		return nil, registry.InvalidParameter("ImageDigest", "either ImageDigest or DeletionId must be given")
	}
	restored, err := a.Repositories.RestoreImage(ctx, restoration)
	if err != nil {
		return nil, err
	}
	out := &nifuda.RestoreImageResponse{
		RegistryId: n.Registry.Account, RepositoryName: n.Name, ImageDigest: restored.Digest, Existed: restored.Existed,
		RestoredTags: orEmpty(restored.Tags), TakenTags: []nifuda.TakenTag{}, RestoredChildren: orEmpty(restored.Children),
	}
	for _, taken := range restored.Taken {
		out.TakenTags = append(out.TakenTags, nifuda.TakenTag{ImageTag: taken.Tag, ImageDigest: taken.Digest})
	}
	return out, nil
}

// restoredTags are the tags that a restoration would bring back. Whoever looks at
// them holds the restoration to the deletion that they are of, so that what is
// deleted in between brings no tags that nobody looked at.
func (a *api) restoredTags(in *registry.ImageRestoration) imageTags {
	return func(ctx context.Context) ([][]string, error) {
		if in.WithoutTags {
			return [][]string{nil}, nil
		}
		id, tags, err := a.Repositories.DeletedTags(ctx, in.Repository, in.Digest, in.DeletionID)
		if err != nil {
			return nil, err
		}
		if id == "" {
			in.WithoutTags = true
		} else {
			in.DeletionID = id
		}
		if len(tags) == 0 {
			return [][]string{nil}, nil
		}
		all := make([][]string, len(tags))
		for i, tag := range tags {
			all[i] = []string{tag}
		}
		return all, nil
	}
}

// RestoreTag implements [nifuda.Service].
func (a *api) RestoreTag(ctx context.Context, in *nifuda.RestoreTagRequest) (*nifuda.RestoreTagResponse, error) {
	n, err := a.repository(ctx, iam.RestoreTag, in.RegistryId, in.RepositoryName, tagOf(in.ImageTag))
	if err != nil {
		return nil, err
	}
	if (in.Sequence == nil) == (in.Before == nil) {
		return nil, registry.InvalidParameter("Sequence", "one of Sequence and Before must be given, and not both")
	}
	var before time.Time
	if in.Before != nil {
		before = in.Before.Time
	}
	restored, err := a.Repositories.RestoreTag(ctx, registry.TagRestoration{
		Repository: n, Tag: in.ImageTag, Sequence: value(in.Sequence), Before: before, Actor: callOf(ctx).Principal.ARN,
	})
	if err != nil {
		return nil, err
	}
	out := &nifuda.RestoreTagResponse{
		RegistryId: n.Registry.Account, RepositoryName: n.Name, ImageTag: in.ImageTag, ImageDigest: restored.Digest,
		PreviousImageDigest: restored.Previous, Sequence: restored.Sequence, RestoredChildren: []string{},
	}
	if restored.Image != nil {
		out.ImageRestored, out.RestoredChildren = true, orEmpty(restored.Image.Children)
	}
	return out, nil
}

// RestoreRepository implements [nifuda.Service]. Under another name it needs the
// permission on that one too. A repository with a customer's key gets new grants
// of it, which needs the same rights to the key as its creation.
func (a *api) RestoreRepository(ctx context.Context, in *nifuda.RestoreRepositoryRequest) (*nifuda.RestoreRepositoryResponse, error) {
	n, err := a.repository(ctx, iam.RestoreRepository, in.RegistryId, in.RepositoryName, nil)
	if err == nil && in.NewRepositoryName != nil {
		_, err = a.repository(ctx, iam.RestoreRepository, in.RegistryId, *in.NewRepositoryName, nil)
	}
	if err != nil {
		return nil, err
	}
	restoration := registry.RepositoryRestoration{
		RepositoryName: n, ID: value(in.RepositoryId), NewName: value(in.NewRepositoryName), Actor: callOf(ctx).Principal.ARN,
	}
	key, err := a.Repositories.RestorationKey(ctx, restoration)
	if err == nil && key.KMSKey != "" {
		err = a.authorizeKey(ctx, n, key)
	}
	if err != nil {
		return nil, err
	}
	restoration.ID = key.RepositoryID // not one that was deleted since
	restored, err := a.Repositories.RestoreRepository(ctx, restoration)
	if err != nil {
		return nil, err
	}
	return &nifuda.RestoreRepositoryResponse{Repository: &nifuda.RestoredRepository{
		RepositoryId: restored.ID, RegistryId: restored.Registry.Account, RepositoryName: restored.Name, RepositoryArn: restored.ARN(),
		CreatedAt: nifuda.Timestamp{Time: restored.CreatedAt},
	}}, nil
}
