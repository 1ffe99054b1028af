package store

import (
	"context"
	"database/sql"
	"math"
)

// CheckLink has a repository's blob looked at when the time has come: it may not
// be in use by then.
func (tx *Tx) CheckLink(ctx context.Context, repositoryID, digest string, due int64) error {
	// DO UPDATE, not DO NOTHING: it waits for whoever takes the same row away.
	_, err := tx.exec(ctx, `INSERT INTO link_checks (due_at, repository_id, digest) VALUES ($1,$2,$3)
		ON CONFLICT (due_at, repository_id, digest) DO UPDATE SET due_at = excluded.due_at`, due, repositoryID, digest)
	return err
}

// CheckLinksOfManifest is CheckLink for every blob that a manifest refers to.
func (tx *Tx) CheckLinksOfManifest(ctx context.Context, repositoryID, digest string, due int64) error {
	_, err := tx.exec(ctx, `INSERT INTO link_checks (due_at, repository_id, digest)
		SELECT $3::bigint, repository_id, blob_digest FROM manifest_blobs WHERE repository_id = $1 AND manifest_digest = $2 ORDER BY blob_digest
		ON CONFLICT (due_at, repository_id, digest) DO UPDATE SET due_at = excluded.due_at`, repositoryID, digest, due)
	return err
}

// CheckBlob has the blob behind a link looked at: nothing may link to it soon.
func (tx *Tx) CheckBlob(ctx context.Context, repositoryID, digest string) error {
	_, err := tx.exec(ctx, `INSERT INTO blob_checks (blob_id) SELECT blob_id FROM repository_blobs WHERE repository_id = $1 AND digest = $2
		ON CONFLICT (blob_id) DO UPDATE SET blob_id = excluded.blob_id`, repositoryID, digest)
	return err
}

// CheckLinksOfDeletion is CheckLink for every blob that a deleted image has.
func (tx *Tx) CheckLinksOfDeletion(ctx context.Context, deletionID string, due int64) error {
	_, err := tx.exec(ctx, `INSERT INTO link_checks (due_at, repository_id, digest)
		SELECT $2::bigint, repository_id, blob_digest FROM deleted_image_blobs WHERE deletion_id = $1 ORDER BY blob_digest
		ON CONFLICT (due_at, repository_id, digest) DO UPDATE SET due_at = excluded.due_at`, deletionID, due)
	return err
}

// A LinkCheck is when to look at a repository's blob.
type LinkCheck struct {
	Due                  int64 // Unix milliseconds
	RepositoryID, Digest string
}

// FirstLinkCheck is before every other.
var FirstLinkCheck = LinkCheck{Due: math.MinInt64}

// LinkChecks returns what is due at a time, after the given check, in order.
func (q queries) LinkChecks(ctx context.Context, due int64, after LinkCheck, limit int) ([]LinkCheck, error) {
	return list(ctx, q, func(rows *sql.Rows) (c LinkCheck, err error) {
		err = rows.Scan(&c.Due, &c.RepositoryID, &c.Digest)
		return c, err
	}, `SELECT due_at, repository_id, digest FROM link_checks WHERE due_at <= $1 AND (due_at, repository_id, digest) > ($2,$3,$4)
		ORDER BY due_at, repository_id, digest LIMIT $5`, due, after.Due, after.RepositoryID, after.Digest, limit)
}

// TakeLinkCheck takes a check away, and reports whether it was there. Only then
// may the caller look: whoever makes the link unused later writes a new one.
func (tx *Tx) TakeLinkCheck(ctx context.Context, c LinkCheck) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM link_checks WHERE due_at = $1 AND repository_id = $2 AND digest = $3`, c.Due, c.RepositoryID, c.Digest)
	return n == 1, err
}

// LinkUse returns when a link was touched and whether an image, or a deleted one
// that may be restored, refers to it; [ErrNotFound] when there is no such link.
func (q queries) LinkUse(ctx context.Context, repositoryID, digest string) (touchedAt int64, used bool, err error) {
	err = q.get(ctx, `SELECT touched_at,
		EXISTS (SELECT 1 FROM manifest_blobs WHERE repository_id = $1 AND blob_digest = $2) OR
		EXISTS (SELECT 1 FROM deleted_image_blobs WHERE repository_id = $1 AND blob_digest = $2)
		FROM repository_blobs WHERE repository_id = $1 AND digest = $2`, []any{repositoryID, digest}, &touchedAt, &used)
	return touchedAt, used, err
}

// RemoveLink ends a link that nothing refers to and that was not touched after a
// time, and reports whether it did. A push that comes at the same moment makes
// it fail with a foreign-key error. The caller has had the blob checked.
func (tx *Tx) RemoveLink(ctx context.Context, repositoryID, digest string, touchedUntil int64) (bool, error) {
	sizes, err := list(ctx, tx.queries, scanInt, `DELETE FROM repository_blobs WHERE repository_id = $1 AND digest = $2 AND touched_at <= $3
		AND NOT EXISTS (SELECT 1 FROM manifest_blobs WHERE repository_id = $1 AND blob_digest = $2)
		AND NOT EXISTS (SELECT 1 FROM deleted_image_blobs WHERE repository_id = $1 AND blob_digest = $2) RETURNING size`, repositoryID, digest, touchedUntil)
	tx.countGone(repositoryID, sizes, Usage{Blobs: -1})
	return len(sizes) == 1, err
}

// BlobChecks returns ids of blobs that lost a link, after the given one, in order.
func (q queries) BlobChecks(ctx context.Context, after string, limit int) ([]string, error) {
	return list(ctx, q, scanString, `SELECT blob_id FROM blob_checks WHERE blob_id > $1 ORDER BY blob_id LIMIT $2`, after, limit)
}

// TakeBlobCheck is TakeLinkCheck for a blob.
func (tx *Tx) TakeBlobCheck(ctx context.Context, blobID string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM blob_checks WHERE blob_id = $1`, blobID)
	return n == 1, err
}

