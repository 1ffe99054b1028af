package store

import (
	"context"
	"database/sql"
)

// RegistryUsage returns how many repositories a registry has and how much they hold.
func (q queries) RegistryUsage(ctx context.Context, account, region string) (repositories int64, u Usage, err error) {
	err = q.get(ctx, `SELECT COUNT(DISTINCT r.id), COALESCE(SUM(u.images), 0), COALESCE(SUM(u.blobs), 0), COALESCE(SUM(u.bytes), 0)
		FROM repositories r LEFT JOIN repository_usage u ON u.repository_id = r.id WHERE r.account = $1 AND r.region = $2`,
		[]any{account, region}, append([]any{&repositories}, u.fields()...)...)
	return repositories, u, err
}

// A RepositoryUsage is how much a repository holds, and what of it is shared as far
// as that was measured.
type RepositoryUsage struct {
	ID, Name string
	Usage
	Shared     int64
	MeasuredAt int64 // Unix milliseconds; 0 is never
}

// LargestRepositories returns those repositories of a registry that hold most, the
// largest first.
func (q queries) LargestRepositories(ctx context.Context, account, region string, limit int) ([]RepositoryUsage, error) {
	return list(ctx, q, func(rows *sql.Rows) (r RepositoryUsage, err error) {
		err = rows.Scan(append([]any{&r.ID, &r.Name}, append(r.fields(), &r.Shared, &r.MeasuredAt)...)...)
		return r, err
	}, `SELECT t.id, t.name, COALESCE(t.images, 0), COALESCE(t.blobs, 0), COALESCE(t.bytes, 0), COALESCE(s.shared, 0), COALESCE(s.measured_at, 0)
		FROM (SELECT r.id, r.name, SUM(u.images) AS images, SUM(u.blobs) AS blobs, SUM(u.bytes) AS bytes
			FROM repositories r LEFT JOIN repository_usage u ON u.repository_id = r.id
			WHERE r.account = $1 AND r.region = $2 GROUP BY r.id, r.name ORDER BY COALESCE(SUM(u.bytes), 0) DESC, r.name LIMIT $3) AS t
		LEFT JOIN repository_sharing s ON s.repository_id = t.id ORDER BY COALESCE(t.bytes, 0) DESC, t.name`, account, region, limit)
}

// A BlobSharing is a blob of a repository and whether others of its registry have
// it too.
type BlobSharing struct {
	Digest           string
	Size             int64
	Shared, Repeated bool // Repeated by one whose id is before
}

// BlobSharing returns the blobs of a repository of a registry after one, by digest.
func (q queries) BlobSharing(ctx context.Context, account, region, repositoryID, after string, limit int) ([]BlobSharing, error) {
	return list(ctx, q, func(rows *sql.Rows) (b BlobSharing, err error) {
		err = rows.Scan(&b.Digest, &b.Size, &b.Shared, &b.Repeated)
		return b, err
	}, `SELECT l.digest, l.size,
		(SELECT 1 FROM repository_blobs o WHERE o.blob_id = l.blob_id AND o.repository_id <> l.repository_id
			AND (SELECT 1 FROM repositories r WHERE r.id = o.repository_id AND r.account = $1 AND r.region = $2) IS NOT NULL LIMIT 1) IS NOT NULL,
		(SELECT 1 FROM repository_blobs o WHERE o.blob_id = l.blob_id AND o.repository_id < l.repository_id
			AND (SELECT 1 FROM repositories r WHERE r.id = o.repository_id AND r.account = $1 AND r.region = $2) IS NOT NULL LIMIT 1) IS NOT NULL
		FROM repository_blobs l WHERE l.repository_id = $3 AND l.digest > $4 ORDER BY l.digest LIMIT $5`, account, region, repositoryID, after, limit)
}

// BytesOfAny returns the size of the blobs that some images of a repository have.
func (q queries) BytesOfAny(ctx context.Context, repositoryID string, digests []string) (bytes int64, err error) {
	err = q.get(ctx, `SELECT CAST(COALESCE(SUM(l.size), 0) AS BIGINT) FROM repository_blobs l WHERE l.repository_id = $1
		AND l.digest IN (SELECT m.blob_digest FROM manifest_blobs m WHERE m.repository_id = $1 AND m.manifest_digest IN (SELECT value FROM json_each($2)))`,
		[]any{repositoryID, jsonList(digests)}, &bytes)
	return bytes, err
}

