// Package migrate moves an installation to another database, another blob store,
// or both, while its server runs.
//
// A pass copies the blobs that the target lacks; there may be any number of
// passes. The last one, when nothing changes at the source any more, copies what
// is left and then the database, wholly or not at all. The source is only read.
//
// Blobs keep their locations and are copied as they are stored: every blob store
// takes the locations of the others, and the keys of sealed blobs stay what they
// are. So the rows of both databases are the same to the last byte, which is
// checked, and what an earlier pass has done is seen in the listing of the target.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nifuda/nifuda/internal/seal"
	"github.com/nifuda/nifuda/internal/store"
)

// A Place is where an installation has its data.
type Place struct {
	Database string // sqlite:PATH or postgres://…
	Blobs    string // file:PATH or s3://…
}

// Options are what [Run] needs.
type Options struct {
	From, To Place
	// Finish ends the move: the source must be read-only.
	Finish bool
	// Verify reads every blob of the target at the end.
	Verify bool
	// Parallel is how many blobs are copied at the same time.
	Parallel int
	// Scratch is a directory with space for a copy of an SQLite database; "" is the
	// system's for temporary files.
	Scratch string
	// Keys returns what opens the keys that blobs are sealed with, or nil where
	// there is no key ring: then sealed bytes are copied without a look into them.
	Keys func(ctx context.Context, source *store.Store) (OpenKey, error)
	// Log takes what nobody is told; nil means the default one.
	Log *slog.Logger
	// Progress gets how far it is, now and then; nil is nobody.
	Progress func(Progress)

	point func() error // of tests: where a process may die
}

// An OpenKey opens the wrapped key of a blob of an encryption domain.
type OpenKey = func(ctx context.Context, domain string, wrapped []byte) (*seal.Key, error)

// Totals count blobs.
type Totals struct {
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"` // unsealed
}

func (t *Totals) add(b store.BlobFile) {
	t.Count++
	t.Bytes += b.Size
}

// A Damage is a blob that was not moved, because the source does not have it as
// it was pushed.
type Damage struct {
	Digest   string `json:"digest"`
	Location string `json:"location"`
	Reason   string `json:"reason"`
}

// A Report is what [Run] did.
type Report struct {
	Finished bool     `json:"finished"`
	Blobs    Totals   `json:"blobs"`   // in files or objects of the source
	Copied   Totals   `json:"copied"`  // by this pass
	Checked  Totals   `json:"checked"` // of the copied ones, held against their digests
	Unopened int64    `json:"unopened"`
	Damaged  []Damage `json:"damaged,omitempty"`
	// Unneeded are objects of the target that no row refers to: what was deleted at
	// the source since an earlier pass. The new server removes them.
	Unneeded int64            `json:"unneeded"`
	Rows     map[string]int64 `json:"rows,omitempty"` // by table
	Verified Totals           `json:"verified"`       // read again from the target
	Took     time.Duration    `json:"took"`           // nanoseconds
}

// AllRows returns how many rows were moved.
func (r Report) AllRows() (n int64) {
	for _, rows := range r.Rows {
		n += rows
	}
	return n
}

// A Progress is how far a pass is.
type Progress struct {
	What      string        `json:"what"`
	Done, All Totals        // of what is to be done
	Rate      float64       `json:"rate"` // bytes a second
	Left      time.Duration `json:"left"` // an estimate; 0 is unknown
}

var (
	// ErrNothingToMove reports a target that is the source.
	ErrNothingToMove = errors.New("the target is the source: say by --to or --to-blobs where it is to go")
	// ErrChanged reports a source that was changed during the last pass.
	ErrChanged = errors.New("the source was changed meanwhile, by a server that is not read-only. Nothing was moved; stop that server and finish again")
)

// Run makes one pass.
func Run(ctx context.Context, o Options) (r Report, err error) {
	started := time.Now()
	if o.point == nil {
		o.point = func() error { return nil }
	}
	m := &move{Options: o, sums: map[string]store.Sum{}}
	m.database, m.blobs = o.To.Database != o.From.Database, o.To.Blobs != o.From.Blobs
	if !m.database && !m.blobs {
		return Report{}, ErrNothingToMove
	}
	defer func() {
		for _, closes := range m.closers {
			defer func() { err = errors.Join(err, closes()) }()
		}
	}()
	err = m.run(ctx)
	m.Report.Took = time.Since(started)
	return m.Report, err
}

// A move is a pass under way.
type move struct {
	Options
	Report
	database, blobs bool // what moves

	begun    bool // by an earlier pass
	hold     *store.TrashHold
	quiet    *store.Quiet
	snapshot *store.Snapshot
	openKey  OpenKey
	files    []store.BlobFile
	from, to blobStore        // of blobs that move
	lacking  []store.BlobFile // those that the target lacks
	sums     map[string]store.Sum

	endSnapshot func() error
	closers     []func() error

	mu sync.Mutex
}

