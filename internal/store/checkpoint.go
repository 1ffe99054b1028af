package store

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// The write-ahead log is copied into the database when it has this many pages
// of 4 KiB; from then on it is overwritten in place, so that a sync of it
// changes no file size and costs no journal commit of the file system.
const checkpointPages = 4000

// logSuffix is what SQLite adds to the database's path for its log.
const logSuffix = "-wal"

var (
	errBusy       = errors.New("checkpoint: the database is busy")
	errHalfCopied = errors.New("the disk failed while the database was being written; nothing that was acknowledged is lost, but the server must be started again before it can write")
)

// copyLog copies the write-ahead log into the database when it has become long,
// or is to be copied however short it is.
//
// SQLite would do that by itself, but when a reader holds it up it copies a
// part, without a sync, and remembers that as done. Should the sync after the
// rest fail, the kernel may drop both parts, and SQLite would copy only the rest
// again. So this waits for the readers, which are short, and copies the whole. A
// reader that takes longer, such as a backup, gets the part after all, for the
// log must not grow without end: that part is synced here. Such a reader is not
// waited for again before the log has become as long once more.
func (w *sqliteWriter) copyLog(ctx context.Context, settle bool) error {
	logged, copied, err := w.logPages(ctx)
	if err != nil {
		return err
	}
	w.meters.log.Set(float64(logged) * pageBytes)
	if logged < w.heldUp {
		w.heldUp = 0 // the log has begun anew
	}
	if waiting := logged - copied; waiting == 0 || !settle && min(waiting, logged-w.heldUp) < checkpointPages {
		return nil
	}
	if err := w.exec(ctx, "PRAGMA busy_timeout = 100"); err != nil {
		return err
	}
	var busy int
	begin := time.Now()
	err = w.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(FULL)").Scan(&busy, &logged, &copied)
	w.meters.checkpoint.Observe(time.Since(begin).Seconds())
	w.heldUp = 0
	// After an error SQLite takes nothing for copied, and copies all of it again.
	if err == nil && (busy != 0 || copied < logged) {
		w.heldUp = logged
		w.syncPart()
	}
	return errors.Join(err, w.exec(ctx, "PRAGMA busy_timeout = 10000"))
}

// syncPart makes durable what was copied of a log that a reader kept from being
// copied whole: SQLite syncs only after the rest.
func (w *sqliteWriter) syncPart() {
	if w.file.Sync() != nil {
		w.torn.Store(true)
		w.suspect.Store(true)
	}
}

// rewriteLog writes the log at path once more as it is, and syncs that. After a
// failed sync the disk may lack what the log is read as having, and later syncs do
// not bring it back. A checkpoint would then write pages whose changes the disk has
// only in part: if the power goes before the log is emptied, recovery follows the
// log up to the gap, and puts old pages among newer ones.
//
// Nobody else may write to the log meanwhile. It is no error that there is none.
func rewriteLog(path string) error {
	log, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer log.Close() // what was written is synced
	chunk := make([]byte, 256<<10)
	for at := int64(0); ; {
		n, err := log.ReadAt(chunk, at)
		if err != nil && err != io.EOF {
			return err
		}
		if n == 0 {
			return log.Sync()
		}
		if _, err := log.WriteAt(chunk[:n], at); err != nil {
			return err
		}
		at += int64(n)
	}
}

// logPages is how many pages the log has, and how many of them are in the
// database already. It is asked after each commit, so the statement is kept.
func (w *sqliteWriter) logPages(ctx context.Context) (pages, copied int, err error) {
	rows, err := w.tx.conn.QueryContext(ctx, "PRAGMA wal_checkpoint(NOOP)")
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	var busy int
	for rows.Next() {
		if err := rows.Scan(&busy, &pages, &copied); err != nil {
			return 0, 0, err
		}
	}
	return pages, copied, rows.Err()
}

// checkpoint copies the write-ahead log into the database, syncs that, and
// empties the log.
func checkpoint(ctx context.Context, conn *sql.Conn) error {
	var busy, frames, copied int
	if err := conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &copied); err != nil {
		return err
	}
	if busy != 0 {
		return errBusy
	}
	return nil
}
