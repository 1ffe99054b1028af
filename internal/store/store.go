// Package store keeps the metadata: repositories, images, tags, blobs and
// uploads, in SQLite or PostgreSQL.
//
// It holds one SQL text for both databases and no decisions: its methods are
// single statements, which package registry composes into transactions with
// [Store.Update]. Foreign keys are the arbiter of every race between them.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Durability says what an acknowledged [Store.Update] survives.
type Durability int

const (
	// PowerSafe commits survive a power cut, and with them every commit before.
	PowerSafe Durability = iota
	// CrashSafe commits survive the crash of the process; a power cut may drop
	// the newest of them, but only as long as no PowerSafe commit followed.
	// On PostgreSQL they are PowerSafe.
	CrashSafe
)

// ErrNotFound reports a row that does not exist.
var ErrNotFound = errors.New("no such row")

// A Store is a connection to the metadata. Its read methods see what is
// committed; they take no locks.
type Store struct {
	queries
	engine   engine
	uploads  uploads
	measures *measures
	notices  *notices
	sums     *accountSums
	readOnly bool
}

// A Tx is a transaction: the read methods of a [Store], and the writes.
type Tx struct {
	queries
	ended    *[]string // takes uploads to be forgotten after the commit; nil forgets them in it
	noted    *[]string // takes topics to be notified of after the commit
	announce bool      // other servers are notified of them too
	usage    *usageKeeping
}

// An engine is one database: how it reads, and how it commits.
type engine interface {
	update(ctx context.Context, d Durability, do func(context.Context, *Tx) error) error
	ping(ctx context.Context) error
	claimTrash(ctx context.Context) (release func() error, claimed bool, err error)
	space(ctx context.Context) (Space, error)
	giveBack(ctx context.Context, bytes int64) (bool, error)
	settle(ctx context.Context) error
	close() error
	system() string // OpenTelemetry's name of the database
	collectors() []prometheus.Collector
}

// An Option is a setting of [Open].
type Option func(*options)

type options struct {
	log      *slog.Logger
	readOnly bool
}

// WithLog has trouble with the database logged.
func WithLog(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// Open connects to the database at url, sqlite:<path> or postgres://…, and
// brings its schema up to date.
func Open(ctx context.Context, url string, settings ...Option) (*Store, error) {
	var o options
	for _, set := range settings {
		set(&o)
	}
	var s *Store
	var err error
	switch scheme, rest, _ := strings.Cut(url, ":"); scheme {
	case "sqlite":
		s, err = openSQLite(ctx, rest, o.readOnly)
	case "postgres", "postgresql":
		s, err = openPostgres(ctx, url, o)
	default:
		return nil, fmt.Errorf("database %q: want sqlite:<path> or postgres://…", scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	s.measure()
	s.readOnly = o.readOnly
	return s, nil
}

// Update runs do in a write transaction and commits it, or rolls back what do
// did if it returns an error, which Update returns unchanged. do may run more
// than once, and together with other callers' transactions: it must only use
// its own context and Tx, set its results afresh each time, and wait for nothing.
func (s *Store) Update(ctx context.Context, d Durability, do func(ctx context.Context, tx *Tx) error) error {
	if s.readOnly {
		return ErrReadOnly
	}
	return s.measuredUpdate(ctx, d, do)
}

// Exclusive reports whether no other process can write to the database, so that
// what was read stays true until this one writes.
func (s *Store) Exclusive() bool {
	_, ok := s.engine.(*sqliteEngine)
	return ok
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.engine.ping(ctx) }

// Close ends all connections after the transactions under way.
func (s *Store) Close() error { return s.engine.close() }

// A connection runs statements in one database's own SQL.
type connection interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// queries are the statements that need no transaction, over any connection.
// With a patience each statement has its time and is repeated in an outage:
// those that write must be safe to repeat.
type queries struct {
	conn     connection
	dialect  *dialect
	patience *patience
}

// patiently has a statement run, which is the last use of its context.
func (q queries) patiently(ctx context.Context, run func(context.Context) error) error {
	return q.patience.try(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, statementTime)
		defer cancel()
		return run(ctx)
	})
}

// exec runs a statement and returns how many rows it changed.
func (q queries) exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	if q.patience == nil {
		return q.execOnce(ctx, query, args)
	}
	err = q.patiently(ctx, func(ctx context.Context) (err error) {
		n, err = q.execOnce(ctx, query, args)
		return err
	})
	return n, err
}

func (q queries) execOnce(ctx context.Context, query string, args []any) (int64, error) {
	result, err := q.conn.ExecContext(ctx, q.dialect.query(query), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// get scans the one row of a query, or returns [ErrNotFound].
func (q queries) get(ctx context.Context, query string, args []any, dest ...any) error {
	if q.patience == nil {
		return q.getOnce(ctx, query, args, dest)
	}
	return q.patiently(ctx, func(ctx context.Context) error { return q.getOnce(ctx, query, args, dest) })
}

func (q queries) getOnce(ctx context.Context, query string, args, dest []any) error {
	rows, err := q.conn.QueryContext(ctx, q.dialect.query(query), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return ErrNotFound
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	return rows.Close()
}

// list collects the rows of a query.
func list[T any](ctx context.Context, q queries, scan func(*sql.Rows) (T, error), query string, args ...any) (all []T, err error) {
	if q.patience == nil {
		return listOnce(ctx, q, scan, query, args)
	}
	err = q.patiently(ctx, func(ctx context.Context) (err error) {
		all, err = listOnce(ctx, q, scan, query, args)
		return err
	})
	return all, err
}

func listOnce[T any](ctx context.Context, q queries, scan func(*sql.Rows) (T, error), query string, args []any) ([]T, error) {
	rows, err := q.conn.QueryContext(ctx, q.dialect.query(query), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

func scanString(rows *sql.Rows) (s string, err error) {
	err = rows.Scan(&s)
	return s, err
}
