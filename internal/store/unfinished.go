package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrUnfinished reports a database that another one is being moved to.
var ErrUnfinished = errors.New("is the target of a move that has not ended: run nifuda migrate again, with --finish at last")

// unfinished begins the name of a migration that is none: a database that
// another one will be moved to has it and nothing else, so that no server takes
// it for a new one of its own. The rest says where it is moved from.
const unfinished = "unfinished: "

const selectUnfinished = `SELECT name FROM migrations WHERE name >= 'unfinished: ' AND name < 'unfinished;'`

// refuseUnfinished returns [ErrUnfinished] for the target of a move.
func (q queries) refuseUnfinished(ctx context.Context) error {
	names, err := list(ctx, q, scanString, selectUnfinished)
	if err == nil && len(names) > 0 {
		return fmt.Errorf("the database %w", ErrUnfinished)
	}
	return err
}

// MoveBegun reports whether the database at url is the target of a move from the
// source. One that is neither that nor empty is [ErrNotEmpty].
func MoveBegun(ctx context.Context, url, source string) (begun bool, err error) {
	path, ok := sqlitePath(url)
	if !ok {
		return moveBegunSchema(ctx, url, source)
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	db, err := sql.Open("sqlite", fileURL(path)+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		return false, err
	}
	begun, err = queries{db, newSQLiteDialect(), nil}.isMarked(ctx, source)
	return begun, errors.Join(err, db.Close())
}

func moveBegunSchema(ctx context.Context, url, source string) (bool, error) {
	db, err := openURL(url)
	if err != nil {
		return false, err
	}
	defer db.Close()
	return queries{db, newPostgresDialect(), nil}.isMarked(ctx, source)
}

// BeginMove makes the database at url, which must be empty, the target of a move
// from a source.
func BeginMove(ctx context.Context, url, source string) (err error) {
	if path, ok := sqlitePath(url); ok {
		err = beginMoveFile(ctx, path, source)
	} else {
		err = beginMoveSchema(ctx, url, source)
	}
	if err != nil {
		return fmt.Errorf("begin in the new database: %w", err)
	}
	return nil
}

func beginMoveFile(ctx context.Context, path, source string) (err error) {
	if err := makeParent(path); err != nil {
		return err
	}
	lock, err := lockDatabase(path, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	file, err := openPrivate(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	db, err := sql.Open("sqlite", fileURL(path)+"?_pragma=journal_mode(DELETE)&_pragma=synchronous(FULL)")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return errors.Join(queries{db, newSQLiteDialect(), nil}.mark(ctx, source), db.Close())
}

func beginMoveSchema(ctx context.Context, url, source string) error {
	db, err := openURL(url)
	if err != nil {
		return err
	}
	defer db.Close()
	return queries{db, newPostgresDialect(), nil}.mark(ctx, source)
}

// mark marks an empty database.
func (q queries) mark(ctx context.Context, source string) error {
	if begun, err := q.isMarked(ctx, source); begun || err != nil {
		return err
	}
	if err := q.makeMigrations(ctx); err != nil {
		return err
	}
	_, err := q.exec(ctx, `INSERT INTO migrations (name) VALUES ($1)`, unfinished+source)
	return err
}

// isMarked reports whether a move from the source was begun. A database that
// something else is in is [ErrNotEmpty].
func (q queries) isMarked(ctx context.Context, source string) (bool, error) {
	there, err := hasTable(ctx, q, "migrations")
	if err != nil || !there {
		return false, err
	}
	names, err := list(ctx, q, scanString, `SELECT name FROM migrations ORDER BY name`)
	if err != nil || len(names) == 0 {
		return false, err
	}
	from, marked := strings.CutPrefix(names[len(names)-1], unfinished)
	switch {
	case !marked || len(names) > 1:
		return false, fmt.Errorf("the database %w", ErrNotEmpty)
	case from != source:
		return false, fmt.Errorf("a move from %s was begun there, and this one is from %s: go on with that one, or begin with an empty database: this one %w", from, source, ErrNotEmpty)
	}
	return true, nil
}

// isTarget returns an error unless the database is the target of a move and
// nothing else.
func (q queries) isTarget(ctx context.Context) error {
	names, err := list(ctx, q, scanString, `SELECT name FROM migrations ORDER BY name`)
	if err != nil {
		return err
	}
	if len(names) != 1 || !strings.HasPrefix(names[0], unfinished) {
		return fmt.Errorf("the database %w", ErrNotEmpty)
	}
	return nil
}

func isTargetFile(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", fileURL(path)+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		return err
	}
	return errors.Join(queries{db, newSQLiteDialect(), nil}.isTarget(ctx), db.Close())
}

// endMove takes the mark away, in the transaction that loads the database. A file
// is filled beside the one that has the mark.
func (q queries) endMove(ctx context.Context) error {
	if err := q.makeMigrations(ctx); err != nil {
		return err
	}
	_, err := q.exec(ctx, `DELETE FROM migrations WHERE name >= 'unfinished: ' AND name < 'unfinished;'`)
	return err
}

// hasTable reports whether the database, or the schema of PostgreSQL that is
// used, has a table.
func hasTable(ctx context.Context, q queries, name string) (there bool, err error) {
	var n int
	err = q.get(ctx, q.dialect.countTables, []any{name}, &n)
	return n > 0, err
}

// RedactedURL returns where a database is, without passwords.
func RedactedURL(database string) string {
	if path, ok := sqlitePath(database); ok {
		if full, err := filepath.Abs(path); err == nil {
			path = full
		}
		return "sqlite:" + path
	}
	u, err := parsePostgres(database)
	if err != nil {
		return "postgres:"
	}
	c := u.connection
	return fmt.Sprintf("postgres://%s:%d/%s?search_path=%s", c.Host, c.Port, c.Database, c.RuntimeParams["search_path"])
}
