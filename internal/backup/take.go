package backup

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/store"
)

// How many blobs are copied at the same time.
const copies = 4

// Options are what [Take] needs beside where to take from and where to.
type Options struct {
	Version string
	// WithKeys puts the server key and the key ring into the snapshot, with which
	// whoever reads the target can read everything.
	WithKeys bool
	// Keep removes all but so many snapshots afterwards, and the blobs that none of
	// them needs; 0 removes nothing.
	Keep int
	// Progress takes a line now and then; nil takes none.
	Progress func(format string, args ...any)
}

// A Taken is what [Take] did.
type Taken struct {
	Snapshot
	Copied  Totals        // as they are stored
	Removed []string      // snapshots
	Dropped Totals        // blobs that no snapshot needed
	Reading time.Duration // how long the copy of the database took
}

// Take makes a snapshot of an installation, whose server may run and whose
// trash is kept meanwhile. Blobs that are damaged are left out and said.
func Take(ctx context.Context, from Installation, where string, o Options) (taken Taken, err error) {
	if o.Progress == nil {
		o.Progress = func(string, ...any) {}
	}
	t, err := openTarget(ctx, where)
	if err != nil {
		return Taken{}, err
	}
	unlock, err := t.lock()
	if err != nil {
		return Taken{}, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	k := &taking{target: t, from: from, Options: o}
	if err := k.take(ctx); err != nil {
		return Taken{}, err
	}
	if o.Keep > 0 {
		if err := k.prune(ctx, o.Keep); err != nil {
			return k.Taken, fmt.Errorf("snapshot %s is taken; remove older ones: %w", k.Name, err)
		}
	}
	return k.Taken, nil
}

// A taking is a snapshot in the making.
type taking struct {
	target
	Options
	Taken

	from     Installation
	hold     *store.TrashHold
	database *store.Snapshot
	blobs    blobs

	mu      sync.Mutex
	damaged map[string]bool // locations
}

func (k *taking) take(ctx context.Context) (err error) {
	k.Format, k.Snapshot.Version, k.TakenAt = format, k.Options.Version, time.Now().UTC()
	k.Name, k.damaged = k.TakenAt.Format(nameOfTime), map[string]bool{}
	if k.blobs, err = openExistingBlobs(ctx, k.from.Blobs); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.blobs.Close()) }()
	// In this order: what the database refers to then is not removed any more.
	if k.hold, err = store.HoldTrash(ctx, k.from.Database); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.hold.Release()) }()
	started := time.Now()
	if k.database, err = store.OpenSnapshot(ctx, k.from.Database, k.scratch()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.database.Close()) }()
	k.Reading = time.Since(started)
	for _, step := range []func(context.Context) error{k.copyBlobs, k.listBlobs, k.dump, k.copyKeys, k.finish} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// openExistingBlobs does not make the directory that a mistyped setting names.
func openExistingBlobs(ctx context.Context, url string) (blobs, error) {
	if directory, ok := strings.CutPrefix(url, "file:"); ok {
		if _, err := os.Stat(directory); err != nil {
			return nil, fmt.Errorf("blobs: %w", err)
		}
	}
	return openBlobs(ctx, url)
}

