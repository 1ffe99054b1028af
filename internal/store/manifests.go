package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
)

// A Manifest is a stored manifest with its bytes.
type Manifest struct {
	Digest, MediaType string
	Payload           []byte
}

// An Image is what a repository knows of a manifest, without its bytes.
type Image struct {
	Digest, MediaType     string
	ArtifactType, Subject string // "" is none
	ImageSize             int64  // bytes
	PushedAt, PulledAt    int64  // Unix milliseconds; PulledAt 0 is never
	Tags                  []string
}

// A NewManifest is a manifest to insert. Its blobs and children come with
// [Tx.InsertManifestBlobs] and [Tx.InsertManifestChildren].
type NewManifest struct {
	RepositoryID                       string
	Digest, MediaType                  string
	ArtifactType                       string
	Subject, ReferrerType, Annotations string
	ImageSize, PushedAt                int64
	Payload                            []byte
}

// ManifestByTag returns the manifest that a tag points at, or [ErrNotFound], and
// whether the repository has a KMS key.
func (q queries) ManifestByTag(ctx context.Context, account, region, name, tag string) (m Manifest, hasKey bool, err error) {
	err = q.get(ctx, `SELECT m.digest, m.media_type, m.payload, r.kms_key <> '' FROM repositories r
		JOIN tags t ON t.repository_id = r.id JOIN manifests m ON m.repository_id = r.id AND m.digest = t.digest
		WHERE r.account = $1 AND r.region = $2 AND r.name = $3 AND t.name = $4`, []any{account, region, name, tag}, &m.Digest, &m.MediaType, &m.Payload, &hasKey)
	return m, hasKey, err
}

// ManifestByDigest returns a manifest, or [ErrNotFound], and whether the
// repository has a KMS key.
func (q queries) ManifestByDigest(ctx context.Context, account, region, name, digest string) (m Manifest, hasKey bool, err error) {
	m.Digest = digest
	err = q.get(ctx, `SELECT m.media_type, m.payload, r.kms_key <> '' FROM repositories r JOIN manifests m ON m.repository_id = r.id
		WHERE r.account = $1 AND r.region = $2 AND r.name = $3 AND m.digest = $4`, []any{account, region, name, digest}, &m.MediaType, &m.Payload, &hasKey)
	return m, hasKey, err
}

// InsertManifest adds a manifest and reports whether it is new.
func (tx *Tx) InsertManifest(ctx context.Context, m NewManifest) (bool, error) {
	n, err := tx.exec(ctx, `INSERT INTO manifests (repository_id, digest, media_type, artifact_type, subject, referrer_type, annotations, image_size, pushed_at, size, payload)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11) ON CONFLICT (repository_id, digest) DO NOTHING`,
		m.RepositoryID, m.Digest, m.MediaType, null(m.ArtifactType), null(m.Subject), null(m.ReferrerType), null(m.Annotations),
		m.ImageSize, m.PushedAt, len(m.Payload), m.Payload)
	if err == nil && n == 1 {
		tx.count(m.RepositoryID, Usage{Images: 1, Bytes: int64(len(m.Payload))})
	}
	return n == 1, err
}

