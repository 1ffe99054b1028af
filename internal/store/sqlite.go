package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/gofrs/flock"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A statements is a connection that prepares each query once.
type statements struct {
	prepare func(ctx context.Context, query string) (*sql.Stmt, error)
	cache   sync.Map // query → *sql.Stmt
}

func (s *statements) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := s.cache.Load(query); ok {
		return stmt.(*sql.Stmt), nil
	}
	// Not the caller's context: the statement outlives the request that prepares it.
	stmt, err := s.prepare(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, err
	}
	if other, loaded := s.cache.LoadOrStore(query, stmt); loaded {
		return other.(*sql.Stmt), stmt.Close()
	}
	return stmt, nil
}

func (s *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := s.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	// What waits for a context's end would cost more than a read of a local file,
	// which is short anyway.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return stmt.QueryContext(context.WithoutCancel(ctx), args...)
}

// sqliteEngine has a pool of readers and one writer, which commits the
// transactions of concurrent callers together: one sync of the write-ahead log
// makes all of them durable.
type sqliteEngine struct {
	path    string
	readers *sql.DB
	writer  *sql.DB
	file    *openedFile
	lock    *flock.Flock
	uploads *uploadLog
	notices *notices
	suspect *atomic.Bool // of the writer
	torn    *atomic.Bool // of the writer
	queue   chan *write
	done    chan struct{}

	incremental bool // the file can become smaller
	meters      *sqliteMeters

	mu     sync.RWMutex // held for reading while a caller may send to queue
	closed bool
}

// A write is one caller's transaction, waiting to be committed.
type write struct {
	ctx        context.Context
	durability Durability
	do         func(context.Context, *Tx) error
	ended      []string // uploads that it ends
	noted      []string // topics that it notifies of
	settle     bool     // the log is to be copied, however short it is
	result     chan error
}

// At most this many transactions share one commit.
const batchLimit = 256

func openSQLite(ctx context.Context, path string, readOnly bool) (*Store, error) {
	if err := makeParent(path); err != nil {
		return nil, err
	}
	file, err := openPrivate(path)
	if err != nil {
		return nil, err
	}
	lock, err := lockDatabase(path, readOnly)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if err := makeTrashLock(path); err != nil {
		return nil, errors.Join(err, file.Close(), lock.Close())
	}
	uploads, err := openUploadLog(path + "-uploads")
	if err != nil {
		return nil, errors.Join(err, file.Close(), lock.Close())
	}
	spare := openSpare(path + "-spare")
	s, err := openLocked(ctx, path, file, lock, uploads, spare)
	if isFull(err) && spare.giveUp() {
		s, err = openLocked(ctx, path, file, lock, uploads, spare)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close(), uploads.close(), lock.Close())
	}
	return s, nil
}

// makeParent makes the directory that a database is in.
func makeParent(path string) error { return os.MkdirAll(filepath.Dir(path), 0o700) }

// sqlitePath returns the path of an SQLite database.
func sqlitePath(url string) (path string, ok bool) { return strings.CutPrefix(url, "sqlite:") }

// lockDatabase keeps other servers away from a database file until this one
// ends, even by a crash: what one of them remembers would be outdated by what
// another writes. Servers that change nothing can have it together.
//
// Who has it alone for a moment finds the log as the last process left it, and
// makes that durable: the process may have met a failed sync, and died before it
// could do so itself.
func lockDatabase(path string, readOnly bool) (*flock.Flock, error) {
	lock := databaseLock(path)
	locked, err := lock.TryLock()
	if err == nil && locked {
		err = rewriteLog(path + logSuffix)
	}
	if err == nil && readOnly {
		locked, err = lock.TryRLock()
	}
	if err == nil && !locked {
		err = errors.New("it is in use by another nifuda")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), lock.Close())
	}
	return lock, nil
}

