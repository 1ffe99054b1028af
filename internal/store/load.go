package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// ErrNotEmpty reports a database that something is in.
var ErrNotEmpty = errors.New("is not empty")

// A Dump is what a [Snapshot] gave.
type Dump struct {
	Schema []string
	Tables []Table
	// Open returns what reads a table's rows, one by one, until io.EOF. A row may
	// be overwritten by the next, its values not.
	Open func(t Table) (next func() ([]any, error), end func() error, err error)
	// Compare, if it is set, has each table read back and compared, and gets what
	// was read. It may run out of the transaction's order.
	Compare func(t Table, s Sum) error
	// Last, if it is set, runs when everything is loaded and nothing is committed:
	// its error undoes all.
	Last func(ctx context.Context) error
	// Moved says that the database is not empty but the target of a move, which
	// ends with this.
	Moved bool
}

// Empty returns an error that is [ErrNotEmpty] unless there is no database of
// ours at url yet.
func Empty(ctx context.Context, url string) error {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return emptyFile(path)
	}
	db, err := openURL(url)
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return emptySchema(ctx, conn)
}

func emptyFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && info.Size() == 0:
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("the database %s %w", path, ErrNotEmpty)
}

func emptySchema(ctx context.Context, conn *sql.Conn) error {
	var there bool
	err := conn.QueryRowContext(ctx, `VALUES (to_regclass(quote_ident(current_schema()) || '.migrations') IS NOT NULL)`).Scan(&there)
	if err == nil && there {
		err = fmt.Errorf("the schema of the PostgreSQL database %w", ErrNotEmpty)
	}
	return err
}

// Load makes the database at url, which must be empty, of a dump: wholly or not
// at all. A dump of an older schema is brought up to date.
func Load(ctx context.Context, url string, dump Dump) error {
	err := dump.Check()
	if err != nil {
		return fmt.Errorf("load the database: %w", err)
	}
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		err = loadSQLite(ctx, path, dump)
	} else {
		err = loadPostgres(ctx, url, dump)
	}
	if err != nil {
		return fmt.Errorf("load the database: %w", err)
	}
	return nil
}

// Check refuses what no [Snapshot] of this version or an older one gave.
func (d Dump) Check() error {
	want, err := tablesOf(d.Schema)
	if err != nil {
		return err
	}
	for i, t := range d.Tables {
		if i >= len(want) || t.Name != want[i] {
			return fmt.Errorf("the tables of the dump are not those of its schema %v", d.Schema)
		}
		for _, c := range t.Columns {
			if !columnName.MatchString(c.Name) {
				return fmt.Errorf("table %s: malformed column %q", t.Name, c.Name)
			}
		}
	}
	if len(d.Tables) != len(want) {
		return fmt.Errorf("the dump lacks the table %s", want[len(d.Tables)])
	}
	return nil
}

var columnName = regexp.MustCompile(`^\w+$`)

// A copier puts all rows of a table into the database.
type copier func(ctx context.Context, t Table, next func() ([]any, error)) error

// load fills a database with the tables, as they were, and then does to them
// what newer schema files say.
func (q queries) load(ctx context.Context, dump Dump, begin string, copyRows copier) error {
	return q.inTransaction(ctx, begin, func() error {
		if dump.Moved {
			if err := q.endMove(ctx); err != nil {
				return err
			}
		}
		if _, err := q.migrateFiles(ctx, dump.Schema); err != nil {
			return err
		}
		for _, t := range dump.Tables {
			if err := q.loadTable(ctx, dump, t, copyRows); err != nil {
				return fmt.Errorf("table %s: %w", t.Name, err)
			}
		}
		if _, err := q.migrateFiles(ctx, nil); err != nil {
			return err
		}
		if err := q.dialect.finish(ctx, q, true); err != nil {
			return err
		}
		if dump.Last == nil {
			return nil
		}
		return dump.Last(ctx)
	})
}

func (q queries) loadTable(ctx context.Context, dump Dump, t Table, copyRows copier) error {
	next, closeRows, err := dump.Open(t)
	if err != nil {
		return err
	}
	var s summer
	if dump.Compare != nil {
		next = s.reading(next)
	}
	if err := errors.Join(copyRows(ctx, t, next), closeRows()); err != nil || dump.Compare == nil {
		return err
	}
	loaded, err := q.sum(ctx, t)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if loaded != s.Sum {
		return fmt.Errorf("%d rows were written and %d read back, or other ones", s.Rows, loaded.Rows)
	}
	return dump.Compare(t, loaded)
}

