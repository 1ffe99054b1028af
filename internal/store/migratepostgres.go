package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"time"
)

// The row makes nodes that start together migrate one after the other. A change
// of a table waits for whoever uses it, such as a backup, and meanwhile everyone
// else waits behind it: it gives up soon and is tried again.
const (
	migrationLock = `CREATE TABLE IF NOT EXISTS migration_lock (id BIGINT PRIMARY KEY);
		INSERT INTO migration_lock (id) VALUES (1) ON CONFLICT DO NOTHING`
	beginPostgres = `BEGIN; SELECT id FROM migration_lock WHERE id = 1 FOR UPDATE; SET LOCAL lock_timeout = '3s'`
)

// Migrations are tried for this long, with such pauses between.
const (
	migrationTime  = 2 * time.Minute
	migrationPause = 3 * time.Second
)

// migratePostgres brings the schema up to date. A node whose schema the database
// has changes nothing and waits for nobody.
func migratePostgres(ctx context.Context, db *sql.DB, d *dialect, p *patience) error {
	for begin := time.Now(); ; {
		err := p.try(ctx, func(ctx context.Context) error { return migrateOnce(ctx, db, d) })
		inUse := isPostgres(err, "55P03") // no lock in time
		if !inUse && !isMade(err) || time.Since(begin) > migrationTime {
			return err
		}
		pause := firstPause
		if inUse {
			p.log.WarnContext(ctx, "the schema cannot be changed yet: somebody uses the tables, such as a backup", "error", err)
			pause = migrationPause
		}
		if !wait(ctx, pause+rand.N(pause)) {
			return errors.Join(err, ctx.Err())
		}
	}
}

// isMade reports whether a migration met another one: two that make the same
// thing at once see it as a duplicate.
func isMade(err error) bool {
	return slices.ContainsFunc([]string{"23505", "42P07", "42710", "42723"}, func(code string) bool { return isPostgres(err, code) })
}

func migrateOnce(ctx context.Context, db *sql.DB, d *dialect) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	q := queries{conn, d, nil}
	current, err := q.isCurrent(ctx)
	if err != nil || current {
		return err
	}
	if err := makeMigrationLock(ctx, conn); err != nil {
		return err
	}
	return migrate(ctx, q, beginPostgres)
}

func makeMigrationLock(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, migrationLock); err != nil {
		return fmt.Errorf("make the lock of migrations: %w", err)
	}
	return nil
}

// isCurrent reports whether all schema files were applied. There may be others,
// of a newer version beside which this one goes on: what they change is for it.
func (q queries) isCurrent(ctx context.Context) (bool, error) {
	applied, err := list(ctx, q, scanString, `SELECT name FROM migrations WHERE name >= $1`, "")
	if isPostgres(err, "42P01") { // no such table
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read which migrations there were: %w", err)
	}
	files, err := fs.Glob(schemas, "schema/*.sql")
	if err != nil {
		return false, err
	}
	for _, file := range files {
		if !slices.Contains(applied, path.Base(file)) {
			return false, nil
		}
	}
	return true, nil
}
