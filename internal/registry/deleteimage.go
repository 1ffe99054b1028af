package registry

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/event"
	"github.com/nifuda/nifuda/internal/store"
)

// An ImageFailure says why one of several images was not found or deleted, in
// ECR's codes for that (spec B.0, ImageFailure).
type ImageFailure struct {
	ID           ImageID
	Code, Reason string
}

// DeleteImages deletes as ECR's BatchDeleteImage does, one id after the other:
// a digest with all its tags; a tag, and with the last tag the image. Both
// together mean the tag, which must point at the digest. seen, which may be
// nil, holds for an id without a tag.
func (r *Registry) DeleteImages(ctx context.Context, n RepositoryName, ids []ImageID, seen *SeenTags, actor string) (deleted []ImageID, failures []ImageFailure, err error) {
	if _, err := r.repositoryID(ctx, n); err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		d := r.batchDeletion(n, id, seen, actor)
		failure, err := failureOf(id, r.delete(ctx, d))
		switch {
		case err != nil:
			return nil, nil, err
		case failure != nil:
			failures = append(failures, *failure)
		default:
			deleted = append(deleted, d.deleted...)
		}
	}
	return deleted, failures, nil
}

// batchDeletion is one deletion of a batch.
func (r *Registry) batchDeletion(n RepositoryName, id ImageID, seen *SeenTags, actor string) *deletion {
	return &deletion{Repository: n, actor: actor, now: r.millis(), restorable: r.window > 0, ImageID: id, withLastTag: true, seen: seen}
}

// failureOf is what a batch answers of a deletion that is refused, while the rest
// goes on. Any other error ends it.
func failureOf(id ImageID, err error) (*ImageFailure, error) {
	refusal, refused := errors.AsType[*Error](err)
	switch {
	case refused && refusal.Code == CodeImageReferenced:
		return &ImageFailure{id, string(CodeImageReferenced), refusal.Message}, nil
	case refused && refusal.Code == CodeImageNotFound:
		return &ImageFailure{id, "ImageNotFound", "Requested image not found"}, nil
	}
	return nil, err
}

// DeleteManifest deletes an image and its tags (OCI distribution-spec, deleting
// manifests), whose tags are those seen, if any were. It refuses with
// ImageReferencedByManifestList, ImageNotFound and TagsChanged.
func (r *Registry) DeleteManifest(ctx context.Context, n RepositoryName, digest string, seen *SeenTags, actor string) error {
	return r.delete(ctx, &deletion{Repository: n, actor: actor, now: r.millis(), restorable: r.window > 0, ImageID: ImageID{Digest: digest}, seen: seen})
}

// DeleteTag removes a tag and leaves the image (OCI distribution-spec, deleting
// tags). It refuses with ImageNotFound.
func (r *Registry) DeleteTag(ctx context.Context, n RepositoryName, tag, actor string) error {
	return r.delete(ctx, &deletion{Repository: n, actor: actor, now: r.millis(), restorable: r.window > 0, ImageID: ImageID{Tag: tag}})
}

func (r *Registry) delete(ctx context.Context, d *deletion) error {
	err := r.update(ctx, d.Repository, func(ctx context.Context, tx *store.Tx) error {
		if err := d.run(ctx, tx); err != nil {
			return err
		}
		return r.wantCollection(ctx, tx)
	})
	if err == nil {
		return nil
	}
	if store.IsForeignKey(err) {
		// An index that refers to the image was pushed at the same moment.
		parents, err := r.store.Parents(ctx, d.repositoryID, d.digest)
		if err != nil {
			return r.explain("delete image", d.Repository, err)
		}
		return referencedByManifestList(parents)
	}
	return r.explain("delete image", d.Repository, err)
}

// A deletion is one run of a delete. The database may run it more than once.
type deletion struct {
	Repository RepositoryName
	actor      string
	now        int64
	ImageID
	withLastTag bool // an image goes with its last tag
	restorable  bool // an image is kept for a while
	seen        *SeenTags

	// Set by run.
	repositoryID string
	digest       string
	deleted      []ImageID
	imageDeleted bool
}