func (m *move) closing(closes func() error) { m.closers = append(m.closers, closes) }

func (m *move) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{m.check, m.look, m.openKeys, m.releaseSnapshot, m.openBlobs, m.begin, m.copyBlobs} {
		if err := errors.Join(step(ctx), m.point()); err != nil {
			return err
		}
	}
	if m.Finish {
		if err := m.load(ctx); err != nil {
			return err
		}
	}
	if m.Verify {
		return m.verify(ctx)
	}
	return nil
}

// check refuses what cannot come to a good end before anything is written.
func (m *move) check(ctx context.Context) (err error) {
	if path, ok := strings.CutPrefix(m.From.Database, "sqlite:"); ok {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("source database: %w", err)
		}
		if to, ok := strings.CutPrefix(m.To.Database, "sqlite:"); ok && m.database && sameFile(path, to) {
			return fmt.Errorf("database: %w", ErrNothingToMove)
		}
	}
	if m.database {
		if m.begun, err = store.MoveBegun(ctx, m.To.Database, m.source()); err != nil {
			return fmt.Errorf("target database: %w", err)
		}
	}
	if !m.Finish {
		return nil
	}
	if m.quiet, err = store.HoldQuiet(ctx, m.From.Database); err != nil {
		return err
	}
	m.closing(m.quiet.Release)
	return nil
}

func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// begin marks the target, so that no server takes it for a database of its own.
func (m *move) begin(ctx context.Context) error {
	if !m.database || m.begun {
		return nil
	}
	return store.BeginMove(ctx, m.To.Database, m.source())
}

// source names the database that is moved, and none of its secrets.
func (m *move) source() string { return store.RedactedURL(m.From.Database) }

// look takes a snapshot of the source, and keeps everything in its blob store that
// the snapshot refers to.
func (m *move) look(ctx context.Context) (err error) {
	// In this order: what the database refers to then is not removed any more.
	if m.hold, err = store.HoldTrash(ctx, m.From.Database); err != nil {
		return err
	}
	m.closing(m.hold.Release)
	if m.snapshot, err = store.OpenSnapshot(ctx, m.From.Database, m.Scratch); err != nil {
		return err
	}
	m.endSnapshot = sync.OnceValue(m.snapshot.Close)
	m.closing(m.endSnapshot)
	err = m.snapshot.Blobs(ctx, func(b store.BlobFile) error {
		m.files = append(m.files, b)
		m.Report.Blobs.add(b)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the blobs of the database: %w", err)
	}
	return nil
}

func (m *move) openKeys(ctx context.Context) error {
	if m.Keys == nil {
		return nil
	}
	reader, err := m.snapshot.Reader(ctx)
	if err != nil {
		return fmt.Errorf("read the source: %w", err)
	}
	m.closing(reader.Close)
	m.openKey, err = m.Keys(ctx, reader)
	return err
}

// releaseSnapshot ends a snapshot that is not needed for the hours that copying
// takes: PostgreSQL would keep all that is deleted meanwhile.
func (m *move) releaseSnapshot(context.Context) error {
	if m.Finish || strings.HasPrefix(m.From.Database, "sqlite:") {
		return nil
	}
	return m.endSnapshot()
}

// load moves the database, after which the target is complete. It is compared
// with the source before it is committed, row by row.
func (m *move) load(ctx context.Context) error {
	if m.database {
		dump := m.snapshot.Dump(ctx)
		dump.Moved, dump.Last = true, m.lastLook
		dump.Compare = func(t store.Table, s store.Sum) error {
			m.sums[t.Name] = s
			return m.point()
		}
		if err := store.Load(ctx, m.To.Database, dump); err != nil {
			return err
		}
	} else if err := m.lastLook(ctx); err != nil {
		return err
	}
	m.Rows = map[string]int64{}
	for name, s := range m.sums {
		m.Rows[name] = s.Rows
	}
	m.Finished = true
	return nil
}

// lastLook makes sure that the source is still what was copied. An SQLite database
// is locked; servers of PostgreSQL can only be watched.
func (m *move) lastLook(ctx context.Context) error {
	if err := m.hold.Check(ctx); err != nil {
		return fmt.Errorf("blobs may have been removed while they were copied: %w", err)
	}
	if err := m.quiet.Check(ctx); err != nil {
		return err
	}
	if !m.database || strings.HasPrefix(m.From.Database, "sqlite:") {
		return nil
	}
	again, err := store.OpenSnapshot(ctx, m.From.Database, m.Scratch)
	if err != nil {
		return err
	}
	sums, err := again.Sums(ctx)
	if err := errors.Join(err, again.Close()); err != nil {
		return fmt.Errorf("look at the source again: %w", err)
	}
	for name, s := range sums {
		if m.sums[name] != s {
			return fmt.Errorf("table %s: %w", name, ErrChanged)
		}
	}
	return nil
}
