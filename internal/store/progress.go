package store

import "context"

// Progress returns how far some work has come, a JSON object, or [ErrNotFound]
// when it has not begun.
func (q queries) Progress(ctx context.Context, work string) (state string, err error) {
	err = q.get(ctx, `SELECT state FROM progress WHERE work = $1`, []any{work}, &state)
	return state, err
}

// SetProgress writes down how far some work has come.
func (tx *Tx) SetProgress(ctx context.Context, work, state string, now int64) error {
	_, err := tx.exec(ctx, `INSERT INTO progress (work, state, updated_at) VALUES ($1,$2,$3)
		ON CONFLICT (work) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at`, work, state, now)
	return err
}

// BeginProgress is SetProgress for work that nobody has begun, and does nothing
// else.
func (tx *Tx) BeginProgress(ctx context.Context, work, state string, now int64) error {
	_, err := tx.exec(ctx, `INSERT INTO progress (work, state, updated_at) VALUES ($1,$2,$3) ON CONFLICT (work) DO NOTHING`, work, state, now)
	return err
}
