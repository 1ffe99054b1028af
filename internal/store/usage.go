package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"
)

// Usage is how much a repository or an account holds.
type Usage struct {
	Images int64
	Blobs  int64 // of each repository, those it shares with others too
	Bytes  int64 // of the blobs, and of the images' manifests
}

// Add returns the sum of both.
func (u Usage) Add(v Usage) Usage {
	return Usage{u.Images + v.Images, u.Blobs + v.Blobs, u.Bytes + v.Bytes}
}

// Sub returns the difference of both.
func (u Usage) Sub(v Usage) Usage {
	return Usage{u.Images - v.Images, u.Blobs - v.Blobs, u.Bytes - v.Bytes}
}

func (u *Usage) fields() []any { return []any{&u.Images, &u.Blobs, &u.Bytes} }

// usageChanges are what transactions that have not ended change, by repository.
type usageChanges map[string]Usage

func (c *usageChanges) add(repositoryID string, u Usage) {
	if u == (Usage{}) {
		return
	}
	if *c == nil {
		*c = usageChanges{}
	}
	(*c)[repositoryID] = (*c)[repositoryID].Add(u)
}

func (c *usageChanges) addAll(other usageChanges) {
	for repositoryID, u := range other {
		c.add(repositoryID, u)
	}
}

// usageKeeping is what transactions that are committed together, one after the
// other, do to the usage of repositories.
type usageKeeping struct {
	counted  usageChanges // by the one that runs
	together usageChanges // by those before it
	moved    bool         // repositories change hands, or their usage is corrected
	sums     *accountSums
}

// count remembers what the transaction does to a repository's usage, which is
// written once at its end.
func (tx *Tx) count(repositoryID string, u Usage) { tx.usage.counted.add(repositoryID, u) }

// countGone counts rows that were deleted: their bytes, and what each was beside.
func (tx *Tx) countGone(repositoryID string, sizes []int64, each Usage) {
	u := Usage{}
	for _, size := range sizes {
		u = u.Add(each).Sub(Usage{Bytes: size})
	}
	tx.count(repositoryID, u)
}

func scanInt(rows *sql.Rows) (n int64, err error) {
	err = rows.Scan(&n)
	return n, err
}

// uncounted is what the database does not show of a repository yet.
func (tx *Tx) uncounted(repositoryID string) Usage {
	return tx.usage.together[repositoryID].Add(tx.usage.counted[repositoryID])
}

// saveUsage writes what transactions have changed, in an order which keeps those
// that write to the same rows from waiting for each other in a circle. It is the
// last thing before the commit. A repository that is gone has no usage.
func (q queries) saveUsage(ctx context.Context, changes usageChanges, slot int) error {
	for _, id := range slices.Sorted(maps.Keys(changes)) {
		u := changes[id]
		if u == (Usage{}) {
			continue
		}
		_, err := q.exec(ctx, `INSERT INTO repository_usage (repository_id, slot, images, blobs, bytes, counted_at)
			SELECT id, $2::bigint, $3::bigint, $4::bigint, $5::bigint, 0 FROM repositories WHERE id = $1
			ON CONFLICT (repository_id, slot) DO UPDATE SET images = repository_usage.images + excluded.images,
				blobs = repository_usage.blobs + excluded.blobs, bytes = repository_usage.bytes + excluded.bytes`,
			id, slot, u.Images, u.Blobs, u.Bytes)
		if err != nil {
			return err
		}
	}
	return nil
}

// RepositoryUsage returns how much a repository holds.
func (q queries) RepositoryUsage(ctx context.Context, repositoryID string) (u Usage, err error) {
	err = q.get(ctx, `SELECT COALESCE(SUM(images), 0), COALESCE(SUM(blobs), 0), COALESCE(SUM(bytes), 0)
		FROM repository_usage WHERE repository_id = $1`, []any{repositoryID}, u.fields()...)
	return u, err
}

