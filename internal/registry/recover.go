package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/seal"
	"github.com/nifuda/nifuda/internal/store"
)

// A Recovery is what [Registry.RecoverBlobs] made of the files of a blob store.
type Recovery struct {
	Recovered int64 // files that are a blob now
	Bytes     int64 // of those, unsealed
	Known     int64 // files that were of a blob
	Copies    int64 // files with the bytes of a blob that has another file
	Locked    int64 // files of repositories with KMS keys, which went with the database
	Links     int64 // that the repositories did not have
	Damaged   []DamagedFile
}

// A DamagedFile is one that cannot be read, or is not what it was.
type DamagedFile struct {
	Location string
	Reason   string
}

// How many files are read at the same time.
const recoveredAtOnce = 4

// RecoverBlobs makes blobs of the files in the blob store, where the database
// that knew them is lost, and puts them into repositories, which it makes where
// they are missing. What no image uses after the grace period is collected then.
// What it has done it does not do again, so that it can be interrupted.
func (r *Registry) RecoverBlobs(ctx context.Context, names []RepositoryName) (Recovery, error) {
	w := &recovering{Registry: r}
	for _, n := range names {
		id, err := r.repositoryToFill(ctx, n)
		if err != nil {
			return Recovery{}, err
		}
		w.repositories = append(w.repositories, id)
	}
	group, running := errgroup.WithContext(ctx)
	group.SetLimit(recoveredAtOnce)
	err := r.blobs.Walk(running, func(o blob.Object) error {
		group.Go(func() error { return w.recover(running, o) })
		return nil
	})
	if failed := group.Wait(); failed != nil {
		err = failed // which ended the walk
	}
	slices.SortFunc(w.Damaged, func(a, b DamagedFile) int { return strings.Compare(a.Location, b.Location) })
	return w.Recovery, err
}

// repositoryToFill returns the id of a repository for blobs of the server.
func (r *Registry) repositoryToFill(ctx context.Context, n RepositoryName) (string, error) {
	p, err := r.place(ctx, n)
	if refused, ok := errors.AsType[*Error](err); ok && refused.Code == CodeRepositoryNotFound {
		made, err := r.CreateRepository(ctx, NewRepository{RepositoryName: n})
		return made.ID, err
	}
	if err == nil && !p.keeper.isServer() {
		err = fmt.Errorf("repository %s has a KMS key, and shares no blobs", n.Name)
	}
	return p.id, err
}

// A recovering is a recovery under way.
type recovering struct {
	*Registry
	repositories []string // ids

	mu sync.Mutex
	Recovery
}

func (w *recovering) count(change func(*Recovery)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.Recovery)
}

func (w *recovering) recover(ctx context.Context, o blob.Object) error {
	known, err := w.store.LocationsOfBlobs(ctx, []string{string(o.Location)})
	if err != nil {
		return fmt.Errorf("look for blob at %s: %w", o.Location, err)
	}
	if len(known) > 0 {
		w.count(func(sum *Recovery) { sum.Known++ })
		return w.linkKnown(ctx, o)
	}
	b, err := w.read(ctx, o)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch {
	case err == nil:
		return w.record(ctx, b)
	case errors.Is(err, ErrOtherKeeper):
		w.count(func(sum *Recovery) { sum.Locked++ })
	default:
		w.count(func(sum *Recovery) {
			sum.Damaged = append(sum.Damaged, DamagedFile{Location: string(o.Location), Reason: err.Error()})
		})
	}
	return nil
}

// read reads a file to its end and returns the blob that it is, if its bytes
// have the digest. What was pushed may look like a sealed file and be none.
func (w *recovering) read(ctx context.Context, o blob.Object) (store.Blob, error) {
	b := store.Blob{ID: newID(), Location: string(o.Location)}
	key, size, err := w.keyOf(ctx, o)
	if key != nil {
		if b.Digest, err = w.check(ctx, o, key, size); err == nil {
			b.Size, b.Sealing = size, key.Wrapped
			return b, nil
		}
	}
	if err != nil && o.Digest == "" { // whose sealed bytes would pass for plain ones
		return store.Blob{}, err
	}
	found, plain := w.check(ctx, o, nil, 0)
	if plain == nil {
		b.Digest, b.Size = found, o.Size
		return b, nil
	}
	return store.Blob{}, cmp.Or(err, plain)
}

