package store

import (
	"context"
	"database/sql"
)

// A BlobSealing is the data key of a blob, wrapped.
type BlobSealing struct {
	ID      string
	Sealing []byte
}

func scanBlobSealing(rows *sql.Rows) (s BlobSealing, err error) {
	err = rows.Scan(&s.ID, &s.Sealing)
	return s, err
}

// ServerSealings returns the data keys of blobs with an id after the given one
// that depend on no repository's key, in the order of their ids.
func (q queries) ServerSealings(ctx context.Context, after string, limit int) ([]BlobSealing, error) {
	return list(ctx, q, scanBlobSealing, `SELECT id, sealing FROM blobs WHERE id > $1 AND domain = '' AND sealing IS NOT NULL ORDER BY id LIMIT $2`, after, limit)
}

// UnsealedBlobs returns the ids of blobs that are not sealed after the given one,
// in their order.
func (q queries) UnsealedBlobs(ctx context.Context, after string, limit int) ([]string, error) {
	return list(ctx, q, scanString, `SELECT id FROM blobs WHERE id > $1 AND sealing IS NULL ORDER BY id LIMIT $2`, after, limit)
}

// CountUnsealed returns how many blobs are not sealed, counted up to a limit.
func (q queries) CountUnsealed(ctx context.Context, limit int) (n int64, err error) {
	err = q.get(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM blobs WHERE id > '' AND sealing IS NULL LIMIT $1) AS found`, []any{limit}, &n)
	return n, err
}

// Rewrap replaces a blob's data key, wrapped in one way, by the same, wrapped in
// another, and reports whether it was that.
func (tx *Tx) Rewrap(ctx context.Context, id string, before, after []byte) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE blobs SET sealing = $3 WHERE id = $1 AND sealing = $2`, id, before, after)
	return n == 1, err
}

// SealContent replaces the content of a blob that is not sealed, and reports
// whether there is one.
func (tx *Tx) SealContent(ctx context.Context, id string, content, sealing []byte) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE blobs SET content = $2, sealing = $3 WHERE id = $1 AND sealing IS NULL AND location IS NULL`, id, content, sealing)
	return n == 1, err
}

// SealLocation moves a blob that is not sealed from one location to another, and
// reports whether it was there. Where it was becomes trash.
func (tx *Tx) SealLocation(ctx context.Context, id, from, to string, sealing []byte, due int64) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE blobs SET location = $3, sealing = $4 WHERE id = $1 AND location = $2 AND sealing IS NULL`, id, from, to, sealing)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = tx.exec(ctx, `INSERT INTO trash (location, delete_after) VALUES ($1,$2) ON CONFLICT (location) DO NOTHING`, from, due)
	return true, err
}
