package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// CheckIntegrity has the database look at its own tables and indexes, one after
// the other, and tells found what is wrong. PostgreSQL is not asked: it has
// tools of its own for that.
func (s *Store) CheckIntegrity(ctx context.Context, found func(problem string) error) error {
	e, ok := s.engine.(*sqliteEngine)
	if !ok {
		return nil
	}
	tables, err := list(ctx, s.queries, scanString, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if err := e.checkTable(ctx, table, found); err != nil {
			return fmt.Errorf("check table %s: %w", table, err)
		}
	}
	return nil
}

// checkTable looks at one table: a transaction that reads the whole database
// would keep the log from being copied.
func (e *sqliteEngine) checkTable(ctx context.Context, table string, found func(problem string) error) error {
	name := `"` + strings.ReplaceAll(table, `"`, `""`) + `"`
	var problems []string
	err := e.pragma(ctx, "PRAGMA quick_check("+name+")", func(rows *sql.Rows) error {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		if text != "ok" {
			problems = append(problems, text)
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = e.pragma(ctx, "PRAGMA foreign_key_check("+name+")", func(rows *sql.Rows) error {
		var child, parent string
		var row, key sql.NullInt64
		if err := rows.Scan(&child, &row, &parent, &key); err != nil {
			return err
		}
		problems = append(problems, fmt.Sprintf("a row of %s refers to one of %s that is not there", child, parent))
		return nil
	})
	if err != nil {
		return err
	}
	for _, problem := range problems {
		if err := found(problem); err != nil {
			return err
		}
	}
	return nil
}

// pragma runs a pragma on a reader.
func (e *sqliteEngine) pragma(ctx context.Context, text string, row func(*sql.Rows) error) error {
	rows, err := e.readers.QueryContext(ctx, text)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
