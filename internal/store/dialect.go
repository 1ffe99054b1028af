package store

import (
	"context"
	"regexp"
	"strings"
	"sync"
)

// A dialect turns the one SQL text, which is PostgreSQL's, into what a
// database reads.
type dialect struct {
	rewrite func(query string) string
	schema  func(ddl string) string
	// prelude is what the schema needs that the database lacks.
	prelude string
	// countTables is 1 if there is a table of a name, and 0 else.
	countTables string
	// finish ends every start; changed says that the schema is not what it was.
	finish func(ctx context.Context, q queries, changed bool) error
	cache  sync.Map
}

var (
	parameter = regexp.MustCompile(`\$(\d+)`)
	rowLock   = regexp.MustCompile(`\s+FOR (NO KEY UPDATE|UPDATE|SHARE|KEY SHARE)( OF \w+)?( SKIP LOCKED)?`)
	cast      = regexp.MustCompile(`::\w+`)
)

// SQLite numbers its parameters with a question mark in every driver, and
// needs no row locks, having one writer.
func newSQLiteDialect() *dialect {
	return &dialect{
		rewrite: func(query string) string {
			query = rowLock.ReplaceAllString(query, "")
			query = cast.ReplaceAllString(query, "")
			return parameter.ReplaceAllString(query, "?$1")
		},
		schema:      func(ddl string) string { return ddl },
		countTables: `SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = $1`,
		finish:      describeTables,
	}
}

// PostgreSQL must order names by byte, as SQLite does, and has no tables
// without row ids. json_each is SQLite's name for the elements of a JSON list;
// a list is short, unlike the thousand rows that PostgreSQL expects of it and
// would rather read a whole repository for.
func newPostgresDialect() *dialect {
	words := strings.NewReplacer(" TEXT", ` TEXT COLLATE "C"`, ") WITHOUT ROWID", ")")
	return &dialect{
		rewrite:     func(query string) string { return query },
		schema:      words.Replace,
		countTables: `VALUES (CASE WHEN to_regclass(quote_ident(current_schema()) || '.' || quote_ident($1)) IS NULL THEN 0 ELSE 1 END)`,
		prelude: `CREATE OR REPLACE FUNCTION json_each(list text) RETURNS TABLE (value text)
			LANGUAGE sql IMMUTABLE STRICT ROWS 10 AS 'SELECT jsonb_array_elements_text(list::jsonb)'`,
		finish: func(context.Context, queries, bool) error { return nil }, // autovacuum analyzes
	}
}

func (d *dialect) query(text string) string {
	if q, ok := d.cache.Load(text); ok {
		return q.(string)
	}
	q := d.rewrite(text)
	d.cache.Store(text, q)
	return q
}
