// Package registry is the heart of nifuda: what a container registry does, in
// the words of the domain.
//
// Both planes, the AWS API and /v2/, are thin translations onto a [Registry].
// It decides everything about repositories, blobs, uploads, images and tags;
// it knows no HTTP, no SQL and no AWS shapes. Who may do a thing is decided
// before it is called.
package registry

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/quota"
	"github.com/nifuda/nifuda/internal/store"
)

// An ID names one private registry: an account in a region.
type ID struct {
	Account string // 12 digits
	Region  string
}

// ARN returns the ARN of everything in the registry's repositories.
func (id ID) ARN(repository string) string {
	return "arn:" + iam.Partition(id.Region) + ":ecr:" + id.Region + ":" + id.Account + ":repository/" + repository
}

// A RepositoryName names a repository of a registry.
type RepositoryName struct {
	Registry ID
	Name     string
}

// ARN returns the repository's ARN.
func (n RepositoryName) ARN() string { return n.Registry.ARN(n.Name) }

// Options are what [New] needs beside its engines.
type Options struct {
	// UploadKey authenticates upload ids, so that starting an upload writes nothing.
	UploadKey []byte
	// Grace is how long a blob that no image refers to is kept: a client that was
	// told of it has so long to push its manifest. 0 keeps it not at all.
	Grace time.Duration
	// UndeleteWindow is how long what was deleted can be restored; 0 is not at all.
	UndeleteWindow time.Duration
	// Keys seal the blobs; nil seals none, and makes no repository with a KMS key.
	Keys DataKeys
	// SealingKeys wrap the keys of blobs under no KMS key; nil is none.
	SealingKeys SealingKeys
	// Room says whether so many bytes of a push may be written; nil says always.
	Room func(bytes int64) error
	// Redirects says that the blob store may give addresses of blobs: then bytes
	// outlive their blob by the time that those are good for.
	Redirects bool
	// ECRQuotas says whether ECR's service quotas hold where nobody has set any.
	ECRQuotas bool
	// ECRRates says the same of ECR's request rates, which are not measured here.
	ECRRates bool
	// UploadClaims keep other nodes from an upload; nil where there are none.
	UploadClaims UploadClaims
	// Requests returns how many requests have come so far, whatever they ask: work
	// in the background rests longer while some do. nil is not known.
	Requests func() int64
	// Metrics takes the measurements of collections; nil measures nothing.
	Metrics prometheus.Registerer
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log takes what no caller can be told, such as a failed clean-up.
	Log *slog.Logger
}

// A Registry holds every registry of every account and region of an installation.
type Registry struct {
	store   *store.Store
	blobs   blob.Store
	keys    DataKeys
	sealing SealingKeys // nil is none
	sealed  sealingCounts
	room    func(bytes int64) error
	uploads *uploadIDs
	claims  *claims
	pulls   *pulls
	traffic *traffic
	writing atomic.Int64 // uploads that are being written to
	grace   time.Duration

	redirects      bool // see Options
	redirectsGiven prometheus.Counter

	window time.Duration // in which what was deleted can be restored
	now    func() time.Time
	log    *slog.Logger

	limits   *limits
	ecrRates bool

	requests       func() int64
	collectMetrics *collectMetrics

	// What the hottest reads found; nil where other processes write too.
	repositoryIDs *cache[place]
	manifests     *cache[foundManifest]
	protections   *cache[*protection]
}

// The caches hold at most this many values, and of manifests only those that
// are no larger than most: a few megabytes in all.
const (
	cachedRepositories = 4096
	cachedManifests    = 2048
	cachedManifestSize = 8 << 10 // bytes
)

// New returns the registry over its metadata and its blobs. [Registry.RunPulls]
// must run beside it in each process, and in one of them [Registry.RunSweeps],
// [Registry.RunCollector] and [Registry.RunSealing].
func New(metadata *store.Store, blobs blob.Store, o Options) *Registry {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Room == nil {
		o.Room = func(int64) error { return nil }
	}
	if o.Keys == nil {
		o.Keys = unsealed{}
	}
	r := &Registry{
		store:   metadata,
		blobs:   blobs,
		keys:    o.Keys,
		sealing: o.SealingKeys,
		room:    o.Room,
		uploads: newUploadIDs(o.UploadKey, o.Now),
		claims:  newClaims(o.UploadClaims),
		pulls:   newPulls(o.Metrics),
		traffic: newTraffic(o.Metrics),
		grace:   o.Grace,

		redirects:      o.Redirects,
		redirectsGiven: newRedirectsGiven(o.Metrics),

		window: o.UndeleteWindow,
		now:    o.Now,
		log:    o.Log,

		limits:   newLimits(quota.Defaults(o.ECRQuotas), metadata.Exclusive(), o.Now),
		ecrRates: o.ECRRates,

		requests:       o.Requests,
		collectMetrics: newCollectMetrics(o.Metrics),
	}
	if metadata.Exclusive() {
		r.repositoryIDs = newCache[place](cachedRepositories)
		r.manifests = newCache[foundManifest](cachedManifests)
		r.protections = newCache[*protection](cachedProtections)
	}
	r.measureQueues(o.Metrics)
	return r
}

// update runs a transaction that changes a repository's images, and lets go of
// what is cached of them.
func (r *Registry) update(ctx context.Context, n RepositoryName, do func(context.Context, *store.Tx) error) error {
	defer r.manifests.change(n)()
	return r.store.Update(ctx, store.PowerSafe, do)
}

// Ping reports whether the database and the blob store answer.
func (r *Registry) Ping(ctx context.Context) error {
	if err := r.store.Ping(ctx); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if err := r.blobs.Ping(ctx); err != nil {
		return fmt.Errorf("blob store: %w", err)
	}
	return nil
}