// RemoveBlob forgets a blob without a link and returns what it was, or returns
// [ErrNotFound]. A link that comes at the same moment makes it fail with a
// foreign-key error. Of the blob only Location and Size are set.
func (tx *Tx) RemoveBlob(ctx context.Context, blobID string) (b Blob, err error) {
	var location sql.NullString
	err = tx.get(ctx, `DELETE FROM blobs WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE blob_id = $1)
		RETURNING location, size`, []any{blobID}, &location, &b.Size)
	b.ID, b.Location = blobID, location.String
	return b, err
}

// Trash is bytes in the blob store that no blob has any more.
type Trash struct {
	Location    string
	Size        int64 // bytes
	DeleteAfter int64 // Unix milliseconds
}

// PutTrash has bytes removed from the blob store when the time has come, and
// reports whether they are not to be removed already.
func (tx *Tx) PutTrash(ctx context.Context, t Trash) (isNew bool, err error) {
	n, err := tx.exec(ctx, `INSERT INTO trash (location, size, delete_after) VALUES ($1,$2,$3) ON CONFLICT (location) DO NOTHING`,
		t.Location, t.Size, t.DeleteAfter)
	return n == 1, err
}

// DueTrash returns what is to be removed at a time, after the given one, in order.
func (q queries) DueTrash(ctx context.Context, due int64, after Trash, limit int) ([]Trash, error) {
	return list(ctx, q, func(rows *sql.Rows) (t Trash, err error) {
		err = rows.Scan(&t.Location, &t.Size, &t.DeleteAfter)
		return t, err
	}, `SELECT location, size, delete_after FROM trash WHERE delete_after <= $1 AND (delete_after, location) > ($2,$3)
		ORDER BY delete_after, location LIMIT $4`, due, after.DeleteAfter, after.Location, limit)
}

// ForgetTrash ends the memory of bytes that are gone.
func (tx *Tx) ForgetTrash(ctx context.Context, location string) error {
	_, err := tx.exec(ctx, `DELETE FROM trash WHERE location = $1`, location)
	return err
}

// LocationsOfBlobs returns those of the locations where a blob has its bytes.
func (q queries) LocationsOfBlobs(ctx context.Context, locations []string) ([]string, error) {
	return list(ctx, q, scanString, `SELECT location FROM blobs WHERE location IN (SELECT value FROM json_each($1))`, jsonList(locations))
}

// Waiting is what has yet to be collected. Each number is at most what it was
// counted up to.
type Waiting struct {
	Links, Blobs int64 // to look at, the links when they are due
	LinksLater   int64 // to look at after their grace period
	Files, Bytes int64 // in the trash
	Repositories int64 // deleted, not yet taken apart or still to be restored
	Images       int64 // deleted, to be restored or forgotten
}

// Waiting counts what has yet to be collected, each up to a limit.
func (q queries) Waiting(ctx context.Context, now int64, limit int) (w Waiting, err error) {
	for _, count := range []struct {
		query string
		args  []any
		into  []any
	}{
		{`SELECT COUNT(*) FROM (SELECT 1 FROM link_checks WHERE due_at <= $1 LIMIT $2) AS found`, []any{now, limit}, []any{&w.Links}},
		{`SELECT COUNT(*) FROM (SELECT 1 FROM link_checks WHERE due_at > $1 LIMIT $2) AS found`, []any{now, limit}, []any{&w.LinksLater}},
		{`SELECT COUNT(*) FROM (SELECT 1 FROM blob_checks LIMIT $1) AS found`, []any{limit}, []any{&w.Blobs}},
		{`SELECT COUNT(*), COALESCE(SUM(size), 0) FROM (SELECT size FROM trash LIMIT $1) AS found`, []any{limit}, []any{&w.Files, &w.Bytes}},
		{`SELECT COUNT(*) FROM (SELECT 1 FROM deleted_repositories LIMIT $1) AS found`, []any{limit}, []any{&w.Repositories}},
		{`SELECT COUNT(*) FROM (SELECT 1 FROM deleted_images LIMIT $1) AS found`, []any{limit}, []any{&w.Images}},
	} {
		if err := q.get(ctx, count.query, count.args, count.into...); err != nil {
			return Waiting{}, err
		}
	}
	return w, nil
}