// RepeatedBytes returns how much less a registry would hold if each blob were there
// once. It looks at so many of its blobs.
func (q queries) RepeatedBytes(ctx context.Context, account, region string, limit int) (bytes int64, err error) {
	seen := map[string]bool{}
	rows, err := list(ctx, q, func(rows *sql.Rows) (repeated int64, err error) {
		var id string
		var size int64
		if err := rows.Scan(&id, &size); err != nil {
			return 0, err
		}
		if seen[id] {
			return size, nil
		}
		seen[id] = true
		return 0, nil
	}, `SELECT l.blob_id, l.size FROM repositories r JOIN repository_blobs l ON l.repository_id = r.id WHERE r.account = $1 AND r.region = $2 LIMIT $3`,
		account, region, limit)
	for _, size := range rows {
		bytes += size
	}
	return bytes, err
}

// A Sharing is how much a repository shared when it was measured.
type Sharing struct {
	Held             int64 // bytes, of all
	Shared, Repeated int64 // bytes, see [BlobSharing]
	MeasuredAt       int64 // Unix milliseconds; of several repositories the oldest; 0 is never
}

// Sharing returns what was measured of a repository, or [ErrNotFound].
func (q queries) Sharing(ctx context.Context, repositoryID string) (s Sharing, err error) {
	err = q.get(ctx, `SELECT held, shared, repeated, measured_at FROM repository_sharing WHERE repository_id = $1`, []any{repositoryID},
		&s.Held, &s.Shared, &s.Repeated, &s.MeasuredAt)
	return s, err
}

// RegistrySharing returns the sums of what was measured of a registry's repositories.
func (q queries) RegistrySharing(ctx context.Context, account, region string) (s Sharing, err error) {
	err = q.get(ctx, `SELECT CAST(COALESCE(SUM(s.held), 0) AS BIGINT), CAST(COALESCE(SUM(s.shared), 0) AS BIGINT), CAST(COALESCE(SUM(s.repeated), 0) AS BIGINT),
		COALESCE(MIN(s.measured_at), 0) FROM repositories r JOIN repository_sharing s ON s.repository_id = r.id WHERE r.account = $1 AND r.region = $2`,
		[]any{account, region}, &s.Held, &s.Shared, &s.Repeated, &s.MeasuredAt)
	return s, err
}

// PutSharing remembers what was measured of a repository, unless it is gone.
func (tx *Tx) PutSharing(ctx context.Context, repositoryID string, s Sharing) error {
	_, err := tx.exec(ctx, `INSERT INTO repository_sharing (repository_id, held, shared, repeated, measured_at)
		SELECT id, $2::bigint, $3::bigint, $4::bigint, $5::bigint FROM repositories WHERE id = $1
		ON CONFLICT (repository_id) DO UPDATE SET held = excluded.held, shared = excluded.shared, repeated = excluded.repeated, measured_at = excluded.measured_at`,
		repositoryID, s.Held, s.Shared, s.Repeated, s.MeasuredAt)
	return err
}

// PutNeverPulled remembers images of a repository of a registry that were never
// pulled, in place of those before, unless the repository is gone.
func (tx *Tx) PutNeverPulled(ctx context.Context, account, region, repositoryID string, images []ImagePlace) error {
	if _, err := tx.exec(ctx, `DELETE FROM never_pulled WHERE repository_id = $1`, repositoryID); err != nil {
		return err
	}
	for _, i := range images {
		_, err := tx.exec(ctx, `INSERT INTO never_pulled (account, region, pushed_at, repository_id, digest)
			SELECT $2::text, $3::text, $4::bigint, id, $5::text FROM repositories WHERE id = $1 ON CONFLICT DO NOTHING`, repositoryID, account, region, i.Value, i.Digest)
		if err != nil {
			return err
		}
	}
	return nil
}

// A NeverPulledImage is an image that nobody has pulled.
type NeverPulledImage struct {
	RepositoryID, Name, Digest string
	PushedAt                   int64 // Unix milliseconds
}

// NeverPulled returns the oldest images that were remembered for a registry and are
// there, not pulled, still.
func (q queries) NeverPulled(ctx context.Context, account, region string, limit int) ([]NeverPulledImage, error) {
	return list(ctx, q, func(rows *sql.Rows) (i NeverPulledImage, err error) {
		err = rows.Scan(&i.RepositoryID, &i.Name, &i.Digest, &i.PushedAt)
		return i, err
	}, `SELECT n.repository_id, r.name, n.digest, n.pushed_at FROM never_pulled n JOIN repositories r ON r.id = n.repository_id
		WHERE n.account = $1 AND n.region = $2 AND r.account = $1 AND r.region = $2
		AND (SELECT 1 FROM manifests m WHERE m.repository_id = n.repository_id AND m.digest = n.digest) IS NOT NULL
		AND (SELECT 1 FROM pulls p WHERE p.repository_id = n.repository_id AND p.digest = n.digest) IS NULL
		ORDER BY n.pushed_at, n.repository_id, n.digest LIMIT $3`, account, region, limit)
}
