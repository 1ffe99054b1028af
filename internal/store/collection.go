package store

import "context"

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
