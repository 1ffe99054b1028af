package store

import (
	"context"
	"database/sql"
)

// An Upload is the state of a blob upload that has received bytes or has ended.
type Upload struct {
	ID           string
	RepositoryID string
	Closed       bool // completed or cancelled
	Size         int64
	Parts        int64
	LastPart     int64 // bytes
	SmallPart    bool  // some part before the last one is under the minimum
	Content      []byte
	WriterState  []byte // instead of Content, once there are many bytes
	UpdatedAt    int64
}

// Upload returns an upload, or [ErrNotFound] when it has neither received
// bytes nor ended.
func (q queries) Upload(ctx context.Context, id string) (u Upload, err error) {
	u.ID = id
	err = q.get(ctx, `SELECT repository_id, closed, size, parts, last_part, small_part, content, writer_state, updated_at FROM uploads WHERE id = $1`,
		[]any{id}, &u.RepositoryID, &u.Closed, &u.Size, &u.Parts, &u.LastPart, &u.SmallPart, &u.Content, &u.WriterState, &u.UpdatedAt)
	return u, err
}

// PutUpload saves an upload's state.
func (tx *Tx) PutUpload(ctx context.Context, u Upload) error {
	_, err := tx.exec(ctx, `INSERT INTO uploads (id, repository_id, closed, size, parts, last_part, small_part, content, writer_state, updated_at)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10) ON CONFLICT (id) DO UPDATE SET closed = excluded.closed, size = excluded.size, parts = excluded.parts,
		last_part = excluded.last_part, small_part = excluded.small_part, content = excluded.content, writer_state = excluded.writer_state, updated_at = excluded.updated_at`,
		u.ID, u.RepositoryID, u.Closed, u.Size, u.Parts, u.LastPart, u.SmallPart, u.Content, u.WriterState, u.UpdatedAt)
	return err
}

// StaleUploads returns uploads that nothing happened to since a time.
func (q queries) StaleUploads(ctx context.Context, before int64, limit int) ([]Upload, error) {
	return list(ctx, q, func(rows *sql.Rows) (u Upload, err error) {
		err = rows.Scan(&u.ID, &u.RepositoryID, &u.WriterState, &u.UpdatedAt)
		return u, err
	}, `SELECT id, repository_id, writer_state, updated_at FROM uploads WHERE updated_at < $1 ORDER BY updated_at LIMIT $2`, before, limit)
}

// DeleteStaleUpload forgets an upload unless something happened to it since
// updatedAt, and reports whether it did.
func (tx *Tx) DeleteStaleUpload(ctx context.Context, id string, updatedAt int64) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM uploads WHERE id = $1 AND updated_at = $2`, id, updatedAt)
	return n == 1, err
}
