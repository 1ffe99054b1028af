package ecrapi

import (
	"cmp"
	"context"
	"errors"

	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/registry"
)

// PutImage implements [ecr.Service] (spec B.2, 40).
func (a *api) PutImage(ctx context.Context, in *ecr.PutImageRequest) (*ecr.PutImageResponse, error) {
	name, err := a.repository(ctx, iam.PutImage, in.RegistryId, in.RepositoryName, withImageTags(tagOf(in.ImageTag)))
	if err != nil {
		return nil, err
	}
	if in.ImageDigest != nil && !digestRegexp.MatchString(*in.ImageDigest) {
		return nil, invalidDigest("imageDigest")
	}
	image := registry.NewImage{
		Repository: name,
		Payload:    []byte(in.ImageManifest),
		MediaType:  value(in.ImageManifestMediaType),
		Digest:     value(in.ImageDigest),
		Actor:      callerOf(ctx).Principal.ARN,
	}
	if in.ImageTag != nil {
		image.Tags = []string{*in.ImageTag}
	}
	put, err := a.registry.PutImage(ctx, image)
	if err != nil {
		return nil, err
	}
	id := registry.ImageID{Digest: put.Digest, Tag: value(in.ImageTag)}
	if put.Existed {
		return nil, imageAlreadyExists(name, id)
	}
	return &ecr.PutImageResponse{Image: new(wireImage(name, id, put.Manifest))}, nil
}

func imageAlreadyExists(n registry.RepositoryName, id registry.ImageID) error {
	tag := id.Tag
	if tag == "" {
		tag = "null"
	}
	return ecr.ImageAlreadyExistsException("Image with digest '" + id.Digest + "' and tag '" + tag +
		"' already exists in the repository with name '" + n.Name + "' in registry with id '" + n.Registry.Account + "'")
}

// maxManifests bounds the bytes of the manifests of one response: a hundred of
// the largest would be 400 MiB.
const maxManifests = 32 << 20

// BatchGetImage implements [ecr.Service] (spec B.2, 3). Manifests are returned
// as they are stored, whatever acceptedMediaTypes says (spec C.6).
func (a *api) BatchGetImage(ctx context.Context, in *ecr.BatchGetImageRequest) (*ecr.BatchGetImageResponse, error) {
	name := registry.RepositoryName{Registry: callerOf(ctx).registryID(in.RegistryId), Name: in.RepositoryName}
	err := a.authorize(ctx, iam.BatchGetImage, name.ARN(), name.Registry, withImageTags(a.pulledTags(name, in.ImageIds)))
	if err != nil {
		return nil, err
	}
	out := &ecr.BatchGetImageResponse{Images: []ecr.Image{}, Failures: []ecr.ImageFailure{}}
	size := 0
	for _, asked := range in.ImageIds {
		image, failure, err := a.getImage(ctx, name, asked)
		if err != nil {
			return nil, err
		}
		if failure != nil {
			out.Failures = append(out.Failures, *failure)
			continue
		}
		if size += len(image.ImageManifest); size > maxManifests {
			return nil, ecr.LimitExceededException("The manifests of the requested images have more than 32 MiB together. Ask for fewer images at a time.")
		}
		out.Images = append(out.Images, *image)
	}
	if len(out.Images) == 0 {
		// Identifiers that are all malformed do not tell whether there is a repository.
		if _, err := a.registry.Repository(ctx, name); err != nil {
			return nil, err
		}
	}
	for _, image := range out.Images {
		a.registry.RecordPull(name, value(image.ImageId.ImageTag), *image.ImageId.ImageDigest)
	}
	return out, nil
}

