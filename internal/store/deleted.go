package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
)

// A DeletedImage is an image that was deleted and may be restored.
type DeletedImage struct {
	ID                string // of the deletion, a UUIDv7
	Digest, MediaType string
	ArtifactType      string // "" is none
	ImageSize         int64  // bytes
	PushedAt          int64  // Unix milliseconds
	Actor             string // ARN
	DeletedAt         int64  // Unix milliseconds
}

const deletedImageColumns = `d.id, d.digest, d.media_type, d.artifact_type, d.image_size, d.pushed_at, d.actor, d.deleted_at`

// fields returns where the columns go, the artifact type into what may be NULL.
func (d *DeletedImage) fields(artifact *sql.NullString) []any {
	return []any{&d.ID, &d.Digest, &d.MediaType, artifact, &d.ImageSize, &d.PushedAt, &d.Actor, &d.DeletedAt}
}

func scanDeletedImage(rows *sql.Rows) (d DeletedImage, err error) {
	var artifact sql.NullString
	err = rows.Scan(d.fields(&artifact)...)
	d.ArtifactType = artifact.String
	return d, err
}

// KeepDeleted puts a manifest that is about to be deleted where it can be
// restored from, with its claim to its layers.
func (tx *Tx) KeepDeleted(ctx context.Context, repositoryID, digest, deletionID string, tags []string, actor string, now int64) error {
	_, err := tx.exec(ctx, `INSERT INTO deleted_images (id, repository_id, digest, media_type, artifact_type, image_size, pushed_at, actor, deleted_at, payload)
		SELECT $3::text, repository_id, digest, media_type, artifact_type, image_size, pushed_at, $4::text, $5::bigint, payload
		FROM manifests WHERE repository_id = $1 AND digest = $2`, repositoryID, digest, deletionID, actor, now)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO deleted_image_blobs (deletion_id, repository_id, blob_digest)
		SELECT $3::text, repository_id, blob_digest FROM manifest_blobs WHERE repository_id = $1 AND manifest_digest = $2`, repositoryID, digest, deletionID)
	if err != nil || len(tags) == 0 {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO deleted_image_tags (deletion_id, repository_id, name)
		SELECT $1::text, $2::text, value FROM json_each($3)`, deletionID, repositoryID, jsonList(tags))
	return err
}

// DeletedImages returns a repository's images that were deleted after a time, by
// deletions with an id before the given one, newest first.
func (q queries) DeletedImages(ctx context.Context, repositoryID, before string, since int64, limit int) ([]DeletedImage, error) {
	return list(ctx, q, scanDeletedImage, `SELECT `+deletedImageColumns+` FROM deleted_images d
		WHERE d.repository_id = $1 AND d.id < $2 AND d.deleted_at > $3 ORDER BY d.id DESC LIMIT $4`, repositoryID, before, since, limit)
}

// DeletedImagesOf is [queries.DeletedImages] for one digest.
func (q queries) DeletedImagesOf(ctx context.Context, repositoryID, digest, before string, since int64, limit int) ([]DeletedImage, error) {
	return list(ctx, q, scanDeletedImage, `SELECT `+deletedImageColumns+` FROM deleted_images d
		WHERE d.repository_id = $1 AND d.digest = $2 AND d.id < $3 AND d.deleted_at > $4 ORDER BY d.id DESC LIMIT $5`,
		repositoryID, digest, before, since, limit)
}

// DeletedImagesTagged is [queries.DeletedImages] for images that had a tag.
func (q queries) DeletedImagesTagged(ctx context.Context, repositoryID, tag, before string, since int64, limit int) ([]DeletedImage, error) {
	return list(ctx, q, scanDeletedImage, `SELECT `+deletedImageColumns+` FROM deleted_image_tags t JOIN deleted_images d ON d.id = t.deletion_id
		WHERE t.repository_id = $1 AND t.name = $2 AND t.deletion_id < $3 AND d.deleted_at > $4 ORDER BY t.deletion_id DESC LIMIT $5`,
		repositoryID, tag, before, since, limit)
}

