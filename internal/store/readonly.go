package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofrs/flock"
)

// ErrReadOnly reports a change that was refused because the store was opened with
// [ReadOnly]. Nothing was changed.
var ErrReadOnly error = readOnlyError{}

type readOnlyError struct{}

func (readOnlyError) Error() string {
	return "the registry takes no changes for the moment: it is being moved to another place"
}

// readOnlyPatience is how long a client does well to wait: the last part of a
// move takes minutes, of which nobody can say how many.
const readOnlyPatience = 10 * time.Second

// TemporaryMessage is what callers are told.
func (readOnlyError) TemporaryMessage() string {
	return "The registry is being moved and takes no changes for some minutes. What it has can be pulled; try again."
}

// RetryAfter is how long to wait before the next attempt.
func (readOnlyError) RetryAfter() time.Duration { return readOnlyPatience }

// ReadOnly has every change refused with [ErrReadOnly]. The schema is brought up
// to date all the same, before [Open] returns.
func ReadOnly() Option { return func(o *options) { o.readOnly = true } }

// ReadOnly reports whether every change is refused.
func (s *Store) ReadOnly() bool { return s.readOnly }

// A frozenEngine is a database that nobody changes through this process.
type frozenEngine struct {
	engine // nil: what is not here is not asked of it

	closes func() error
}

func (frozenEngine) update(context.Context, Durability, func(context.Context, *Tx) error) error {
	return ErrReadOnly
}

func (frozenEngine) ping(context.Context) error { return nil }

func (e frozenEngine) close() error { return e.closes() }

// Reader returns a store to read with, through which nothing can be changed. Of
// an SQLite database it reads the snapshot, of PostgreSQL what there is now, on
// connections of its own. Close it before the snapshot.
func (s *Snapshot) Reader(ctx context.Context) (*Store, error) {
	reader := &Store{queries: s.queries, readOnly: true, engine: frozenEngine{closes: func() error { return nil }}}
	if s.url == "" {
		return reader, nil
	}
	db, err := openURL(s.url)
	if err != nil {
		return nil, err
	}
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	reader.conn, reader.engine = db, frozenEngine{closes: db.Close}
	return reader, nil
}

// ErrWritable reports a database that a server may still change.
var ErrWritable = errors.New("may still be changed")

// A Quiet is a database that no server changes.
type Quiet struct {
	check   func(ctx context.Context) error
	release func() error
}

// Check returns an error that is [ErrWritable] when a server has come that may
// change the database.
func (q *Quiet) Check(ctx context.Context) error { return q.check(ctx) }

// Release ends the watch.
func (q *Quiet) Release() error { return q.release() }

// HoldQuiet makes sure that no server but a read-only one has the database at
// url, or returns an error that is [ErrWritable]. Until Release no other server
// can open an SQLite database; with PostgreSQL, Check tells.
func HoldQuiet(ctx context.Context, url string) (*Quiet, error) {
	var q *Quiet
	var err error
	if path, ok := sqlitePath(url); ok {
		q, err = holdQuietFile(path)
	} else {
		q, err = holdQuietRows(ctx, url)
	}
	if err != nil {
		return nil, fmt.Errorf("make sure that nobody changes the database: %w", err)
	}
	return q, nil
}

func holdQuietFile(path string) (*Quiet, error) {
	lock := databaseLock(path)
	locked, err := lock.TryRLock()
	if err == nil && !locked {
		err = fmt.Errorf("%s %w: a server has it that is not read-only: restart that with --read-only on", path, ErrWritable)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Quiet{check: func(context.Context) error { return nil }, release: lock.Close}, nil
}

// databaseLock is the file whose lock a server holds alone, or with others that
// change nothing.
func databaseLock(path string) *flock.Flock {
	return flock.New(path+"-lock", flock.SetPermissions(0o600))
}

// How long a server that lives can go without raising its beat, and how often
// that is looked at.
const (
	beatPatience = 15 * time.Second
	beatInterval = 500 * time.Millisecond
)

// holdQuietRows watches the rows of servers that change things: each raises its
// own beat as long as it lives, and a read-only one has none.
func holdQuietRows(ctx context.Context, url string) (*Quiet, error) {
	db, err := openURL(url)
	if err != nil {
		return nil, err
	}
	w := &beatWatch{queries: queries{db, newPostgresDialect(), nil}}
	if err := w.outwait(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Quiet{check: w.check, release: db.Close}, nil
}

// A beatWatch knows the beats of servers that are dead.
type beatWatch struct {
	queries
	dead map[string]int64
}

// outwait takes the servers that there are for dead when none of them has shown
// life for long enough.
func (w *beatWatch) outwait(ctx context.Context) (err error) {
	if w.dead, err = w.beats(ctx); err != nil || len(w.dead) == 0 {
		return err
	}
	again := time.NewTicker(beatInterval)
	defer again.Stop()
	for end := time.Now().Add(beatPatience); time.Now().Before(end); {
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := w.check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// check returns [ErrWritable] when a server lives.
func (w *beatWatch) check(ctx context.Context) error {
	now, err := w.beats(ctx)
	if err != nil {
		return err
	}
	for id, beat := range now {
		if before, known := w.dead[id]; !known || beat != before {
			return fmt.Errorf("the PostgreSQL database %w: the server %s has it and is not read-only: restart that with --read-only on", ErrWritable, id)
		}
	}
	return nil
}

func (w *beatWatch) beats(ctx context.Context) (map[string]int64, error) {
	there, err := hasTable(ctx, w.queries, "nodes")
	if err != nil || !there { // a database of an older version
		return nil, err
	}
	rows, err := w.conn.QueryContext(ctx, `SELECT id, beat FROM nodes`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	beats := map[string]int64{}
	for rows.Next() {
		var id string
		var beat int64
		if err := rows.Scan(&id, &beat); err != nil {
			return nil, err
		}
		beats[id] = beat
	}
	return beats, rows.Err()
}
