// Package file keeps blobs as files below one directory. It is the
// [blob.Store] of a registry that runs on a disk of its own.
//
// The directory holds
//
//	uploads/<id>               an object that is still being written
//	<2 hex>/<hex>.<id>         a finished one: the start of its digest, its digest, its id
//	<2 hex>/<id>               one that came from a bucket: the end of its id, its id
//
// A [blob.Location] is the path of a finished object, with '/' on every system.
// The digest in it serves people and disaster recovery; nothing else reads it.
// Who moves to another store keeps the locations, so each takes those of the other.
//
// What the store acknowledges survives a power cut: bytes are synced before the
// file gets its final name, the directory is synced before the caller learns it,
// and bytes whose sync failed are never trusted again.
package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/singleflight"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/seal"
)

// ErrBusy reports an upload that another [blob.Writer] of this store has not
// ended yet. Two writers of one file would leave bytes that neither has hashed.
var ErrBusy = errors.New("upload is being written")

var errBadLocation = errors.New("malformed blob location")

// Store is a [blob.Store] of files. It is safe for concurrent use. One process
// may write to a directory at a time, or several that hand out each upload to
// one of them.
type Store struct {
	disk    disk
	writing sync.Map // ids of the uploads that have a Writer
	buffers buffers
	outputs sync.Pool // memory of sealers

	probes   singleflight.Group
	probed   time.Time
	probeErr error
	now      func() time.Time
}

var _ blob.Store = (*Store)(nil)

// Open returns the store of a directory, which is made if it does not exist,
// readable by nobody else. Close it after use.
func Open(dir string) (*Store, error) {
	disk, err := openRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open blob directory: %w", err)
	}
	return newStore(disk), nil
}

func newStore(d disk) *Store {
	return &Store{
		disk: d,
		now:  time.Now,
	}
}

// Close releases the directory. Writers and readers that are still open go on
// reading and writing, but nothing can be committed any more.
func (s *Store) Close() error { return s.disk.close() }

// MinChunk is 0: a file takes any number of bytes more.
func (s *Store) MinChunk() int64 { return 0 }

// Create begins an object. No file exists before its first byte.
func (s *Store) Create(ctx context.Context, key *seal.Key) (blob.Writer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("create upload: %w", err)
	}
	w := s.newWriter(id)
	if key != nil {
		if w.sealer, err = newSealer(key); err != nil {
			return nil, fmt.Errorf("create upload: %w", err)
		}
	}
	s.claim(id.String())
	return w, nil
}

// Open returns the *os.File at a location, or with a key what is sealed in it.
func (s *Store) Open(ctx context.Context, location blob.Location, key *seal.Key, size int64) (io.ReadSeekCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !validLocation(location) {
		return nil, fmt.Errorf("open %q: %w: %w", location, errBadLocation, blob.ErrNotFound)
	}
	f, err := s.disk.open(string(location), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open %q: %w", location, blob.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	if key == nil {
		return f, nil
	}
	opener, err := seal.NewOpener(f, key, size)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %q: %w", location, err), f.Close())
	}
	return blob.Sealed{Opener: opener, File: f}, nil
}

// URL returns "": files have no address.
func (s *Store) URL(context.Context, blob.Location, time.Duration) (string, error) { return "", nil }

// Remove deletes the file at a location. Readers that have it open keep it
// until they close it. It is an error to pass what no Commit returned.
func (s *Store) Remove(ctx context.Context, location blob.Location) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !validLocation(location) {
		return fmt.Errorf("remove %q: %w", location, errBadLocation)
	}
	if err := s.disk.remove(string(location)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove blob: %w", err)
	}
	return nil
}

func locate(d digest.Digest, id uuid.UUID) blob.Location {
	hex := d.Encoded()
	return blob.Location(path.Join(hex[:2], hex+"."+id.String()))
}

// validLocation tells whether locate made a location, or the store of a bucket.
// What passes cannot leave the directory, nor name an unfinished object.
func validLocation(location blob.Location) bool {
	dir, name, _ := strings.Cut(string(location), "/")
	hex, id, ours := strings.Cut(name, ".")
	if !ours {
		return validID(name) && strings.HasSuffix(name, dir) && len(dir) == 2
	}
	isSHA256 := digest.SHA256.Validate(hex) == nil
	isSHA512 := digest.SHA512.Validate(hex) == nil
	return (isSHA256 || isSHA512) && hex[:2] == dir && validID(id)
}

// digestOf returns the digest that locate made a location of, or "" for one that
// a bucket had.
func digestOf(location blob.Location) digest.Digest {
	hex, _, ours := strings.Cut(path.Base(string(location)), ".")
	if !ours {
		return ""
	}
	if digest.SHA256.Validate(hex) == nil {
		return digest.NewDigestFromEncoded(digest.SHA256, hex)
	}
	return digest.NewDigestFromEncoded(digest.SHA512, hex)
}

// validID is stricter than uuid.Parse, which takes several spellings of one id.
func validID(id string) bool {
	u, err := uuid.Parse(id)
	return err == nil && u.String() == id
}