// DeletedImageByID returns what a deletion after a time took, or nothing.
func (q queries) DeletedImageByID(ctx context.Context, repositoryID, id string, since int64) ([]DeletedImage, error) {
	return list(ctx, q, scanDeletedImage, `SELECT `+deletedImageColumns+` FROM deleted_images d
		WHERE d.id = $1 AND d.repository_id = $2 AND d.deleted_at > $3`, id, repositoryID, since)
}

// TagsOfDeletions returns the tags that went with each of the deletions, in order.
func (q queries) TagsOfDeletions(ctx context.Context, ids []string) (map[string][]string, error) {
	type row struct{ id, tag string }
	rows, err := list(ctx, q, func(rows *sql.Rows) (r row, err error) {
		err = rows.Scan(&r.id, &r.tag)
		return r, err
	}, `SELECT deletion_id, name FROM deleted_image_tags WHERE deletion_id IN (SELECT value FROM json_each($1))`, jsonList(ids))
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.tag, b.tag) })
	tags := map[string][]string{}
	for _, r := range rows {
		tags[r.id] = append(tags[r.id], r.tag)
	}
	return tags, err
}

// RestorableDigests returns those of the digests that are of images deleted
// after a time, one for each deletion.
func (q queries) RestorableDigests(ctx context.Context, repositoryID string, digests []string, since int64) ([]string, error) {
	return list(ctx, q, scanString, `SELECT digest FROM deleted_images
		WHERE repository_id = $1 AND digest IN (SELECT value FROM json_each($2)) AND deleted_at > $3`, repositoryID, jsonList(digests), since)
}

// LockDeletedImage returns what a deletion after a time took, with the bytes of
// the manifest, and keeps it from being purged until the transaction ends, or
// returns [ErrNotFound].
func (tx *Tx) LockDeletedImage(ctx context.Context, repositoryID, id string, since int64) (d DeletedImage, payload []byte, err error) {
	var artifact sql.NullString
	err = tx.get(ctx, `SELECT `+deletedImageColumns+`, d.payload FROM deleted_images d
		WHERE d.id = $1 AND d.repository_id = $2 AND d.deleted_at > $3 FOR UPDATE`, []any{id, repositoryID, since}, append(d.fields(&artifact), &payload)...)
	d.ArtifactType = artifact.String
	return d, payload, err
}

// LockNewestDeletedImage is [Tx.LockDeletedImage] for the newest deletion of a
// digest.
func (tx *Tx) LockNewestDeletedImage(ctx context.Context, repositoryID, digest string, since int64) (d DeletedImage, payload []byte, err error) {
	var artifact sql.NullString
	err = tx.get(ctx, `SELECT `+deletedImageColumns+`, d.payload FROM deleted_images d
		WHERE d.repository_id = $1 AND d.digest = $2 AND d.deleted_at > $3 ORDER BY d.id DESC LIMIT 1 FOR UPDATE`,
		[]any{repositoryID, digest, since}, append(d.fields(&artifact), &payload)...)
	d.ArtifactType = artifact.String
	return d, payload, err
}

