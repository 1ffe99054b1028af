package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/store"
)

const (
	// So many of the largest are shown.
	largest = 100
	// So many tags of an image are shown where images are listed briefly.
	briefTags = 20
)

// Storage is where bytes are.
type Storage struct {
	Items      []StorageItem // the largest first
	OtherBytes int64         // that none of the items has
	MeasuredAt time.Time     // when the oldest of the measurements was
}

// A StorageItem is a repository or an image, and how much it holds.
type StorageItem struct {
	Repository string
	Digest     string   // of an image
	Tags       []string // of an image, 20 at most
	Images     int64    // of a repository
	Bytes      int64    // each blob counted once; of a repository with its manifests
	Unique     int64    // of those what nobody else in the registry has
	Measured   bool     // whether Unique is known
}

// Storage returns the largest repositories of a registry. How much of a large one
// is unique was measured in the background.
func (r *Registry) Storage(ctx context.Context, id ID) (Storage, error) {
	_, total, err := r.store.RegistryUsage(ctx, id.Account, id.Region)
	if err != nil {
		return Storage{}, fmt.Errorf("add up usage: %w", err)
	}
	rows, err := r.store.LargestRepositories(ctx, id.Account, id.Region, largest)
	if err != nil {
		return Storage{}, fmt.Errorf("find the largest repositories: %w", err)
	}
	s := Storage{Items: make([]StorageItem, len(rows)), OtherBytes: total.Bytes, MeasuredAt: r.now()}
	budget := int64(measuredAtOnce)
	for i, row := range rows {
		if row.Blobs <= budget {
			budget -= row.Blobs
			sharing, err := r.measureSharing(ctx, id, row.ID, nil)
			if err != nil {
				return Storage{}, fmt.Errorf("measure repository: %w", err)
			}
			row.Shared, row.MeasuredAt = sharing.Shared, r.millis()
		}
		item := StorageItem{Repository: row.Name, Images: row.Images, Bytes: row.Bytes}
		if item.Measured = row.MeasuredAt != 0; item.Measured {
			item.Unique = max(0, row.Bytes-row.Shared)
			if at := time.UnixMilli(row.MeasuredAt); at.Before(s.MeasuredAt) {
				s.MeasuredAt = at
			}
		}
		s.Items[i] = item
		s.OtherBytes -= row.Bytes
	}
	s.OtherBytes = max(0, s.OtherBytes)
	return s, nil
}

// ImageStorage returns the largest images of a repository; indexes hold nothing
// themselves.
func (r *Registry) ImageStorage(ctx context.Context, n RepositoryName) (Storage, error) {
	repositoryID, err := r.repositoryID(ctx, n)
	if err != nil {
		return Storage{}, err
	}
	images, err := r.largestImages(ctx, repositoryID)
	if err != nil {
		return Storage{}, fmt.Errorf("find the largest images: %w", err)
	}
	usage, err := r.store.RepositoryUsage(ctx, repositoryID)
	if err != nil {
		return Storage{}, fmt.Errorf("add up usage: %w", err)
	}
	s := Storage{Items: make([]StorageItem, len(images)), MeasuredAt: r.now()}
	digests := make([]string, len(images))
	for i, image := range images {
		digests[i] = image.Digest
		s.Items[i] = StorageItem{Repository: n.Name, Digest: image.Digest, Bytes: image.ImageSize, Measured: true}
		if s.Items[i].Unique, err = r.store.BytesOfOnly(ctx, n.Registry.Account, n.Registry.Region, repositoryID, digests[i:i+1]); err != nil {
			return Storage{}, fmt.Errorf("add up what only an image has: %w", err)
		}
	}
	shown, err := r.store.BytesOfAny(ctx, repositoryID, digests)
	if err != nil {
		return Storage{}, fmt.Errorf("add up what images have: %w", err)
	}
	s.OtherBytes = max(0, usage.Bytes-shown)
	tags, err := r.someTags(ctx, repositoryID, digests)
	for i := range s.Items {
		s.Items[i].Tags = tags[s.Items[i].Digest]
	}
	return s, err
}

// largestImages returns the largest images that are no indexes.
func (r *Registry) largestImages(ctx context.Context, repositoryID string) (images []store.Image, err error) {
	filter := store.ImageFilter{RepositoryID: repositoryID, WithParts: true}
	for at := (*store.ImagePlace)(nil); ; {
		places, err := r.store.SearchImages(ctx, filter, store.BySize, false, at, largest)
		if err != nil || len(places) == 0 {
			return images, err
		}
		digests := make([]string, len(places))
		for i, p := range places {
			digests[i] = p.Digest
		}
		rows, err := r.store.ImagesByDigest(ctx, repositoryID, digests)
		if err != nil {
			return nil, err
		}
		found := make(map[string]store.Image, len(rows))
		for _, row := range rows {
			found[row.Digest] = row
		}
		for _, digest := range digests {
			image, there := found[digest]
			if there && !manifest.IsIndex(image.MediaType) {
				images = append(images, image)
			}
			if len(images) == largest {
				return images, nil
			}
		}
		at = &places[len(places)-1]
	}
}

// someTags returns the first tags of images.
func (r *Registry) someTags(ctx context.Context, repositoryID string, digests []string) (map[string][]string, error) {
	rows, err := r.store.TagsOf(ctx, repositoryID, digests)
	if err != nil {
		return nil, fmt.Errorf("list tags of images: %w", err)
	}
	tags := make(map[string][]string, len(digests))
	for _, row := range rows {
		if len(tags[row.Digest]) < briefTags {
			tags[row.Digest] = append(tags[row.Digest], row.Name)
		}
	}
	return tags, nil
}
