package store

import (
	"bytes"
	"context"
	"database/sql"
)

// A StoredBlob is a row of blobs as [Store.StoredBlob] finds it.
type StoredBlob struct {
	Blob
	Damaged bool // it is marked as damaged
}

// SameBytes reports whether another reading of the row found the same bytes in
// the same place, under the same key.
func (b StoredBlob) SameBytes(other StoredBlob) bool {
	return b.Location == other.Location && bytes.Equal(b.Content, other.Content) && bytes.Equal(b.Sealing, other.Sealing)
}

const storedBlob = `SELECT b.id, b.digest, b.domain, b.size, b.location, b.content, b.sealing, EXISTS (SELECT 1 FROM damaged_blobs d WHERE d.blob_id = b.id)
	FROM blobs b WHERE b.id = $1`

func (q queries) storedBlob(ctx context.Context, query, id string) (b StoredBlob, err error) {
	var location sql.NullString
	err = q.get(ctx, query, []any{id}, &b.ID, &b.Digest, &b.Domain, &b.Size, &location, &b.Content, &b.Sealing, &b.Damaged)
	b.Location = location.String
	return b, err
}

// StoredBlob returns a blob by its id, whoever links to it, or [ErrNotFound].
func (q queries) StoredBlob(ctx context.Context, id string) (StoredBlob, error) {
	return q.storedBlob(ctx, storedBlob, id)
}

// LockBlob is [Store.StoredBlob], and keeps the blob as it is until the
// transaction ends.
func (tx *Tx) LockBlob(ctx context.Context, id string) (StoredBlob, error) {
	return tx.storedBlob(ctx, storedBlob+` FOR UPDATE OF b`, id)
}

// MarkDamaged records that a blob's bytes are not what they were, and reports
// whether nobody had yet. The caller has locked the blob.
func (tx *Tx) MarkDamaged(ctx context.Context, id string, now int64) (bool, error) {
	n, err := tx.exec(ctx, `INSERT INTO damaged_blobs (blob_id, found_at) VALUES ($1,$2) ON CONFLICT (blob_id) DO NOTHING`, id, now)
	return n == 1, err
}

// ClearDamaged records that a blob's bytes are whole, and reports whether they
// were said not to be. The caller has locked the blob.
func (tx *Tx) ClearDamaged(ctx context.Context, id string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM damaged_blobs WHERE blob_id = $1`, id)
	return n == 1, err
}

// HealBlob gives the bytes of b to the blob with the id, which [Tx.InsertBlob]
// has locked, if that is damaged, and reports whether it was. Where its bytes
// were before becomes trash.
func (tx *Tx) HealBlob(ctx context.Context, id string, b Blob, due int64) (bool, error) {
	damaged, err := tx.ClearDamaged(ctx, id)
	if err != nil || !damaged {
		return false, err
	}
	old, err := tx.StoredBlob(ctx, id)
	if err != nil {
		return false, err
	}
	location := sql.NullString{String: b.Location, Valid: b.Location != ""}
	_, err = tx.exec(ctx, `UPDATE blobs SET size = $2, location = $3, content = $4, sealing = $5 WHERE id = $1`, id, b.Size, location, b.Content, b.Sealing)
	if err != nil || old.Location == "" {
		return true, err
	}
	_, err = tx.PutTrash(ctx, Trash{Location: old.Location, Size: old.Size, DeleteAfter: due})
	return true, err
}

// DamagedBlobs returns how many blobs are marked as damaged.
func (q queries) DamagedBlobs(ctx context.Context) (n int, err error) {
	err = q.get(ctx, `SELECT COUNT(*) FROM damaged_blobs`, nil, &n)
	return n, err
}

// A BlobUse is where a blob is used.
type BlobUse struct {
	RepositoryID string
	Image        string // digest of an image that refers to it; "" is none
	Tag          string // of the image; "" is none
}

// BlobUses returns where a blob is used, at most limit of it.
func (q queries) BlobUses(ctx context.Context, id string, limit int) ([]BlobUse, error) {
	return list(ctx, q, func(rows *sql.Rows) (u BlobUse, err error) {
		var image, tag sql.NullString
		err = rows.Scan(&u.RepositoryID, &image, &tag)
		u.Image, u.Tag = image.String, tag.String
		return u, err
	}, `SELECT l.repository_id, m.manifest_digest,
		(SELECT t.name FROM tags t WHERE t.repository_id = l.repository_id AND t.digest = m.manifest_digest ORDER BY t.name LIMIT 1)
		FROM repository_blobs l LEFT JOIN manifest_blobs m ON m.repository_id = l.repository_id AND m.blob_digest = l.digest
		WHERE l.blob_id = $1 LIMIT $2`, id, limit)
}
