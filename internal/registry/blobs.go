package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/seal"
	"github.com/nifuda/nifuda/internal/store"
)

// A Blob is a layer or a config of a repository.
type Blob struct {
	Digest string
	Size   int64 // bytes
	// MediaType is the one that some manifest gives the blob, else docker's for
	// layers; only CheckBlobs sets it.
	MediaType string
}

// defaultLayerMediaType is shown for a blob that no manifest refers to yet.
const defaultLayerMediaType = "application/vnd.docker.image.rootfs.diff.tar.gzip"

// A client that is told that a blob exists may rely on it without uploading
// it. The link is touched then, unless it was in this part of the grace period
// after which an unused blob may be collected.
const touchPart = 10

// CheckBlob returns a repository's blob and keeps it from being collected, or
// refuses with LayersNotFound, also when the blob is damaged, or with
// RepositoryNotFound. It asks for no key: a client looks for what it need not
// upload, and is told at its next step, whose answer has a body to tell it in.
func (r *Registry) CheckBlob(ctx context.Context, n RepositoryName, digest string) (Blob, error) {
	repositoryID, link, err := r.store.BlobLink(ctx, n.Registry.Account, n.Registry.Region, n.Name, digest)
	if err != nil {
		return Blob{}, r.explainMissingBlob(ctx, n, digest, err)
	}
	if link.Damaged { // the client uploads it again, which repairs it
		return Blob{}, layerNotFound(n, digest)
	}
	if err := r.touch(ctx, repositoryID, []store.BlobLink{link}); err != nil {
		return Blob{}, r.explainMissingBlob(ctx, n, digest, err)
	}
	return Blob{Digest: digest, Size: link.Size}, nil
}

// CheckBlobs is CheckBlob for many; blobs that the repository lacks or that are
// damaged are absent from the result.
func (r *Registry) CheckBlobs(ctx context.Context, n RepositoryName, digests []string) (map[string]Blob, error) {
	repositoryID, err := r.repositoryID(ctx, n)
	if err != nil {
		return nil, err
	}
	links, err := r.touchable(ctx, repositoryID, digests)
	if err != nil {
		return nil, fmt.Errorf("check blobs: %w", err)
	}
	found := make(map[string]Blob, len(links))
	for _, l := range links {
		mediaType, err := r.store.BlobMediaType(ctx, repositoryID, l.Digest)
		if errors.Is(err, store.ErrNotFound) {
			mediaType, err = defaultLayerMediaType, nil
		}
		if err != nil {
			return nil, fmt.Errorf("check blobs: %w", err)
		}
		found[l.Digest] = Blob{Digest: l.Digest, Size: l.Size, MediaType: mediaType}
	}
	return found, nil
}

// touchable returns those of the digests that a repository can give, and keeps
// them from being collected.
func (r *Registry) touchable(ctx context.Context, repositoryID string, digests []string) ([]store.BlobLink, error) {
	for {
		links, err := r.store.BlobLinks(ctx, repositoryID, digests)
		if err != nil {
			return nil, err
		}
		links = slices.DeleteFunc(links, func(l store.BlobLink) bool { return l.Damaged })
		// One that was collected since they were read is absent the next time.
		if err := r.touch(ctx, repositoryID, links); !errors.Is(err, store.ErrNotFound) {
			return links, err
		}
	}
}

// touch keeps linked blobs from being collected. One that was collected just
// now makes it fail with [store.ErrNotFound].
func (r *Registry) touch(ctx context.Context, repositoryID string, links []store.BlobLink) error {
	now := r.millis()
	var stale []string
	for _, l := range links {
		if now-l.TouchedAt >= (r.grace / touchPart).Milliseconds() {
			stale = append(stale, l.Digest)
		}
	}
	if stale == nil || r.store.ReadOnly() { // where nothing is collected
		return nil
	}
	return r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
		for _, digest := range stale {
			touched, err := tx.TouchBlob(ctx, repositoryID, digest, now)
			if err != nil {
				return err
			}
			if !touched {
				return store.ErrNotFound
			}
		}
		return nil
	})
}

// A Content is a blob and its bytes. It reads from an *os.File where the blob
// store has files.
type Content struct {
	Digest string
	Size   int64 // bytes
	io.ReadSeekCloser
	// URL is where anybody can read the bytes for a while. Then there is nothing
	// to read here.
	URL string
}