// ForgetDeletedImage takes away what could be restored, and reports whether it
// was still there. Its layers are somebody else's matter: see
// [Tx.CheckLinksOfDeletion].
func (tx *Tx) ForgetDeletedImage(ctx context.Context, id string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM deleted_images WHERE id = $1`, id)
	return n == 1, err
}

// ExpiredDeletions returns ids of deletions up to a time, oldest first.
func (q queries) ExpiredDeletions(ctx context.Context, until int64, limit int) ([]string, error) {
	return list(ctx, q, scanString, `SELECT id FROM deleted_images WHERE deleted_at <= $1 ORDER BY deleted_at, id LIMIT $2`, until, limit)
}

// DeletionsWith returns the ids of the deletions of a repository's images that
// have a blob.
func (q queries) DeletionsWith(ctx context.Context, repositoryID, blobDigest string) ([]string, error) {
	return list(ctx, q, scanString, `SELECT deletion_id FROM deleted_image_blobs WHERE repository_id = $1 AND blob_digest = $2`, repositoryID, blobDigest)
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
	tx.usage.moved = true
	_, err = tx.exec(ctx, `UPDATE repositories SET account = $2, name = id WHERE id = $1`, r.ID, noAccount)
	return err
}

// A DeletedRepository is a repository that was deleted and may be restored.
type DeletedRepository struct {
	ID, Account, Region, Name string
	Actor                     string // ARN
	DeletedAt                 int64  // Unix milliseconds
}

const deletedRepositoryColumns = `repository_id, account, region, name, actor, deleted_at`

func (r *DeletedRepository) fields() []any {
	return []any{&r.ID, &r.Account, &r.Region, &r.Name, &r.Actor, &r.DeletedAt}
}

func scanDeletedRepository(rows *sql.Rows) (r DeletedRepository, err error) {
	err = rows.Scan(r.fields()...)
	return r, err
}

// DeletedRepositories returns a registry's repositories that were deleted after a
// time, and by time and id before the given ones, newest first.
func (q queries) DeletedRepositories(ctx context.Context, account, region string, beforeAt int64, beforeID string, since int64, limit int) ([]DeletedRepository, error) {
	return list(ctx, q, scanDeletedRepository, `SELECT `+deletedRepositoryColumns+` FROM deleted_repositories
		WHERE account = $1 AND region = $2 AND (deleted_at, repository_id) < ($3, $4) AND deleted_at > $5 AND NOT purging
		ORDER BY deleted_at DESC, repository_id DESC LIMIT $6`, account, region, beforeAt, beforeID, since, limit)
}

// DeletedRepositoriesNamed is [queries.DeletedRepositories] for those of one name.
func (q queries) DeletedRepositoriesNamed(ctx context.Context, account, region, name string, beforeAt int64, beforeID string, since int64, limit int) ([]DeletedRepository, error) {
	return list(ctx, q, scanDeletedRepository, `SELECT `+deletedRepositoryColumns+` FROM deleted_repositories
		WHERE account = $1 AND region = $2 AND name = $3 AND (deleted_at, repository_id) < ($4, $5) AND deleted_at > $6 AND NOT purging
		ORDER BY deleted_at DESC, repository_id DESC LIMIT $7`, account, region, name, beforeAt, beforeID, since, limit)
}

// DeletedRepositoryByID returns a repository that had a name and was deleted after
// a time, or nothing.
func (q queries) DeletedRepositoryByID(ctx context.Context, id, account, region, name string, since int64) ([]DeletedRepository, error) {
	return list(ctx, q, scanDeletedRepository, `SELECT `+deletedRepositoryColumns+` FROM deleted_repositories
		WHERE repository_id = $1 AND account = $2 AND region = $3 AND name = $4 AND deleted_at > $5 AND NOT purging`, id, account, region, name, since)
}

// LockDeletedRepository returns a repository that was deleted after a time, and
// keeps it from being purged until the transaction ends, or returns [ErrNotFound].
func (tx *Tx) LockDeletedRepository(ctx context.Context, id string, since int64) (r DeletedRepository, err error) {
	err = tx.get(ctx, `SELECT `+deletedRepositoryColumns+` FROM deleted_repositories
		WHERE repository_id = $1 AND deleted_at > $2 AND NOT purging FOR UPDATE`, []any{id, since}, r.fields()...)
	return r, err
}

// ShowRepository undoes [Tx.HideRepository], under a name that may be another
// one, and returns the repository; one of that name makes it fail with a
// unique-key error.
func (tx *Tx) ShowRepository(ctx context.Context, id, account, region, name string) (r Repository, err error) {
	if _, err := tx.exec(ctx, `DELETE FROM deleted_repositories WHERE repository_id = $1`, id); err != nil {
		return r, err
	}
	tx.usage.moved = true
	err = tx.get(ctx, `UPDATE repositories SET account = $2, region = $3, name = $4 WHERE id = $1 RETURNING `+repositoryColumns,
		[]any{id, account, region, name}, r.fields()...)
	return r, err
}
