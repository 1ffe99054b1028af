package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/store"
)

// An ImageID names an image by digest, by tag, or by both, which must agree.
type ImageID struct{ Digest, Tag string }

// An Image is what a repository knows of a manifest.
type Image struct {
	Digest, MediaType string
	ArtifactMediaType string // the artifactType or the config's media type; "" is none
	Subject           string // digest; "" is none
	Size              int64  // bytes: config and layers, or the largest child's
	PushedAt          time.Time
	PulledAt          time.Time // zero is never
	Tags              []string
}

// A Manifest is a manifest and its exact bytes.
type Manifest struct {
	Digest, MediaType string
	Payload           []byte
}

// A TagStatus selects images by whether they have a tag.
type TagStatus string

// The tag statuses; "" means Any.
const (
	Any      TagStatus = "ANY"
	Tagged   TagStatus = "TAGGED"
	Untagged TagStatus = "UNTAGGED"
)

// A Cursor is a position in a listing. Zero is its start, and as the next
// position its end.
type Cursor struct{ Kind, Key string }

// The kinds of positions in ListImages: tags come first, then untagged digests.
const (
	atTag      = "tag"
	atUntagged = "untagged"
)

// Manifest returns the manifest of an image, or refuses with ImageNotFound,
// RepositoryNotFound, Kms or Damaged. It does not count as a pull.
func (r *Registry) Manifest(ctx context.Context, n RepositoryName, id ImageID) (Manifest, error) {
	reference := id.Tag // which no digest can be
	if reference == "" {
		reference = id.Digest
	}
	found, err := r.manifests.get(n, reference, func() (foundManifest, error) { return r.readManifest(ctx, n, id) },
		func(f foundManifest) bool { return len(f.Payload) <= cachedManifestSize })
	if errors.Is(err, store.ErrNotFound) {
		if _, err := r.repositoryID(ctx, n); err != nil {
			return Manifest{}, err
		}
		return Manifest{}, imageNotFound(n, id.Digest, id.Tag)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	if id.Digest != "" && id.Digest != found.Digest {
		return Manifest{}, imageNotFound(n, id.Digest, id.Tag)
	}
	if found.hasKey {
		if err := r.checkKey(ctx, n); err != nil {
			return Manifest{}, err
		}
	}
	return found.Manifest, nil
}

// A foundManifest is a manifest of a repository that may have a KMS key, without
// which nobody is given it.
type foundManifest struct {
	Manifest
	hasKey bool
}

// readManifest reads a manifest and checks its bytes: they are few, and whoever
// gets others than were pushed could not tell why.
func (r *Registry) readManifest(ctx context.Context, n RepositoryName, id ImageID) (foundManifest, error) {
	m, err := r.findManifest(ctx, n, id)
	if err == nil && !manifest.HasDigest(m.Payload, m.Digest) {
		return foundManifest{}, imageDamaged(n, m.Digest)
	}
	return m, err
}

func (r *Registry) findManifest(ctx context.Context, n RepositoryName, id ImageID) (foundManifest, error) {
	if id.Tag != "" {
		m, hasKey, err := r.store.ManifestByTag(ctx, n.Registry.Account, n.Registry.Region, n.Name, id.Tag)
		return foundManifest{Manifest(m), hasKey}, err
	}
	m, hasKey, err := r.store.ManifestByDigest(ctx, n.Registry.Account, n.Registry.Region, n.Name, id.Digest)
	return foundManifest{Manifest(m), hasKey}, err
}

// ListImages returns one id for each tag, in byte order, and then one for each
// untagged image, at most limit.
func (r *Registry) ListImages(ctx context.Context, n RepositoryName, status TagStatus, after Cursor, limit int) (ids []ImageID, next Cursor, err error) {
	repositoryID, err := r.repositoryID(ctx, n)
	if err != nil {
		return nil, Cursor{}, err
	}
	ids = []ImageID{}
	if status != Untagged && after.Kind != atUntagged {
		tags, err := r.store.Tags(ctx, repositoryID, after.Key, limit+1)
		if err != nil {
			return nil, Cursor{}, fmt.Errorf("list tags: %w", err)
		}
		for _, t := range tags[:min(len(tags), limit)] {
			ids = append(ids, ImageID{Digest: t.Digest, Tag: t.Name})
		}
		if len(tags) > limit {
			return ids, Cursor{atTag, ids[limit-1].Tag}, nil
		}
		after = Cursor{}
	}
	if status == Tagged {
		return ids, Cursor{}, nil
	}
	room := limit - len(ids)
	digests, err := r.store.UntaggedDigests(ctx, repositoryID, after.Key, room+1)
	if err != nil {
		return nil, Cursor{}, fmt.Errorf("list untagged images: %w", err)
	}
	for _, d := range digests[:min(len(digests), room)] {
		ids = append(ids, ImageID{Digest: d})
		after.Key = d
	}
	if len(digests) > room {
		return ids, Cursor{atUntagged, after.Key}, nil
	}
	return ids, Cursor{}, nil
}

// DescribeImages returns images in the order of their digests, at most limit.
func (r *Registry) DescribeImages(ctx context.Context, n RepositoryName, status TagStatus, after Cursor, limit int) (images []Image, next Cursor, err error) {
	repositoryID, err := r.repositoryID(ctx, n)
	if err != nil {
		return nil, Cursor{}, err
	}
	rows, last, err := r.imagePage(ctx, repositoryID, status, after.Key, limit)
	if err != nil {
		return nil, Cursor{}, fmt.Errorf("list images: %w", err)
	}
	if last != "" {
		next = Cursor{"digest", last}
	}
	images, err = r.withTags(ctx, n, repositoryID, rows)
	return images, next, err
}

// imagePage returns a page of images, and the digest that the next one comes
// after, if there is one.
func (r *Registry) imagePage(ctx context.Context, repositoryID string, status TagStatus, after string, limit int) (rows []store.Image, last string, err error) {
	if status != Tagged && status != Untagged {
		rows, err = r.store.Images(ctx, repositoryID, after, limit+1)
		if len(rows) > limit {
			rows, last = rows[:limit], rows[limit-1].Digest
		}
		return rows, last, err
	}
	digestsAfter := r.store.TaggedDigests
	if status == Untagged {
		digestsAfter = r.store.UntaggedDigests
	}
	digests, err := digestsAfter(ctx, repositoryID, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(digests) > limit {
		digests, last = digests[:limit], digests[limit-1]
	}
	rows, err = r.store.ImagesByDigest(ctx, repositoryID, digests)
	return rows, last, err
}

// ImagesByID returns the images that the ids name, each once. The first id
// that names none is refused with ImageNotFound.
func (r *Registry) ImagesByID(ctx context.Context, n RepositoryName, ids []ImageID) ([]Image, error) {
	repositoryID, err := r.repositoryID(ctx, n)
	if err != nil {
		return nil, err
	}
	digests := make([]string, len(ids))
	for i, id := range ids {
		digests[i] = id.Digest
		if id.Tag == "" {
			continue
		}
		digest, err := r.store.TagDigest(ctx, repositoryID, id.Tag)
		if errors.Is(err, store.ErrNotFound) || err == nil && id.Digest != "" && id.Digest != digest {
			return nil, imageNotFound(n, id.Digest, id.Tag)
		}
		if err != nil {
			return nil, fmt.Errorf("find tag: %w", err)
		}
		digests[i] = digest
	}
	rows, err := r.store.ImagesByDigest(ctx, repositoryID, digests)
	if err != nil {
		return nil, fmt.Errorf("find images: %w", err)
	}
	found := make(map[string]bool, len(rows))
	for _, row := range rows {
		found[row.Digest] = true
	}
	for i, id := range ids {
		if !found[digests[i]] {
			return nil, imageNotFound(n, id.Digest, id.Tag)
		}
	}
	return r.withTags(ctx, n, repositoryID, rows)
}

// withTags adds to images their tags and the pulls that are not stored yet.
func (r *Registry) withTags(ctx context.Context, n RepositoryName, repositoryID string, rows []store.Image) ([]Image, error) {
	images := make([]Image, len(rows))
	digests := make([]string, len(rows))
	index := make(map[string]int, len(rows))
	for i, row := range rows {
		images[i] = imageOf(row)
		if at := r.pulls.last(n, row.Digest); at > row.PulledAt {
			images[i].PulledAt = time.UnixMilli(at)
		}
		digests[i], index[row.Digest] = row.Digest, i
	}
	tags, err := r.store.TagsOf(ctx, repositoryID, digests)
	if err != nil {
		return nil, fmt.Errorf("list tags of images: %w", err)
	}
	for _, t := range tags {
		image := &images[index[t.Digest]]
		image.Tags = append(image.Tags, t.Name)
	}
	return images, nil
}

func imageOf(row store.Image) Image {
	image := Image{
		Digest: row.Digest, MediaType: row.MediaType, ArtifactMediaType: row.ArtifactType, Subject: row.Subject,
		Size: row.ImageSize, PushedAt: time.UnixMilli(row.PushedAt),
	}
	if row.PulledAt != 0 {
		image.PulledAt = time.UnixMilli(row.PulledAt)
	}
	return image
}

// Tags returns names of tags after the given one, in byte order, at most limit.
func (r *Registry) Tags(ctx context.Context, n RepositoryName, after string, limit int) ([]string, error) {
	repositoryID, err := r.repositoryID(ctx, n)
	if err != nil {
		return nil, err
	}
	tags, err := r.store.Tags(ctx, repositoryID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list tags: %w", err)
	}
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = t.Name
	}
	return names, nil
}

// joinDigests prints digests as ECR lists them in messages.
func joinDigests(digests []string) string { return "[" + strings.Join(digests, ", ") + "]" }
