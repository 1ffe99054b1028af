// Package measured times what a blob store does, counts what is written to it, and
// shows its calls to whoever follows a request. It changes nothing of what the
// store below does or returns: what that opens is handed on as it is.
package measured

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/seal"
	"github.com/nifuda/nifuda/internal/trace"
)

// New returns the store with its calls measured.
func New(below blob.Store, registry prometheus.Registerer) blob.Store {
	s := &store{
		Store: below,
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "nifuda_blob_call_duration_seconds",
			Help:    "Time of a call of the blob store; of a commit with what it syncs.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"call", "outcome"}),
		written: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nifuda_blob_written_bytes_total",
			Help: "Bytes that the blob store was given and keeps, as they were before they were sealed.",
		}),
	}
	registry.MustRegister(s.duration, s.written)
	return s
}

type store struct {
	blob.Store
	duration *prometheus.HistogramVec
	written  prometheus.Counter
}

// A call is one that is under way.
type call struct {
	store *store
	name  string
	begin time.Time
	span  trace.Span
}

func (s *store) begin(ctx context.Context, name string) (context.Context, call) {
	ctx, span := trace.StartCall(ctx, "blob "+name)
	return ctx, call{s, name, time.Now(), span}
}

// end counts the call. What a store lacks, or finds wrong with what it is given, is
// no failure of the store.
func (c call) end(err error) {
	outcome := "ok"
	switch {
	case errors.Is(err, blob.ErrNotFound):
		outcome = "not_found"
	case errors.Is(err, blob.ErrDigestMismatch):
		outcome = "mismatch"
	case errors.Is(err, context.Canceled):
		outcome = "canceled"
	case err != nil:
		outcome = "failed"
		c.span.Fail(err)
	}
	c.store.duration.WithLabelValues(c.name, outcome).Observe(time.Since(c.begin).Seconds())
	c.span.End()
}

// Create implements [blob.Store].
func (s *store) Create(ctx context.Context, key *seal.Key) (blob.Writer, error) {
	ctx, c := s.begin(ctx, "create")
	w, err := s.Store.Create(ctx, key)
	c.end(err)
	return s.writer(w, err)
}

// Resume implements [blob.Store].
func (s *store) Resume(ctx context.Context, state []byte, key *seal.Key) (blob.Writer, error) {
	ctx, c := s.begin(ctx, "resume")
	w, err := s.Store.Resume(ctx, state, key)
	c.end(err)
	return s.writer(w, err)
}

// Open implements [blob.Store].
func (s *store) Open(ctx context.Context, location blob.Location, key *seal.Key, size int64) (io.ReadSeekCloser, error) {
	ctx, c := s.begin(ctx, "open")
	opened, err := s.Store.Open(ctx, location, key, size)
	c.end(err)
	return opened, err
}

// URL implements [blob.Store].
func (s *store) URL(ctx context.Context, location blob.Location, lifetime time.Duration) (string, error) {
	address, err := s.Store.URL(ctx, location, lifetime)
	if address == "" && err == nil {
		return "", nil // the store has none
	}
	_, c := s.begin(ctx, "address")
	c.end(err)
	return address, err
}

// Remove implements [blob.Store].
func (s *store) Remove(ctx context.Context, location blob.Location) error {
	ctx, c := s.begin(ctx, "remove")
	err := s.Store.Remove(ctx, location)
	c.end(err)
	return err
}

// writer is a writer whose end is measured.
func (s *store) writer(w blob.Writer, err error) (blob.Writer, error) {
	if err != nil {
		return nil, err
	}
	return &writer{Writer: w, store: s, before: w.Size()}, nil
}

type writer struct {
	blob.Writer
	store  *store
	before int64 // bytes that an earlier writer has counted
}

// Save implements [blob.Writer].
func (w *writer) Save(ctx context.Context) ([]byte, error) {
	ctx, c := w.store.begin(ctx, "save")
	state, err := w.Writer.Save(ctx)
	c.end(err)
	w.count(err)
	return state, err
}

// Commit implements [blob.Writer].
func (w *writer) Commit(ctx context.Context, candidates ...digest.Digest) (blob.Location, digest.Digest, error) {
	ctx, c := w.store.begin(ctx, "commit")
	location, found, err := w.Writer.Commit(ctx, candidates...)
	c.end(err)
	w.count(err)
	return location, found, err
}

// Abort implements [blob.Writer].
func (w *writer) Abort(ctx context.Context) error {
	ctx, c := w.store.begin(ctx, "abort")
	err := w.Writer.Abort(ctx)
	c.end(err)
	return err
}

// count adds what was written, once it is kept.
func (w *writer) count(err error) {
	if err == nil {
		w.store.written.Add(float64(w.Size() - w.before))
		w.before = w.Size()
	}
}

// ReadFrom implements [io.ReaderFrom], in the way of the store below if it has one.
func (w *writer) ReadFrom(source io.Reader) (int64, error) {
	if own, ok := w.Writer.(io.ReaderFrom); ok {
		return own.ReadFrom(source)
	}
	return io.Copy(struct{ io.Writer }{w.Writer}, source)
}
