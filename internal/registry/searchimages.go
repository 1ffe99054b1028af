package registry

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// An ImageSearch says which images of a repository are looked for, and in which
// order. What is empty is no condition.
type ImageSearch struct {
	Repository              RepositoryName
	Text                    string // that a tag contains, without regard to case, or the digest begins with
	TagStatus               TagStatus
	MediaType, ArtifactType string
	WithParts               bool // those that an index has or that refer to another image too
	Order                   ImageOrder
	Ascending               bool
}

// An ImageOrder is by what found images are put in order.
type ImageOrder string

// The orders; "" is ByPushedAt. In ByPulledAt images that were never pulled are
// older than all others, and among each other in the order of their push. A pull
// has its place there once it is stored, which may take a moment.
const (
	ByPushedAt ImageOrder = "PUSHED_AT"
	ByPulledAt ImageOrder = "PULLED_AT"
	BySize     ImageOrder = "SIZE"
)

// A FoundImage is an image with what there is to know of it at a glance.
type FoundImage struct {
	Image     // Tags are the first twenty
	TagCount  int64
	Parts     int64 // images that it is an index of
	Referrers int64
	Damaged   bool // one of its blobs is
}

// fewImages is how many images are looked at one by one rather than in the order
// that they are to be in.
const fewImages = 1000

// SearchImages returns the images that are looked for, at most limit.
func (r *Registry) SearchImages(ctx context.Context, in ImageSearch, after Cursor, limit int) (images []FoundImage, next Cursor, err error) {
	var last *imagePlace
	if after != (Cursor{}) {
		if last, err = in.place(after); err != nil {
			return nil, Cursor{}, err
		}
	}
	repositoryID, err := r.repositoryID(ctx, in.Repository)
	if err != nil {
		return nil, Cursor{}, err
	}
	found, err := r.imagePlaces(ctx, in, repositoryID, last, limit+1)
	if err != nil {
		return nil, Cursor{}, fmt.Errorf("search images: %w", err)
	}
	if len(found) > limit {
		found = found[:limit]
		next = in.cursor(found[limit-1])
	}
	images, err = r.foundImages(ctx, in.Repository, repositoryID, found)
	return images, next, err
}

// imagePlaces returns where the images after a place are. Of few that come into
// question each is looked at; of many, those that come first in the order.
func (r *Registry) imagePlaces(ctx context.Context, in ImageSearch, repositoryID string, after *imagePlace, limit int) ([]imagePlace, error) {
	filter := in.filter(repositoryID)
	few, digests, err := r.fewDigests(ctx, in, filter)
	if err != nil {
		return nil, err
	}
	if few {
		among, err := r.store.SearchImagesAmong(ctx, filter, digests)
		return in.inOrder(among, after, limit), err
	}
	var found []imagePlace
	for _, s := range in.stretches() {
		var from *store.ImagePlace
		if after != nil {
			if s.pulled != after.pulled {
				continue // which is behind us
			}
			from, after = &after.ImagePlace, nil
		}
		filter.NeverPulled = in.Order == ByPulledAt && !s.pulled
		places, err := r.store.SearchImages(ctx, filter, s.order, in.Ascending, from, limit-len(found))
		if err != nil {
			return nil, err
		}
		for _, p := range places {
			found = append(found, imagePlace{p, s.pulled})
		}
		if len(found) == limit {
			break
		}
	}
	return found, nil
}

// fewDigests returns the images that come into question, if there are few.
func (r *Registry) fewDigests(ctx context.Context, in ImageSearch, f store.ImageFilter) (few bool, digests []string, err error) {
	if in.Text != "" {
		digests, err = r.store.DigestsTagged(ctx, f.RepositoryID, f.TagPattern, fewImages+1)
		if err == nil && len(digests) <= fewImages {
			var more []string
			more, err = r.store.DigestsBetween(ctx, f.RepositoryID, f.DigestFrom, f.DigestTo, fewImages+1)
			digests = append(digests, more...)
		}
		if err != nil || len(digests) <= fewImages {
			return true, digests, err
		}
	}
	switch in.TagStatus {
	case Tagged:
		digests, err = r.store.TaggedDigests(ctx, f.RepositoryID, "", fewImages+1)
	case Untagged:
		digests, err = r.store.UntaggedDigests(ctx, f.RepositoryID, "", fewImages+1)
	default:
		return false, nil, nil
	}
	return len(digests) <= fewImages, digests, err
}

const digestAlgorithm = "sha256:"

func (in ImageSearch) filter(repositoryID string) store.ImageFilter {
	f := store.ImageFilter{RepositoryID: repositoryID, MediaType: in.MediaType, ArtifactType: in.ArtifactType, WithParts: in.WithParts}
	if in.TagStatus != Any {
		f.TagStatus = string(in.TagStatus)
	}
	if in.Text != "" {
		f.TagPattern = store.Containing(in.Text)
		begin := digestAlgorithm + strings.TrimPrefix(strings.ToLower(in.Text), digestAlgorithm)
		f.DigestFrom, f.DigestTo = begin, begin+"~"
	}
	return f
}

