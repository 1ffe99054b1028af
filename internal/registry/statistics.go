package registry

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// Statistics are what a registry holds and what happens in it.
type Statistics struct {
	Repositories, Images      int64
	LogicalBytes, StoredBytes int64     // with each blob once in each repository, and once in all
	MeasuredAt                time.Time // when StoredBytes was; zero if it was not, and then it is too much
	Days                      []RegistryDay
	MostPulled                []PulledRepository // at most ten
	NeverPulled               []UnpulledImage    // the ten oldest
}

// A RegistryDay is how many images were pushed to a registry on a day, and how
// often some were pulled.
type RegistryDay struct {
	Day           time.Time // midnight in UTC
	Pushes, Pulls int64
}

// A PulledRepository is how often something of a repository was pulled.
type PulledRepository = store.PulledRepository

// An UnpulledImage is an image that was never pulled.
type UnpulledImage struct {
	Repository, Digest string
	Tags               []string // 20 at most
	Size               int64
	PushedAt           time.Time
}

const (
	mostPulled = 10
	// Of a registry with more repositories than this, images that were never pulled
	// are looked for in the background alone.
	lookedThrough = 100
)

// Statistics returns those of a registry, with so many days up to today. Pushes and
// pulls of the last half minute may be missing.
func (r *Registry) Statistics(ctx context.Context, id ID, days int) (s Statistics, err error) {
	repositories, usage, err := r.store.RegistryUsage(ctx, id.Account, id.Region)
	if err != nil {
		return s, fmt.Errorf("add up usage: %w", err)
	}
	s.Repositories, s.Images, s.LogicalBytes = repositories, usage.Images, usage.Bytes
	if err := r.addStored(ctx, id, usage, &s); err != nil {
		return s, fmt.Errorf("add up what is stored: %w", err)
	}
	from := dayOf(r.millis()) - int64(days) + 1
	rows, err := r.store.RegistryDays(ctx, id.Account, id.Region, from, days+1)
	if err != nil {
		return s, fmt.Errorf("read days: %w", err)
	}
	s.Days = make([]RegistryDay, len(rows))
	for i, row := range rows {
		s.Days[i] = RegistryDay{time.UnixMilli(row.Day * (24 * time.Hour).Milliseconds()).UTC(), row.Pushes, row.Pulls}
	}
	if s.MostPulled, err = r.store.MostPulled(ctx, id.Account, id.Region, from, mostPulled); err != nil {
		return s, fmt.Errorf("add up pulls: %w", err)
	}
	unpulled, err := r.unpulled(ctx, id, repositories, usage)
	if err != nil {
		return s, fmt.Errorf("find images that were never pulled: %w", err)
	}
	s.NeverPulled, err = r.describeUnpulled(ctx, id, unpulled)
	return s, err
}

// addStored adds how much is stored: of few blobs as it is, of many as it was when
// the repositories were measured.
func (r *Registry) addStored(ctx context.Context, id ID, usage store.Usage, s *Statistics) error {
	if usage.Blobs <= measuredAtOnce {
		repeated, err := r.store.RepeatedBytes(ctx, id.Account, id.Region, 2*measuredAtOnce)
		s.StoredBytes, s.MeasuredAt = max(0, usage.Bytes-repeated), r.now()
		return err
	}
	sharing, err := r.store.RegistrySharing(ctx, id.Account, id.Region)
	s.StoredBytes = max(0, usage.Bytes-sharing.Repeated)
	if sharing.MeasuredAt != 0 {
		s.MeasuredAt = time.UnixMilli(sharing.MeasuredAt)
	}
	return err
}

// unpulled returns the oldest images that were never pulled.
func (r *Registry) unpulled(ctx context.Context, id ID, repositories int64, usage store.Usage) ([]store.NeverPulledImage, error) {
	if repositories > lookedThrough || usage.Images > measuredAtOnce {
		return r.store.NeverPulled(ctx, id.Account, id.Region, neverPulled)
	}
	all, err := r.store.Repositories(ctx, id.Account, id.Region, "", lookedThrough)
	if err != nil {
		return nil, err
	}
	var images []store.NeverPulledImage
	for _, repository := range all {
		filter := store.ImageFilter{RepositoryID: repository.ID, NeverPulled: true}
		found, err := r.store.SearchImages(ctx, filter, store.ByPushedAt, true, nil, neverPulled)
		if err != nil {
			return nil, err
		}
		for _, image := range found {
			images = append(images, store.NeverPulledImage{RepositoryID: repository.ID, Name: repository.Name, Digest: image.Digest, PushedAt: image.Value})
		}
	}
	slices.SortFunc(images, func(a, b store.NeverPulledImage) int {
		return cmp.Or(cmp.Compare(a.PushedAt, b.PushedAt), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Digest, b.Digest))
	})
	return images[:min(len(images), neverPulled)], nil
}

// describeUnpulled leaves out images that were pulled a moment ago, or are gone.
func (r *Registry) describeUnpulled(ctx context.Context, id ID, unpulled []store.NeverPulledImage) (images []UnpulledImage, err error) {
	for _, u := range unpulled {
		if r.pulls.last(RepositoryName{Registry: id, Name: u.Name}, u.Digest) != 0 {
			continue
		}
		rows, err := r.store.ImagesByDigest(ctx, u.RepositoryID, []string{u.Digest})
		if err != nil {
			return nil, fmt.Errorf("find image: %w", err)
		}
		if len(rows) == 0 {
			continue
		}
		tags, err := r.someTags(ctx, u.RepositoryID, []string{u.Digest})
		if err != nil {
			return nil, err
		}
		images = append(images, UnpulledImage{
			Repository: u.Name, Digest: u.Digest, Tags: tags[u.Digest], Size: rows[0].ImageSize, PushedAt: time.UnixMilli(u.PushedAt),
		})
	}
	return images, nil
}