// HealManifest gives a manifest its bytes if it has others, and reports whether
// it had.
func (tx *Tx) HealManifest(ctx context.Context, repositoryID, digest string, payload []byte) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE manifests SET payload = $3, size = $4 WHERE repository_id = $1 AND digest = $2 AND payload <> $3`,
		repositoryID, digest, payload, len(payload))
	return n == 1, err
}

// A ManifestBlob is a manifest's reference to a blob.
type ManifestBlob struct{ Digest, MediaType string }

// InsertManifestBlobs records which blobs a manifest refers to; a blob that the
// repository lacks makes it fail with a foreign-key error. blobs are sorted by
// digest, so that concurrent pushes lock them in one order.
func (tx *Tx) InsertManifestBlobs(ctx context.Context, repositoryID, manifest string, blobs []ManifestBlob) error {
	for start := 0; start < len(blobs); start += rowsAtOnce {
		chunk := blobs[start:min(start+rowsAtOnce, len(blobs))]
		args := []any{repositoryID, manifest}
		for _, b := range chunk {
			args = append(args, b.Digest, b.MediaType)
		}
		if _, err := tx.exec(ctx, `INSERT INTO manifest_blobs (repository_id, manifest_digest, blob_digest, media_type) VALUES `+rowsOf(2, 2, len(chunk)), args...); err != nil {
			return err
		}
	}
	return nil
}

// InsertManifestChildren records which manifests an index refers to; one that
// the repository lacks makes it fail with a foreign-key error. children are
// sorted.
func (tx *Tx) InsertManifestChildren(ctx context.Context, repositoryID, parent string, children []string) error {
	for start := 0; start < len(children); start += rowsAtOnce {
		chunk := children[start:min(start+rowsAtOnce, len(children))]
		args := []any{repositoryID, parent}
		for _, child := range chunk {
			args = append(args, child)
		}
		if _, err := tx.exec(ctx, `INSERT INTO manifest_children (repository_id, parent_digest, child_digest) VALUES `+rowsOf(2, 1, len(chunk)), args...); err != nil {
			return err
		}
	}
	return nil
}

// One statement inserts at most this many rows, so that few texts are prepared
// and no database's limit of parameters is met.
const rowsAtOnce = 64

// rowsOf returns the VALUES of n rows which share the first parameters and
// have own ones after them: ($1,$2,$3,$4), ($1,$2,$5,$6), ….
func rowsOf(shared, own, n int) string {
	var b strings.Builder
	next := shared
	for row := range n {
		if row > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for i := 1; i <= shared+own; i++ {
			parameter := i
			if i > shared {
				next++
				parameter = next
			}
			if i > 1 {
				b.WriteByte(',')
			}
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(parameter))
		}
		b.WriteByte(')')
	}
	return b.String()
}

// ManifestSizes returns the image sizes of those digests that are manifests of
// the repository.
func (q queries) ManifestSizes(ctx context.Context, repositoryID string, digests []string) (map[string]int64, error) {
	type row struct {
		digest string
		size   int64
	}
	rows, err := list(ctx, q, func(rows *sql.Rows) (r row, err error) {
		err = rows.Scan(&r.digest, &r.size)
		return r, err
	}, `SELECT digest, image_size FROM manifests WHERE repository_id = $1 AND digest IN (SELECT value FROM json_each($2))`, repositoryID, jsonList(digests))
	sizes := make(map[string]int64, len(rows))
	for _, r := range rows {
		sizes[r.digest] = r.size
	}
	return sizes, err
}

// HasManifest reports whether a repository has a manifest.
func (q queries) HasManifest(ctx context.Context, repositoryID, digest string) (bool, error) {
	var one int
	return found(q.get(ctx, `SELECT 1 FROM manifests WHERE repository_id = $1 AND digest = $2`, []any{repositoryID, digest}, &one))
}

// ManifestMediaTypes returns the media type of a manifest and its
// artifact type, which may be empty, or [ErrNotFound].
func (q queries) ManifestMediaTypes(ctx context.Context, repositoryID, digest string) (mediaType, artifactType string, err error) {
	var artifact sql.NullString
	err = q.get(ctx, `SELECT media_type, artifact_type FROM manifests WHERE repository_id = $1 AND digest = $2`, []any{repositoryID, digest}, &mediaType, &artifact)
	return mediaType, artifact.String, err
}

// Parents returns the digests of the indexes that refer to a manifest, in order.
func (q queries) Parents(ctx context.Context, repositoryID, digest string) ([]string, error) {
	return list(ctx, q, scanString, `SELECT parent_digest FROM manifest_children WHERE repository_id = $1 AND child_digest = $2 ORDER BY parent_digest`, repositoryID, digest)
}

// DeleteManifest deletes a manifest with its tags and references. An index that
// refers to it makes it fail with a foreign-key error.
func (tx *Tx) DeleteManifest(ctx context.Context, repositoryID, digest string) error {
	sizes, err := list(ctx, tx.queries, scanInt, `DELETE FROM manifests WHERE repository_id = $1 AND digest = $2 RETURNING size`, repositoryID, digest)
	tx.countGone(repositoryID, sizes, Usage{Images: -1})
	return err
}

const imageColumns = `m.digest, m.media_type, m.artifact_type, m.subject, m.image_size, m.pushed_at, p.pulled_at`

const imageTables = `manifests m LEFT JOIN pulls p ON p.repository_id = m.repository_id AND p.digest = m.digest`

func scanImage(rows *sql.Rows) (i Image, err error) {
	var artifact, subject sql.NullString
	var pulled sql.NullInt64
	err = rows.Scan(&i.Digest, &i.MediaType, &artifact, &subject, &i.ImageSize, &i.PushedAt, &pulled)
	i.ArtifactType, i.Subject, i.PulledAt = artifact.String, subject.String, pulled.Int64
	return i, err
}

// Images returns a repository's images with a digest after the given one, in
// the order of their digests, without their tags.
func (q queries) Images(ctx context.Context, repositoryID, after string, limit int) ([]Image, error) {
	return list(ctx, q, scanImage, `SELECT `+imageColumns+` FROM `+imageTables+`
		WHERE m.repository_id = $1 AND m.digest > $2 ORDER BY m.digest LIMIT $3`, repositoryID, after, limit)
}

// ImagesByDigest returns those of the digests that are images of the
// repository, in the order of their digests, without their tags.
func (q queries) ImagesByDigest(ctx context.Context, repositoryID string, digests []string) ([]Image, error) {
	return list(ctx, q, scanImage, `SELECT `+imageColumns+` FROM `+imageTables+`
		WHERE m.repository_id = $1 AND m.digest IN (SELECT value FROM json_each($2)) ORDER BY m.digest`, repositoryID, jsonList(digests))
}

// UntaggedDigests returns digests of images without a tag, after the given one, in order.
func (q queries) UntaggedDigests(ctx context.Context, repositoryID, after string, limit int) ([]string, error) {
	return list(ctx, q, scanString, `SELECT digest FROM untagged WHERE repository_id = $1 AND digest > $2 ORDER BY digest LIMIT $3`, repositoryID, after, limit)
}

// TaggedDigests returns digests of images with a tag, after the given one, in order.
func (q queries) TaggedDigests(ctx context.Context, repositoryID, after string, limit int) ([]string, error) {
	return list(ctx, q, scanString, `SELECT DISTINCT digest FROM tags WHERE repository_id = $1 AND digest > $2 ORDER BY digest LIMIT $3`, repositoryID, after, limit)
}

// SetUntagged records whether a manifest is without a tag.
func (tx *Tx) SetUntagged(ctx context.Context, repositoryID, digest string, untagged bool) error {
	statement := `DELETE FROM untagged WHERE repository_id = $1 AND digest = $2`
	if untagged {
		statement = `INSERT INTO untagged (repository_id, digest) VALUES ($1,$2) ON CONFLICT DO NOTHING`
	}
	_, err := tx.exec(ctx, statement, repositoryID, digest)
	return err
}

// A Referrer is a manifest whose subject is another one.
type Referrer struct {
	Digest, MediaType, ArtifactType string
	Annotations                     string // JSON object, or ""
	Size                            int64  // of the manifest, in bytes
}

// Referrers returns manifests with the subject and, unless artifactTypes is
// empty, one of the artifact types, after the given digest, in order: at most
// limit, and at most maxBytes of annotations unless the first has more. more
// says that there are others.
func (q queries) Referrers(ctx context.Context, repositoryID, subject string, artifactTypes []string, after string, limit, maxBytes int) (all []Referrer, more bool, err error) {
	rows, err := q.conn.QueryContext(ctx, q.dialect.query(`SELECT digest, media_type, referrer_type, annotations, size FROM manifests
		WHERE repository_id = $1 AND subject = $2 AND digest > $3 AND ($4 OR referrer_type IN (SELECT value FROM json_each($5)))
		ORDER BY digest LIMIT $6`), repositoryID, subject, after, len(artifactTypes) == 0, jsonList(artifactTypes), limit+1)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	for size := 0; rows.Next(); {
		var r Referrer
		var artifact, annotations sql.NullString
		if err := rows.Scan(&r.Digest, &r.MediaType, &artifact, &annotations, &r.Size); err != nil {
			return nil, false, err
		}
		r.ArtifactType, r.Annotations = artifact.String, annotations.String
		size += len(r.Annotations)
		if len(all) == limit || size > maxBytes && len(all) > 0 {
			return all, true, nil
		}
		all = append(all, r)
	}
	return all, false, rows.Err()
}

func null(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }
