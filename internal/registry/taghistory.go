package registry

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// A TagChange is an entry of a tag's history.
type TagChange struct {
	Sequence int64      // of the tag: 1, 2, …
	Digest   string     // what it points at since then; "" is nothing, the tag was removed
	Image    ImageState // of the digest, now; "" without one
	Actor    string     // ARN
	At       time.Time
}

// An ImageState says whether an image that once was can be had.
type ImageState string

// The states.
const (
	ImageExists     ImageState = "EXISTS"
	ImageRestorable ImageState = "RESTORABLE" // it was deleted not long ago
	ImageGone       ImageState = "GONE"
)

// atSequence is the kind of positions in a tag's history.
const atSequence = "sequence"

// TagHistory returns what happened to a tag, newest first, at most limit. Of a
// tag that never was there is nothing.
func (r *Registry) TagHistory(ctx context.Context, n RepositoryName, tag string, after Cursor, limit int) (changes []TagChange, next Cursor, err error) {
	before := int64(math.MaxInt64)
	if after != (Cursor{}) {
		if before, err = strconv.ParseInt(after.Key, 10, 64); err != nil || after.Kind != atSequence {
			return nil, Cursor{}, foreignPosition()
		}
	}
	repositoryID, err := r.repositoryID(ctx, n)
	if err != nil {
		return nil, Cursor{}, err
	}
	rows, err := r.store.TagHistory(ctx, repositoryID, tag, before, limit+1)
	if err != nil {
		return nil, Cursor{}, fmt.Errorf("read tag history: %w", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = Cursor{atSequence, strconv.FormatInt(rows[limit-1].Seq, 10)}
	}
	changes = make([]TagChange, len(rows))
	var digests []string
	for i, row := range rows {
		changes[i] = TagChange{Sequence: row.Seq, Digest: row.Digest, Actor: row.Actor, At: time.UnixMilli(row.At)}
		if row.Digest != "" {
			digests = append(digests, row.Digest)
		}
	}
	states, err := r.imageStates(ctx, repositoryID, digests)
	if err != nil {
		return nil, Cursor{}, err
	}
	for i := range changes {
		changes[i].Image = states[changes[i].Digest]
	}
	return changes, next, nil
}

// imageStates returns the state of each of the digests.
func (r *Registry) imageStates(ctx context.Context, repositoryID string, digests []string) (map[string]ImageState, error) {
	slices.Sort(digests)
	digests = slices.Compact(digests)
	exist, err := r.store.ManifestSizes(ctx, repositoryID, digests)
	if err != nil {
		return nil, fmt.Errorf("find images: %w", err)
	}
	restorable, err := r.store.RestorableDigests(ctx, repositoryID, digests, r.restorableSince())
	if err != nil {
		return nil, fmt.Errorf("find deleted images: %w", err)
	}
	states := make(map[string]ImageState, len(digests))
	for _, digest := range digests {
		_, exists := exist[digest]
		switch {
		case exists:
			states[digest] = ImageExists
		case slices.Contains(restorable, digest):
			states[digest] = ImageRestorable
		default:
			states[digest] = ImageGone
		}
	}
	return states, nil
}

// foreignPosition refuses a position that the listing did not give out.
func foreignPosition() *Error {
	return InvalidParameter("nextToken", "must be the nextToken of the previous page of the same request")
}