// keyOf returns the key that a file is sealed with, as its header has it, and the
// size of what is sealed. A nil key is that of a file that is not sealed.
func (w *recovering) keyOf(ctx context.Context, o blob.Object) (key *seal.Key, size int64, err error) {
	file, err := w.blobs.Open(ctx, o.Location, nil, 0)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	at, ok := file.(io.ReaderAt)
	if !ok {
		return nil, 0, errors.New("the blob store cannot read headers")
	}
	header, err := seal.ReadHeader(at)
	if errors.Is(err, seal.ErrNoHeader) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	if size, ok = seal.PlainSize(o.Size-header.Size, header.Layers); !ok {
		return nil, 0, errors.New("a part of it is missing")
	}
	key, err = w.keys.Open(ctx, Keeper{}, header.Wrapped)
	return key, size, err // of which key is nil when err is not
}

// check reads the bytes of a file, holds them against the digest, and returns
// it. A bucket does not know digests: there it is the one that the bytes have.
func (w *recovering) check(ctx context.Context, o blob.Object, key *seal.Key, size int64) (string, error) {
	content, err := w.blobs.Open(ctx, o.Location, key, size)
	if err != nil {
		return "", err
	}
	defer content.Close()
	algorithm := digest.Canonical
	if o.Digest != "" {
		algorithm = o.Digest.Algorithm()
	}
	digester := algorithm.Digester()
	if _, err := io.Copy(digester.Hash(), contextReader{ctx, content}); err != nil {
		return "", err
	}
	if found := digester.Digest(); o.Digest == "" || found == o.Digest {
		return found.String(), nil
	}
	return "", blob.ErrDigestMismatch
}

// A contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// record writes down a blob and puts it into the repositories. A blob that has
// another file keeps it, unless that one is damaged.
func (w *recovering) record(ctx context.Context, b store.Blob) error {
	var used bool
	var links int64
	err := w.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
		id, err := tx.InsertBlob(ctx, b, w.millis())
		if err != nil {
			return err
		}
		if used = id == b.ID; !used {
			if used, err = tx.HealBlob(ctx, id, b, w.millis()); err != nil {
				return err
			}
		}
		links, err = w.linkAll(ctx, tx, b.Digest, id, b.Size)
		return err
	})
	if err != nil {
		return fmt.Errorf("record blob %s: %w", b.Digest, err)
	}
	w.count(func(sum *Recovery) {
		sum.Links += links
		if !used {
			sum.Copies++
			return
		}
		sum.Recovered++
		sum.Bytes += b.Size
	})
	return nil
}

// linkKnown puts the blob of a file that the database knows into the
// repositories, if it is one of the server's.
func (w *recovering) linkKnown(ctx context.Context, o blob.Object) error {
	var links int64
	err := w.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
		links = 0
		b, err := tx.BlobAt(ctx, string(o.Location))
		if errors.Is(err, store.ErrNotFound) || err == nil && b.Domain != (Keeper{}).domain() { // it is another keeper's
			return nil
		}
		if err != nil {
			return err
		}
		links, err = w.linkAll(ctx, tx, b.Digest, b.ID, b.Size)
		return err
	})
	if err != nil {
		return fmt.Errorf("link blob at %s: %w", o.Location, err)
	}
	w.count(func(sum *Recovery) { sum.Links += links })
	return nil
}

func (w *recovering) linkAll(ctx context.Context, tx *store.Tx, digest, id string, size int64) (links int64, err error) {
	for _, repository := range w.repositories {
		existed, err := w.link(ctx, tx, repository, digest, id, size)
		if err != nil {
			return 0, err
		}
		if !existed {
			links++
		}
	}
	return links, nil
}