// getImage returns one image of a batch, or why it is not there.
func (a *api) getImage(ctx context.Context, name registry.RepositoryName, asked ecr.ImageIdentifier) (*ecr.Image, *ecr.ImageFailure, error) {
	id, failure := imageIDOf(asked)
	if failure != nil {
		return nil, failure, nil
	}
	m, err := a.registry.Manifest(ctx, name, id)
	if refused, ok := errors.AsType[*registry.Error](err); ok {
		switch refused.Code {
		case registry.CodeImageNotFound:
			return nil, &ecr.ImageFailure{
				ImageId: &asked, FailureCode: ecr.ImageFailureCodeImageNotFound, FailureReason: "Requested image not found",
			}, nil
		case registry.CodeKms:
			return nil, &ecr.ImageFailure{ImageId: &asked, FailureCode: ecr.ImageFailureCodeKmsError, FailureReason: refused.Message}, nil
		case registry.CodeDamaged:
			return nil, &ecr.ImageFailure{ImageId: &asked, FailureCode: ecr.ImageFailureCodeImageInaccessible, FailureReason: refused.Message}, nil
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return new(wireImage(name, registry.ImageID{Digest: m.Digest, Tag: id.Tag}, m)), nil, nil
}

// BatchDeleteImage implements [ecr.Service] (spec B.2, 2).
func (a *api) BatchDeleteImage(ctx context.Context, in *ecr.BatchDeleteImageRequest) (*ecr.BatchDeleteImageResponse, error) {
	name := registry.RepositoryName{Registry: callerOf(ctx).registryID(in.RegistryId), Name: in.RepositoryName}
	named := make([]registry.ImageID, len(in.ImageIds))
	seen := make([]*registry.SeenTags, len(in.ImageIds))
	for i, id := range in.ImageIds {
		named[i] = registry.ImageID{Digest: value(id.ImageDigest), Tag: value(id.ImageTag)}
		seen[i] = a.registry.SeenTags(name, named[i].Digest)
	}
	err := a.authorize(ctx, iam.BatchDeleteImage, name.ARN(), name.Registry, withImageTags(registry.TagsToDelete(named, seen)))
	if err != nil {
		return nil, err
	}
	out := &ecr.BatchDeleteImageResponse{ImageIds: []ecr.ImageIdentifier{}, Failures: []ecr.ImageFailure{}}
	for i, asked := range in.ImageIds {
		id, failure := imageIDOf(asked)
		if failure != nil {
			out.Failures = append(out.Failures, *failure)
			continue
		}
		if err := a.deleteImage(ctx, name, id, seen[i], out); err != nil {
			return nil, err
		}
	}
	if len(out.ImageIds) == 0 {
		// Identifiers that are all malformed do not tell whether there is a repository.
		if _, err := a.registry.Repository(ctx, name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// deleteImage deletes one image of a batch and adds to the answer what became of it.
func (a *api) deleteImage(ctx context.Context, name registry.RepositoryName, id registry.ImageID, seen *registry.SeenTags, out *ecr.BatchDeleteImageResponse) error {
	deleted, failures, err := a.registry.DeleteImages(ctx, name, []registry.ImageID{id}, seen, callerOf(ctx).Principal.ARN)
	if err != nil {
		return err
	}
	for _, id := range deleted {
		out.ImageIds = append(out.ImageIds, wireImageID(id))
	}
	for _, f := range failures {
		out.Failures = append(out.Failures, ecr.ImageFailure{ImageId: new(wireImageID(f.ID)), FailureCode: f.Code, FailureReason: f.Reason})
	}
	return nil
}

// ListImages implements [ecr.Service] (spec B.2, 36).
func (a *api) ListImages(ctx context.Context, in *ecr.ListImagesRequest) (*ecr.ListImagesResponse, error) {
	name, err := a.repository(ctx, iam.ListImages, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	filter := value(in.Filter)
	tagStatus := cmp.Or(value(filter.TagStatus), ecr.TagStatusAny)
	imageStatus := cmp.Or(value(filter.ImageStatus), ecr.ImageStatusFilterActive)
	l := listing{operation: "ListImages", repository: name, filter: []string{tagStatus, imageStatus}}
	from, err := l.position(in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &ecr.ListImagesResponse{ImageIds: []ecr.ImageIdentifier{}}
	if !isActive(imageStatus) {
		_, err := a.registry.Repository(ctx, name)
		return out, err
	}
	ids, next, err := a.registry.ListImages(ctx, name, registry.TagStatus(tagStatus), from, pageSize(in.MaxResults, defaultPage))
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		out.ImageIds = append(out.ImageIds, wireImageID(id))
	}
	out.NextToken = l.token(next)
	return out, nil
}

// DescribeImages implements [ecr.Service] (spec B.2, 20). With imageIds the
// filter has no effect.
func (a *api) DescribeImages(ctx context.Context, in *ecr.DescribeImagesRequest) (*ecr.DescribeImagesResponse, error) {
	name, err := a.repository(ctx, iam.DescribeImages, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if in.ImageIds != nil {
		return a.describeIdentified(ctx, name, in)
	}
	filter := value(in.Filter)
	tagStatus := cmp.Or(value(filter.TagStatus), ecr.TagStatusAny)
	imageStatus := cmp.Or(value(filter.ImageStatus), ecr.ImageStatusFilterActive)
	l := listing{operation: "DescribeImages", repository: name, filter: []string{tagStatus, imageStatus}}
	from, err := l.position(in.NextToken)
	if err != nil {
		return nil, err
	}
	if !isActive(imageStatus) {
		_, err := a.registry.Repository(ctx, name)
		return &ecr.DescribeImagesResponse{ImageDetails: []ecr.ImageDetail{}}, err
	}
	images, next, err := a.registry.DescribeImages(ctx, name, registry.TagStatus(tagStatus), from, pageSize(in.MaxResults, defaultPage))
	if err != nil {
		return nil, err
	}
	return &ecr.DescribeImagesResponse{ImageDetails: imageDetails(name, images), NextToken: l.token(next)}, nil
}

func (a *api) describeIdentified(ctx context.Context, name registry.RepositoryName, in *ecr.DescribeImagesRequest) (*ecr.DescribeImagesResponse, error) {
	if err := checkUnpaged("imageIds", in.MaxResults, in.NextToken); err != nil {
		return nil, err
	}
	ids, err := imageIDsOf(in.ImageIds)
	if err != nil {
		return nil, err
	}
	images, err := a.registry.ImagesByID(ctx, name, ids)
	if err != nil {
		return nil, err
	}
	return &ecr.DescribeImagesResponse{ImageDetails: imageDetails(name, images)}, nil
}

// isActive reports whether a filter of status selects the images that there
// are: none is archived, and all are active.
func isActive(status string) bool {
	return status == ecr.ImageStatusFilterActive || status == ecr.ImageStatusFilterAny
}

func wireImage(n registry.RepositoryName, id registry.ImageID, m registry.Manifest) ecr.Image {
	return ecr.Image{
		RegistryId: n.Registry.Account, RepositoryName: n.Name,
		ImageId: new(wireImageID(id)), ImageManifest: string(m.Payload), ImageManifestMediaType: m.MediaType,
	}
}

// imageDetails are images in ECR's shape (spec B.0, ImageDetail).
func imageDetails(n registry.RepositoryName, images []registry.Image) []ecr.ImageDetail {
	details := make([]ecr.ImageDetail, len(images))
	for i, image := range images {
		details[i] = ecr.ImageDetail{
			RegistryId:             n.Registry.Account,
			RepositoryName:         n.Name,
			ImageDigest:            image.Digest,
			ImageTags:              image.Tags,
			ImageSizeInBytes:       &image.Size,
			ImagePushedAt:          ecr.Timestamp{Time: image.PushedAt},
			ImageManifestMediaType: image.MediaType,
			ArtifactMediaType:      image.ArtifactMediaType,
			LastRecordedPullTime:   ecr.Timestamp{Time: image.PulledAt},
			SubjectManifestDigest:  image.Subject,
			ImageStatus:            ecr.ImageStatusActive,
		}
	}
	return details
}
