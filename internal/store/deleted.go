package store

import (
	"context"
	"database/sql"
)

// A DeletedImage is an image that was deleted and may be restored.
type DeletedImage struct {
	ID                string // of the deletion, a UUIDv7
	Digest, MediaType string
	ArtifactType      string // "" is none
	ImageSize         int64  // bytes
	PushedAt          int64  // Unix milliseconds
	Tags              string // JSON list of those that went with it
	Actor             string // ARN
	DeletedAt         int64  // Unix milliseconds
}

const deletedImageColumns = `id, digest, media_type, artifact_type, image_size, pushed_at, tags, actor, deleted_at`

func scanDeletedImage(rows *sql.Rows) (d DeletedImage, err error) {
	var artifact sql.NullString
	err = rows.Scan(&d.ID, &d.Digest, &d.MediaType, &artifact, &d.ImageSize, &d.PushedAt, &d.Tags, &d.Actor, &d.DeletedAt)
	d.ArtifactType = artifact.String
	return d, err
}

// KeepDeleted puts a manifest that is about to be deleted where it can be
// restored from, with its claim to its layers.
func (tx *Tx) KeepDeleted(ctx context.Context, repositoryID, digest, deletionID string, tags []string, actor string, now int64) error {
	_, err := tx.exec(ctx, `INSERT INTO deleted_images (id, repository_id, digest, media_type, artifact_type, image_size, pushed_at, tags, actor, deleted_at, payload)
		SELECT $3::text, repository_id, digest, media_type, artifact_type, image_size, pushed_at, $4::text, $5::text, $6::bigint, payload
		FROM manifests WHERE repository_id = $1 AND digest = $2`, repositoryID, digest, deletionID, jsonList(tags), actor, now)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO deleted_image_blobs (deletion_id, repository_id, blob_digest)
		SELECT $3::text, repository_id, blob_digest FROM manifest_blobs WHERE repository_id = $1 AND manifest_digest = $2`, repositoryID, digest, deletionID)
	return err
}

// DeletedImages returns a repository's deleted images before the given id,
// newest first.
func (q queries) DeletedImages(ctx context.Context, repositoryID, before string, limit int) ([]DeletedImage, error) {
	return list(ctx, q, scanDeletedImage, `SELECT `+deletedImageColumns+` FROM deleted_images
		WHERE repository_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, repositoryID, before, limit)
}

// noAccount is whose the rows of deleted repositories are: nobody's, so that
// nothing finds them by account, region and name.
const noAccount = "deleted"

// HideRepository deletes a repository as far as anyone can see, whatever it
// holds, in the time of two rows.
func (tx *Tx) HideRepository(ctx context.Context, r Repository, actor string, now int64) error {
	_, err := tx.exec(ctx, `INSERT INTO deleted_repositories (repository_id, account, region, name, actor, deleted_at, purging)
		VALUES ($1,$2,$3,$4,$5,$6,$7)`, r.ID, r.Account, r.Region, r.Name, actor, now, false)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `UPDATE repositories SET account = $2, name = id WHERE id = $1`, r.ID, noAccount)
	return err
}
