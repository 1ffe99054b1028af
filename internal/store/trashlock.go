package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// ClaimTrash asks for the right to remove bytes from the blob store, which one
// process has at a time, and none while a backup holds the trash. Whoever gets
// it calls release soon: a backup waits for that before it begins.
func (s *Store) ClaimTrash(ctx context.Context) (release func() error, claimed bool, err error) {
	if s.readOnly {
		return nil, false, nil
	}
	release, claimed, err = s.engine.claimTrash(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("claim the trash: %w", err)
	}
	return release, claimed, nil
}

// A TrashHold keeps everything in the blob store that a database refers to at
// any time from its beginning: what is no longer of use stays until its end, or
// until the process ends.
type TrashHold struct {
	check   func(ctx context.Context) error
	release func() error
}

// Check returns an error when the hold was lost, with the connection to the
// database for example.
func (h *TrashHold) Check(ctx context.Context) error { return h.check(ctx) }

// Release ends the hold.
func (h *TrashHold) Release() error { return h.release() }

// HoldTrash keeps the trash of the database at url from being emptied by the
// servers that use it, which this process is none of.
func HoldTrash(ctx context.Context, url string) (*TrashHold, error) {
	var h *TrashHold
	var err error
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		h, err = holdTrashFile(ctx, path)
	} else {
		h, err = holdTrashRow(ctx, url)
	}
	if err != nil {
		return nil, fmt.Errorf("hold the trash: %w", err)
	}
	return h, nil
}

// How often a backup tries, while a server removes bytes.
const trashPatience = 10 * time.Millisecond

// trashLock is the file beside an SQLite database whose lock decides.
func trashLock(path string) *flock.Flock {
	return flock.New(path+"-trash", flock.SetPermissions(0o600))
}

// makeTrashLock makes that file the server's own: if a backup made it as another
// user, such as root, the server could not lock it.
func makeTrashLock(path string) error {
	file, err := os.OpenFile(path+"-trash", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

func holdTrashFile(ctx context.Context, path string) (*TrashHold, error) {
	lock := trashLock(path)
	if _, err := lock.TryRLockContext(ctx, trashPatience); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &TrashHold{check: func(context.Context) error { return nil }, release: lock.Close}, nil
}

func (e *sqliteEngine) claimTrash(context.Context) (func() error, bool, error) {
	lock := trashLock(e.path)
	locked, err := lock.TryLock()
	if err != nil || !locked {
		return nil, false, errors.Join(err, lock.Close())
	}
	return lock.Close, true, nil
}

// On PostgreSQL an advisory lock of a number of ours and the schema decides. It
// ends with the transaction, which nothing else happens in, and so with the
// connection; a pooler keeps a connection together as long as that.
const (
	beginTrash          = `BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0`
	tryTrashExclusively = `VALUES (pg_try_advisory_xact_lock(7237383, hashtext(current_schema())))`
	tryTrashShared      = `VALUES (pg_try_advisory_xact_lock_shared(7237383, hashtext(current_schema())))`
	endTrash            = `ROLLBACK`
)

func holdTrashRow(ctx context.Context, url string) (*TrashHold, error) {
	db, err := openURL(url)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := awaitTrash(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close(), db.Close())
	}
	release := func() error {
		_, err := conn.ExecContext(context.Background(), endTrash)
		return errors.Join(err, conn.Close(), db.Close())
	}
	return &TrashHold{check: conn.PingContext, release: release}, nil
}

// awaitTrash tries again and again rather than waiting in the database, where a
// waiting backup would make every server's claim wait behind it.
func awaitTrash(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, beginTrash); err != nil {
		return err
	}
	again := time.NewTicker(trashPatience)
	defer again.Stop()
	for {
		held, err := askTrash(ctx, conn, tryTrashShared)
		if err != nil || held {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func askTrash(ctx context.Context, conn *sql.Conn, question string) (yes bool, err error) {
	err = conn.QueryRowContext(ctx, question).Scan(&yes)
	return yes, err
}

func (e *postgresEngine) claimTrash(ctx context.Context) (func() error, bool, error) {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return nil, false, err
	}
	_, err = conn.ExecContext(ctx, beginTrash)
	claimed := false
	if err == nil {
		claimed, err = askTrash(ctx, conn, tryTrashExclusively)
	}
	if err != nil || !claimed {
		return nil, false, errors.Join(err, unclaimTrash(conn))
	}
	return func() error { return unclaimTrash(conn) }, true, nil
}

// unclaimTrash gives the connection back, or ends it if it may have the lock still.
func unclaimTrash(conn *sql.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), statementTime)
	defer cancel()
	_, err := conn.ExecContext(ctx, endTrash)
	if err == nil {
		return conn.Close()
	}
	bad := conn.Raw(func(any) error { return driver.ErrBadConn })
	if errors.Is(bad, driver.ErrBadConn) {
		bad = nil
	}
	return errors.Join(err, bad)
}