func openLocked(ctx context.Context, path string, file *openedFile, lock *flock.Flock, uploads *uploadLog, spare *spare) (*Store, error) {
	dsn := "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() +
		"?_pragma=busy_timeout(10000)&_pragma=auto_vacuum(INCREMENTAL)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)" +
		"&_pragma=wal_autocheckpoint(0)" // the writer does it, see copyLog
	writer, err := sql.Open("sqlite", dsn+"&_pragma=synchronous(FULL)&_pragma=cache_size(-8000)")
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	conn, err := writer.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	d := newSQLiteDialect()
	if err := checkpoint(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close(), writer.Close())
	}
	if err := migrate(ctx, queries{conn, d, nil}, "BEGIN IMMEDIATE"); err != nil {
		return nil, errors.Join(err, conn.Close(), writer.Close())
	}
	incremental, err := queries{conn, d, nil}.makeIncremental(ctx, path)
	if err != nil {
		return nil, errors.Join(err, conn.Close(), writer.Close())
	}
	readers, err := sql.Open("sqlite", dsn+"&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(err, conn.Close(), writer.Close())
	}
	n := max(4, 2*runtime.GOMAXPROCS(0))
	readers.SetMaxOpenConns(n)
	readers.SetMaxIdleConns(n)

	e := &sqliteEngine{path: path, readers: readers, writer: writer, file: file, lock: lock, uploads: uploads, notices: newNotices(), suspect: new(atomic.Bool), torn: new(atomic.Bool), incremental: incremental, meters: newSQLiteMeters(), queue: make(chan *write, batchLimit), done: make(chan struct{})}
	w := &sqliteWriter{conn: conn, file: file, spare: spare, suspect: e.suspect, torn: e.torn, meters: e.meters, tx: &Tx{queries: queries{&statements{prepare: conn.PrepareContext}, d, nil}, usage: &usageKeeping{sums: newAccountSums(0)}}}
	go func() {
		defer close(e.done)
		w.run(e.queue)
	}()
	return &Store{queries: queries{&statements{prepare: readers.PrepareContext}, d, nil}, engine: e, uploads: uploads, notices: e.notices, sums: w.tx.usage.sums}, nil
}

func (e *sqliteEngine) update(ctx context.Context, d Durability, do func(context.Context, *Tx) error) error {
	w := &write{ctx: ctx, durability: d, do: do, result: make(chan error, 1)}
	if err := e.enqueue(w); err != nil {
		return err
	}
	if err := <-w.result; err != nil {
		return err
	}
	for _, id := range w.ended {
		e.uploads.forget(id)
	}
	e.notices.wake(w.noted)
	return nil
}

func (e *sqliteEngine) enqueue(w *write) error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return errors.New("database is closed")
	}
	select {
	case e.queue <- w:
		return nil
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
}

func (e *sqliteEngine) ping(ctx context.Context) error {
	if err := e.file.intact(); err != nil {
		return err
	}
	if e.suspect.Load() {
		if err := e.heal(ctx); err != nil {
			return fmt.Errorf("a write to the database failed and none has succeeded since: %w", err)
		}
	}
	var rows int
	return e.readers.QueryRowContext(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM repositories LIMIT 1)").Scan(&rows)
}

