package ecrapi

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
)

const (
	// partSize is the size of parts that clients are told to send (spec B.2, 34).
	partSize = 10 << 20
	// minPartSize is what every part but the last must have (LayerPartTooSmallException).
	minPartSize = 5 << 20
)

// BatchCheckLayerAvailability implements [ecr.Service] (spec B.2, 1). A layer
// that the repository lacks is UNAVAILABLE; failures are only for what is no
// digest.
func (a *api) BatchCheckLayerAvailability(ctx context.Context, in *ecr.BatchCheckLayerAvailabilityRequest) (*ecr.BatchCheckLayerAvailabilityResponse, error) {
	name, err := a.repository(ctx, iam.BatchCheckLayerAvailability, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	out := &ecr.BatchCheckLayerAvailabilityResponse{Layers: []ecr.Layer{}, Failures: []ecr.LayerFailure{}}
	var digests []string
	for _, digest := range in.LayerDigests {
		if manifest.ValidDigest(digest) {
			digests = append(digests, digest)
			continue
		}
		out.Failures = append(out.Failures, invalidLayerDigest(digest))
	}
	found, err := a.registry.CheckBlobs(ctx, name, digests)
	if err != nil {
		return nil, err
	}
	for _, digest := range digests {
		layer := ecr.Layer{LayerDigest: digest, LayerAvailability: ecr.LayerAvailabilityUnavailable}
		if b, ok := found[digest]; ok {
			layer.LayerAvailability, layer.LayerSize, layer.MediaType = ecr.LayerAvailabilityAvailable, &b.Size, b.MediaType
		}
		out.Layers = append(out.Layers, layer)
	}
	return out, nil
}

func invalidLayerDigest(digest string) ecr.LayerFailure {
	if digest == "" {
		return ecr.LayerFailure{
			FailureCode:   ecr.LayerFailureCodeMissingLayerDigest,
			FailureReason: "Invalid request parameters: layer digest cannot be empty",
		}
	}
	return ecr.LayerFailure{
		LayerDigest:   digest,
		FailureCode:   ecr.LayerFailureCodeInvalidLayerDigest,
		FailureReason: "Invalid request parameters: layer digest should be 'sha256:' or 'sha512:' and lower-case hexadecimal digits",
	}
}

// InitiateLayerUpload implements [ecr.Service] (spec B.2, 34).
func (a *api) InitiateLayerUpload(ctx context.Context, in *ecr.InitiateLayerUploadRequest) (*ecr.InitiateLayerUploadResponse, error) {
	name, err := a.repository(ctx, iam.InitiateLayerUpload, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	id, err := a.registry.StartUpload(ctx, name)
	if err != nil {
		return nil, err
	}
	return &ecr.InitiateLayerUploadResponse{UploadId: id, PartSize: new(int64(partSize))}, nil
}

// UploadLayerPart implements [ecr.Service] (spec B.2, 57).
func (a *api) UploadLayerPart(ctx context.Context, in *ecr.UploadLayerPartRequest) (*ecr.UploadLayerPartResponse, error) {
	name, err := a.repository(ctx, iam.UploadLayerPart, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	length := int64(len(in.LayerPartBlob))
	if length == 0 {
		return nil, registry.InvalidParameter("layerPartBlob", "Member must have length greater than or equal to 1")
	}
	if *in.PartLastByte != *in.PartFirstByte+length-1 {
		return nil, registry.InvalidParameter("partLastByte", "must be partFirstByte and the length of layerPartBlob minus 1")
	}
	size, err := a.registry.AppendUpload(ctx, name, in.UploadId, registry.Part{
		First: in.PartFirstByte, Length: length, Body: bytes.NewReader(in.LayerPartBlob), Counted: true,
	})
	if err != nil {
		return nil, explainPart(name, in.UploadId, err)
	}
	return &ecr.UploadLayerPartResponse{
		RegistryId: name.Registry.Account, RepositoryName: name.Name, UploadId: in.UploadId, LastByteReceived: new(size - 1),
	}, nil
}

// CompleteLayerUpload implements [ecr.Service] (spec B.2, 5).
func (a *api) CompleteLayerUpload(ctx context.Context, in *ecr.CompleteLayerUploadRequest) (*ecr.CompleteLayerUploadResponse, error) {
	name, err := a.repository(ctx, iam.CompleteLayerUpload, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	completed, err := a.registry.CompleteUpload(ctx, name, in.UploadId, registry.Completion{Digests: sha256First(in.LayerDigests), MinPartSize: minPartSize})
	if err != nil {
		return nil, err
	}
	if completed.Existed {
		return nil, ecr.LayerAlreadyExistsException("Layer with digest '" + completed.Digest +
			"' already exists in the repository with name '" + name.Name + "' in registry with id '" + name.Registry.Account + "'")
	}
	return &ecr.CompleteLayerUploadResponse{
		RegistryId: name.Registry.Account, RepositoryName: name.Name, UploadId: in.UploadId, LayerDigest: completed.Digest,
	}, nil
}

// GetDownloadUrlForLayer implements [ecr.Service] (spec B.2, 27). The address is
// at the host that the call came in on, which its caller can reach for certain.
func (a *api) GetDownloadUrlForLayer(ctx context.Context, in *ecr.GetDownloadUrlForLayerRequest) (*ecr.GetDownloadUrlForLayerResponse, error) { //nolint:staticcheck // the name is the model's
	name, err := a.repository(ctx, iam.GetDownloadURLForLayer, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if err := a.registry.BlobReferenced(ctx, name, in.LayerDigest); err != nil {
		return nil, err
	}
	query := a.downloads.Sign(authn.Download{
		Account: name.Registry.Account, Region: name.Registry.Region, Repository: name.Name, Digest: in.LayerDigest,
	}, authn.DownloadLifetime)
	return &ecr.GetDownloadUrlForLayerResponse{
		DownloadUrl: callerOf(ctx).endpoint.URL() + a.downloadPath + "?" + query, LayerDigest: in.LayerDigest,
	}, nil
}

// sha256First returns digests with those in front that ECR knows: of several
// that match, the layer gets the first.
func sha256First(digests []string) []string {
	isSHA256 := func(d string) bool { return strings.HasPrefix(d, "sha256:") }
	return slices.SortedStableFunc(slices.Values(digests), func(a, b string) int {
		switch {
		case isSHA256(a) == isSHA256(b):
			return 0
		case isSHA256(a):
			return -1
		}
		return 1
	})
}
