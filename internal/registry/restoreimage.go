package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/store"
)

// An ImageRestoration says which deleted image to restore.
type ImageRestoration struct {
	Repository RepositoryName
	// Digest means its newest deletion, unless there is a DeletionID. One of them
	// is set.
	Digest, DeletionID string
	WithoutTags        bool
	Actor              string // the caller's ARN
}

// A RestoredImage is what [Registry.RestoreImage] brought back.
type RestoredImage struct {
	Digest string
	// Existed says that the image was there already. Its tags came back even so.
	Existed bool
	Tags    []string // that came back
	// Taken are tags that point at another image meanwhile, and still do.
	Taken []ImageID
	// Children are digests of an index's images that came back before it.
	Children []string
}

// RestoreImage brings a deleted image back, as it was, with its tags as far as
// they have not been given to another image, and before an index those of its
// images that were deleted, without their tags. All of it happens or nothing. It
// refuses with RepositoryNotFound, ImageNotFound, ReferencedImagesNotFound,
// LimitExceeded and UndeleteDisabled.
func (r *Registry) RestoreImage(ctx context.Context, in ImageRestoration) (RestoredImage, error) {
	if r.window <= 0 {
		return RestoredImage{}, r.orRepositoryNotFound(ctx, in.Repository, undeleteDisabled())
	}
	var out RestoredImage
	err := r.update(ctx, in.Repository, func(ctx context.Context, tx *store.Tx) (err error) {
		b := r.bringingBack(in.Repository, in.Actor)
		if b.repository, err = lockRepository(ctx, tx, in.Repository); err != nil {
			return err
		}
		out, err = b.image(ctx, tx, in)
		return err
	})
	if err != nil {
		return RestoredImage{}, r.explain("restore image", in.Repository, err)
	}
	return out, nil
}

// A TagRestoration says which point of its history to restore a tag to.
type TagRestoration struct {
	Repository RepositoryName
	Tag        string
	// Sequence is that of an entry; 0 is the last one before a time instead.
	Sequence int64
	Before   time.Time
	Actor    string // the caller's ARN
}

// A RestoredTag is what [Registry.RestoreTag] did.
type RestoredTag struct {
	Sequence int64  // of the entry
	Digest   string // that the tag points at
	Previous string // that it pointed at before, maybe the same; "" is nothing
	Image    *RestoredImage
}

// RestoreTag points a tag at the image that it pointed at once, and brings the
// image back, without other tags, if it was deleted. A tag moves only where a push
// could move it. RestoreTag refuses with RepositoryNotFound, ImageNotFound,
// ImageTagAlreadyExists, ReferencedImagesNotFound and LimitExceeded.
func (r *Registry) RestoreTag(ctx context.Context, in TagRestoration) (RestoredTag, error) {
	var out RestoredTag
	err := r.update(ctx, in.Repository, func(ctx context.Context, tx *store.Tx) (err error) {
		b := r.bringingBack(in.Repository, in.Actor)
		if b.repository, err = lockRepository(ctx, tx, in.Repository); err != nil {
			return err
		}
		out, err = b.tag(ctx, tx, in)
		return err
	})
	if err != nil {
		return RestoredTag{}, r.explain("restore tag", in.Repository, err)
	}
	return out, nil
}

// A bringingBack is one transaction that restores something in a repository.
type bringingBack struct {
	n          RepositoryName
	actor      string
	now, since int64
	limits     *limits
	repository Repository // locked

	// Set by plan: what comes back in this order, images before their index, and
	// what is not there to come back.
	puts    []*put
	from    []string // deletions
	missing []string // digests
}

func (r *Registry) bringingBack(n RepositoryName, actor string) *bringingBack {
	return &bringingBack{n: n, actor: actor, now: r.millis(), since: r.restorableSince(), limits: r.limits}
}