// heal commits nothing, before which the writer gets the log out of the way.
// Who is asked whether it is ready gets no writes until it says so.
func (e *sqliteEngine) heal(ctx context.Context) error {
	w := &write{ctx: ctx, durability: PowerSafe, do: func(context.Context, *Tx) error { return nil }, result: make(chan error, 1)}
	if err := e.enqueue(w); err != nil {
		return err
	}
	select {
	case err := <-w.result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *sqliteEngine) close() error {
	e.mu.Lock()
	if !e.closed {
		e.closed = true
		close(e.queue)
	}
	e.mu.Unlock()
	<-e.done
	if e.torn.Load() { // SQLite would take the log for copied, and remove it
		return errors.Join(errHalfCopied, e.uploads.close(), e.lock.Close())
	}
	return errors.Join(e.readers.Close(), e.writer.Close(), e.file.Close(), e.uploads.close(), e.lock.Close())
}

// A sqliteWriter owns the one connection that writes.
type sqliteWriter struct {
	conn    *sql.Conn
	file    *openedFile
	spare   *spare
	tx      *Tx
	meters  *sqliteMeters
	relaxed bool // synchronous=NORMAL is set

	// unsynced says that a commit was relaxed and none was synced since, when the
	// log had so many pages.
	unsynced bool
	logged   int

	// heldUp is how many pages the log had when a reader last kept it from being
	// copied whole.
	heldUp int

	// suspect is set when a write or a sync failed. The kernel may have dropped
	// what older commits wrote to the log and call the next sync a success;
	// everything must be in the database file itself before more is promised.
	suspect *atomic.Bool

	// torn is set when a part of the log was copied into the database and could
	// not be synced there. SQLite takes it for copied as long as it has the
	// database open, so nothing more is promised until the next process begins with
	// the log as it is.
	torn *atomic.Bool
}

func (w *sqliteWriter) run(queue <-chan *write) {
	defer func() {
		if !w.torn.Load() {
			w.conn.Close()
		}
	}()
	batch := make([]*write, 0, batchLimit)
	for first := range queue {
		batch = append(batch[:0], first)
		for len(batch) < batchLimit && len(queue) > 0 {
			batch = append(batch, <-queue)
		}
		w.commit(batch)
	}
}

// commit runs a batch in one transaction and tells every caller its result once
// the commit is as durable as any of them asked for.
func (w *sqliteWriter) commit(batch []*write) {
	ctx := context.Background()
	results, err := w.transact(ctx, batch)
	if (isFull(err) || slices.ContainsFunc(results, isFull)) && w.spare.giveUp() {
		results, err = w.transact(ctx, batch)
	}
	if err == nil {
		err = w.makeDurable(ctx)
	}
	if isFull(err) && w.spare.giveUp() {
		err = w.makeDurable(ctx)
	}
	if isIOError(err) {
		w.suspect.Store(true)
	}
	w.meters.group.Observe(float64(len(batch)))
	for i, one := range batch {
		if err != nil && results[i] == nil {
			results[i] = fmt.Errorf("commit: %w", err)
		}
		one.result <- results[i]
	}
	if err == nil {
		w.keepHouse(ctx, slices.ContainsFunc(batch, func(one *write) bool { return one.settle }))
	}
}

// transact runs a batch in one transaction, each write in a savepoint of its own.
func (w *sqliteWriter) transact(ctx context.Context, batch []*write) (results []error, err error) {
	results = make([]error, len(batch))
	clear(w.tx.usage.together)
	w.tx.usage.moved = false
	if err := w.begin(ctx, batch); err != nil {
		return results, err
	}
	for i, one := range batch {
		if results[i], err = w.apply(ctx, one, len(batch) > 1); err != nil {
			break
		}
	}
	if err == nil {
		err = w.tx.saveUsage(ctx, w.tx.usage.together, 0)
	}
	err = w.end(ctx, err, len(batch) == 1 && results[0] != nil)
	w.sumUp(ctx, err)
	return results, err
}

// sumUp keeps the sums of accounts right after a commit, or lets go of them.
func (w *sqliteWriter) sumUp(ctx context.Context, failed error) {
	if w.tx.usage.sums.empty() {
		return
	}
	if failed != nil || w.tx.usage.moved || w.tx.usage.sums.add(ctx, w.tx.queries, w.tx.usage.together) != nil {
		w.tx.usage.sums.forget()
	}
}

// keepHouse does what no caller waits for.
func (w *sqliteWriter) keepHouse(ctx context.Context, settle bool) {
	err := w.copyLog(ctx, settle)
	if isIOError(err) {
		w.suspect.Store(true)
	}
	if isFull(err) {
		w.spare.giveUp()
		return
	}
	w.spare.renew()
}

// makeDurable keeps the promise that a synced commit syncs those before it: SQLite
// syncs nothing for a transaction that has written nothing, be it because what it
// wrote was there already.
func (w *sqliteWriter) makeDurable(ctx context.Context) error {
	if !w.relaxed && !w.unsynced {
		return nil
	}
	pages, _, err := w.logPages(ctx)
	if err != nil {
		return err
	}
	if !w.relaxed && pages == w.logged {
		if err := w.writeNothing(ctx); err != nil {
			return fmt.Errorf("sync: %w", err)
		}
	}
	w.unsynced, w.logged = w.relaxed, pages
	return nil
}

// writeNothing commits a page that stays as it is.
func (w *sqliteWriter) writeNothing(ctx context.Context) error {
	if err := w.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	return w.end(ctx, w.exec(ctx, "PRAGMA application_id = 0"), false)
}

func (w *sqliteWriter) begin(ctx context.Context, batch []*write) error {
	if err := w.file.intactLately(); err != nil {
		return err
	}
	if w.torn.Load() {
		return errHalfCopied
	}
	if w.suspect.Load() {
		if err := w.recover(ctx); err != nil {
			return fmt.Errorf("recover from a failed write: %w", err)
		}
		w.suspect.Store(false)
	}
	relaxed := true
	for _, one := range batch {
		relaxed = relaxed && one.durability == CrashSafe
	}
	if relaxed != w.relaxed {
		level := "PRAGMA synchronous=FULL"
		if relaxed {
			level = "PRAGMA synchronous=NORMAL"
		}
		if _, err := w.conn.ExecContext(ctx, level); err != nil {
			return err
		}
		w.relaxed = relaxed
	}
	return w.exec(ctx, "BEGIN IMMEDIATE")
}

// recover makes everything durable that was committed, after which nothing depends
// on what an older sync has failed to do.
func (w *sqliteWriter) recover(ctx context.Context) error {
	if err := rewriteLog(w.file.path + logSuffix); err != nil {
		return err
	}
	err := checkpoint(ctx, w.conn)
	if errors.Is(err, errBusy) {
		w.syncPart()
	}
	return err
}

// apply runs one write. failed is its own error, rolled back to the savepoint
// when others share the transaction; broken ends the whole batch.
func (w *sqliteWriter) apply(ctx context.Context, one *write, shared bool) (failed, broken error) {
	if err := one.ctx.Err(); err != nil {
		return err, nil
	}
	if shared {
		if err := w.exec(ctx, "SAVEPOINT one"); err != nil {
			return nil, err
		}
	}
	if failed = w.call(ctx, one); failed == nil {
		w.tx.usage.together.addAll(w.tx.usage.counted)
	} else if shared {
		if err := w.exec(ctx, "ROLLBACK TO one"); err != nil {
			return failed, err
		}
	}
	if shared {
		return failed, w.exec(ctx, "RELEASE one")
	}
	return failed, nil
}

// call runs the caller's function, whose panic must not take the writer down.
func (w *sqliteWriter) call(ctx context.Context, one *write) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v", p)
		}
	}()
	one.ended, w.tx.ended = one.ended[:0], &one.ended
	one.noted, w.tx.noted = one.noted[:0], &one.noted
	clear(w.tx.usage.counted)
	return one.do(ctx, w.tx)
}

