package store

import (
	"context"
	"database/sql"
	"math"
	"strings"
)

// An ImageFilter says which images of a repository are looked for. What is empty
// is no condition.
type ImageFilter struct {
	RepositoryID            string
	MediaType, ArtifactType string
	WithParts               bool   // those that an index has or that refer to another image too
	TagStatus               string // TAGGED or UNTAGGED
	NeverPulled             bool
	TagPattern              string // of LIKE, in lower case: see [Containing]
	DigestFrom, DigestTo    string // with TagPattern: or a digest from the first and before the last
}

func (f ImageFilter) arguments(more ...any) []any {
	return append([]any{
		f.RepositoryID, f.MediaType, f.ArtifactType, f.WithParts, f.TagStatus, f.NeverPulled, f.TagPattern, f.DigestFrom, f.DigestTo,
	}, more...)
}

// Every image is looked up by itself: of what EXISTS asks for behind an OR,
// PostgreSQL would rather read all that there is.
const imageFilter = `m.repository_id = $1 AND ($2 = '' OR m.media_type = $2) AND ($3 = '' OR m.artifact_type = $3)
	AND ($4 OR m.subject IS NULL AND (SELECT 1 FROM manifest_children c WHERE c.repository_id = m.repository_id AND c.child_digest = m.digest LIMIT 1) IS NULL)
	AND ($5 = '' OR ($5 = 'TAGGED') = ((SELECT 1 FROM untagged u WHERE u.repository_id = m.repository_id AND u.digest = m.digest) IS NULL))
	AND (NOT $6 OR (SELECT 1 FROM pulls o WHERE o.repository_id = m.repository_id AND o.digest = m.digest) IS NULL)
	AND ($7 = '' OR m.digest >= $8 AND m.digest < $9
		OR (SELECT 1 FROM tags t WHERE t.repository_id = m.repository_id AND t.digest = m.digest AND LOWER(t.name) LIKE $7 ESCAPE '\' LIMIT 1) IS NOT NULL)`

// Containing returns the pattern of what contains a text, without regard to case.
func Containing(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(text)) + "%"
}

// An ImageOrder is by what images are put in order, and by their digests where
// that is the same.
type ImageOrder int

// The orders. Only images that were pulled have a place in ByPulledAt.
const (
	ByPushedAt ImageOrder = iota
	BySize
	ByPulledAt
)

// An ImagePlace is where in an order an image is.
type ImagePlace struct {
	Digest string
	Value  int64 // of the order: Unix milliseconds, or bytes
}

func scanImagePlace(rows *sql.Rows) (p ImagePlace, err error) {
	err = rows.Scan(&p.Digest, &p.Value)
	return p, err
}

const (
	imagesByPush = `m.digest, m.pushed_at FROM manifests m WHERE ` + imageFilter
	imagesBySize = `m.digest, m.image_size FROM manifests m WHERE ` + imageFilter
	imagesByPull = `p.digest, p.pulled_at FROM pulls p JOIN manifests m ON m.repository_id = p.repository_id AND m.digest = p.digest
		WHERE p.repository_id = $1 AND ` + imageFilter
)

// Images in an order, each with the way down and the way up.
var imageOrders = map[ImageOrder][2]string{
	ByPushedAt: {
		`SELECT ` + imagesByPush + ` AND (m.pushed_at, m.digest) < ($10, $11) ORDER BY m.pushed_at DESC, m.digest DESC LIMIT $12`,
		`SELECT ` + imagesByPush + ` AND (m.pushed_at, m.digest) > ($10, $11) ORDER BY m.pushed_at, m.digest LIMIT $12`,
	},
	BySize: {
		`SELECT ` + imagesBySize + ` AND (m.image_size, m.digest) < ($10, $11) ORDER BY m.image_size DESC, m.digest DESC LIMIT $12`,
		`SELECT ` + imagesBySize + ` AND (m.image_size, m.digest) > ($10, $11) ORDER BY m.image_size, m.digest LIMIT $12`,
	},
	ByPulledAt: {
		`SELECT ` + imagesByPull + ` AND (p.pulled_at, p.digest) < ($10, $11) ORDER BY p.pulled_at DESC, p.digest DESC LIMIT $12`,
		`SELECT ` + imagesByPull + ` AND (p.pulled_at, p.digest) > ($10, $11) ORDER BY p.pulled_at, p.digest LIMIT $12`,
	},
}

// SearchImages returns the images that come after a place, nil being the start of
// the order, which goes down unless it ascends.
func (q queries) SearchImages(ctx context.Context, f ImageFilter, by ImageOrder, ascending bool, after *ImagePlace, limit int) ([]ImagePlace, error) {
	statement := imageOrders[by][0]
	from := ImagePlace{Value: math.MaxInt64}
	if ascending {
		statement, from = imageOrders[by][1], ImagePlace{Value: -1}
	}
	if after != nil {
		from = *after
	}
	return list(ctx, q, scanImagePlace, statement, f.arguments(from.Value, from.Digest, limit)...)
}

