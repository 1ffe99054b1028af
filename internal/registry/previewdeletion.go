package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// A DeletionPreview is what [Registry.DeleteImages] would do.
type DeletionPreview struct {
	Images     []PreviewedDeletion // in the order in which they are named
	Failures   []ImageFailure
	FreedBytes int64         // of the blobs that no other image of the registry would need
	Restorable time.Duration // for how long it could be undone; 0 is not at all
}

// A PreviewedDeletion is what would go of an image.
type PreviewedDeletion struct {
	Digest       string
	Tags         []string
	ImageDeleted bool
}

// errPreviewed ends a transaction that was run to see what it does.
var errPreviewed = errors.New("it was a preview")

// previewTries is how often a preview is tried while images that refer to others
// come and go.
const previewTries = 20

// PreviewDeletion tells what DeleteImages would do with the same ids, each with the
// tags that were seen of it, and refuses as it does. It does it, all in one
// transaction, which it then undoes: so both know the same rules.
func (r *Registry) PreviewDeletion(ctx context.Context, n RepositoryName, ids []ImageID, seen []*SeenTags, actor string) (DeletionPreview, error) {
	repositoryID, err := r.repositoryID(ctx, n)
	if err != nil {
		return DeletionPreview{}, err
	}
	var p DeletionPreview
	for try := 1; ; try++ {
		err = r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
			p = DeletionPreview{}
			for i, id := range ids {
				if err := p.run(ctx, tx, r.batchDeletion(n, id, seen[i], actor)); err != nil {
					return err
				}
			}
			return errPreviewed
		})
		if !store.IsForeignKey(err) || try == previewTries {
			break
		}
	}
	if !errors.Is(err, errPreviewed) {
		return DeletionPreview{}, r.explain("preview a deletion from", n, err)
	}
	p.Restorable = r.window
	p.FreedBytes, err = r.store.BytesOfOnly(ctx, n.Registry.Account, n.Registry.Region, repositoryID, p.gone())
	if err != nil {
		return DeletionPreview{}, fmt.Errorf("add up what would be freed: %w", err)
	}
	return p, nil
}

func (p *DeletionPreview) run(ctx context.Context, tx *store.Tx, d *deletion) error {
	failure, err := failureOf(d.ImageID, d.run(ctx, tx))
	if err != nil {
		return err
	}
	if failure != nil {
		p.Failures = append(p.Failures, *failure)
		return nil
	}
	at := slices.IndexFunc(p.Images, func(i PreviewedDeletion) bool { return i.Digest == d.digest })
	if at < 0 {
		at = len(p.Images)
		p.Images = append(p.Images, PreviewedDeletion{Digest: d.digest})
	}
	image := &p.Images[at]
	image.ImageDeleted = d.imageDeleted
	for _, id := range d.deleted {
		if id.Tag != "" {
			image.Tags = append(image.Tags, id.Tag)
		}
	}
	return nil
}

// gone are the images that would not be there any more.
func (p *DeletionPreview) gone() (digests []string) {
	for _, image := range p.Images {
		if image.ImageDeleted {
			digests = append(digests, image.Digest)
		}
	}
	return digests
}
