package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// postgresEngine leaves durability, concurrency and the preparation of
// statements to the server and its driver.
type postgresEngine struct {
	db      *sql.DB
	dialect *dialect
}

// The lock makes nodes that start together migrate one after the other.
const beginPostgres = "BEGIN; SELECT pg_advisory_xact_lock(7237382)"

// A node uses at most this many connections.
const postgresConnections = 16

func openPostgres(ctx context.Context, url string) (*Store, error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(postgresConnections)
	db.SetMaxIdleConns(postgresConnections)
	d := newPostgresDialect()
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	err = migrate(ctx, queries{conn, d}, beginPostgres)
	if err := errors.Join(err, conn.Close()); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	q := queries{db, d}
	return &Store{queries: q, engine: &postgresEngine{db, d}, uploads: uploadRows{q}}, nil
}

// A transaction is tried this often when it loses against another.
const attempts = 10

func (e *postgresEngine) update(ctx context.Context, _ Durability, do func(context.Context, *Tx) error) error {
	for try := 1; ; try++ {
		err := e.attempt(ctx, do)
		if try == attempts || !isPostgres(err, "40001") && !isPostgres(err, "40P01") {
			return err
		}
	}
}

// A transaction that takes longer has met a server that hangs: the caller may
// wait without an end, and so may others for what it has locked.
const transactionTime = 30 * time.Second

func (e *postgresEngine) attempt(ctx context.Context, do func(context.Context, *Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, transactionTime)
	defer cancel()
	t, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() //nolint:errcheck // after a commit there is nothing to roll back, and before it the connection's end does
	if err := do(ctx, &Tx{queries: queries{t, e.dialect}}); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (e *postgresEngine) ping(ctx context.Context) error { return e.db.PingContext(ctx) }

func (e *postgresEngine) system() string { return "postgresql" }

func (e *postgresEngine) collectors() []prometheus.Collector {
	return []prometheus.Collector{collectors.NewDBStatsCollector(e.db, "postgres")}
}

func (e *postgresEngine) close() error { return e.db.Close() }

func isPostgres(err error, code string) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == code
}
