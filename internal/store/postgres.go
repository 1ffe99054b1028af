package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// postgresEngine leaves durability, concurrency and the preparation of
// statements to the server and its driver.
type postgresEngine struct {
	db       *sql.DB
	dialect  *dialect
	patience *patience
	notices  *notices
	listener *listener // nil hears nothing of other nodes
	announce bool      // other nodes may hear
	slots    *slots
	sums     *accountSums
	holds    seenHolds
}

func openPostgres(ctx context.Context, url string, o options) (*Store, error) {
	u, err := parsePostgres(url)
	if err != nil {
		return nil, err
	}
	p := newPatience(o.log)
	db := u.open(p)
	d := newPostgresDialect()
	if err := migratePostgres(ctx, db, d, p); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	warnOfLoss(ctx, db, p)
	e := &postgresEngine{db: db, dialect: d, patience: p, notices: newNotices(), announce: u.listen, slots: newSlots(), sums: newAccountSums(sumsAge)}
	if u.listen && !u.pooled {
		e.listener = newListener(u.connection, e.notices, p.log)
	}
	q := queries{db, d, p}
	return &Store{queries: q, engine: e, uploads: uploadRows{q}, notices: e.notices, sums: e.sums}, nil
}

// warnOfLoss tells who runs a server that may forget what it has acknowledged.
// One that has no such setting does not.
func warnOfLoss(ctx context.Context, db *sql.DB, p *patience) {
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		var value string
		if err := db.QueryRowContext(ctx, "SHOW "+setting).Scan(&value); err == nil && value == "off" {
			p.log.WarnContext(ctx, "the database may lose what was acknowledged: a setting of it is off", "setting", setting)
		}
	}
}

// A transaction that takes longer has met a server that hangs: the caller may
// wait without an end, and so may others for what it has locked. So has a statement by itself.
const (
	transactionTime = 30 * time.Second
	statementTime   = 10 * time.Second
)

func (e *postgresEngine) update(ctx context.Context, _ Durability, do func(context.Context, *Tx) error) error {
	var topics []string
	err := e.patience.try(ctx, func(ctx context.Context) error {
		topics = topics[:0]
		return e.attempt(ctx, &topics, do)
	})
	if err != nil {
		return err
	}
	e.notices.wake(topics)
	return nil
}

func (e *postgresEngine) attempt(ctx context.Context, topics *[]string, do func(context.Context, *Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, transactionTime)
	defer cancel()
	t, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() //nolint:errcheck // after a commit there is nothing to roll back, and before it the connection's end does
	tx := &Tx{queries: queries{t, e.dialect, nil}, noted: topics, announce: e.announce, usage: &usageKeeping{sums: e.sums}}
	if err := do(ctx, tx); err != nil {
		return err
	}
	if len(tx.usage.counted) > 0 {
		slot := e.slots.take()
		defer e.slots.release(slot)
		if err := tx.saveUsage(ctx, tx.usage.counted, slot); err != nil {
			return err
		}
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit: %w", commitError(err))
	}
	if tx.usage.moved {
		e.sums.forget()
	}
	return nil
}

// commitError tells commits that did not happen from those that may have: the
// first can be repeated here, the others by callers alone, who know what to
// look for. A server that is shut down says so even after it has committed, and
// the driver calls a connection that it lost meanwhile safe to retry.
func commitError(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, pgx.ErrTxCommitRollback) {
		return err // the caller has gone, or a statement had failed
	}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok && troubleOfCode(answer.Code) != away {
		return err
	}
	return &doubtError{err}
}

func (e *postgresEngine) system() string { return "postgresql" }

func (e *postgresEngine) collectors() []prometheus.Collector {
	return []prometheus.Collector{collectors.NewDBStatsCollector(e.db, "postgres")}
}

var errReadOnly = errors.New("the database takes no writes")

// ping asks for what only a database that can be written to has to say. It does
// not wait for one.
func (e *postgresEngine) ping(ctx context.Context) error {
	var readOnly string
	err := e.db.QueryRowContext(ctx, "SHOW transaction_read_only").Scan(&readOnly)
	if err == nil && readOnly == "on" {
		err = errReadOnly
	}
	if err != nil && ctx.Err() == nil {
		e.patience.meet(err)
	}
	if err == nil {
		e.patience.over()
	}
	return err
}

func (e *postgresEngine) close() error {
	e.listener.close()
	return e.db.Close()
}

func isPostgres(err error, code string) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == code
}
