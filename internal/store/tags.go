package store

import (
	"context"
	"database/sql"
)

// A Tag is a name and the manifest that it points at.
type Tag struct{ Name, Digest string }

func scanTag(rows *sql.Rows) (t Tag, err error) {
	err = rows.Scan(&t.Name, &t.Digest)
	return t, err
}

// Tags returns a repository's tags with a name after the given one, in order.
func (q queries) Tags(ctx context.Context, repositoryID, after string, limit int) ([]Tag, error) {
	return list(ctx, q, scanTag, `SELECT name, digest FROM tags WHERE repository_id = $1 AND name > $2 ORDER BY name LIMIT $3`, repositoryID, after, limit)
}

// A FoundTag is a tag with the manifest that it points at, and who pointed it
// there, when.
type FoundTag struct {
	Name, Digest, MediaType string
	ArtifactType            string // "" is none
	Size                    int64  // of the image
	PushedAt                int64  // Unix milliseconds
	Actor                   string // ARN
	At                      int64  // Unix milliseconds
}

func scanFoundTag(rows *sql.Rows) (t FoundTag, err error) {
	var artifact sql.NullString
	err = rows.Scan(&t.Name, &t.Digest, &t.MediaType, &artifact, &t.Size, &t.PushedAt, &t.Actor, &t.At)
	t.ArtifactType = artifact.String
	return t, err
}

// TagsBetween returns a repository's tags with names from one and before another,
// in order.
func (q queries) TagsBetween(ctx context.Context, repositoryID, from, before string, limit int) ([]FoundTag, error) {
	return list(ctx, q, scanFoundTag, `SELECT t.name, t.digest, m.media_type, m.artifact_type, m.image_size, m.pushed_at, COALESCE(h.actor, ''), COALESCE(h.at, t.updated_at)
		FROM tags t JOIN manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest
			LEFT JOIN tag_history h ON h.repository_id = t.repository_id AND h.name = t.name
				AND h.seq = (SELECT MAX(l.seq) FROM tag_history l WHERE l.repository_id = t.repository_id AND l.name = t.name)
		WHERE t.repository_id = $1 AND t.name >= $2 AND t.name < $3 ORDER BY t.name LIMIT $4`,
		repositoryID, from, before, limit)
}

// TagsOf returns the tags that point at one of the digests, in the order of
// digest and name.
func (q queries) TagsOf(ctx context.Context, repositoryID string, digests []string) ([]Tag, error) {
	return list(ctx, q, scanTag, `SELECT name, digest FROM tags WHERE repository_id = $1 AND digest IN (SELECT value FROM json_each($2)) ORDER BY digest, name`,
		repositoryID, jsonList(digests))
}

// TagDigest returns the digest that a tag points at, or [ErrNotFound].
func (q queries) TagDigest(ctx context.Context, repositoryID, name string) (digest string, err error) {
	err = q.get(ctx, `SELECT digest FROM tags WHERE repository_id = $1 AND name = $2`, []any{repositoryID, name}, &digest)
	return digest, err
}

// CountTags returns how many tags point at a manifest.
func (q queries) CountTags(ctx context.Context, repositoryID, digest string) (n int, err error) {
	err = q.get(ctx, `SELECT COUNT(*) FROM tags WHERE repository_id = $1 AND digest = $2`, []any{repositoryID, digest}, &n)
	return n, err
}

// PutTag points a tag at a manifest. A tag that exists moves only if it may;
// PutTag reports whether it points there now. The condition is part of the
// statement that writes, so that of concurrent pushes one wins.
func (tx *Tx) PutTag(ctx context.Context, repositoryID, name, digest string, mayMove bool, now int64) (bool, error) {
	n, err := tx.exec(ctx, `INSERT INTO tags (repository_id, name, digest, updated_at) VALUES ($1,$2,$3,$4)
		ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at
		WHERE $5 OR tags.digest = excluded.digest`, repositoryID, name, digest, now, mayMove)
	return n == 1, err
}

// DeleteTag removes a tag, and reports whether it was there.
func (tx *Tx) DeleteTag(ctx context.Context, repositoryID, name string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM tags WHERE repository_id = $1 AND name = $2`, repositoryID, name)
	return n == 1, err
}

// RecordTag adds to a tag's history that actor pointed it at a digest, or
// removed it (digest ""). The caller has locked the repository, so that the
// sequence has no race.
func (tx *Tx) RecordTag(ctx context.Context, repositoryID, name, digest, actor string, now int64) error {
	_, err := tx.exec(ctx, `INSERT INTO tag_history (repository_id, name, seq, digest, actor, at)
		SELECT $1::text, $2::text, COALESCE(MAX(seq), 0) + 1, $3::text, $4::text, $5::bigint FROM tag_history WHERE repository_id = $1 AND name = $2`,
		repositoryID, name, null(digest), actor, now)
	return err
}

// A TagChange is one entry of a tag's history.
type TagChange struct {
	Seq    int64
	Digest string // "" is the tag's removal
	Actor  string // ARN
	At     int64  // Unix milliseconds
}

func scanTagChange(rows *sql.Rows) (c TagChange, err error) {
	var digest sql.NullString
	err = rows.Scan(&c.Seq, &digest, &c.Actor, &c.At)
	c.Digest = digest.String
	return c, err
}

// TagHistory returns what happened to a tag before an entry, newest first.
func (q queries) TagHistory(ctx context.Context, repositoryID, name string, before int64, limit int) ([]TagChange, error) {
	return list(ctx, q, scanTagChange, `SELECT seq, digest, actor, at FROM tag_history
		WHERE repository_id = $1 AND name = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4`, repositoryID, name, before, limit)
}

// TagChangeBefore returns the last entry of a tag's history before a time in Unix
// milliseconds, or [ErrNotFound].
func (q queries) TagChangeBefore(ctx context.Context, repositoryID, name string, at int64) (TagChange, error) {
	return q.first(ctx, `SELECT seq, digest, actor, at FROM tag_history
		WHERE repository_id = $1 AND name = $2 AND at < $3 ORDER BY seq DESC LIMIT 1`, repositoryID, name, at)
}

// TagChange returns an entry of a tag's history, or [ErrNotFound].
func (q queries) TagChange(ctx context.Context, repositoryID, name string, seq int64) (TagChange, error) {
	return q.first(ctx, `SELECT seq, digest, actor, at FROM tag_history WHERE repository_id = $1 AND name = $2 AND seq = $3`, repositoryID, name, seq)
}

func (q queries) first(ctx context.Context, statement string, args ...any) (TagChange, error) {
	changes, err := list(ctx, q, scanTagChange, statement, args...)
	if err == nil && len(changes) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return TagChange{}, err
	}
	return changes[0], nil
}
