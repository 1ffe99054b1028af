package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/nifuda/nifuda/internal/store"
)

// A bulk writes many rows into a database that nobody else uses, in one
// transaction and without its usual care: foreign keys are not checked, and
// what a crash leaves of it is worthless. The first error ends it.
type bulk struct {
	ctx      context.Context
	db       *sql.DB
	conn     *sql.Conn
	settings bulkSettings
	tables   map[string]*bulkTable
	err      error
}

// A bulkSettings is what differs between the databases.
type bulkSettings struct {
	driver        string
	before, after []string
	parameter     func(n int) string // nil copies rows
	atOnce        int
}

// A bulkTable has the rows of a table that are not written yet.
type bulkTable struct {
	rows    int
	values  []any
	stmt    *sql.Stmt // inserts rowsAtOnce rows
	columns []string  // of a copy
}

// One statement inserts this many rows, or copies so many.
const (
	rowsAtOnce   = 100
	copiedAtOnce = 5000
)

var (
	sqliteBulk = bulkSettings{
		driver: "sqlite",
		before: []string{
			"PRAGMA foreign_keys=OFF", "PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF",
			"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA cache_size=-1000000", "BEGIN",
		},
		after:     []string{"COMMIT", "PRAGMA locking_mode=NORMAL", "PRAGMA journal_mode=WAL"},
		parameter: func(int) string { return "?" },
		atOnce:    rowsAtOnce,
	}
	postgresBulk = bulkSettings{
		driver: "pgx",
		before: []string{"SET session_replication_role = replica", "BEGIN"},
		after:  []string{"COMMIT", "ANALYZE"},
		atOnce: copiedAtOnce,
	}
)

// openBulk makes the schema in a database and begins to fill it.
func openBulk(ctx context.Context, database string) (*bulk, error) {
	s, err := store.Open(ctx, database)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	b := &bulk{ctx: ctx, settings: postgresBulk, tables: map[string]*bulkTable{}}
	source := database
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		b.settings, source = sqliteBulk, path
	}
	if b.db, err = sql.Open(b.settings.driver, source); err != nil {
		return nil, err
	}
	if b.conn, err = b.db.Conn(ctx); err != nil {
		return nil, errors.Join(err, b.db.Close())
	}
	b.exec(b.settings.before)
	return b, nil
}

func (b *bulk) exec(statements []string) {
	for _, statement := range statements {
		if b.err != nil {
			return
		}
		if _, err := b.conn.ExecContext(b.ctx, statement); err != nil {
			b.err = fmt.Errorf("%s: %w", statement, err)
		}
	}
}

// insert adds a row with a value for each column of the table, in their order.
func (b *bulk) insert(table string, row ...any) {
	t := b.tables[table]
	if t == nil {
		t = &bulkTable{}
		b.tables[table] = t
	}
	t.values = append(t.values, row...)
	if t.rows++; t.rows == b.settings.atOnce {
		b.flush(table, t)
	}
}

func (b *bulk) flush(table string, t *bulkTable) {
	if b.err == nil && t.rows > 0 {
		if err := b.write(table, t); err != nil {
			b.err = fmt.Errorf("insert into %s: %w", table, err)
		}
	}
	t.rows, t.values = 0, t.values[:0]
}

func (b *bulk) write(table string, t *bulkTable) (err error) {
	if b.settings.parameter == nil {
		return b.copy(table, t)
	}
	stmt := t.stmt
	if t.rows < rowsAtOnce || stmt == nil {
		if stmt, err = b.conn.PrepareContext(b.ctx, b.statement(table, t)); err != nil {
			return err
		}
	}
	if t.rows == rowsAtOnce {
		t.stmt = stmt
	} else {
		defer stmt.Close()
	}
	_, err = stmt.ExecContext(b.ctx, t.values...)
	return err
}

// copy writes rows the way that PostgreSQL takes the most of.
func (b *bulk) copy(table string, t *bulkTable) error {
	width := len(t.values) / t.rows
	if t.columns == nil {
		rows, err := b.conn.QueryContext(b.ctx, "SELECT * FROM "+table+" LIMIT 0")
		if err != nil {
			return err
		}
		defer rows.Close()
		if t.columns, err = rows.Columns(); err != nil {
			return err
		}
		if err := errors.Join(rows.Close(), rows.Err()); err != nil {
			return err
		}
	}
	return b.conn.Raw(func(driver any) error {
		c := driver.(*stdlib.Conn).Conn()
		source := pgx.CopyFromSlice(t.rows, func(i int) ([]any, error) { return t.values[i*width : (i+1)*width], nil })
		_, err := c.CopyFrom(b.ctx, pgx.Identifier{table}, t.columns[:width], source)
		return err
	})
}

func (b *bulk) statement(table string, t *bulkTable) string {
	var text strings.Builder
	text.WriteString("INSERT INTO " + table + " VALUES ")
	columns := len(t.values) / t.rows
	for i := range t.values {
		switch {
		case i%columns > 0:
			text.WriteByte(',')
		case i == 0:
			text.WriteByte('(')
		default:
			text.WriteString("),(")
		}
		text.WriteString(b.settings.parameter(i + 1))
	}
	text.WriteByte(')')
	return text.String()
}

// close writes what is left, commits, and returns the first error there was.
func (b *bulk) close() error {
	for table, t := range b.tables {
		b.flush(table, t)
		if t.stmt != nil {
			b.err = errors.Join(b.err, t.stmt.Close())
		}
	}
	b.exec(b.settings.after)
	return errors.Join(b.err, b.conn.Close(), b.db.Close())
}
