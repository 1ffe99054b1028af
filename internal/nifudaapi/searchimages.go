package nifudaapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/registry"
)

// SearchImages implements [nifuda.Service].
func (a *api) SearchImages(ctx context.Context, in *nifuda.SearchImagesRequest) (*nifuda.SearchImagesResponse, error) {
	n, err := a.repository(ctx, iam.SearchImages, in.RegistryId, in.RepositoryName, nil)
	if err != nil {
		return nil, err
	}
	after, err := position(in.NextToken)
	if err != nil {
		return nil, err
	}
	search := registry.ImageSearch{
		Repository: n, Text: value(in.Query), TagStatus: registry.TagStatus(value(in.TagStatus)),
		MediaType: value(in.MediaType), ArtifactType: value(in.ArtifactType), WithParts: value(in.IncludeParts),
		Order: registry.ImageOrder(value(in.SortBy)), Ascending: value(in.Ascending),
	}
	images, next, err := a.Repositories.SearchImages(ctx, search, after, searchPageSize(in.MaxResults))
	if err != nil {
		return nil, foreignOr(err)
	}
	out := &nifuda.SearchImagesResponse{
		RegistryId: n.Registry.Account, RepositoryName: n.Name, Images: make([]nifuda.FoundImage, len(images)), NextToken: token(next),
	}
	for i, image := range images {
		out.Images[i] = foundImage(image)
	}
	return out, nil
}

func foundImage(image registry.FoundImage) nifuda.FoundImage {
	out := nifuda.FoundImage{
		ImageDigest: image.Digest, ImageTags: orEmpty(image.Tags), TagCount: image.TagCount,
		MediaType: image.MediaType, ArtifactType: image.ArtifactMediaType, Size: image.Size,
		PushedAt: nifuda.Timestamp{Time: image.PushedAt}, SubjectDigest: image.Subject,
		Parts: image.Parts, Referrers: image.Referrers, Damaged: image.Damaged,
	}
	if !image.PulledAt.IsZero() {
		out.PulledAt = nifuda.Timestamp{Time: image.PulledAt}
	}
	return out
}
