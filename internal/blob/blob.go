// Package blob stores the bytes of blobs under opaque locations.
//
// A location is chosen by the store, unique for each upload, and never written
// twice: two uploads of one digest get two locations, and removing one cannot
// hurt the other. Which digest lives where is the metadata store's knowledge; a
// store knows the digests of its objects only to find them without it.
package blob

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/seal"
)

var (
	// ErrNotFound reports a location or an unfinished object that the store lacks.
	ErrNotFound = errors.New("blob not found")
	// ErrDigestMismatch reports bytes that have none of the digests asked for.
	ErrDigestMismatch = errors.New("bytes do not match the digest")
)

// An UnavailableError is the failure of a store that may work again soon: it was not
// reached, or has too much to do.
type UnavailableError struct{ Err error }

// Error implements error.
func (u *UnavailableError) Error() string { return "the blob store is not available: " + u.Err.Error() }

// Unwrap returns what happened.
func (u *UnavailableError) Unwrap() error { return u.Err }

// RetryAfter is when to ask again.
func (u *UnavailableError) RetryAfter() time.Duration { return 5 * time.Second }

// A Location names stored bytes. Only [Writer.Commit] makes one, so whoever
// holds a Location holds verified, durable bytes.
type Location string

// A Sealed object is read like a file, and through CopyN without a buffer between.
type Sealed struct {
	*seal.Opener
	File io.Closer
}

// Close closes the object below too.
func (s Sealed) Close() error { return errors.Join(s.Opener.Close(), s.File.Close()) }

// An Object is a finished object of a store, as its storage has it.
type Object struct {
	Location Location
	// Digest is the one that the plaintext had when it was committed, or "" where
	// the storage does not say it.
	Digest  digest.Digest
	Size    int64 // bytes in storage
	ModTime time.Time
}

// A Store keeps blobs, sealed with a key or, where the key is nil, as they are.
// Sizes and digests are always those of the plaintext.
type Store interface {
	// Create begins an object.
	Create(ctx context.Context, key *seal.Key) (Writer, error)
	// Resume continues the object that [Writer.Save] described, with the key that
	// it was created with; bytes written after that Save are dropped. It returns
	// [ErrNotFound] when the object is gone.
	Resume(ctx context.Context, state []byte, key *seal.Key) (Writer, error)
	// Saved returns nil when the object that Save described is there, and
	// [ErrNotFound] when it is gone.
	Saved(ctx context.Context, state []byte) error
	// Drop removes the object that Save described, without its key. One that is
	// gone is no error.
	Drop(ctx context.Context, state []byte) error
	// Open returns the bytes at a location, or [ErrNotFound]. With a key it wants
	// the size of the plaintext too, and returns a [Sealed].
	// Without one a store of files returns an *os.File, which net/http can send
	// without copying: of a sealed object the sealed bytes.
	Open(ctx context.Context, location Location, key *seal.Key, size int64) (io.ReadSeekCloser, error)
	// URL returns an address from which anybody can read the bytes at a location,
	// as they are stored, for that long, or "" where the store has none: then they
	// are sent by whoever has opened them.
	URL(ctx context.Context, location Location, lifetime time.Duration) (string, error)
	// Remove deletes the bytes at a location; a missing one is no error.
	Remove(ctx context.Context, location Location) error
	// RemoveUploads drops the unfinished objects that nobody has written to since
	// a time, and returns how many.
	RemoveUploads(ctx context.Context, olderThan time.Time) (int, error)
	// Walk visits the finished objects, in no order, until visit returns an error,
	// which Walk returns. It may see or miss what is committed or removed
	// meanwhile; visit may remove what it is shown. What is no object of the store
	// is passed over.
	Walk(ctx context.Context, visit func(Object) error) error
	// MinChunk is how much of an upload there better is between a Create or Resume
	// and a Save: less costs more, but works. 0 is any.
	MinChunk() int64
	// Ping reports whether the store can take and give bytes.
	Ping(ctx context.Context) error
}

// A Writer receives the bytes of one object, in order, and hashes them. It is
// not safe for concurrent use. Every Writer ends with Save, Commit or Abort.
type Writer interface {
	io.Writer
	// Size is the number of bytes written since [Store.Create].
	Size() int64
	// Save makes what was written survive a power cut, closes the Writer and
	// returns the state from which [Store.Resume] continues. With a key nothing
	// of the plaintext can be read in it.
	Save(ctx context.Context) (state []byte, err error)
	// Commit makes the bytes durable at a new location if their digest is one
	// of the candidates, and returns that one. Otherwise it returns
	// [ErrDigestMismatch] and keeps the bytes for Resume of an earlier Save.
	Commit(ctx context.Context, candidates ...digest.Digest) (Location, digest.Digest, error)
	// Abort drops the object, whatever the context says. After the end it does nothing.
	Abort(ctx context.Context) error
}
