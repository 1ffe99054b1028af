package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// ClaimTrash asks for the right to remove bytes from the blob store, which nobody
// has while a backup holds the trash. It must come after the look whether the
// bytes are used. Whoever gets it calls release soon: on SQLite a backup waits for
// that before it begins, and one process has it at a time.
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

// On PostgreSQL a row for each hold decides. Nobody waits there: a server looks
// for holds after it has looked whether the bytes are used, so that a hold which
// begins later finds nothing removed that was used at any time from then on,
// however long the server takes in between.
//
// Whoever holds raises the beat of its row. A hold whose beat a server has seen
// unchanged for as long as holdLife, by its own clock, is that of a process that
// has died.
const (
	holdInterval = 5 * time.Second
	holdLife     = time.Minute
)

// A sighting is a beat, and since when it was the one that was seen.
type sighting struct {
	beat  int64
	since time.Time
}

// seenHolds are the holds that a server has seen.
type seenHolds struct {
	mu   sync.Mutex
	seen map[string]sighting
}

// dead returns those of the holds that have not changed for holdLife, and
// remembers the others.
func (s *seenHolds) dead(holds []trashHold, now time.Time) (dead []trashHold) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := make(map[string]sighting, len(holds))
	for _, h := range holds {
		before, ok := s.seen[h.id]
		if !ok || before.beat != h.beat {
			before = sighting{h.beat, now}
		}
		seen[h.id] = before
		if now.Sub(before.since) >= holdLife {
			dead = append(dead, h)
		}
	}
	s.seen = seen
	return dead
}

// A trashHold is a row of those who hold the trash.
type trashHold struct {
	id   string
	beat int64
}

func (q queries) trashHolds(ctx context.Context) ([]trashHold, error) {
	return list(ctx, q, func(rows *sql.Rows) (h trashHold, err error) {
		err = rows.Scan(&h.id, &h.beat)
		return h, err
	}, `SELECT id, beat FROM trash_holds ORDER BY id`)
}

func (e *postgresEngine) claimTrash(ctx context.Context) (func() error, bool, error) {
	q := queries{e.db, e.dialect, e.patience}
	holds, err := q.trashHolds(ctx)
	if err != nil {
		return nil, false, err
	}
	alive := len(holds)
	for _, h := range e.holds.dead(holds, time.Now()) {
		n, err := q.exec(ctx, `DELETE FROM trash_holds WHERE id = $1 AND beat = $2`, h.id, h.beat)
		if err != nil {
			return nil, false, err
		}
		alive -= int(n)
	}
	return func() error { return nil }, alive == 0, nil
}

// holdTrashRow adds a row and keeps it alive.
func holdTrashRow(ctx context.Context, url string) (*TrashHold, error) {
	db, err := openURL(url)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	q, id := queries{db, newPostgresDialect(), newPatience(nil)}, rand.Text()
	_, err = q.exec(ctx, `INSERT INTO trash_holds (id, beat) VALUES ($1,0)`, id)
	if isPostgres(err, undefinedTable) {
		err = errors.New("the database is one of an older version: start this version's server on it once")
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	alive, end := context.WithCancel(context.Background())
	var beating sync.WaitGroup
	beating.Go(func() { keepHold(alive, q, id) })
	release := func() error {
		end()
		beating.Wait()
		_, err := q.exec(context.Background(), `DELETE FROM trash_holds WHERE id = $1`, id)
		return errors.Join(err, db.Close())
	}
	return &TrashHold{check: func(ctx context.Context) error { return beatHold(ctx, q, id) }, release: release}, nil
}

const undefinedTable = "42P01"

// keepHold raises the beat until ctx is done. A failure shows in the next check.
func keepHold(ctx context.Context, q queries, id string) {
	again := time.NewTicker(holdInterval)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			_ = beatHold(ctx, q, id)
		case <-ctx.Done():
			return
		}
	}
}

// beatHold raises the beat once, and returns an error when the hold is lost.
func beatHold(ctx context.Context, q queries, id string) error {
	n, err := q.exec(ctx, `UPDATE trash_holds SET beat = beat + 1 WHERE id = $1`, id)
	if err == nil && n == 0 {
		err = errors.New("the hold on the trash was lost: nothing was heard of this process for a minute")
	}
	return err
}
