package registry

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"
)

// A FoundTag is a tag with what there is to know of it at a glance.
type FoundTag struct {
	Name, Digest, MediaType string
	ArtifactMediaType       string    // the artifactType or the config's media type; "" is none
	Size                    int64     // bytes, as [Image] has them
	PushedAt                time.Time // the image
	Actor                   string    // who pointed the tag there, an ARN
	At                      time.Time // when
}

// atTagName is the kind of positions among the names of tags.
const atTagName = "name"

// These sort before and after every character that tags have.
const (
	beforeAllTags = "!"
	afterAllTags  = "~"
)

// SearchTags returns the tags that begin with a prefix, in byte order, at most
// limit.
func (r *Registry) SearchTags(ctx context.Context, n RepositoryName, prefix string, after Cursor, limit int) (tags []FoundTag, next Cursor, err error) {
	last, err := hex.DecodeString(after.Key)
	if after != (Cursor{}) && (err != nil || after.Kind != atTagName) {
		return nil, Cursor{}, foreignPosition()
	}
	from := prefix
	if len(last) > 0 {
		from = max(prefix, string(last)+beforeAllTags)
	}
	repositoryID, err := r.repositoryID(ctx, n)
	if err != nil {
		return nil, Cursor{}, err
	}
	rows, err := r.store.TagsBetween(ctx, repositoryID, from, prefix+afterAllTags, limit+1)
	if err != nil {
		return nil, Cursor{}, fmt.Errorf("search tags: %w", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = Cursor{atTagName, hex.EncodeToString([]byte(rows[limit-1].Name))}
	}
	tags = make([]FoundTag, len(rows))
	for i, row := range rows {
		tags[i] = FoundTag{
			Name: row.Name, Digest: row.Digest, MediaType: row.MediaType, ArtifactMediaType: row.ArtifactType, Size: row.Size,
			PushedAt: time.UnixMilli(row.PushedAt), Actor: row.Actor, At: time.UnixMilli(row.At),
		}
	}
	return tags, next, nil
}