// RepositoryUsage is that of the store, with what the transaction has changed.
func (tx *Tx) RepositoryUsage(ctx context.Context, repositoryID string) (Usage, error) {
	u, err := tx.queries.RepositoryUsage(ctx, repositoryID)
	return u.Add(tx.uncounted(repositoryID)), err
}

// AccountUsage returns how many repositories an account has, in all regions, and
// how much they hold.
func (q queries) AccountUsage(ctx context.Context, account string) (repositories int64, u Usage, err error) {
	err = q.get(ctx, `SELECT COUNT(DISTINCT r.id), COALESCE(SUM(u.images), 0), COALESCE(SUM(u.blobs), 0), COALESCE(SUM(u.bytes), 0)
		FROM repositories r LEFT JOIN repository_usage u ON u.repository_id = r.id WHERE r.account = $1`,
		[]any{account}, append([]any{&repositories}, u.fields()...)...)
	return repositories, u, err
}

// CountRepositories returns how many repositories a registry has, at most limit.
func (q queries) CountRepositories(ctx context.Context, account, region string, limit int64) (n int64, err error) {
	err = q.get(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM repositories WHERE account = $1 AND region = $2 LIMIT $3) AS found`,
		[]any{account, region, limit}, &n)
	return n, err
}

// RepositoryIDs returns ids of repositories after the given one, in order,
// deleted ones too.
func (q queries) RepositoryIDs(ctx context.Context, after string, limit int) ([]string, error) {
	return list(ctx, q, scanString, `SELECT id FROM repositories WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
}

// A UsageCount is a repository's usage as it was kept and as it is, both at one
// moment, so that the difference is right whatever happens meanwhile.
type UsageCount struct {
	Kept, Actual Usage
	CountedAt    int64 // Unix milliseconds, see [Tx.CorrectUsage]
}

// CountUsage reads all that a repository holds.
func (q queries) CountUsage(ctx context.Context, repositoryID string) (c UsageCount, err error) {
	var manifests int64
	err = q.get(ctx, `SELECT k.images, k.blobs, k.bytes, k.counted_at, m.images, m.bytes, l.blobs, l.bytes
		FROM (SELECT COALESCE(SUM(images), 0) AS images, COALESCE(SUM(blobs), 0) AS blobs, COALESCE(SUM(bytes), 0) AS bytes,
				COALESCE(MAX(counted_at), 0) AS counted_at FROM repository_usage WHERE repository_id = $1) AS k,
			(SELECT COUNT(*) AS images, COALESCE(SUM(size), 0) AS bytes FROM manifests WHERE repository_id = $1) AS m,
			(SELECT COUNT(*) AS blobs, COALESCE(SUM(size), 0) AS bytes FROM repository_blobs WHERE repository_id = $1) AS l`,
		[]any{repositoryID}, &c.Kept.Images, &c.Kept.Blobs, &c.Kept.Bytes, &c.CountedAt, &c.Actual.Images, &manifests, &c.Actual.Blobs, &c.Actual.Bytes)
	c.Actual.Bytes += manifests
	return c, err
}

// CorrectUsage adds to a repository's usage what it lacked when it was counted,
// and reports whether it did: not when it was corrected since.
func (tx *Tx) CorrectUsage(ctx context.Context, repositoryID string, c UsageCount, now int64) (bool, error) {
	lacks := c.Actual.Sub(c.Kept)
	tx.usage.moved = true
	n, err := tx.exec(ctx, `INSERT INTO repository_usage (repository_id, slot, images, blobs, bytes, counted_at)
		SELECT id, 0, $2::bigint, $3::bigint, $4::bigint, $5::bigint FROM repositories WHERE id = $1
		ON CONFLICT (repository_id, slot) DO UPDATE SET images = repository_usage.images + excluded.images,
			blobs = repository_usage.blobs + excluded.blobs, bytes = repository_usage.bytes + excluded.bytes, counted_at = excluded.counted_at
		WHERE repository_usage.counted_at = $6`, repositoryID, lacks.Images, lacks.Blobs, lacks.Bytes, max(now, c.CountedAt+1), c.CountedAt)
	return n == 1, err
}
