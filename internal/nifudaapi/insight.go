package nifudaapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/registry"
)

// Insight shows what registries hold and what happens in them. [registry.Registry]
// is one.
type Insight interface {
	// PulledTags returns the tags by which an image can be said to be pulled.
	PulledTags(ctx context.Context, n registry.RepositoryName, digest string) ([]string, error)
	// ImageContent returns what an image is made of.
	ImageContent(ctx context.Context, n registry.RepositoryName, digest string) (registry.ImageContent, error)
	// SeenTags returns the tags of an image, not seen yet.
	SeenTags(n registry.RepositoryName, digest string) *registry.SeenTags
	// PreviewDeletion tells what a deletion would do.
	PreviewDeletion(ctx context.Context, n registry.RepositoryName, ids []registry.ImageID, seen []*registry.SeenTags, actor string) (registry.DeletionPreview, error)
	// Events returns a page of what happened in a registry, newest first.
	Events(ctx context.Context, id registry.ID, filter registry.EventFilter, after registry.Cursor, limit int) ([]registry.RegistryEvent, registry.Cursor, error)
	// Statistics returns what a registry holds and what happened in so many days.
	Statistics(ctx context.Context, id registry.ID, days int) (registry.Statistics, error)
	// Storage returns the largest repositories of a registry, ImageStorage the largest
	// images of a repository.
	Storage(ctx context.Context, id registry.ID) (registry.Storage, error)
	ImageStorage(ctx context.Context, n registry.RepositoryName) (registry.Storage, error)
}

// DescribeImageContent implements [nifuda.Service]. Whoever may pull an image may
// call it, and nobody else.
func (a *api) DescribeImageContent(ctx context.Context, in *nifuda.DescribeImageContentRequest) (*nifuda.DescribeImageContentResponse, error) {
	n, err := a.repository(ctx, iam.ReadManifest, in.RegistryId, in.RepositoryName, a.pulledTags(in))
	if err == nil {
		_, err = a.repository(ctx, iam.ReadBlob, in.RegistryId, in.RepositoryName, nil)
	}
	if err != nil {
		return nil, err
	}
	content, err := a.Insight.ImageContent(ctx, n, in.ImageDigest)
	if err != nil {
		return nil, err
	}
	out := &nifuda.DescribeImageContentResponse{
		RegistryId: n.Registry.Account, RepositoryName: n.Name, ImageDigest: in.ImageDigest,
		Manifest: string(content.Manifest.Payload), ManifestMediaType: content.Manifest.MediaType,
		ConfigurationMediaType: content.ConfigurationMediaType, Configuration: string(content.Configuration),
		ConfigurationDamaged: &content.ConfigurationDamaged,
		Layers:               make([]nifuda.ImageLayer, len(content.Layers)), UniqueBytes: content.UniqueBytes,
	}
	for i, layer := range content.Layers {
		out.Layers[i] = nifuda.ImageLayer(layer)
	}
	return out, nil
}

// pulledTags are the tags that the image is known by.
func (a *api) pulledTags(in *nifuda.DescribeImageContentRequest) imageTags {
	return func(ctx context.Context) ([][]string, error) {
		n := registry.RepositoryName{Registry: registryID(ctx, in.RegistryId), Name: in.RepositoryName}
		tags, err := a.Insight.PulledTags(ctx, n, in.ImageDigest)
		return [][]string{tags}, err
	}
}

// PreviewImageDeletion implements [nifuda.Service]. It needs the permission to do
// what it shows: to whom that is refused it is refused too.
func (a *api) PreviewImageDeletion(ctx context.Context, in *nifuda.PreviewImageDeletionRequest) (*nifuda.PreviewImageDeletionResponse, error) {
	n := registry.RepositoryName{Registry: registryID(ctx, in.RegistryId), Name: in.RepositoryName}
	out := &nifuda.PreviewImageDeletionResponse{
		RegistryId: n.Registry.Account, RepositoryName: n.Name, Images: []nifuda.PreviewedDeletion{}, Failures: []nifuda.PreviewedFailure{},
	}
	var ids []registry.ImageID
	var seen []*registry.SeenTags
	for _, asked := range in.ImageIds {
		if asked.ImageDigest == nil && asked.ImageTag == nil {
			out.Failures = append(out.Failures, nifuda.PreviewedFailure{
				ImageId: &asked, FailureCode: ecr.ImageFailureCodeMissingDigestAndTag, FailureReason: "Invalid request parameters: both tag and digest cannot be null",
			})
			continue
		}
		ids = append(ids, registry.ImageID{Digest: value(asked.ImageDigest), Tag: value(asked.ImageTag)})
		seen = append(seen, a.Insight.SeenTags(n, value(asked.ImageDigest)))
	}
	if _, err := a.repository(ctx, iam.BatchDeleteImage, in.RegistryId, in.RepositoryName, registry.TagsToDelete(ids, seen)); err != nil {
		return nil, err
	}
	preview, err := a.Insight.PreviewDeletion(ctx, n, ids, seen, callOf(ctx).Principal.ARN)
	if err != nil {
		return nil, err
	}
	for _, image := range preview.Images {
		out.Images = append(out.Images, nifuda.PreviewedDeletion{ImageDigest: image.Digest, ImageTags: orEmpty(image.Tags), ImageDeleted: image.ImageDeleted})
	}
	for _, f := range preview.Failures {
		out.Failures = append(out.Failures, nifuda.PreviewedFailure{ImageId: deletionIDShape(f.ID), FailureCode: f.Code, FailureReason: f.Reason})
	}
	out.FreedBytes, out.UndeleteWindowSeconds = preview.FreedBytes, int64(preview.Restorable.Seconds())
	return out, nil
}

func deletionIDShape(id registry.ImageID) *nifuda.DeletionImageId {
	var out nifuda.DeletionImageId
	if id.Digest != "" {
		out.ImageDigest = &id.Digest
	}
	if id.Tag != "" {
		out.ImageTag = &id.Tag
	}
	return &out
}
