package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/store"
)

// A Restored is what [Restore] did.
type Restored struct {
	Snapshot
	Copied Totals   // as they are stored
	Lost   []Damage // blobs that rows refer to and that are not there
	// NeedsKey says that the server key of the installation is not the one that
	// the access keys' secrets in the snapshot are sealed with.
	NeedsKey bool
}

// Restore makes an installation of a snapshot, by default the newest. Where
// there is something already it refuses with [store.ErrNotEmpty], except for
// what an interrupted Restore of the snapshot has left.
func Restore(ctx context.Context, where, name string, to Installation, progress func(format string, args ...any)) (restored Restored, err error) {
	if progress == nil {
		progress = func(string, ...any) {}
	}
	t, err := openTarget(ctx, where)
	if err != nil {
		return Restored{}, err
	}
	r := &restoring{target: t, to: to, progress: progress}
	if err := r.choose(ctx, where, name); err != nil {
		return Restored{}, err
	}
	if err := r.dump(ctx).Check(); err != nil {
		return Restored{}, fmt.Errorf("snapshot %s: %w", r.Name, err)
	}
	if err := store.Empty(ctx, to.Database); err != nil {
		return Restored{}, fmt.Errorf("restore into an empty place: %w", err)
	}
	unlock, err := to.lock()
	if err != nil {
		return Restored{}, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	for _, step := range []func(context.Context) error{r.copyBlobs, r.copyKeys, r.load} {
		if err := step(ctx); err != nil {
			return Restored{}, err
		}
	}
	return r.Restored, nil
}

// A restoring is a snapshot on its way back.
type restoring struct {
	target
	Restored

	to       Installation
	progress func(format string, args ...any)
	mu       sync.Mutex
}

func (r *restoring) choose(ctx context.Context, where, name string) (err error) {
	if name != "" {
		r.Snapshot, err = readSnapshot(ctx, r.target, name)
		return err
	}
	all, err := snapshots(ctx, r.target)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("%s %w", where, ErrNoBackup)
	}
	r.Snapshot = all[len(all)-1]
	return nil
}

// lock keeps servers away, and is kept away by them.
func (i Installation) lock() (unlock func() error, err error) {
	var locks []*flock.Flock
	unlock = func() error {
		var errs []error
		for _, l := range locks {
			errs = append(errs, l.Close())
		}
		return errors.Join(errs...)
	}
	for _, directory := range i.directories() {
		if err := file.MakeDir(directory); err != nil {
			return nil, errors.Join(err, unlock())
		}
		l := flock.New(filepath.Join(directory, "lock"), flock.SetPermissions(0o600))
		locks = append(locks, l)
		locked, err := l.TryLock()
		if err == nil && !locked {
			err = fmt.Errorf("%s is in use by another nifuda", directory)
		}
		if err != nil {
			return nil, errors.Join(err, unlock())
		}
	}
	return unlock, nil
}

// directories are those that a server has for itself.
func (i Installation) directories() []string {
	if blobs, ok := strings.CutPrefix(i.Blobs, "file:"); ok {
		return []string{i.Data, blobs}
	}
	return []string{i.Data}
}

// copyBlobs copies the blobs of the snapshot, and checks those that are not sealed.
func (r *restoring) copyBlobs(ctx context.Context) (err error) {
	needed, err := locationsOf(ctx, r.target, []Snapshot{r.Snapshot})
	if err != nil {
		return err
	}
	to, err := openBlobs(ctx, r.to.Blobs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	have, err := r.sizes(ctx)
	if err != nil {
		return err
	}
	err = to.Walk(ctx, func(o blob.Object) error {
		if _, ok := needed[string(o.Location)]; !ok {
			return fmt.Errorf("restore into an empty place: the blob store %w", store.ErrNotEmpty)
		}
		if have[string(o.Location)] == o.Size {
			delete(needed, string(o.Location)) // names are given to whole files
		}
		return nil
	})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(copies)
	for _, b := range needed {
		group.Go(func() error { return r.copyBlob(ctx, to, b) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	r.Lost = append(r.Lost, r.Damaged...) // they were lost before
	r.progress("%s copied", Count(r.Copied.Count, "blob"))
	return nil
}

// sizes returns the sizes of the blobs that the target has.
func (r *restoring) sizes(ctx context.Context) (map[string]int64, error) {
	sizes := map[string]int64{}
	err := r.list(ctx, blobsIn, func(name string, size int64) error {
		sizes[strings.TrimPrefix(name, blobsIn+"/")] = size
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the blobs of the backup: %w", err)
	}
	return sizes, nil
}

func (r *restoring) copyBlob(ctx context.Context, to blobs, b store.BlobFile) error {
	from, err := r.open(ctx, placeOfBlob(b.Location))
	if errors.Is(err, fs.ErrNotExist) {
		r.lose(b, "it is not in the backup")
		return nil
	}
	if err != nil {
		return fmt.Errorf("read blob %s: %w", b.Digest, err)
	}
	defer from.Close()
	checked := newChecked(from, b.Digest, b.Sealed)
	err = to.Adopt(ctx, blob.Location(b.Location), checked)
	if errors.Is(checked.failed, errWrongBytes) {
		r.lose(b, "its bytes in the backup do not have the digest")
		return nil
	}
	if err != nil {
		return fmt.Errorf("copy blob %s: %w", b.Digest, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Copied.Count++
	r.Copied.Bytes += checked.size
	return nil
}

func (r *restoring) lose(b store.BlobFile, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Lost = append(r.Lost, Damage{Digest: b.Digest, Location: b.Location, Reason: reason})
}

// copyKeys brings back the keys that are in the snapshot, unless there are keys.
func (r *restoring) copyKeys(ctx context.Context) error {
	places := r.to.keys()
	for _, name := range r.Keys {
		to, ok := places[name]
		if !ok {
			continue
		}
		if err := r.copyKey(ctx, name, to); err != nil {
			return fmt.Errorf("restore key %s: %w", name, err)
		}
	}
	printed, err := keyPrint(pathOfServerKey(r.to.Data))
	r.NeedsKey = r.KeyPrint != "" && printed != r.KeyPrint
	return err
}

func (r *restoring) copyKey(ctx context.Context, name, to string) error {
	from, err := r.open(ctx, placeIn(r.Name, keysIn, name))
	if err != nil {
		return err
	}
	defer from.Close()
	text, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	if there, err := os.ReadFile(to); err == nil {
		if string(there) != string(text) {
			return fmt.Errorf("%s is there, with another key", to)
		}
		return nil
	}
	whole := directory{filepath.Dir(to), map[string]bool{}, new(sync.Mutex)}
	return errors.Join(whole.put(ctx, filepath.Base(to), strings.NewReader(string(text))), whole.flush(ctx))
}

func (r *restoring) dump(ctx context.Context) store.Dump {
	d := store.Dump{Schema: r.Schema}
	byName := map[string]dumped{}
	for _, table := range r.Tables {
		d.Tables = append(d.Tables, table.Table)
		byName[table.Name] = table
	}
	d.Open = func(t store.Table) (func() ([]any, error), func() error, error) {
		rows, err := openTable(ctx, r.target, r.Name, byName[t.Name])
		if err != nil {
			return nil, nil, err
		}
		return rows.nextRow, rows.close, nil
	}
	return d
}

func (r *restoring) load(ctx context.Context) error {
	if err := store.Load(ctx, r.to.Database, r.dump(ctx)); err != nil {
		return err
	}
	var rows int64
	for _, t := range r.Tables {
		rows += t.Rows
	}
	r.progress("%s loaded", Count(rows, "row"))
	return nil
}
