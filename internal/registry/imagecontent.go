package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/seal"
	"github.com/nifuda/nifuda/internal/store"
)

const (
	// A larger configuration is not shown.
	maxShownConfiguration = 1 << 20
	// So many others that have a layer are counted.
	maxCountedOthers = 1000
)

// ImageContent is what an image is made of.
type ImageContent struct {
	Manifest Manifest
	// ConfigurationMediaType is "" for an image without one.
	ConfigurationMediaType string
	// Configuration is a JSON document, nil if there is none to show.
	Configuration []byte
	// ConfigurationDamaged says that it is not as it was pushed, and not shown.
	ConfigurationDamaged bool
	Layers               []ImageLayer // in the order of the manifest
	UniqueBytes          int64        // of the blobs that no other image of the registry has
}

// An ImageLayer is a layer of an image. What others have it is counted up to a
// thousand.
type ImageLayer struct {
	Digest, MediaType              string
	Size                           int64
	OtherImages, OtherRepositories int64 // of the repository; of the registry, with an image that has it
	Damaged                        bool
}

// ImageContent returns what an image is made of, which counts as no pull. It refuses
// as [Registry.Manifest] does.
func (r *Registry) ImageContent(ctx context.Context, n RepositoryName, digest string) (ImageContent, error) {
	found, err := r.Manifest(ctx, n, ImageID{Digest: digest})
	if err != nil {
		return ImageContent{}, err
	}
	m, err := manifest.Parse(found.Payload, found.MediaType)
	if err != nil {
		return ImageContent{}, fmt.Errorf("parse manifest %s: %w", digest, err)
	}
	c := ImageContent{Manifest: found}
	if err := r.addLayers(ctx, n, digest, m, &c); err != nil {
		return ImageContent{}, err
	}
	if m.Config == nil {
		return c, nil
	}
	c.ConfigurationMediaType = m.Config.MediaType
	text, err := r.readSmallBlob(ctx, n, m.Config.Digest.String())
	if refused, ok := errors.AsType[*Error](err); ok && refused.Code == CodeDamaged {
		c.ConfigurationDamaged = true
		return c, nil
	}
	if err == nil && json.Valid(text) && utf8.Valid(text) {
		c.Configuration = text
	}
	return c, err
}

func (r *Registry) addLayers(ctx context.Context, n RepositoryName, digest string, m manifest.Manifest, c *ImageContent) error {
	repositoryID, err := r.repositoryID(ctx, n)
	if err != nil {
		return err
	}
	digests := make([]string, len(m.Layers))
	for i, layer := range m.Layers {
		digests[i] = layer.Digest.String()
	}
	rows, err := r.store.SharedBlobs(ctx, n.Registry.Account, n.Registry.Region, repositoryID, digests, maxCountedOthers+1)
	if err != nil {
		return fmt.Errorf("find who else has layers: %w", err)
	}
	shared := make(map[string]store.SharedBlob, len(rows))
	for _, row := range rows {
		shared[row.Digest] = row
	}
	c.Layers = make([]ImageLayer, len(m.Layers))
	for i, layer := range m.Layers {
		blob := shared[digests[i]] // a layer that stays at its URL is no blob
		c.Layers[i] = ImageLayer{
			Digest: digests[i], MediaType: layer.MediaType, Size: layer.Size, Damaged: blob.Damaged,
			OtherImages: max(0, blob.Images-1), OtherRepositories: min(blob.Repositories, maxCountedOthers),
		}
	}
	if c.UniqueBytes, err = r.store.BytesOfOnly(ctx, n.Registry.Account, n.Registry.Region, repositoryID, []string{digest}); err != nil {
		return fmt.Errorf("add up what only the image has: %w", err)
	}
	return nil
}

// readSmallBlob returns the bytes of a blob, and nothing of a large one. It refuses
// with Damaged if they are not those of its digest.
func (r *Registry) readSmallBlob(ctx context.Context, n RepositoryName, digest string) ([]byte, error) {
	content, err := r.OpenBlob(ctx, n, digest)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	if content.Size > maxShownConfiguration {
		return nil, nil
	}
	text, err := io.ReadAll(content)
	if errors.Is(err, seal.ErrDamaged) || err == nil && !manifest.HasDigest(text, digest) {
		return nil, layerDamaged(n, digest)
	}
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", digest, err)
	}
	return text, nil
}