// An ImagePlaces is where an image is in all orders.
type ImagePlaces struct {
	Digest         string
	PushedAt, Size int64
	PulledAt       int64 // 0 is never
}

// SearchImagesAmong returns those of the digests that are looked for.
func (q queries) SearchImagesAmong(ctx context.Context, f ImageFilter, digests []string) ([]ImagePlaces, error) {
	return list(ctx, q, func(rows *sql.Rows) (p ImagePlaces, err error) {
		var pulled sql.NullInt64
		err = rows.Scan(&p.Digest, &p.PushedAt, &p.Size, &pulled)
		p.PulledAt = pulled.Int64
		return p, err
	}, `SELECT m.digest, m.pushed_at, m.image_size, p.pulled_at FROM `+imageTables+` WHERE `+imageFilter+`
		AND m.digest IN (SELECT value FROM json_each($10))`, f.arguments(jsonList(digests))...)
}

// DigestsTagged returns the digests that tags of a pattern point at, as often as
// there are such tags, at most limit. It looks at all tags of the repository.
func (q queries) DigestsTagged(ctx context.Context, repositoryID, pattern string, limit int) ([]string, error) {
	return list(ctx, q, scanString, digestsTagged, repositoryID, pattern, limit)
}

const digestsTagged = `SELECT digest FROM tags WHERE repository_id = $1 AND LOWER(name) LIKE $2 ESCAPE '\' LIMIT $3`

// DigestsBetween returns the images with a digest from the first and before the last.
func (q queries) DigestsBetween(ctx context.Context, repositoryID, from, to string, limit int) ([]string, error) {
	return list(ctx, q, scanString, `SELECT digest FROM manifests WHERE repository_id = $1 AND digest >= $2 AND digest < $3 ORDER BY digest LIMIT $4`,
		repositoryID, from, to, limit)
}

// A FoundImage is an image with what there is to know of it at a glance.
type FoundImage struct {
	Image     // Tags are the first twenty
	TagCount  int64
	Parts     int64 // images that it is an index of
	Referrers int64
}

// FoundImages returns those of the digests that are images of the repository, in
// the order of their digests.
func (q queries) FoundImages(ctx context.Context, repositoryID string, digests []string) ([]FoundImage, error) {
	return list(ctx, q, scanFoundImage, foundImages, repositoryID, jsonList(digests))
}

const foundImages = `SELECT ` + imageColumns + `,
	(SELECT STRING_AGG(f.name, ' ') FROM (SELECT t.name FROM tags t WHERE t.repository_id = m.repository_id AND t.digest = m.digest ORDER BY t.name LIMIT 20) f),
	(SELECT COUNT(*) FROM tags t WHERE t.repository_id = m.repository_id AND t.digest = m.digest),
	(SELECT COUNT(*) FROM manifest_children c WHERE c.repository_id = m.repository_id AND c.parent_digest = m.digest),
	(SELECT COUNT(*) FROM manifests r WHERE r.repository_id = m.repository_id AND r.subject = m.digest)
	FROM ` + imageTables + ` WHERE m.repository_id = $1 AND m.digest IN (SELECT value FROM json_each($2)) ORDER BY m.digest`

func scanFoundImage(rows *sql.Rows) (f FoundImage, err error) {
	var artifact, subject, tags sql.NullString
	var pulled sql.NullInt64
	err = rows.Scan(&f.Digest, &f.MediaType, &artifact, &subject, &f.ImageSize, &f.PushedAt, &pulled, &tags, &f.TagCount, &f.Parts, &f.Referrers)
	f.ArtifactType, f.Subject, f.PulledAt, f.Tags = artifact.String, subject.String, pulled.Int64, strings.Fields(tags.String)
	return f, err
}

// DamagedImages returns those of the digests that are images with a damaged blob,
// as often as there are such blobs.
func (q queries) DamagedImages(ctx context.Context, repositoryID string, digests []string) ([]string, error) {
	return list(ctx, q, scanString, `SELECT m.manifest_digest FROM manifest_blobs m
		JOIN repository_blobs l ON l.repository_id = m.repository_id AND l.digest = m.blob_digest
		WHERE m.repository_id = $1 AND m.manifest_digest IN (SELECT value FROM json_each($2))
			AND (SELECT 1 FROM damaged_blobs d WHERE d.blob_id = l.blob_id) IS NOT NULL`, repositoryID, jsonList(digests))
}
