package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"modernc.org/sqlite"
)

// A Kind is what the values of a column are, on every database.
type Kind string

// The kinds of columns, each with the type of its values beside nil.
const (
	Text    Kind = "text"    // string
	Integer Kind = "integer" // int64
	Boolean Kind = "boolean" // bool
	Bytes   Kind = "bytes"   // []byte
)

// A Table is a table of the schema and its columns in their order.
type Table struct {
	Name    string   `json:"name"`
	Columns []Column `json:"columns"`
}

// A Column is a column of a [Table].
type Column struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
}

// A BlobFile is a blob whose bytes are in the blob store.
type BlobFile struct {
	Location string `json:"location"`
	Digest   string `json:"digest"`
	Size     int64  `json:"size"` // bytes, unsealed
	Sealed   bool   `json:"sealed"`

	Domain  string `json:"-"` // whose keys it is sealed with, see [Blob]
	Sealing []byte `json:"-"` // the data key, wrapped
}

// notDumped are the tables without what anyone wants back: uploads that have
// not ended, bytes that were about to be removed, how far work has come, which
// servers there are and what they do, and which schema files were applied, which
// the new database knows by itself.
var notDumped = []string{"migrations", "uploads", "trash", "progress", "nodes", "leases", "upload_claims", "ended_uploads", "trash_holds"}

// A Snapshot is one state of a database, which others may go on writing to.
type Snapshot struct {
	queries
	schema []string
	tables []Table
	close  func() error
	url    string // of PostgreSQL
}

// OpenSnapshot takes a snapshot of the database at url. Of an SQLite database it
// makes a copy in the directory scratch: who reads for long keeps the
// write-ahead log from being emptied, and copying is the fastest way to read.
func OpenSnapshot(ctx context.Context, url, scratch string) (*Snapshot, error) {
	var s *Snapshot
	var err error
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		s, err = snapshotSQLite(ctx, path, scratch)
	} else {
		s, err = snapshotPostgres(ctx, url)
	}
	if err != nil {
		return nil, fmt.Errorf("take a snapshot of the database: %w", err)
	}
	if err := s.describe(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("take a snapshot of the database: %w", err), s.Close())
	}
	return s, nil
}

// Close lets go of the snapshot.
func (s *Snapshot) Close() error { return s.close() }

// Schema returns the names of the schema files that made the database.
func (s *Snapshot) Schema() []string { return s.schema }

// Tables returns the tables that are worth keeping, each behind those that it
// refers to.
func (s *Snapshot) Tables() []Table { return s.tables }

// Rows calls visit with every row of a table, whose values it must not keep.
func (s *Snapshot) Rows(ctx context.Context, t Table, visit func(row []any) error) error {
	c, err := s.rowsOf(ctx, t)
	if err != nil {
		return err
	}
	defer c.rows.Close()
	for {
		row, err := c.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := visit(row); err != nil {
			return err
		}
	}
}

// Dump returns the tables as [Load] takes them. One is read at a time.
func (s *Snapshot) Dump(ctx context.Context) Dump {
	return Dump{Schema: s.schema, Tables: s.tables, Open: func(t Table) (func() ([]any, error), func() error, error) {
		c, err := s.rowsOf(ctx, t)
		if err != nil {
			return nil, nil, err
		}
		return c.next, c.rows.Close, nil
	}}
}

// A cursor reads the rows of a table.
type cursor struct {
	table   Table
	rows    *sql.Rows
	row     []any
	targets []any
}

func (q queries) rowsOf(ctx context.Context, t Table) (*cursor, error) {
	rows, err := q.conn.QueryContext(ctx, strings.Join([]string{"SELECT", t.columnList(), "FROM", `"` + t.Name + `"`}, " ")) //nolint:rowserrcheck // next asks for it
	if err != nil {
		return nil, err
	}
	c := &cursor{table: t, rows: rows, row: make([]any, len(t.Columns)), targets: make([]any, len(t.Columns))}
	for i := range c.row {
		c.targets[i] = &c.row[i]
	}
	return c, nil
}

// next returns a row, which the next one overwrites, or io.EOF.
func (c *cursor) next() ([]any, error) {
	if !c.rows.Next() {
		return nil, cmp.Or(c.rows.Err(), io.EOF)
	}
	if err := c.rows.Scan(c.targets...); err != nil {
		return nil, err
	}
	for i, column := range c.table.Columns {
		var err error
		if c.row[i], err = column.Kind.value(c.row[i]); err != nil {
			return nil, fmt.Errorf("%s.%s: %w", c.table.Name, column.Name, err)
		}
	}
	return c.row, nil
}

// selectAll ends before the name of the table.
const selectAll = `SELECT * FROM "`

// Blobs calls visit with every blob whose bytes are in the blob store.
func (s *Snapshot) Blobs(ctx context.Context, visit func(BlobFile) error) error {
	query := `SELECT location, digest, size, domain, sealing FROM blobs WHERE location IS NOT NULL`
	if !s.has("blobs", "sealing") { // of a server that is older than this program
		query = `SELECT location, digest, size, domain, NULL FROM blobs WHERE location IS NOT NULL`
	}
	rows, err := s.conn.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var b BlobFile
		if err := rows.Scan(&b.Location, &b.Digest, &b.Size, &b.Domain, &b.Sealing); err != nil {
			return err
		}
		b.Sealed = b.Sealing != nil
		if err := visit(b); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (s *Snapshot) has(table, column string) bool {
	return slices.ContainsFunc(s.tables, func(t Table) bool {
		return t.Name == table && slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == column })
	})
}