// end commits, or rolls back if the batch is broken or its only write failed.
func (w *sqliteWriter) end(ctx context.Context, broken error, nothing bool) error {
	if broken == nil && !nothing {
		if broken = w.exec(ctx, "COMMIT"); broken == nil {
			return nil
		}
	}
	// After some errors SQLite has rolled back by itself, and refuses this.
	if err := w.exec(ctx, "ROLLBACK"); err != nil && broken == nil {
		return err
	}
	return broken
}

func (w *sqliteWriter) exec(ctx context.Context, query string) error {
	_, err := w.tx.conn.ExecContext(ctx, query)
	return err
}

func isIOError(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == sqlite3.SQLITE_IOERR
}

// isFull reports whether err is a lack of space for the database, or for what
// SQLite keeps beside it.
func isFull(err error) bool {
	return isSQLite(err, sqlite3.SQLITE_FULL) || isSQLite(err, sqlite3.SQLITE_IOERR_SHMSIZE) || errors.Is(err, syscall.ENOSPC) // of rewriteLog
}

func isSQLite(err error, code int) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code() == code
}

// IsForeignKey reports whether err is a reference to a row that does not exist,
// or the removal of a row that is still referred to.
func IsForeignKey(err error) bool {
	return isSQLite(err, sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY) || isPostgres(err, "23503")
}

// IsFull reports whether err is a lack of space where the database is.
func IsFull(err error) bool {
	return isFull(err) || isPostgres(err, "53100")
}

// IsBroken reports whether err is a failure to read or write where the database
// is, or that nothing can be written there.
func IsBroken(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		code := e.Code() & 0xff
		return code == sqlite3.SQLITE_IOERR || code == sqlite3.SQLITE_READONLY || code == sqlite3.SQLITE_CANTOPEN
	}
	return isPostgres(err, "58030") || isPostgres(err, "25006")
}

// IsUnique reports whether err is a second row with a unique key.
func IsUnique(err error) bool {
	return isSQLite(err, sqlite3.SQLITE_CONSTRAINT_UNIQUE) || isSQLite(err, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY) || isPostgres(err, "23505")
}
