package store

import (
	"context"
	"database/sql"
	"errors"
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
	// Version grows with each save, where several processes may save: 0 is an
	// upload that was never saved. The others leave it 0.
	Version int64
}

// uploads are where a database keeps the states of uploads: they change with
// each chunk, belong to no transaction but the one that ends them, and nobody
// lists them but the sweep.
type uploads interface {
	get(ctx context.Context, id string) (Upload, error)
	put(ctx context.Context, u Upload) (saved bool, err error)
	removeStale(ctx context.Context, u Upload) (bool, error)
	stale(ctx context.Context, before int64, limit int) ([]Upload, error)
}

// ErrEnded reports an upload that is over.
var ErrEnded = errors.New("the upload has ended")

// Upload returns an upload, or [ErrNotFound] when it has received no bytes. One
// that has ended is [ErrEnded] where other processes may have ended it, and not
// found else.
func (s *Store) Upload(ctx context.Context, id string) (Upload, error) {
	return s.uploads.get(ctx, id)
}

// SaveUpload keeps an upload's state, unless another process has saved or ended
// it since its version was read, and reports whether it did. A repository that
// is gone may make it fail with a foreign-key error.
func (s *Store) SaveUpload(ctx context.Context, u Upload) (saved bool, err error) {
	if s.readOnly {
		return false, ErrReadOnly
	}
	return s.uploads.put(ctx, u)
}

// StaleUploads returns uploads that nothing happened to since a time, without
// their content.
func (s *Store) StaleUploads(ctx context.Context, before int64, limit int) ([]Upload, error) {
	return s.uploads.stale(ctx, before, limit)
}

// DeleteStaleUpload forgets an upload unless something happened to it since it
// was read, or a node is at it, and reports whether it did.
func (s *Store) DeleteStaleUpload(ctx context.Context, u Upload) (bool, error) {
	if s.readOnly {
		return false, ErrReadOnly
	}
	return s.uploads.removeStale(ctx, u)
}

// EndUpload forgets an upload when the transaction is committed, and reports
// whether it was as it was read: otherwise another process has saved or ended
// it. A crash may come in between on SQLite: the upload then is as it was.
func (tx *Tx) EndUpload(ctx context.Context, u Upload, now int64) (bool, error) {
	if tx.ended != nil {
		*tx.ended = append(*tx.ended, u.ID)
		return true, nil
	}
	n, err := tx.exec(ctx, `INSERT INTO ended_uploads (id, ended_at) VALUES ($1,$2) ON CONFLICT (id) DO NOTHING`, u.ID, now)
	if err != nil || n == 0 || u.Version == 0 {
		return n == 1, err
	}
	n, err = tx.exec(ctx, `DELETE FROM uploads WHERE id = $1 AND version = $2`, u.ID, u.Version)
	return n == 1, err
}

// DeleteEndedUploads forgets which uploads ended before a time, up to a limit,
// and returns how many.
func (tx *Tx) DeleteEndedUploads(ctx context.Context, before int64, limit int) (int64, error) {
	return tx.exec(ctx, `DELETE FROM ended_uploads WHERE id IN (SELECT id FROM ended_uploads WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)`, before, limit)
}

// uploadRows are uploads as rows, which all servers of a database share.
type uploadRows struct{ queries }

func (q uploadRows) get(ctx context.Context, id string) (u Upload, err error) {
	u.ID = id
	var ended bool
	err = q.queries.get(ctx, `SELECT '', 0, 0, 0, FALSE, NULL, NULL, NULL, 0, 0, TRUE FROM ended_uploads WHERE id = $1
		UNION ALL SELECT repository_id, size, parts, last_part, small_part, content, writer_state, sealing, updated_at, version, FALSE FROM uploads WHERE id = $1`,
		[]any{id}, &u.RepositoryID, &u.Size, &u.Parts, &u.LastPart, &u.SmallPart, &u.Content, &u.WriterState, &u.Sealing, &u.UpdatedAt, &u.Version, &ended)
	if err == nil && ended {
		return Upload{}, ErrEnded
	}
	return u, err
}

func (q uploadRows) put(ctx context.Context, u Upload) (saved bool, err error) {
	var n int64
	if u.Version == 0 {
		n, err = q.exec(ctx, `INSERT INTO uploads (id, repository_id, size, parts, last_part, small_part, content, writer_state, sealing, updated_at, version)
			VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,1) ON CONFLICT (id) DO NOTHING`,
			u.ID, u.RepositoryID, u.Size, u.Parts, u.LastPart, u.SmallPart, u.Content, u.WriterState, u.Sealing, u.UpdatedAt)
	} else {
		n, err = q.exec(ctx, `UPDATE uploads SET size = $3, parts = $4, last_part = $5, small_part = $6, content = $7, writer_state = $8, sealing = $9,
			updated_at = $10, version = version + 1 WHERE id = $1 AND version = $2`,
			u.ID, u.Version, u.Size, u.Parts, u.LastPart, u.SmallPart, u.Content, u.WriterState, u.Sealing, u.UpdatedAt)
	}
	return n == 1, err
}

func (q uploadRows) removeStale(ctx context.Context, u Upload) (bool, error) {
	n, err := q.exec(ctx, `DELETE FROM uploads WHERE id = $1 AND updated_at = $2 AND version = $3 AND NOT EXISTS (SELECT 1 FROM upload_claims WHERE upload_id = $1)`,
		u.ID, u.UpdatedAt, u.Version)
	return n == 1, err
}

func (q uploadRows) stale(ctx context.Context, before int64, limit int) ([]Upload, error) {
	return list(ctx, q.queries, func(rows *sql.Rows) (u Upload, err error) {
		err = rows.Scan(&u.ID, &u.RepositoryID, &u.WriterState, &u.UpdatedAt, &u.Version)
		return u, err
	}, `SELECT id, repository_id, writer_state, updated_at, version FROM uploads
		WHERE updated_at < $1 AND NOT EXISTS (SELECT 1 FROM upload_claims WHERE upload_id = uploads.id) ORDER BY updated_at LIMIT $2`, before, limit)
}
