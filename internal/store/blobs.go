package store

import (
	"context"
	"database/sql"
	"encoding/json"
)

// A Blob is where a blob's bytes are: in Content when they are few, else in
// the blob store at Location.
type Blob struct {
	ID       string
	Digest   string
	Domain   string // encryption domain; the same bytes under another key are another blob
	Size     int64
	Location string
	Content  []byte
	Sealing  []byte // the data key, wrapped, that the bytes are sealed with; nil if they are not
}

// A BlobLink is a blob's membership of a repository.
type BlobLink struct {
	Digest    string
	Size      int64
	TouchedAt int64 // Unix milliseconds
	Damaged   bool  // the blob's bytes cannot be given
	HasKey    bool  // the repository has a KMS key; only [Store.BlobLink] sets it
}

func scanBlobLink(rows *sql.Rows) (l BlobLink, err error) {
	err = rows.Scan(&l.Digest, &l.Size, &l.TouchedAt, &l.Damaged)
	return l, err
}

// BlobLink returns a repository's link to a blob, or [ErrNotFound] when there
// is no such repository or it lacks the blob.
func (q queries) BlobLink(ctx context.Context, account, region, name, digest string) (repositoryID string, l BlobLink, err error) {
	l.Digest = digest
	err = q.get(ctx, `SELECT l.repository_id, l.size, l.touched_at, r.kms_key <> '', EXISTS (SELECT 1 FROM damaged_blobs d WHERE d.blob_id = l.blob_id)
		FROM repositories r JOIN repository_blobs l ON l.repository_id = r.id
		WHERE r.account = $1 AND r.region = $2 AND r.name = $3 AND l.digest = $4`,
		[]any{account, region, name, digest}, &repositoryID, &l.Size, &l.TouchedAt, &l.HasKey, &l.Damaged)
	return repositoryID, l, err
}

// BlobLinks returns those of a repository's links that lead to one of the digests.
func (q queries) BlobLinks(ctx context.Context, repositoryID string, digests []string) ([]BlobLink, error) {
	return list(ctx, q, scanBlobLink, `SELECT digest, size, touched_at, (SELECT 1 FROM damaged_blobs d WHERE d.blob_id = repository_blobs.blob_id) IS NOT NULL FROM repository_blobs
		WHERE repository_id = $1 AND digest IN (SELECT value FROM json_each($2))`, repositoryID, jsonList(digests))
}

// OpenBlob returns where the bytes are of a blob that a repository links to, and
// whether it is marked as damaged, or [ErrNotFound].
func (q queries) OpenBlob(ctx context.Context, account, region, name, digest string) (b Blob, damaged bool, err error) {
	var location sql.NullString
	err = q.get(ctx, `SELECT b.id, b.domain, b.size, b.location, b.content, b.sealing, EXISTS (SELECT 1 FROM damaged_blobs d WHERE d.blob_id = b.id) FROM repositories r
		JOIN repository_blobs l ON l.repository_id = r.id JOIN blobs b ON b.id = l.blob_id
		WHERE r.account = $1 AND r.region = $2 AND r.name = $3 AND l.digest = $4`,
		[]any{account, region, name, digest}, &b.ID, &b.Domain, &b.Size, &location, &b.Content, &b.Sealing, &damaged)
	b.Digest, b.Location = digest, location.String
	return b, damaged, err
}

// BlobMediaType returns the media type that some manifest of the repository
// gives the blob, or [ErrNotFound] when none refers to it.
func (q queries) BlobMediaType(ctx context.Context, repositoryID, digest string) (mediaType string, err error) {
	err = q.get(ctx, `SELECT media_type FROM manifest_blobs WHERE repository_id = $1 AND blob_digest = $2 LIMIT 1`, []any{repositoryID, digest}, &mediaType)
	return mediaType, err
}

// BlobRepositories returns names of a registry's repositories that link to a blob.
func (q queries) BlobRepositories(ctx context.Context, account, region, digest string, limit int) ([]string, error) {
	return list(ctx, q, scanString, `SELECT r.name FROM blobs b JOIN repository_blobs l ON l.blob_id = b.id JOIN repositories r ON r.id = l.repository_id
		WHERE b.digest = $1 AND r.account = $2 AND r.region = $3 LIMIT $4`, digest, account, region, limit)
}

// LockLinkedBlob returns the id and size of a blob that a repository links to
// and keeps it from being collected until the transaction ends, or returns
// [ErrNotFound], also for one that is damaged.
func (tx *Tx) LockLinkedBlob(ctx context.Context, repositoryID, digest string) (id string, size int64, err error) {
	err = tx.get(ctx, `SELECT b.id, b.size FROM repository_blobs l JOIN blobs b ON b.id = l.blob_id
		WHERE l.repository_id = $1 AND l.digest = $2
		AND NOT EXISTS (SELECT 1 FROM damaged_blobs d WHERE d.blob_id = b.id) FOR KEY SHARE OF b`, []any{repositoryID, digest}, &id, &size)
	return id, size, err
}

// InsertBlob adds a blob whose bytes are durable, and returns the id of the
// blob that has the digest: another one when a concurrent upload was first.
func (tx *Tx) InsertBlob(ctx context.Context, b Blob, now int64) (id string, err error) {
	location := sql.NullString{String: b.Location, Valid: b.Location != ""}
	// DO UPDATE, not DO NOTHING: it locks the row against the collector, and returns it.
	err = tx.get(ctx, `INSERT INTO blobs (id, digest, domain, size, location, created_at, content, sealing) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)
		ON CONFLICT (digest, domain) DO UPDATE SET size = blobs.size RETURNING id`,
		[]any{b.ID, b.Digest, b.Domain, b.Size, location, now, b.Content, b.Sealing}, &id)
	return id, err
}

// LinkBlob makes a blob a member of a repository, or touches it if it is one,
// and reports whether the link is new.
func (tx *Tx) LinkBlob(ctx context.Context, repositoryID, digest, blobID string, size, now int64) (isNew bool, err error) {
	for {
		n, err := tx.exec(ctx, `INSERT INTO repository_blobs (repository_id, digest, blob_id, size, touched_at) VALUES ($1,$2,$3,$4,$5)
			ON CONFLICT (repository_id, digest) DO NOTHING`, repositoryID, digest, blobID, size, now)
		if err != nil {
			return false, err
		}
		if n == 1 {
			tx.count(repositoryID, Usage{Blobs: 1, Bytes: size})
			return true, nil
		}
		// A link that is not there to be touched was removed in between.
		if touched, err := tx.TouchBlob(ctx, repositoryID, digest, now); err != nil || touched {
			return false, err
		}
	}
}

// TouchBlob keeps a repository's blob from being collected for a while, and
// reports whether the repository has it.
func (tx *Tx) TouchBlob(ctx context.Context, repositoryID, digest string, now int64) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE repository_blobs SET touched_at = $3 WHERE repository_id = $1 AND digest = $2`, repositoryID, digest, now)
	return n == 1, err
}

// UnlinkBlob ends a blob's membership of a repository, and reports whether it
// was one. An image that uses the blob makes it fail with a foreign-key error.
func (tx *Tx) UnlinkBlob(ctx context.Context, repositoryID, digest string) (bool, error) {
	sizes, err := list(ctx, tx.queries, scanInt, `DELETE FROM repository_blobs WHERE repository_id = $1 AND digest = $2 RETURNING size`, repositoryID, digest)
	tx.countGone(repositoryID, sizes, Usage{Blobs: -1})
	return len(sizes) == 1, err
}

func jsonList(list []string) string {
	if list == nil {
		return "[]"
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // a list of strings has JSON
	}
	return string(text)
}