// An imagePlace is where an image is: in ByPulledAt, those that were pulled and
// those that were not are a stretch of the order each.
type imagePlace struct {
	store.ImagePlace
	pulled bool
}

// A stretch is a part of an order that the store has an order of its own for.
type stretch struct {
	order  store.ImageOrder
	pulled bool
}

func (in ImageSearch) stretches() []stretch {
	switch in.Order {
	case ByPulledAt:
		both := []stretch{{store.ByPulledAt, true}, {store.ByPushedAt, false}}
		if in.Ascending {
			slices.Reverse(both)
		}
		return both
	case BySize:
		return []stretch{{order: store.BySize}}
	default:
		return []stretch{{order: store.ByPushedAt}}
	}
}

// placeOf is where in the order of the search an image is.
func (in ImageSearch) placeOf(p store.ImagePlaces) imagePlace {
	switch {
	case in.Order == BySize:
		return imagePlace{store.ImagePlace{Digest: p.Digest, Value: p.Size}, false}
	case in.Order == ByPulledAt && p.PulledAt != 0:
		return imagePlace{store.ImagePlace{Digest: p.Digest, Value: p.PulledAt}, true}
	default:
		return imagePlace{store.ImagePlace{Digest: p.Digest, Value: p.PushedAt}, false}
	}
}

func (in ImageSearch) compare(a, b imagePlace) int {
	pulled := map[bool]int{true: 1}
	c := cmp.Or(cmp.Compare(pulled[a.pulled], pulled[b.pulled]), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Digest, b.Digest))
	if in.Ascending {
		return c
	}
	return -c
}

// inOrder returns those of the images that come after a place, at most limit.
func (in ImageSearch) inOrder(images []store.ImagePlaces, after *imagePlace, limit int) []imagePlace {
	var all []imagePlace
	for _, i := range images {
		if p := in.placeOf(i); after == nil || in.compare(p, *after) > 0 {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, in.compare)
	return all[:min(len(all), limit)]
}

// cursor is the position after a place of this search, and of no other.
func (in ImageSearch) cursor(p imagePlace) Cursor {
	return Cursor{searchKind("images", in), fmt.Sprintf("%d/%d/%x", map[bool]int{true: 1}[p.pulled], p.Value, p.Digest)}
}

func (in ImageSearch) place(c Cursor) (*imagePlace, error) {
	var p imagePlace
	var pulled int
	var digest string
	_, err := fmt.Sscanf(c.Key, "%d/%d/%s", &pulled, &p.Value, &digest)
	raw, notHex := hex.DecodeString(digest)
	if err != nil || notHex != nil || c.Kind != searchKind("images", in) {
		return nil, foreignPosition()
	}
	p.pulled, p.Digest = pulled == 1, string(raw)
	return &p, nil
}

// foundImages returns the images at places, in their order. One that went
// meanwhile is left out.
func (r *Registry) foundImages(ctx context.Context, n RepositoryName, repositoryID string, places []imagePlace) ([]FoundImage, error) {
	digests := make([]string, len(places))
	for i, p := range places {
		digests[i] = p.Digest
	}
	rows, err := r.store.FoundImages(ctx, repositoryID, digests)
	if err != nil {
		return nil, fmt.Errorf("describe images: %w", err)
	}
	damaged, err := r.damagedImages(ctx, repositoryID, digests)
	if err != nil {
		return nil, err
	}
	byDigest := make(map[string]FoundImage, len(rows))
	for _, row := range rows {
		image := FoundImage{
			Image: imageOf(row.Image), TagCount: row.TagCount, Parts: row.Parts, Referrers: row.Referrers,
			Damaged: slices.Contains(damaged, row.Digest),
		}
		image.Tags = row.Tags
		slices.Sort(image.Tags)
		if at := r.pulls.last(n, row.Digest); at > row.PulledAt {
			image.PulledAt = time.UnixMilli(at)
		}
		byDigest[row.Digest] = image
	}
	images := make([]FoundImage, 0, len(rows))
	for _, digest := range digests {
		if image, ok := byDigest[digest]; ok {
			images = append(images, image)
		}
	}
	return images, nil
}

// damagedImages returns those of the digests that are images with a damaged blob.
// There is next to none: whether there is any is asked first.
func (r *Registry) damagedImages(ctx context.Context, repositoryID string, digests []string) (damaged []string, err error) {
	blobs, err := r.store.DamagedBlobs(ctx)
	if err == nil && blobs > 0 {
		damaged, err = r.store.DamagedImages(ctx, repositoryID, digests)
	}
	if err != nil {
		return nil, fmt.Errorf("look for damaged images: %w", err)
	}
	return damaged, nil
}