// copyBlobs copies the blobs that the target lacks.
func (k *taking) copyBlobs(ctx context.Context) error {
	have, err := k.locations(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(copies)
	err = k.database.Blobs(ctx, func(b store.BlobFile) error {
		if !have[b.Location] {
			group.Go(func() error { return k.copyBlob(ctx, b) })
		}
		return ctx.Err()
	})
	if waited := group.Wait(); waited != nil {
		return waited
	}
	if err != nil {
		return fmt.Errorf("read the blobs of the database: %w", err)
	}
	k.Progress("%s copied, %d there before", Count(k.Copied.Count, "blob"), len(have))
	return nil
}

// locations returns those of the blobs that the target has.
func (k *taking) locations(ctx context.Context) (map[string]bool, error) {
	have := map[string]bool{}
	err := k.list(ctx, blobsIn, func(name string, _ int64) error {
		have[strings.TrimPrefix(name, blobsIn+"/")] = true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the blobs of the target: %w", err)
	}
	return have, nil
}

func (k *taking) copyBlob(ctx context.Context, b store.BlobFile) error {
	r, err := k.blobs.OpenStored(ctx, blob.Location(b.Location))
	if err != nil {
		return k.sayDamaged(ctx, b, err)
	}
	defer r.Close()
	checked := newChecked(r, b.Digest, b.Sealed)
	err = k.put(ctx, placeOfBlob(b.Location), checked)
	if checked.failed != nil {
		return k.sayDamaged(ctx, b, checked.failed)
	}
	if err != nil {
		return fmt.Errorf("copy blob %s: %w", b.Digest, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.Copied.Count++
	k.Copied.Bytes += checked.size
	if k.Copied.Count%1000 == 0 {
		k.Progress("%d blobs copied", k.Copied.Count)
	}
	return nil
}

func (k *taking) sayDamaged(ctx context.Context, b store.BlobFile, reason error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !isDamage(reason) { // a bucket that does not answer says nothing of a blob
		return fmt.Errorf("read blob %s: %w", b.Digest, reason)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.damaged[b.Location] = true
	k.Damaged = append(k.Damaged, Damage{Digest: b.Digest, Location: b.Location, Reason: reason.Error()})
	return nil
}

// A checked reader fails at the end of bytes that have not the digest. Of sealed
// bytes nobody can tell without their keys.
type checked struct {
	from     io.Reader
	verifier digest.Verifier // nil checks nothing
	size     int64
	failed   error // why it gave an error, if it did
}

func newChecked(r io.Reader, d string, sealed bool) *checked {
	c := &checked{from: r}
	if sealed {
		return c
	}
	if parsed, err := digest.Parse(d); err == nil {
		c.verifier = parsed.Verifier()
	}
	return c
}

var errWrongBytes = errors.New("the bytes do not have the digest")

// isDamage reports whether a blob could not be read because of what it is.
func isDamage(err error) bool {
	return errors.Is(err, blob.ErrNotFound) || errors.Is(err, errWrongBytes) || errors.Is(err, syscall.EIO)
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.size += int64(n)
	if c.verifier != nil {
		_, _ = c.verifier.Write(p[:n]) // a hash never fails
	}
	if errors.Is(err, io.EOF) && c.verifier != nil && !c.verifier.Verified() {
		err = errWrongBytes
	}
	if err != nil && !errors.Is(err, io.EOF) {
		c.failed = err
	}
	return n, err
}

// listBlobs writes down which blobs the snapshot needs.
func (k *taking) listBlobs(ctx context.Context) (err error) {
	k.List, err = putLines(ctx, k.target, k.Name, listOfBlobs, func(w *bufio.Writer) error {
		return k.database.Blobs(ctx, func(b store.BlobFile) error {
			if k.damaged[b.Location] {
				return nil
			}
			k.Snapshot.Blobs.Count++
			k.Snapshot.Blobs.Bytes += b.Size
			line, err := json.Marshal(b)
			if err != nil {
				return err
			}
			_, err = w.Write(append(line, '\n'))
			return err
		})
	})
	return err
}

func (k *taking) dump(ctx context.Context) error {
	k.Schema = k.database.Schema()
	for _, table := range k.database.Tables() {
		d, err := putTable(ctx, k.target, k.Name, k.database, table)
		if err != nil {
			return err
		}
		k.Tables = append(k.Tables, d)
		if d.Rows > 0 {
			k.Progress("%s of %s", Count(d.Rows, "row"), d.Name)
		}
	}
	return nil
}

func (k *taking) copyKeys(ctx context.Context) (err error) {
	if k.KeyPrint, err = keyPrint(pathOfServerKey(k.from.Data)); err != nil {
		return err
	}
	if !k.WithKeys {
		return nil
	}
	for name, file := range k.from.keys() {
		f, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("copy key: %w", err)
		}
		err = k.put(ctx, placeIn(k.Name, keysIn, name), f)
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("copy key %s: %w", name, err)
		}
		k.Keys = append(k.Keys, name)
	}
	slices.Sort(k.Keys)
	return nil
}

// finish makes a snapshot of what was copied.
func (k *taking) finish(ctx context.Context) error {
	if err := k.flush(ctx); err != nil {
		return fmt.Errorf("sync the target: %w", err)
	}
	if err := k.hold.Check(ctx); err != nil {
		return fmt.Errorf("blobs may have been removed while they were copied: %w", err)
	}
	text, err := json.MarshalIndent(k.Snapshot, "", "  ")
	if err != nil {
		return err
	}
	if err := k.put(ctx, placeIn(k.Name, description), strings.NewReader(string(text)+"\n")); err != nil {
		return fmt.Errorf("write %s: %w", description, err)
	}
	return k.flush(ctx)
}

// prune removes all but the newest snapshots, what interrupted backups left, and
// the blobs that no snapshot needs.
func (k *taking) prune(ctx context.Context, keep int) error {
	all, err := snapshots(ctx, k.target)
	if err != nil {
		return err
	}
	kept := all[max(0, len(all)-keep):]
	for _, s := range all[:len(all)-len(kept)] {
		// Without it there is no snapshot, however much of the rest is left.
		if err := k.remove(ctx, placeIn(s.Name, description)); err != nil {
			return err
		}
		k.Removed = append(k.Removed, s.Name)
	}
	if err := k.removeRest(ctx, kept); err != nil {
		return err
	}
	needed, err := locationsOf(ctx, k.target, kept)
	if err != nil {
		return err
	}
	var unused []string
	err = k.list(ctx, blobsIn, func(name string, size int64) error {
		if _, ok := needed[strings.TrimPrefix(name, blobsIn+"/")]; !ok {
			unused = append(unused, name)
			k.Dropped.Count++
			k.Dropped.Bytes += size
		}
		return nil
	})
	if err != nil {
		return err
	}
	return k.removeAll(ctx, unused)
}

// removeRest removes the files of snapshots that there are not.
func (k *taking) removeRest(ctx context.Context, kept []Snapshot) error {
	var rest []string
	err := k.list(ctx, snapshotsIn, func(name string, _ int64) error {
		of, _, _ := strings.Cut(strings.TrimPrefix(name, snapshotsIn+"/"), "/")
		if !slices.ContainsFunc(kept, func(s Snapshot) bool { return s.Name == of }) {
			rest = append(rest, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return k.removeAll(ctx, rest)
}

func (k *taking) removeAll(ctx context.Context, names []string) error {
	for _, name := range names {
		if err := k.remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// locationsOf returns the blobs that the snapshots need.
func locationsOf(ctx context.Context, t target, all []Snapshot) (map[string]store.BlobFile, error) {
	needed := map[string]store.BlobFile{}
	for _, s := range all {
		lines, err := openLines(ctx, t, s.Name, s.List)
		if err != nil {
			return nil, fmt.Errorf("snapshot %s: %w", s.Name, err)
		}
		for {
			line, err := lines.next()
			if errors.Is(err, io.EOF) {
				break
			}
			var b store.BlobFile
			if err == nil {
				err = json.Unmarshal(line, &b)
			}
			if err != nil {
				return nil, errors.Join(fmt.Errorf("snapshot %s: %w", s.Name, err), lines.close())
			}
			needed[b.Location] = b
		}
		if err := lines.close(); err != nil {
			return nil, err
		}
	}
	return needed, nil
}

// keys returns the files of the keys by their names in a snapshot.
func (i Installation) keys() map[string]string {
	keys := map[string]string{serverKey: pathOfServerKey(i.Data)}
	if i.KeyRing != "" {
		keys[keyRing] = i.KeyRing
	}
	return keys
}

func pathOfServerKey(data string) string { return path.Join(data, "keys", serverKey) }