// describe learns which tables there are, from the schema files that were
// applied, and which columns they have.
func (s *Snapshot) describe(ctx context.Context) (err error) {
	s.schema, err = list(ctx, s.queries, scanString, `SELECT name FROM migrations ORDER BY name`)
	if err != nil {
		return fmt.Errorf("read what schema it has: %w", err)
	}
	names, err := tablesOf(s.schema)
	if err != nil {
		return err
	}
	for _, name := range names {
		t, err := s.table(ctx, name)
		if err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		s.tables = append(s.tables, t)
	}
	return nil
}

func (s *Snapshot) table(ctx context.Context, name string) (Table, error) {
	rows, err := s.conn.QueryContext(ctx, selectAll+name+`" LIMIT 0`)
	if err != nil {
		return Table{}, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return Table{}, err
	}
	t := Table{Name: name}
	for _, column := range types {
		kind, err := kindOf(column.DatabaseTypeName())
		if err != nil {
			return Table{}, fmt.Errorf("column %s: %w", column.Name(), err)
		}
		t.Columns = append(t.Columns, Column{column.Name(), kind})
	}
	return t, rows.Err()
}

func kindOf(databaseType string) (Kind, error) {
	switch strings.ToUpper(databaseType) {
	case "TEXT":
		return Text, nil
	case "BIGINT", "INT8":
		return Integer, nil
	case "BOOLEAN", "BOOL":
		return Boolean, nil
	case "BYTEA":
		return Bytes, nil
	}
	return "", fmt.Errorf("unknown type %q", databaseType)
}

// value returns what a database gave as the type of the kind.
func (k Kind) value(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		if k == Text {
			return v, nil
		}
	case int64:
		switch k {
		case Integer:
			return v, nil
		case Boolean:
			return v != 0, nil
		}
	case bool:
		if k == Boolean {
			return v, nil
		}
	case []byte:
		switch k {
		case Bytes:
			if v == nil {
				v = []byte{} // a driver's word for empty; NULL is nil itself
			}
			return v, nil
		case Text:
			return string(v), nil
		}
	}
	return nil, fmt.Errorf("a %T is no %s", v, k)
}

// ErrNewerSchema reports data of a version of nifuda that is newer than this one.
var ErrNewerSchema = errors.New("was made by a newer version of nifuda")

var tableChange = regexp.MustCompile(`(?m)^(CREATE|DROP) TABLE (\w+)`)

// tablesOf returns the tables that schema files make, in the order in which they
// do, without those that are not dumped.
func tablesOf(files []string) (tables []string, err error) {
	for _, name := range files {
		if strings.HasPrefix(name, unfinished) {
			return nil, ErrUnfinished
		}
		text, err := schemas.ReadFile(path.Join("schema", name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w", name, ErrNewerSchema)
		}
		if err != nil {
			return nil, err
		}
		for _, change := range tableChange.FindAllStringSubmatch(string(text), -1) {
			tables = slices.DeleteFunc(tables, func(table string) bool { return table == change[2] })
			if change[1] == "CREATE" && !slices.Contains(notDumped, change[2]) {
				tables = append(tables, change[2])
			}
		}
	}
	return tables, nil
}

func snapshotSQLite(ctx context.Context, path, scratch string) (*Snapshot, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err // opening would make it
	}
	directory, err := os.MkdirTemp(scratch, "nifuda-snapshot-")
	if err != nil {
		return nil, err
	}
	copied := filepath.Join(directory, "nifuda.db")
	if err := copyDatabase(ctx, path, copied); err != nil {
		return nil, errors.Join(fmt.Errorf("copy: %w", err), os.RemoveAll(directory))
	}
	// Nobody else knows the copy; without this SQLite would look for a log of it.
	db, err := sql.Open("sqlite", fileURL(copied)+"?mode=ro&immutable=1")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(directory))
	}
	return &Snapshot{
		queries: queries{db, newSQLiteDialect(), nil},
		close:   func() error { return errors.Join(db.Close(), os.RemoveAll(directory)) },
	}, nil
}

func fileURL(path string) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
}

// copyDatabase copies one state of a database while others write to it.
func copyDatabase(ctx context.Context, from, to string) error {
	db, err := sql.Open("sqlite", fileURL(from)+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// The copy needs no sync: who crashes begins anew.
	destination := fileURL(to) + "?_pragma=synchronous(OFF)"
	return conn.Raw(func(driver any) error {
		source, ok := driver.(interface {
			NewBackup(string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("the driver copies no databases")
		}
		b, err := source.NewBackup(destination)
		if err != nil {
			return err
		}
		// All pages at once: with pauses every write of others starts it anew.
		_, err = b.Step(-1)
		return errors.Join(err, b.Finish())
	})
}

func snapshotPostgres(ctx context.Context, url string) (*Snapshot, error) {
	db, err := openURL(url)
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Snapshot{
		queries: queries{tx, newPostgresDialect(), nil},
		close:   func() error { return errors.Join(tx.Rollback(), db.Close()) },
		url:     url,
	}, nil
}
