package nifudaapi

import (
	"context"
	"errors"
	"time"

	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/registry"
)

// A Collector frees what nobody uses any more. [registry.Registry] is one.
type Collector interface {
	// CollectNow frees what is due, until the context is done at the latest.
	CollectNow(ctx context.Context) (registry.Collected, error)
	// Collection returns what was freed and what waits.
	Collection(ctx context.Context) (registry.Collection, error)
}

// collectionTime is how long a call collects: clients wait a little longer.
const collectionTime = 20 * time.Second

// StartCollection implements [nifuda.Service].
func (a *api) StartCollection(ctx context.Context, _ *nifuda.StartCollectionRequest) (*nifuda.StartCollectionResponse, error) {
	if err := a.authorize(ctx, "nifuda:StartCollection", "*", a.Home); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, collectionTime)
	defer cancel()
	start := time.Now()
	freed, err := a.Collector.CollectNow(limited)
	complete := err == nil
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	shown := collectedShape(freed)
	return &nifuda.StartCollectionResponse{Complete: complete, DurationMilliseconds: time.Since(start).Milliseconds(), Collected: &shown}, nil
}

// DescribeCollection implements [nifuda.Service].
func (a *api) DescribeCollection(ctx context.Context, _ *nifuda.DescribeCollectionRequest) (*nifuda.DescribeCollectionResponse, error) {
	if err := a.authorize(ctx, "nifuda:DescribeCollection", "*", a.Home); err != nil {
		return nil, err
	}
	c, err := a.Collector.Collection(ctx)
	if err != nil {
		return nil, err
	}
	total, w := collectedShape(c.Total), c.Waiting
	out := &nifuda.DescribeCollectionResponse{
		GracePeriodSeconds:    int64(c.Grace.Seconds()),
		UndeleteWindowSeconds: int64(c.Window.Seconds()),
		TrashDelaySeconds:     int64(c.TrashDelay.Seconds()),
		Total:                 &total,
		Waiting: &nifuda.CollectionWaiting{
			Links: w.Links, LinksLater: w.LinksLater, Layers: w.Blobs, Files: w.Files, Bytes: w.Bytes,
			DeletedImages: w.Images, DeletedRepositories: w.Repositories,
		},
	}
	if !c.Last.At.IsZero() {
		last := collectedShape(c.Last.Collected)
		out.LastPass = &nifuda.CollectionPass{
			StartedAt: nifuda.Timestamp{Time: c.Last.At}, DurationMilliseconds: c.Last.Took.Milliseconds(), Collected: &last,
		}
	}
	return out, nil
}

func collectedShape(c registry.Collected) nifuda.Collected {
	return nifuda.Collected{
		Images: c.Images, Repositories: c.Repositories, Links: c.Links, Layers: c.Blobs,
		Files: c.Files, Uploads: c.Uploads, Orphans: c.Orphans, Bytes: c.Bytes,
	}
}