// OpenBlob returns a repository's blob, or refuses with LayersNotFound,
// RepositoryNotFound, Kms or Damaged. The caller closes it.
func (r *Registry) OpenBlob(ctx context.Context, n RepositoryName, digest string) (Content, error) {
	return r.openBlob(ctx, n, digest, func(store.Blob) string { return "" })
}

// openBlob asks elsewhere whether the bytes are to be read at an address.
func (r *Registry) openBlob(ctx context.Context, n RepositoryName, digest string, elsewhere func(store.Blob) string) (Content, error) {
	b, damaged, err := r.store.OpenBlob(ctx, n.Registry.Account, n.Registry.Region, n.Name, digest)
	if err != nil {
		return Content{}, r.explainMissingBlob(ctx, n, digest, err)
	}
	var keeper Keeper
	if b.Domain != "" {
		p, err := r.usablePlace(ctx, n)
		if err != nil {
			return Content{}, err
		}
		keeper = p.keeper
	}
	if damaged {
		return Content{}, layerDamaged(n, digest)
	}
	if url := elsewhere(b); url != "" {
		return Content{Digest: digest, Size: b.Size, URL: url}, nil
	}
	content, err := r.open(ctx, keeper, b)
	if errors.Is(err, blob.ErrNotFound) {
		return r.openMoved(ctx, n, keeper, b)
	}
	if errors.Is(err, seal.ErrDamaged) || errors.Is(err, seal.ErrNoHeader) {
		r.log.ErrorContext(ctx, "the bytes of a blob are damaged", "repository", n.ARN(), "digest", digest, "error", err)
		return Content{}, layerDamaged(n, digest)
	}
	if err != nil {
		return Content{}, r.explain("open blob "+digest+" of", n, err)
	}
	return Content{Digest: digest, Size: b.Size, ReadSeekCloser: content}, nil
}

// open returns the bytes of a blob, unsealed.
func (r *Registry) open(ctx context.Context, keeper Keeper, b store.Blob) (io.ReadSeekCloser, error) {
	var key *seal.Key
	if b.Sealing != nil {
		var err error
		if key, err = r.keys.Open(ctx, keeper, b.Sealing); err != nil {
			return nil, fmt.Errorf("open data key: %w", err)
		}
	}
	if b.Location != "" {
		return r.blobs.Open(ctx, blob.Location(b.Location), key, b.Size)
	}
	if key == nil {
		return inlineReader{bytes.NewReader(b.Content)}, nil
	}
	content, err := key.Open(b.Content)
	return inlineReader{bytes.NewReader(content)}, err
}

type inlineReader struct{ *bytes.Reader }

func (inlineReader) Close() error { return nil }

// BlobReferenced returns nil when some image of the repository refers to the
// blob, and otherwise refuses with LayersNotFound, or with LayerInaccessible
// when the blob was uploaded and no image uses it, or with Kms.
func (r *Registry) BlobReferenced(ctx context.Context, n RepositoryName, digest string) error {
	repositoryID, link, err := r.store.BlobLink(ctx, n.Registry.Account, n.Registry.Region, n.Name, digest)
	if err != nil {
		return r.explainMissingBlob(ctx, n, digest, err)
	}
	if link.HasKey {
		if err := r.checkKey(ctx, n); err != nil {
			return err
		}
	}
	if link.Damaged {
		return layerDamaged(n, digest)
	}
	_, err = r.store.BlobMediaType(ctx, repositoryID, digest)
	if errors.Is(err, store.ErrNotFound) {
		return refuse(CodeLayerInaccessible, "The layer with digest '%s' in the repository with name '%s' in the registry with id '%s' is not accessible because no image refers to it",
			digest, n.Name, n.Registry.Account)
	}
	if err != nil {
		return fmt.Errorf("find images of blob: %w", err)
	}
	return nil
}