func (b *bringingBack) image(ctx context.Context, tx *store.Tx, in ImageRestoration) (out RestoredImage, err error) {
	d, payload, err := b.find(ctx, tx, in)
	if errors.Is(err, store.ErrNotFound) {
		return b.nothingToRestore(ctx, tx, in)
	}
	if err != nil {
		return out, err
	}
	tags, err := tx.TagsOfDeletions(ctx, []string{d.ID})
	if err != nil {
		return out, err
	}
	var free []string
	if !in.WithoutTags {
		if free, out.Taken, err = b.sort(ctx, tx, d.Digest, tags[d.ID]); err != nil {
			return out, err
		}
	}
	inserted, children, err := b.run(ctx, tx, d, payload, free)
	out.Digest, out.Existed, out.Tags, out.Children = d.Digest, !inserted, free, children
	return out, err
}

func (b *bringingBack) find(ctx context.Context, tx *store.Tx, in ImageRestoration) (store.DeletedImage, []byte, error) {
	if in.DeletionID != "" {
		return tx.LockDeletedImage(ctx, b.repository.ID, in.DeletionID, b.since)
	}
	return tx.LockNewestDeletedImage(ctx, b.repository.ID, in.Digest, b.since)
}

// nothingToRestore is no refusal where the image is there: whoever restores it
// twice has it.
func (b *bringingBack) nothingToRestore(ctx context.Context, tx *store.Tx, in ImageRestoration) (RestoredImage, error) {
	if in.DeletionID != "" {
		return RestoredImage{}, refuse(CodeImageNotFound, "The deletion with id '%s' in the repository with name '%s' in the registry with id '%s' cannot be undone: there is none, or it is too old, or it was undone",
			in.DeletionID, b.n.Name, b.n.Registry.Account)
	}
	exists, err := tx.HasManifest(ctx, b.repository.ID, in.Digest)
	if err != nil {
		return RestoredImage{}, err
	}
	if !exists {
		return RestoredImage{}, notRestorable(b.n, in.Digest)
	}
	return RestoredImage{Digest: in.Digest, Existed: true}, nil
}

// sort tells tags that can come back from those that point at another image. One
// that points at this one is neither.
func (b *bringingBack) sort(ctx context.Context, tx *store.Tx, digest string, tags []string) (free []string, taken []ImageID, err error) {
	for _, tag := range tags {
		now, err := tx.TagDigest(ctx, b.repository.ID, tag)
		switch {
		case errors.Is(err, store.ErrNotFound):
			free = append(free, tag)
		case err != nil:
			return nil, nil, err
		case now != digest:
			taken = append(taken, ImageID{Digest: now, Tag: tag})
		}
	}
	return free, taken, nil
}

func (b *bringingBack) tag(ctx context.Context, tx *store.Tx, in TagRestoration) (out RestoredTag, err error) {
	change, err := b.change(ctx, tx, in)
	if err != nil {
		return out, err
	}
	out.Sequence, out.Digest = change.Seq, change.Digest
	if out.Previous, err = tx.TagDigest(ctx, b.repository.ID, in.Tag); err != nil && !errors.Is(err, store.ErrNotFound) {
		return out, err
	}
	m, _, err := tx.ManifestByDigest(ctx, b.n.Registry.Account, b.n.Registry.Region, b.n.Name, change.Digest)
	if err == nil {
		p, err := b.put(m.Payload, m.MediaType, m.Digest, b.now, []string{in.Tag})
		if err != nil {
			return out, err
		}
		return out, p.into(ctx, tx, b.repository)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return out, err
	}
	d, payload, err := tx.LockNewestDeletedImage(ctx, b.repository.ID, change.Digest, b.since)
	if errors.Is(err, store.ErrNotFound) {
		return out, notRestorable(b.n, change.Digest)
	}
	if err != nil {
		return out, err
	}
	_, children, err := b.run(ctx, tx, d, payload, []string{in.Tag})
	out.Image = &RestoredImage{Digest: d.Digest, Tags: []string{in.Tag}, Children: children}
	return out, err
}