// loadSQLite fills a file beside path, which gets its name at the end. Until
// then nothing is synced and nothing can be rolled back.
func loadSQLite(ctx context.Context, path string, dump Dump) (err error) {
	if dump.Moved {
		lock, err := lockDatabase(path, false)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, lock.Close()) }()
		if err := isTargetFile(ctx, path); err != nil {
			return err
		}
	} else if err := emptyFile(path); err != nil {
		return err
	}
	filling := path + ".unfinished"
	if err := errors.Join(removeAny(filling), makeParent(path)); err != nil {
		return err
	}
	file, err := openPrivate(filling)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close(), removeAny(filling)) }()
	if err := fillSQLite(ctx, filling, dump); err != nil {
		return err
	}
	// SQLite would take what is left of another database's log for this one's.
	if err := errors.Join(removeAny(path+logSuffix), removeAny(path+"-shm"), removeAny(path+"-journal")); err != nil {
		return err
	}
	return publish(filling, path)
}

func fillSQLite(ctx context.Context, path string, dump Dump) error {
	db, err := sql.Open("sqlite", fileURL(path)+"?_pragma=foreign_keys(1)&_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)&_pragma=cache_size(-262144)")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	q := queries{conn, newSQLiteDialect(), nil}
	err = q.load(ctx, dump, "BEGIN", q.insertRows)
	return errors.Join(err, conn.Close(), db.Close())
}

func removeAny(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// publish gives a file its name such that a power cut leaves it whole.
func publish(from, to string) error {
	file, err := os.OpenFile(from, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close(), os.Rename(from, to)); err != nil {
		return err
	}
	directory, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	_ = directory.Sync() // not every system can
	return directory.Close()
}

// One statement inserts at most this many values.
const valuesAtOnce = 500

func (q queries) insertRows(ctx context.Context, t Table, next func() ([]any, error)) error {
	width := len(t.Columns)
	most := max(1, valuesAtOnce/width)
	var whole *sql.Stmt // inserts most rows
	values := make([]any, 0, most*width)
	flush := func() error {
		if len(values) == 0 {
			return nil
		}
		stmt, err := whole, error(nil)
		if stmt == nil || len(values) < most*width {
			if stmt, err = q.conn.(*sql.Conn).PrepareContext(ctx, insertText(t, len(values)/width)); err != nil {
				return err
			}
		}
		_, err = stmt.ExecContext(ctx, values...)
		if len(values) < most*width {
			err = errors.Join(err, stmt.Close())
		} else {
			whole = stmt
		}
		values = values[:0]
		return err
	}
	for {
		row, err := next()
		if errors.Is(err, io.EOF) {
			err = flush()
			if whole != nil {
				err = errors.Join(err, whole.Close())
			}
			return err
		}
		if err != nil {
			return err
		}
		if values = append(values, row...); len(values) == most*width {
			if err := flush(); err != nil {
				return err
			}
		}
	}
}

func insertText(t Table, rows int) string {
	var text strings.Builder
	text.WriteString(insertInto + t.Name + `" (` + t.columnList() + `) VALUES `)
	for i := range rows {
		if i > 0 {
			text.WriteByte(',')
		}
		for j := range t.Columns {
			text.WriteByte("(,"[min(j, 1)])
			text.WriteString("?" + strconv.Itoa(i*len(t.Columns)+j+1))
		}
		text.WriteByte(')')
	}
	return text.String()
}

// insertInto ends before the name of the table.
const insertInto = `INSERT INTO "`

func (t Table) columnList() string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = `"` + c.Name + `"`
	}
	return strings.Join(names, ",")
}

func loadPostgres(ctx context.Context, url string, dump Dump) error {
	db, err := openURL(url)
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	q := queries{conn, newPostgresDialect(), nil}
	if dump.Moved {
		err = q.isTarget(ctx)
	} else {
		err = emptySchema(ctx, conn)
	}
	if err != nil {
		return err
	}
	if err := makeMigrationLock(ctx, conn); err != nil {
		return err
	}
	err = q.load(ctx, dump, beginPostgres, func(ctx context.Context, t Table, next func() ([]any, error)) error {
		return copyIn(ctx, conn, t, next)
	})
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "ANALYZE")
	return err
}

func copyIn(ctx context.Context, conn *sql.Conn, t Table, next func() ([]any, error)) error {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	rows := pgx.CopyFromFunc(func() ([]any, error) {
		row, err := next()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return row, err
	})
	return conn.Raw(func(driver any) error {
		c, ok := driver.(*stdlib.Conn)
		if !ok {
			return errors.New("the driver copies no rows")
		}
		_, err := c.Conn().CopyFrom(ctx, pgx.Identifier{t.Name}, names, rows)
		return err
	})
}
