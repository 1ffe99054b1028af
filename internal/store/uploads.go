package store

import (
	"context"
	"database/sql"
)

// An Upload is the state of a blob upload that has received bytes. It is as
// durable as a [CrashSafe] commit, and on SQLite a power cut may always cost it.
type Upload struct {
	ID           string // a UUID
	RepositoryID string
	Size         int64
	Parts        int64
	LastPart     int64 // bytes
	SmallPart    bool  // some part before the last one is under the minimum
	Content      []byte
	WriterState  []byte // instead of Content, once there are many bytes
	Sealing      []byte // the data key, wrapped, that both are sealed with; nil if they are not
	UpdatedAt    int64  // Unix milliseconds
}

// uploads are where a database keeps the states of uploads: they change with
// each chunk, belong to no transaction but the one that ends them, and nobody
// lists them but the sweep.
type uploads interface {
	get(ctx context.Context, id string) (Upload, error)
	put(ctx context.Context, u Upload) error
	remove(ctx context.Context, id string) error
	removeStale(ctx context.Context, id string, updatedAt int64) (bool, error)
	stale(ctx context.Context, before int64, limit int) ([]Upload, error)
}

// Upload returns an upload, or [ErrNotFound] when it has received no bytes or
// has ended.
func (s *Store) Upload(ctx context.Context, id string) (Upload, error) {
	return s.uploads.get(ctx, id)
}

// SaveUpload keeps an upload's state. A repository that is gone may make it
// fail with a foreign-key error.
func (s *Store) SaveUpload(ctx context.Context, u Upload) error {
	if s.readOnly {
		return ErrReadOnly
	}
	return s.uploads.put(ctx, u)
}

// DeleteUpload forgets an upload, if there is one.
func (s *Store) DeleteUpload(ctx context.Context, id string) error {
	if s.readOnly {
		return ErrReadOnly
	}
	return s.uploads.remove(ctx, id)
}

// StaleUploads returns uploads that nothing happened to since a time, without
// their content.
func (s *Store) StaleUploads(ctx context.Context, before int64, limit int) ([]Upload, error) {
	return s.uploads.stale(ctx, before, limit)
}

// DeleteStaleUpload forgets an upload unless something happened to it since
// updatedAt, and reports whether it did.
func (s *Store) DeleteStaleUpload(ctx context.Context, id string, updatedAt int64) (bool, error) {
	if s.readOnly {
		return false, ErrReadOnly
	}
	return s.uploads.removeStale(ctx, id, updatedAt)
}

// EndUpload forgets an upload when the transaction is committed. A crash may
// come in between on SQLite: the upload then is as it was.
func (tx *Tx) EndUpload(ctx context.Context, id string) error {
	if tx.ended != nil {
		*tx.ended = append(*tx.ended, id)
		return nil
	}
	_, err := tx.exec(ctx, deleteUpload, id)
	return err
}

// uploadRows are uploads as rows, which all servers of a database share.
type uploadRows struct{ queries }

const deleteUpload = `DELETE FROM uploads WHERE id = $1`

func (q uploadRows) get(ctx context.Context, id string) (u Upload, err error) {
	u.ID = id
	err = q.queries.get(ctx, `SELECT repository_id, size, parts, last_part, small_part, content, writer_state, sealing, updated_at FROM uploads WHERE id = $1`,
		[]any{id}, &u.RepositoryID, &u.Size, &u.Parts, &u.LastPart, &u.SmallPart, &u.Content, &u.WriterState, &u.Sealing, &u.UpdatedAt)
	return u, err
}

func (q uploadRows) put(ctx context.Context, u Upload) error {
	_, err := q.exec(ctx, `INSERT INTO uploads (id, repository_id, size, parts, last_part, small_part, content, writer_state, sealing, updated_at)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10) ON CONFLICT (id) DO UPDATE SET size = excluded.size, parts = excluded.parts,
		last_part = excluded.last_part, small_part = excluded.small_part, content = excluded.content, writer_state = excluded.writer_state, sealing = excluded.sealing, updated_at = excluded.updated_at`,
		u.ID, u.RepositoryID, u.Size, u.Parts, u.LastPart, u.SmallPart, u.Content, u.WriterState, u.Sealing, u.UpdatedAt)
	return err
}

func (q uploadRows) remove(ctx context.Context, id string) error {
	_, err := q.exec(ctx, deleteUpload, id)
	return err
}

func (q uploadRows) removeStale(ctx context.Context, id string, updatedAt int64) (bool, error) {
	n, err := q.exec(ctx, `DELETE FROM uploads WHERE id = $1 AND updated_at = $2`, id, updatedAt)
	return n == 1, err
}

func (q uploadRows) stale(ctx context.Context, before int64, limit int) ([]Upload, error) {
	return list(ctx, q.queries, func(rows *sql.Rows) (u Upload, err error) {
		err = rows.Scan(&u.ID, &u.RepositoryID, &u.WriterState, &u.UpdatedAt)
		return u, err
	}, `SELECT id, repository_id, writer_state, updated_at FROM uploads WHERE updated_at < $1 ORDER BY updated_at LIMIT $2`, before, limit)
}