// change finds the entry of the tag's history, which must have an image.
func (b *bringingBack) change(ctx context.Context, tx *store.Tx, in TagRestoration) (change store.TagChange, err error) {
	if in.Sequence != 0 {
		change, err = tx.TagChange(ctx, b.repository.ID, in.Tag, in.Sequence)
	} else {
		change, err = tx.TagChangeBefore(ctx, b.repository.ID, in.Tag, in.Before.UnixMilli())
	}
	if errors.Is(err, store.ErrNotFound) || err == nil && change.Digest == "" {
		return change, refuse(CodeImageNotFound, "The tag '%s' in the repository with name '%s' in the registry with id '%s' did not point at an image then",
			in.Tag, b.n.Name, b.n.Registry.Account)
	}
	return change, err
}

// run brings back a deleted image with tags, and before it what it refers to. It
// reports whether the image was not there, and which others came back.
func (b *bringingBack) run(ctx context.Context, tx *store.Tx, d store.DeletedImage, payload []byte, tags []string) (inserted bool, children []string, err error) {
	if err := b.plan(ctx, tx, d, payload, tags); err != nil {
		return false, nil, err
	}
	if len(b.missing) > 0 {
		return false, nil, refuse(CodeReferencedImagesNotFound, "The image with digest '%s' cannot be restored in the repository with name '%s' in the registry with id '%s' because images with digests '%s' that it refers to do not exist and cannot be restored",
			d.Digest, b.n.Name, b.n.Registry.Account, joinDigests(b.missing))
	}
	for i, p := range b.puts {
		if err := p.into(ctx, tx, b.repository); err != nil {
			return false, nil, err
		}
		// Only now, when the image holds on to its layers, may the deletion let go.
		if _, err := tx.ForgetDeletedImage(ctx, b.from[i]); err != nil {
			return false, nil, err
		}
		if inserted = p.inserted; i < len(b.puts)-1 {
			children = append(children, p.digest)
		}
	}
	return inserted, children, nil
}

// plan adds a deleted image to what comes back, after what it refers to and lacks.
func (b *bringingBack) plan(ctx context.Context, tx *store.Tx, d store.DeletedImage, payload []byte, tags []string) error {
	p, err := b.put(payload, d.MediaType, d.Digest, d.PushedAt, tags)
	if err != nil {
		return err
	}
	children := p.children()
	there, err := tx.ManifestSizes(ctx, b.repository.ID, children)
	if err != nil {
		return err
	}
	for _, child := range children {
		_, exists := there[child]
		planned := slices.ContainsFunc(b.puts, func(p *put) bool { return p.digest == child })
		if exists || planned || slices.Contains(b.missing, child) {
			continue
		}
		deleted, payload, err := tx.LockNewestDeletedImage(ctx, b.repository.ID, child, b.since)
		if errors.Is(err, store.ErrNotFound) {
			b.missing = append(b.missing, child)
			continue
		}
		if err != nil {
			return err
		}
		if err := b.plan(ctx, tx, deleted, payload, nil); err != nil {
			return err
		}
	}
	b.puts, b.from = append(b.puts, p), append(b.from, d.ID)
	return nil
}

// put is a push of what was there before.
func (b *bringingBack) put(payload []byte, mediaType, digest string, pushedAt int64, tags []string) (*put, error) {
	if !manifest.HasDigest(payload, digest) {
		return nil, imageDamaged(b.n, digest)
	}
	m, err := manifest.Parse(payload, mediaType)
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", digest, err)
	}
	in := NewImage{Repository: b.n, Payload: payload, MediaType: mediaType, Tags: tags, Actor: b.actor}
	return &put{NewImage: in, manifest: m, digest: digest, now: b.now, pushedAt: pushedAt, restored: true, limits: b.limits}, nil
}

func notRestorable(n RepositoryName, digest string) *Error {
	return refuse(CodeImageNotFound, "The image with digest '%s' cannot be restored in the repository with name '%s' in the registry with id '%s': it was not deleted there, or too long ago, or one of its layers was",
		digest, n.Name, n.Registry.Account)
}

func undeleteDisabled() *Error {
	return refuse(CodeUndeleteDisabled, "Nothing can be restored: this server keeps nothing that is deleted (its setting undelete-window is 0)")
}
