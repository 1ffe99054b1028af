package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
)

//go:embed schema/*.sql
var schemas embed.FS

// migrate applies the schema files that the database has not seen, in the
// order of their names, in one transaction which begin starts. A schema only
// grows: there is no way down.
func migrate(ctx context.Context, q queries, begin string) error {
	return q.inTransaction(ctx, begin, func() error {
		changed, err := q.migrateFiles(ctx, nil)
		if err != nil {
			return err
		}
		if err := q.dialect.finish(ctx, q, changed); err != nil {
			return fmt.Errorf("statistics: %w", err)
		}
		return nil
	})
}

// inTransaction begins as the statement says, and commits or rolls back.
func (q queries) inTransaction(ctx context.Context, begin string, do func() error) (err error) {
	if _, err := q.conn.ExecContext(ctx, begin); err != nil {
		return fmt.Errorf("begin migration: %w", err)
	}
	defer func() {
		end := "COMMIT"
		if err != nil {
			end = "ROLLBACK"
		}
		if _, e := q.conn.ExecContext(ctx, end); e != nil && err == nil {
			err = fmt.Errorf("end migration: %w", e)
		}
	}()
	return do()
}

// migrateFiles applies the schema files that the database has not seen, of
// those that are named or of all, and reports whether there were any.
func (q queries) migrateFiles(ctx context.Context, only []string) (changed bool, err error) {
	if _, err := q.conn.ExecContext(ctx, q.dialect.prelude); err != nil {
		return false, fmt.Errorf("prelude: %w", err)
	}
	if err := q.makeMigrations(ctx); err != nil {
		return false, err
	}
	if err := q.refuseUnfinished(ctx); err != nil {
		return false, err
	}
	files, err := fs.Glob(schemas, "schema/*.sql")
	if err != nil {
		return false, err
	}
	for _, file := range files {
		if only != nil && !slices.Contains(only, path.Base(file)) {
			continue
		}
		applied, err := q.migrateFile(ctx, file)
		if err != nil {
			return false, fmt.Errorf("migration %s: %w", file, err)
		}
		changed = changed || applied
	}
	return changed, nil
}

// makeMigrations makes the table of the schema files that were applied.
func (q queries) makeMigrations(ctx context.Context) error {
	if _, err := q.conn.ExecContext(ctx, q.dialect.schema(`CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY)`)); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	return nil
}

// migrateFile applies a file, and reports whether the database had not seen it.
func (q queries) migrateFile(ctx context.Context, file string) (applied bool, err error) {
	n, err := q.exec(ctx, `INSERT INTO migrations (name) VALUES ($1) ON CONFLICT DO NOTHING`, path.Base(file))
	if err != nil || n == 0 {
		return false, err
	}
	text, err := schemas.ReadFile(file)
	if err != nil {
		return false, err
	}
	_, err = q.conn.ExecContext(ctx, q.dialect.schema(string(text)))
	return true, err
}
