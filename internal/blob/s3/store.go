// Package s3 keeps blobs in a bucket of S3, or of what speaks its protocol. It is
// the [blob.Store] of a registry that several nodes serve.
//
// Below the prefix of its URL the bucket holds
//
//	blobs/<2 hex>/<uuid>       a finished object, or one that is sent in parts
//	tails/<uuid>/<uuid>        what an upload has that is too short to be a part
//	ping                       a few bytes, written to see whether that works
//
// A [blob.Location] is what follows blobs/. The two letters are the end of the
// UUID, so that keys are spread evenly from their start on. No key of a blob is
// written twice: what is there never changes.
//
// An upload goes straight to its final key, hashed on the way, in parts. What an
// upload has between two requests is in its state and in the bucket, so that any
// node goes on with it. Nothing is acknowledged that the bucket has not.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"strings"
	"sync"
	"time"

	api "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/singleflight"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/bucket"
	"github.com/nifuda/nifuda/internal/seal"
)

// The directories of the bucket.
const (
	blobs = "blobs/"
	tails = "tails/"
)

const contentType = "application/octet-stream"

// A limits is what S3 wants of parts, and what we make of it.
type limits struct {
	// least is what a part must have that another follows.
	least int64
	// usual is how large parts become while there is memory.
	usual int64
	// growth is the number of parts after which both are four times as large: an
	// object has so many parts at most as S3 takes, and must admit any layer.
	growth int32
	parts  int32 // at most
}

// With these an object can have at least 4,000 parts of 5 MiB, 4,000 of 20 MiB
// and 2,000 of 80 MiB.
var s3Limits = limits{least: 5 << 20, usual: 16 << 20, growth: 4000, parts: 10_000}

// memoryLimit is what the parts of all uploads may take.
const memoryLimit = 256 << 20

// of returns the limits of the part with a number, from 1.
func (l limits) of(number int32) (least, most int64) {
	for least, most = l.least, l.usual; number > l.growth; number -= l.growth {
		least, most = 4*least, max(most, 4*least)
	}
	return least, most
}

var errBadLocation = errors.New("malformed blob location")

// Store is a [blob.Store] in a bucket. It is safe for concurrent use, in as many
// processes as there are.
type Store struct {
	bucket *bucket.Bucket
	limits limits
	memory *memory
	now    func() time.Time
	log    *slog.Logger

	scratches sync.Pool
	outputs   sync.Pool // memory of sealers
	probes    singleflight.Group
	probed    time.Time
	probeErr  error
}

var _ blob.Store = (*Store)(nil)

// New returns the store in a bucket. It sends nothing; see [Store.Check].
func New(b *bucket.Bucket, log *slog.Logger) *Store {
	return &Store{bucket: b, limits: s3Limits, memory: &memory{total: memoryLimit}, now: time.Now, log: log}
}

// Close does nothing: what the store has acknowledged is in the bucket.
func (s *Store) Close() error { return nil }

// MinChunk is how large the requests of one upload better are.
func (s *Store) MinChunk() int64 { return s.limits.least }

// Create begins an object. The bucket hears of it when the first part is full.
func (s *Store) Create(ctx context.Context, key *seal.Key) (blob.Writer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("create upload: %w", err)
	}
	w := s.newWriter(ctx, id)
	if key != nil {
		if w.sealer, err = newSealer(key); err != nil {
			return nil, fmt.Errorf("create upload: %w", err)
		}
	}
	return w, nil
}

// Open returns the bytes at a location. It can be read at too.
func (s *Store) Open(ctx context.Context, location blob.Location, key *seal.Key, size int64) (io.ReadSeekCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !validLocation(location) {
		return nil, fmt.Errorf("open %q: %w: %w", location, errBadLocation, blob.ErrNotFound)
	}
	r, err := s.openObject(ctx, blobs+string(location), firstRead)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", location, err)
	}
	if key == nil {
		return r, nil
	}
	opener, err := seal.NewOpener(r, key, size)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %q: %w", location, err), r.Close())
	}
	return blob.Sealed{Opener: opener, File: r}, nil
}

// URL returns an address in the bucket, or "" where clients are not to be sent
// there, or the credentials do not last that long.
func (s *Store) URL(ctx context.Context, location blob.Location, lifetime time.Duration) (string, error) {
	if !s.bucket.Redirect || !validLocation(location) {
		return "", nil
	}
	address, err := s.bucket.URL(ctx, blobs+string(location), contentType, lifetime)
	if err != nil {
		return "", s.explain(fmt.Sprintf("sign an address of %q", location), err)
	}
	return address, nil
}

// Remove deletes the object at a location.
func (s *Store) Remove(ctx context.Context, location blob.Location) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !validLocation(location) {
		return fmt.Errorf("remove %q: %w", location, errBadLocation)
	}
	return s.explain("remove blob", s.delete(ctx, blobs+string(location)))
}

func (s *Store) delete(ctx context.Context, name string) error {
	_, err := s.bucket.API.DeleteObject(ctx, &api.DeleteObjectInput{Bucket: &s.bucket.Bucket, Key: s.bucket.Key(name)})
	if bucket.IsMissing(err) {
		return nil
	}
	return err
}

// explain says what was being done, and tells what may be tried again.
func (s *Store) explain(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case bucket.IsMissing(err):
		return fmt.Errorf("%s: %w: %w", doing, blob.ErrNotFound, err)
	case bucket.IsUnavailable(err):
		return fmt.Errorf("%s: %w", doing, &blob.UnavailableError{Err: err})
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// locate returns the location of an object.
func locate(id uuid.UUID) blob.Location {
	text := id.String()
	return blob.Location(text[len(text)-2:] + "/" + text)
}

// validLocation tells whether a location is one of ours, or one that a store of
// files has made: a blob keeps its location when it moves to another store.
func validLocation(location blob.Location) bool {
	dir, name, _ := strings.Cut(string(location), "/")
	if hex, id, ofFile := strings.Cut(name, "."); ofFile {
		isSHA256, isSHA512 := digest.SHA256.Validate(hex) == nil, digest.SHA512.Validate(hex) == nil
		return (isSHA256 || isSHA512) && hex[:2] == dir && validID(id)
	}
	return validID(name) && name[len(name)-2:] == dir
}

// digestOf returns the digest that a location has in it, or "".
func digestOf(location blob.Location) digest.Digest {
	hex, _, _ := strings.Cut(path.Base(string(location)), ".")
	for _, algorithm := range []digest.Algorithm{digest.SHA256, digest.SHA512} {
		if algorithm.Validate(hex) == nil {
			return digest.NewDigestFromEncoded(algorithm, hex)
		}
	}
	return ""
}

// validID is stricter than uuid.Parse, which takes several spellings of one id.
func validID(id string) bool {
	u, err := uuid.Parse(id)
	return err == nil && u.String() == id
}
