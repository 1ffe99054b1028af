package store

import "context"

// Progress returns how far a background work has come, and when that was said,
// in Unix milliseconds, or [ErrNotFound] when it was never begun.
func (q queries) Progress(ctx context.Context, work string) (state string, updatedAt int64, err error) {
	err = q.get(ctx, `SELECT state, updated_at FROM progress WHERE work = $1`, []any{work}, &state, &updatedAt)
	return state, updatedAt, err
}

// Advance replaces what is said of a work's progress, or says it for the first
// time when before is "". It reports whether that was what was said before:
// otherwise somebody else is at it.
func (tx *Tx) Advance(ctx context.Context, work, before, state string, now int64) (bool, error) {
	var n int64
	var err error
	if before == "" {
		n, err = tx.exec(ctx, `INSERT INTO progress (work, state, updated_at) VALUES ($1,$2,$3) ON CONFLICT (work) DO NOTHING`, work, state, now)
	} else {
		n, err = tx.exec(ctx, `UPDATE progress SET state = $3, updated_at = $4 WHERE work = $1 AND state = $2`, work, before, state, now)
	}
	return n == 1, err
}
