package store

import (
	"context"
	"database/sql"
)

// What follows reads everything that is stored, a page at a time, whosever it
// is. Pages begin after the position that the one before ended at; each is one
// statement, so that what it returns belongs together.

// A Key is a position among rows that a repository and a name, or a digest, find.
type Key struct{ RepositoryID, Name string }

func scanKey(rows *sql.Rows) (k Key, err error) {
	err = rows.Scan(&k.RepositoryID, &k.Name)
	return k, err
}

// StoredBlobs returns ids of blobs after the given one, in order.
func (q queries) StoredBlobs(ctx context.Context, after string, limit int) ([]string, error) {
	return list(ctx, q, scanString, `SELECT id FROM blobs WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
}

// ForgottenBlobs returns those blobs after an id and up to another that nothing
// links to and that nobody will look at.
func (q queries) ForgottenBlobs(ctx context.Context, after, through string) ([]string, error) {
	return list(ctx, q, scanString, `SELECT b.id FROM blobs b WHERE b.id > $1 AND b.id <= $2
		AND (SELECT 1 FROM repository_blobs l WHERE l.blob_id = b.id LIMIT 1) IS NULL
		AND (SELECT 1 FROM blob_checks c WHERE c.blob_id = b.id LIMIT 1) IS NULL`, after, through)
}

// CheckBlobByID is [Tx.CheckBlob] for a blob without a link.
func (tx *Tx) CheckBlobByID(ctx context.Context, id string) error {
	_, err := tx.exec(ctx, `INSERT INTO blob_checks (blob_id) VALUES ($1) ON CONFLICT (blob_id) DO UPDATE SET blob_id = excluded.blob_id`, id)
	return err
}

// StoredLinks returns the keys of links after the given one, in order.
func (q queries) StoredLinks(ctx context.Context, after Key, limit int) ([]Key, error) {
	return list(ctx, q, scanKey, `SELECT repository_id, digest FROM repository_blobs
		WHERE (repository_id, digest) > ($1, $2) ORDER BY repository_id, digest LIMIT $3`, after.RepositoryID, after.Name, limit)
}

// WrongLinks returns those links after a key and up to another whose blob is
// missing, or another one than they say.
func (q queries) WrongLinks(ctx context.Context, after, through Key) ([]Key, error) {
	return list(ctx, q, scanKey, `SELECT l.repository_id, l.digest FROM repository_blobs l
		WHERE (l.repository_id, l.digest) > ($1, $2) AND (l.repository_id, l.digest) <= ($3, $4)
		AND (SELECT 1 FROM blobs b WHERE b.id = l.blob_id AND b.digest = l.digest AND b.size = l.size) IS NULL`, after.RepositoryID, after.Name, through.RepositoryID, through.Name)
}

// IdleLinks returns those links after a key and up to another that no image
// refers to, deleted or not, and that nobody was told of since a time.
func (q queries) IdleLinks(ctx context.Context, after, through Key, before int64) ([]Key, error) {
	return list(ctx, q, scanKey, `SELECT l.repository_id, l.digest FROM repository_blobs l
		WHERE (l.repository_id, l.digest) > ($1, $2) AND (l.repository_id, l.digest) <= ($3, $4) AND l.touched_at < $5
		AND (SELECT 1 FROM manifest_blobs m WHERE m.repository_id = l.repository_id AND m.blob_digest = l.digest LIMIT 1) IS NULL
		AND (SELECT 1 FROM deleted_image_blobs d WHERE d.repository_id = l.repository_id AND d.blob_digest = l.digest LIMIT 1) IS NULL`,
		after.RepositoryID, after.Name, through.RepositoryID, through.Name, before)
}

// StoredManifests returns the keys of manifests after the given one, in order.
func (q queries) StoredManifests(ctx context.Context, after Key, limit int) ([]Key, error) {
	return list(ctx, q, scanKey, `SELECT repository_id, digest FROM manifests
		WHERE (repository_id, digest) > ($1, $2) ORDER BY repository_id, digest LIMIT $3`, after.RepositoryID, after.Name, limit)
}

// A StoredManifest is a row of manifests, and whether it is listed as untagged
// and has a tag.
type StoredManifest struct {
	Manifest
	Size             int64 // bytes
	Tagged, Untagged bool
}

// StoredManifest returns a manifest, or [ErrNotFound].
func (q queries) StoredManifest(ctx context.Context, k Key) (m StoredManifest, err error) {
	m.Digest = k.Name
	err = q.get(ctx, `SELECT m.media_type, m.size, m.payload,
		EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = m.repository_id AND t.digest = m.digest),
		EXISTS (SELECT 1 FROM untagged u WHERE u.repository_id = m.repository_id AND u.digest = m.digest)
		FROM manifests m WHERE m.repository_id = $1 AND m.digest = $2`, []any{k.RepositoryID, k.Name},
		&m.MediaType, &m.Size, &m.Payload, &m.Tagged, &m.Untagged)
	return m, err
}

// A StoredReference is a manifest's reference to a blob or to a manifest, and
// whether what it refers to is there.
type StoredReference struct {
	Digest  string
	Present bool
}

func scanStoredReference(rows *sql.Rows) (r StoredReference, err error) {
	err = rows.Scan(&r.Digest, &r.Present)
	return r, err
}

// StoredReferences returns the blobs and the children that a manifest's rows
// refer to.
func (q queries) StoredReferences(ctx context.Context, k Key) (blobs, children []StoredReference, err error) {
	blobs, err = list(ctx, q, scanStoredReference, `SELECT m.blob_digest,
		EXISTS (SELECT 1 FROM repository_blobs l WHERE l.repository_id = m.repository_id AND l.digest = m.blob_digest)
		FROM manifest_blobs m WHERE m.repository_id = $1 AND m.manifest_digest = $2`, k.RepositoryID, k.Name)
	if err != nil {
		return nil, nil, err
	}
	children, err = list(ctx, q, scanStoredReference, `SELECT c.child_digest,
		EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = c.repository_id AND m.digest = c.child_digest)
		FROM manifest_children c WHERE c.repository_id = $1 AND c.parent_digest = $2`, k.RepositoryID, k.Name)
	return blobs, children, err
}

// FirstTag returns a tag that points at a manifest, or [ErrNotFound].
func (q queries) FirstTag(ctx context.Context, k Key) (tag string, err error) {
	err = q.get(ctx, `SELECT name FROM tags WHERE repository_id = $1 AND digest = $2 ORDER BY name LIMIT 1`, []any{k.RepositoryID, k.Name}, &tag)
	return tag, err
}

// LockRepositoryByID is [Tx.LockRepository], or returns [ErrNotFound].
func (tx *Tx) LockRepositoryByID(ctx context.Context, id string) error {
	return tx.get(ctx, `SELECT id FROM repositories WHERE id = $1 FOR NO KEY UPDATE`, []any{id}, &id)
}

// BlobID returns the id and size of the blob with a digest in a domain, and
// keeps it from being collected until the transaction ends, or returns
// [ErrNotFound].
func (tx *Tx) BlobID(ctx context.Context, digest, domain string) (id string, size int64, err error) {
	err = tx.get(ctx, `SELECT id, size FROM blobs WHERE digest = $1 AND domain = $2 FOR KEY SHARE`, []any{digest, domain}, &id, &size)
	return id, size, err
}

// BlobAt returns the blob whose bytes are at a location, and keeps it from being
// collected until the transaction ends, or returns [ErrNotFound].
func (tx *Tx) BlobAt(ctx context.Context, location string) (b Blob, err error) {
	b.Location = location
	err = tx.get(ctx, `SELECT id, digest, domain, size FROM blobs WHERE location = $1 FOR KEY SHARE`, []any{location}, &b.ID, &b.Digest, &b.Domain, &b.Size)
	return b, err
}

// RepointLink leads a link to another blob, and reports whether there is one. A
// repair that changes sizes shows in the repository's usage when it is counted.
func (tx *Tx) RepointLink(ctx context.Context, k Key, blobID string, size int64) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE repository_blobs SET blob_id = $3, size = $4 WHERE repository_id = $1 AND digest = $2`, k.RepositoryID, k.Name, blobID, size)
	return n == 1, err
}

