package registry

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// A DeletedImage is an image that was deleted and can be restored.
type DeletedImage struct {
	DeletionID        string // UUIDv7; an image may be deleted more than once
	Digest, MediaType string
	ArtifactMediaType string    // the artifactType or the config's media type; "" is none
	Size              int64     // bytes, as [Image] has them
	PushedAt          time.Time // when it first arrived
	Tags              []string  // that went with it
	Actor             string    // who deleted it, an ARN
	DeletedAt         time.Time
	RestorableUntil   time.Time
}

// A DeletedFilter selects deleted images by one of its members; zero is all.
type DeletedFilter struct{ Digest, Tag string }

// atDeletion is the kind of positions in what was deleted.
const atDeletion = "deletion"

// afterAllIDs sorts after every id.
const afterAllIDs = "~"

// DeletedImages returns what can be restored in a repository, newest deletion
// first, at most limit.
func (r *Registry) DeletedImages(ctx context.Context, n RepositoryName, filter DeletedFilter, after Cursor, limit int) (deleted []DeletedImage, next Cursor, err error) {
	repositoryID, err := r.repositoryID(ctx, n)
	if err != nil {
		return nil, Cursor{}, err
	}
	before := afterAllIDs
	if after != (Cursor{}) {
		if before = after.Key; after.Kind != atDeletion {
			return nil, Cursor{}, foreignPosition()
		}
	}
	var rows []store.DeletedImage
	since := r.restorableSince()
	switch {
	case filter.Digest != "":
		rows, err = r.store.DeletedImagesOf(ctx, repositoryID, filter.Digest, before, since, limit+1)
	case filter.Tag != "":
		rows, err = r.store.DeletedImagesTagged(ctx, repositoryID, filter.Tag, before, since, limit+1)
	default:
		rows, err = r.store.DeletedImages(ctx, repositoryID, before, since, limit+1)
	}
	if err != nil {
		return nil, Cursor{}, fmt.Errorf("list deleted images: %w", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = Cursor{atDeletion, rows[limit-1].ID}
	}
	deleted, err = r.withDeletedTags(ctx, rows)
	return deleted, next, err
}

// DeletedTags returns the id of a deletion, the newest one of the digest when
// none is given, and the tags that its restoration brings back. There are none
// for what does not exist.
func (r *Registry) DeletedTags(ctx context.Context, n RepositoryName, digest, deletionID string) (id string, tags []string, err error) {
	repositoryID, err := r.store.RepositoryID(ctx, n.Registry.Account, n.Registry.Region, n.Name)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("find repository: %w", err)
	}
	found, err := r.findDeleted(ctx, repositoryID, digest, deletionID)
	if err != nil {
		return "", nil, fmt.Errorf("find deleted image: %w", err)
	}
	if len(found) == 0 {
		return "", nil, nil
	}
	of, err := r.store.TagsOfDeletions(ctx, []string{found[0].ID})
	if err != nil {
		return "", nil, fmt.Errorf("list tags of deleted image: %w", err)
	}
	return found[0].ID, of[found[0].ID], nil
}

func (r *Registry) findDeleted(ctx context.Context, repositoryID, digest, deletionID string) ([]store.DeletedImage, error) {
	if deletionID != "" {
		return r.store.DeletedImageByID(ctx, repositoryID, deletionID, r.restorableSince())
	}
	return r.store.DeletedImagesOf(ctx, repositoryID, digest, afterAllIDs, r.restorableSince(), 1)
}

func (r *Registry) withDeletedTags(ctx context.Context, rows []store.DeletedImage) ([]DeletedImage, error) {
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	tags, err := r.store.TagsOfDeletions(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("list tags of deleted images: %w", err)
	}
	deleted := make([]DeletedImage, len(rows))
	for i, row := range rows {
		at := time.UnixMilli(row.DeletedAt)
		deleted[i] = DeletedImage{
			DeletionID: row.ID, Digest: row.Digest, MediaType: row.MediaType, ArtifactMediaType: row.ArtifactType, Size: row.ImageSize,
			PushedAt: time.UnixMilli(row.PushedAt), Tags: tags[row.ID], Actor: row.Actor, DeletedAt: at, RestorableUntil: at.Add(r.window),
		}
	}
	return deleted, nil
}

// A DeletedRepository is a repository that was deleted and can be restored.
type DeletedRepository struct {
	RepositoryName
	ID              string // that it had and will have
	Actor           string // who deleted it, an ARN
	DeletedAt       time.Time
	RestorableUntil time.Time
}

// DeletedRepositories returns what can be restored of a registry, newest deletion
// first, at most limit; with a name, only repositories that had it.
func (r *Registry) DeletedRepositories(ctx context.Context, id ID, name string, after Cursor, limit int) (deleted []DeletedRepository, next Cursor, err error) {
	before, beforeID := int64(math.MaxInt64), afterAllIDs
	if after != (Cursor{}) {
		at, last, _ := strings.Cut(after.Key, "/")
		if before, err = strconv.ParseInt(at, 10, 64); err != nil || after.Kind != atDeletion {
			return nil, Cursor{}, foreignPosition()
		}
		beforeID = last
	}
	var rows []store.DeletedRepository
	if name == "" {
		rows, err = r.store.DeletedRepositories(ctx, id.Account, id.Region, before, beforeID, r.restorableSince(), limit+1)
	} else {
		rows, err = r.store.DeletedRepositoriesNamed(ctx, id.Account, id.Region, name, before, beforeID, r.restorableSince(), limit+1)
	}
	if err != nil {
		return nil, Cursor{}, fmt.Errorf("list deleted repositories: %w", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		next = Cursor{atDeletion, strconv.FormatInt(last.DeletedAt, 10) + "/" + last.ID}
	}
	deleted = make([]DeletedRepository, len(rows))
	for i, row := range rows {
		at := time.UnixMilli(row.DeletedAt)
		deleted[i] = DeletedRepository{
			RepositoryName: RepositoryName{Registry: ID{Account: row.Account, Region: row.Region}, Name: row.Name},
			ID:             row.ID, Actor: row.Actor, DeletedAt: at, RestorableUntil: at.Add(r.window),
		}
	}
	return deleted, next, nil
}