// MountBlob makes a blob of the source repository, of the same registry, a blob
// of the target too, and reports whether it is one: not when the source lacks
// it, nor when the two repositories' blobs depend on different keys.
func (r *Registry) MountBlob(ctx context.Context, target RepositoryName, source, digest string) (mounted bool, err error) {
	into, err := r.pushPlace(ctx, target)
	if err != nil {
		return false, err
	}
	n := RepositoryName{Registry: target.Registry, Name: source}
	found, err := r.store.RepositoryPlace(ctx, n.Registry.Account, n.Registry.Region, n.Name)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find source repository: %w", err)
	}
	from := placeOf(n, found)
	if from.keeper.domain() != into.keeper.domain() {
		return false, nil
	}
	limits, err := r.limits.of(ctx, r.store, target.Registry.Account, into.id)
	if err != nil {
		return false, err
	}
	err = r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
		if err := limitStorage(ctx, tx, into.id, limits); err != nil {
			return err
		}
		blobID, size, err := tx.LockLinkedBlob(ctx, from.id, digest)
		if err != nil {
			return err
		}
		existed, err := r.link(ctx, tx, into.id, digest, blobID, size)
		if err != nil || existed {
			return err
		}
		return checkStorage(ctx, tx, target, into.id, limits)
	})
	switch {
	case isRefusal(err):
		return false, err
	case err == nil:
		return true, nil
	case errors.Is(err, store.ErrNotFound):
		return false, nil
	case store.IsForeignKey(err):
		return false, repositoryNotFound(target)
	}
	return false, fmt.Errorf("mount blob: %w", err)
}

// link makes a blob a member of a repository, to be looked at after the grace
// period: no image refers to it yet.
func (r *Registry) link(ctx context.Context, tx *store.Tx, repositoryID, digest, blobID string, size int64) (existed bool, err error) {
	now := r.millis()
	isNew, err := tx.LinkBlob(ctx, repositoryID, digest, blobID, size, now)
	if err != nil || !isNew {
		return true, err
	}
	return false, tx.CheckLink(ctx, repositoryID, digest, now+r.grace.Milliseconds())
}

// BlobSources returns names of the registry's repositories that hold a blob, at
// most 100.
func (r *Registry) BlobSources(ctx context.Context, id ID, digest string) ([]string, error) {
	names, err := r.store.BlobRepositories(ctx, id.Account, id.Region, digest, 100)
	if err != nil {
		return nil, fmt.Errorf("find repositories of blob: %w", err)
	}
	return names, nil
}

// DeleteBlob takes a blob out of a repository. One that an image uses is
// refused with LayerReferenced. Deleted images that have it cannot be restored
// from then on.
func (r *Registry) DeleteBlob(ctx context.Context, n RepositoryName, digest string) error {
	repositoryID, err := r.repositoryID(ctx, n)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		err = r.deleteBlob(ctx, repositoryID, digest)
		if !store.IsForeignKey(err) || try == deleteTries {
			break
		}
		// An image has it, or was deleted in between.
		if _, err := r.store.BlobMediaType(ctx, repositoryID, digest); !errors.Is(err, store.ErrNotFound) {
			break
		}
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return layerNotFound(n, digest)
	case store.IsForeignKey(err):
		return refuse(CodeLayerReferenced, "The layer with digest '%s' cannot be deleted because an image in the repository with name '%s' refers to it", digest, n.Name)
	case err != nil:
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

// deleteTries is how often the deletion of a blob is tried while the images that
// have it come and go.
const deleteTries = 20

func (r *Registry) deleteBlob(ctx context.Context, repositoryID, digest string) error {
	return r.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		deletions, err := tx.DeletionsWith(ctx, repositoryID, digest)
		if err != nil {
			return err
		}
		if err := forgetDeletions(ctx, tx, deletions, r.millis()); err != nil {
			return err
		}
		if err := tx.CheckBlob(ctx, repositoryID, digest); err != nil {
			return err
		}
		unlinked, err := tx.UnlinkBlob(ctx, repositoryID, digest)
		if err == nil && !unlinked {
			err = store.ErrNotFound
		}
		if err != nil {
			return err
		}
		return r.wantCollection(ctx, tx)
	})
}

// explainMissingBlob tells a missing repository from a missing blob.
func (r *Registry) explainMissingBlob(ctx context.Context, n RepositoryName, digest string, err error) error {
	if !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("find blob: %w", err)
	}
	if _, err := r.repositoryID(ctx, n); err != nil {
		return err
	}
	return layerNotFound(n, digest)
}
