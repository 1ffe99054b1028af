package registry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/store"
)

// redirectLifetime is how long an address of a blob is good. A client that is
// sent there goes at once; what it has begun to read by then it reads to the end.
const redirectLifetime = 10 * time.Minute

// LocateBlob is OpenBlob for a client that may be sent to the blob store: then
// the Content has an address instead of bytes. What is sealed has none.
func (r *Registry) LocateBlob(ctx context.Context, n RepositoryName, digest string) (Content, error) {
	return r.openBlob(ctx, n, digest, func(b store.Blob) string { return r.address(ctx, b) })
}

// address returns where the bytes of a blob can be read as they are, or "".
func (r *Registry) address(ctx context.Context, b store.Blob) string {
	if !r.redirects || b.Sealing != nil || b.Location == "" {
		return ""
	}
	url, err := r.blobs.URL(ctx, blob.Location(b.Location), redirectLifetime)
	if err != nil {
		r.log.WarnContext(ctx, "the blob store gives no address, so its bytes are sent from here", "location", b.Location, "error", err)
		return ""
	}
	if url != "" {
		r.redirectsGiven.Inc()
	}
	return url
}

func newRedirectsGiven(metrics prometheus.Registerer) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "nifuda_blob_redirects_total", Help: "Requests for blobs that were answered with an address in the bucket.",
	})
	if metrics != nil {
		metrics.MustRegister(c)
	}
	return c
}