// StoredTags returns the keys of tags after the given one, in order.
func (q queries) StoredTags(ctx context.Context, after Key, limit int) ([]Key, error) {
	return list(ctx, q, scanKey, `SELECT repository_id, name FROM tags
		WHERE (repository_id, name) > ($1, $2) ORDER BY repository_id, name LIMIT $3`, after.RepositoryID, after.Name, limit)
}

// A WrongTag is a tag that its history or its manifest contradicts.
type WrongTag struct {
	Key
	Digest   string
	History  string // what the last entry of its history says; "" is that it was removed, or nothing
	Dangling bool   // there is no such manifest
}

// WrongTags returns those tags after a key and up to another that are wrong.
func (q queries) WrongTags(ctx context.Context, after, through Key) ([]WrongTag, error) {
	return list(ctx, q, func(rows *sql.Rows) (t WrongTag, err error) {
		err = rows.Scan(&t.RepositoryID, &t.Name, &t.Digest, &t.History, &t.Dangling)
		return t, err
	}, `SELECT repository_id, name, digest, history, dangling FROM (
			SELECT t.repository_id, t.name, t.digest,
				COALESCE((SELECT h.digest FROM tag_history h WHERE h.repository_id = t.repository_id AND h.name = t.name ORDER BY h.seq DESC LIMIT 1), '') AS history,
				(SELECT 1 FROM manifests m WHERE m.repository_id = t.repository_id AND m.digest = t.digest) IS NULL AS dangling
			FROM tags t WHERE (t.repository_id, t.name) > ($1, $2) AND (t.repository_id, t.name) <= ($3, $4)) AS seen
		WHERE dangling OR history <> digest`, after.RepositoryID, after.Name, through.RepositoryID, through.Name)
}

