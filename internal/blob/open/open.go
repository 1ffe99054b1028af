// Package open opens the blob store that a URL names.
package open

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/blob/s3"
	"github.com/nifuda/nifuda/internal/bucket"
)

// An Opened is a [blob.Store] with what moving blobs between stores needs.
type Opened interface {
	blob.Store
	// OpenStored returns the bytes at a location as they are stored, sealed or
	// not, or [blob.ErrNotFound].
	OpenStored(ctx context.Context, location blob.Location) (io.ReadCloser, error)
	// Adopt puts bytes at the location that they had in another store, durably or
	// not at all. It replaces what is there.
	Adopt(ctx context.Context, location blob.Location, content io.Reader) error
	// Close lets go of the store.
	Close() error
}

// Options are what a store may be given.
type Options struct {
	// Metrics takes the measurements of calls of S3; nil measures nothing.
	Metrics prometheus.Registerer
	// Log takes what no caller can be told; nil means the default one.
	Log *slog.Logger
}

// FilePath returns the directory that a URL names, and whether it names one.
func FilePath(url string) (directory string, ok bool) { return strings.CutPrefix(url, "file:") }

// Store returns the store at file:PATH or s3://…. Of a bucket it makes sure that
// it can be used.
func Store(ctx context.Context, url string, o Options) (Opened, error) {
	if !strings.HasPrefix(url, bucket.Scheme) {
		directory, _ := FilePath(url)
		return file.Open(directory)
	}
	address, err := bucket.ParseAddress(url)
	if err != nil {
		return nil, err
	}
	options := bucket.Options{}
	if o.Metrics != nil {
		options.Observe = bucket.NewMetrics(o.Metrics)
	}
	b, err := bucket.Open(ctx, address, options)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := s3.New(b, o.Log)
	if err := s.Check(ctx); err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	return s, nil
}
