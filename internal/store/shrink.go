package store

import (
	"context"
	"fmt"
	"os"
)

// A Space is how large the database's file is and how much of it is free, to be
// filled again or given back.
type Space struct{ Size, Free int64 } // bytes

// Space returns the size of the database's file; nothing on PostgreSQL, which
// keeps house by itself.
func (s *Store) Space(ctx context.Context) (Space, error) { return s.engine.space(ctx) }

// GiveBack moves pages of the database's file from its end into free places, as
// many as fit into some bytes, and reports whether it could. A file that was made
// by a version before this one, and is too large to be written anew at the
// start, cannot. The file is shorter once [Store.Settle] has come.
func (s *Store) GiveBack(ctx context.Context, bytes int64) (bool, error) {
	return s.engine.giveBack(ctx, bytes)
}

// Settle copies what was committed into the database's file, which then has the
// size that it needs.
func (s *Store) Settle(ctx context.Context) error { return s.engine.settle(ctx) }

// pageSize is SQLite's, which nobody changes here.
const pageSize = 4096

func (e *sqliteEngine) space(ctx context.Context) (s Space, err error) {
	var pages, free int64
	if err := e.readers.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages); err != nil {
		return Space{}, err
	}
	if err := e.readers.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil {
		return Space{}, err
	}
	return Space{Size: pages * pageSize, Free: free * pageSize}, nil
}

func (e *sqliteEngine) giveBack(ctx context.Context, bytes int64) (possible bool, err error) {
	if !e.incremental {
		return false, nil
	}
	err = e.update(ctx, CrashSafe, func(ctx context.Context, tx *Tx) error {
		// Each row that it returns is a page.
		rows, err := tx.conn.QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", max(1, bytes/pageSize)))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
		}
		return rows.Err()
	})
	return err == nil, err
}

// settle writes twice: the writer answers before it copies, and takes the next
// write after that.
func (e *sqliteEngine) settle(ctx context.Context) error {
	for _, settle := range []bool{true, false} {
		w := &write{ctx: ctx, durability: CrashSafe, do: func(context.Context, *Tx) error { return nil }, settle: settle, result: make(chan error, 1)}
		if err := e.enqueue(w); err != nil {
			return err
		}
		if err := <-w.result; err != nil {
			return err
		}
	}
	return nil
}

// vacuumLimit is the size up to which an older database is written anew at the
// start, so that it can become smaller later: a matter of a second.
const vacuumLimit = 64 << 20

// makeIncremental has the pages of the database keep account of each other, so
// that it can give space back. It reports whether they do: a large file would
// have to be written anew for that.
func (q queries) makeIncremental(ctx context.Context, path string) (bool, error) {
	var mode int
	if err := q.get(ctx, "PRAGMA auto_vacuum", nil, &mode); err != nil {
		return false, err
	}
	if mode == incrementalMode {
		return true, nil
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > vacuumLimit {
		return false, err
	}
	for _, statement := range []string{"PRAGMA auto_vacuum = INCREMENTAL", "VACUUM"} {
		if _, err := q.exec(ctx, statement); err != nil {
			return false, fmt.Errorf("write the database anew: %w", err)
		}
	}
	return true, nil
}

// incrementalMode is what SQLite calls INCREMENTAL.
const incrementalMode = 2

func (e *postgresEngine) space(context.Context) (Space, error) { return Space{}, nil }

func (e *postgresEngine) giveBack(context.Context, int64) (bool, error) { return false, nil }

func (e *postgresEngine) settle(context.Context) error { return nil }