// A HistoryKey is a position in the history of all tags.
type HistoryKey struct {
	Key
	Seq int64
}

// StoredHistory returns the keys of entries after the given one, in order.
func (q queries) StoredHistory(ctx context.Context, after HistoryKey, limit int) ([]HistoryKey, error) {
	return list(ctx, q, func(rows *sql.Rows) (k HistoryKey, err error) {
		err = rows.Scan(&k.RepositoryID, &k.Name, &k.Seq)
		return k, err
	}, `SELECT repository_id, name, seq FROM tag_history
		WHERE (repository_id, name, seq) > ($1, $2, $3) ORDER BY repository_id, name, seq LIMIT $4`, after.RepositoryID, after.Name, after.Seq, limit)
}

// LostTags returns the tags that, as the last entry of their history says,
// point at a manifest, and that are not there. The entry is after a key and up
// to another.
func (q queries) LostTags(ctx context.Context, after, through HistoryKey) ([]WrongTag, error) {
	return list(ctx, q, func(rows *sql.Rows) (t WrongTag, err error) {
		err = rows.Scan(&t.RepositoryID, &t.Name, &t.History)
		return t, err
	}, `SELECT h.repository_id, h.name, h.digest FROM tag_history h
		WHERE (h.repository_id, h.name, h.seq) > ($1, $2, $3) AND (h.repository_id, h.name, h.seq) <= ($4, $5, $6) AND h.digest IS NOT NULL
		AND (SELECT 1 FROM tags t WHERE t.repository_id = h.repository_id AND t.name = h.name) IS NULL
		AND (SELECT n.seq FROM tag_history n WHERE n.repository_id = h.repository_id AND n.name = h.name ORDER BY n.seq DESC LIMIT 1) = h.seq`,
		after.RepositoryID, after.Name, after.Seq, through.RepositoryID, through.Name, through.Seq)
}

// StoredDeletions returns ids of deleted images after the given one, in order.
func (q queries) StoredDeletions(ctx context.Context, after string, limit int) ([]string, error) {
	return list(ctx, q, scanString, `SELECT id FROM deleted_images WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
}

// StoredDeletion returns a deleted image's repository and manifest, or [ErrNotFound].
func (q queries) StoredDeletion(ctx context.Context, id string) (repositoryID string, m Manifest, err error) {
	err = q.get(ctx, `SELECT repository_id, digest, media_type, payload FROM deleted_images WHERE id = $1`, []any{id},
		&repositoryID, &m.Digest, &m.MediaType, &m.Payload)
	return repositoryID, m, err
}

// StoredLocations returns locations of blobs after the given one, in order.
func (q queries) StoredLocations(ctx context.Context, after string, limit int) ([]string, error) {
	return list(ctx, q, scanString, `SELECT location FROM blobs WHERE location > $1 ORDER BY location LIMIT $2`, after, limit)
}

// KnownLocations returns those of the locations that some row knows: a blob's
// or the trash's.
func (q queries) KnownLocations(ctx context.Context, locations []string) ([]string, error) {
	return list(ctx, q, scanString, `SELECT asked.value FROM json_each($1) AS asked
		WHERE (SELECT 1 FROM blobs b WHERE b.location = asked.value) = 1 OR (SELECT 1 FROM trash t WHERE t.location = asked.value) = 1`, jsonList(locations))
}
