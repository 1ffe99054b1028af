package store

import (
	"context"
	"database/sql"
)

// A SharedBlob is a repository's blob, and who else has it, counted up to a limit.
type SharedBlob struct {
	Digest       string
	Size         int64
	Damaged      bool
	Images       int64 // of the repository
	Repositories int64 // other ones of the registry that have an image with it
}

// SharedBlobs returns those of the digests that are blobs of the repository, which
// is of the registry, with counts of at most limit.
func (q queries) SharedBlobs(ctx context.Context, account, region, repositoryID string, digests []string, limit int) ([]SharedBlob, error) {
	return list(ctx, q, func(rows *sql.Rows) (b SharedBlob, err error) {
		err = rows.Scan(&b.Digest, &b.Size, &b.Damaged, &b.Images, &b.Repositories)
		return b, err
	}, `SELECT l.digest, l.size, (SELECT 1 FROM damaged_blobs d WHERE d.blob_id = l.blob_id) IS NOT NULL,
		(SELECT COUNT(*) FROM (SELECT 1 FROM manifest_blobs m WHERE m.repository_id = l.repository_id AND m.blob_digest = l.digest LIMIT $5) AS images),
		(SELECT COUNT(*) FROM (SELECT 1 FROM repository_blobs o JOIN repositories r ON r.id = o.repository_id
			WHERE o.blob_id = l.blob_id AND o.repository_id <> l.repository_id AND r.account = $1 AND r.region = $2
			AND EXISTS (SELECT 1 FROM manifest_blobs u WHERE u.repository_id = o.repository_id AND u.blob_digest = o.digest) LIMIT $5) AS others)
		FROM repository_blobs l WHERE l.repository_id = $3 AND l.digest IN (SELECT value FROM json_each($4))`,
		account, region, repositoryID, jsonList(digests), limit)
}

// BytesOfOnly returns the size of the blobs that no other image of the registry has
// than some of one of its repositories.
func (q queries) BytesOfOnly(ctx context.Context, account, region, repositoryID string, digests []string) (bytes int64, err error) {
	err = q.get(ctx, `SELECT CAST(COALESCE(SUM(l.size), 0) AS BIGINT) FROM repository_blobs l WHERE l.repository_id = $3
		AND l.digest IN (SELECT m.blob_digest FROM manifest_blobs m WHERE m.repository_id = $3 AND m.manifest_digest IN (SELECT value FROM json_each($4)))
		AND NOT EXISTS (SELECT 1 FROM manifest_blobs o WHERE o.repository_id = $3 AND o.blob_digest = l.digest
			AND o.manifest_digest NOT IN (SELECT value FROM json_each($4)))
		AND NOT EXISTS (SELECT 1 FROM repository_blobs o JOIN repositories r ON r.id = o.repository_id
			JOIN manifest_blobs u ON u.repository_id = o.repository_id AND u.blob_digest = o.digest
			WHERE o.blob_id = l.blob_id AND o.repository_id <> $3 AND r.account = $1 AND r.region = $2)`,
		[]any{account, region, repositoryID, jsonList(digests)}, &bytes)
	return bytes, err
}