func (d *deletion) run(ctx context.Context, tx *store.Tx) error {
	d.digest, d.deleted, d.imageDeleted = d.Digest, nil, false
	row, err := tx.LockRepository(ctx, d.Repository.Registry.Account, d.Repository.Registry.Region, d.Repository.Name)
	if err != nil {
		return err
	}
	d.repositoryID = row.ID
	if d.Tag == "" {
		return d.deleteImage(ctx, tx)
	}
	target, err := tx.TagDigest(ctx, d.repositoryID, d.Tag)
	if errors.Is(err, store.ErrNotFound) || err == nil && d.Digest != "" && d.Digest != target {
		return imageNotFound(d.Repository, d.Digest, d.Tag)
	}
	if err != nil {
		return err
	}
	d.digest = target
	return d.deleteTag(ctx, tx)
}

func (d *deletion) deleteTag(ctx context.Context, tx *store.Tx) error {
	tags, err := tx.CountTags(ctx, d.repositoryID, d.digest)
	if err != nil {
		return err
	}
	if tags == 1 && d.withLastTag {
		return d.deleteImage(ctx, tx)
	}
	if err := d.removeTag(ctx, tx, d.Tag); err != nil {
		return err
	}
	if err := d.announce(ctx, tx, event.ImageAction{Tag: d.Tag, TagOnly: true}); err != nil {
		return err
	}
	if tags > 1 {
		return nil
	}
	return tx.SetUntagged(ctx, d.repositoryID, d.digest, true)
}

func (d *deletion) deleteImage(ctx context.Context, tx *store.Tx) error {
	exists, err := tx.HasManifest(ctx, d.repositoryID, d.digest)
	if err != nil {
		return err
	}
	if !exists {
		return imageNotFound(d.Repository, d.Digest, d.Tag)
	}
	parents, err := tx.Parents(ctx, d.repositoryID, d.digest)
	if err != nil {
		return err
	}
	if len(parents) > 0 {
		return referencedByManifestList(parents)
	}
	mediaType, artifactType, err := tx.ManifestMediaTypes(ctx, d.repositoryID, d.digest)
	if err != nil {
		return err
	}
	tags, err := tx.TagsOf(ctx, d.repositoryID, []string{d.digest})
	if err != nil {
		return err
	}
	if d.Tag == "" {
		if err := d.seen.allow(tags); err != nil {
			return err
		}
	}
	for _, t := range tags {
		if err := d.removeTag(ctx, tx, t.Name); err != nil {
			return err
		}
		if err := d.announce(ctx, tx, event.ImageAction{Tag: t.Name, ManifestMediaType: mediaType, ArtifactMediaType: artifactType}); err != nil {
			return err
		}
	}
	if len(tags) == 0 {
		d.deleted = append(d.deleted, ImageID{Digest: d.digest})
		if err := d.announce(ctx, tx, event.ImageAction{ManifestMediaType: mediaType, ArtifactMediaType: artifactType}); err != nil {
			return err
		}
	}
	if err := d.keep(ctx, tx, tags); err != nil {
		return err
	}
	d.imageDeleted = true
	return tx.DeleteManifest(ctx, d.repositoryID, d.digest)
}

// keep puts the image where it can be restored from, or, without a time in which
// it could be, forgets its pulls and has its layers looked at.
func (d *deletion) keep(ctx context.Context, tx *store.Tx, tags []store.Tag) error {
	if !d.restorable {
		if err := tx.ForgetPulls(ctx, d.repositoryID, d.digest); err != nil {
			return err
		}
		return tx.CheckLinksOfManifest(ctx, d.repositoryID, d.digest, d.now)
	}
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = t.Name
	}
	return tx.KeepDeleted(ctx, d.repositoryID, d.digest, newID(), names, d.actor, d.now)
}

func (d *deletion) removeTag(ctx context.Context, tx *store.Tx, tag string) error {
	if _, err := tx.DeleteTag(ctx, d.repositoryID, tag); err != nil {
		return err
	}
	d.deleted = append(d.deleted, ImageID{Digest: d.digest, Tag: tag})
	return tx.RecordTag(ctx, d.repositoryID, tag, "", d.actor, d.now)
}

func (d *deletion) announce(ctx context.Context, tx *store.Tx, a event.ImageAction) error {
	a.Action, a.Digest = event.Delete, digest.Digest(d.digest)
	return recordImageAction(ctx, tx, d.Repository, d.actor, d.now, a)
}
