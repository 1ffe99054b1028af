package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/store"
)

// A Part is a piece of an upload.
type Part struct {
	// First is the offset that the client believes the part begins at; nil
	// appends at the end.
	First *int64
	// Length is how many bytes Body has, or -1 if that is not known. It is a hint.
	Length int64
	Body   io.Reader // nil is empty
	// Counted says that an upload may have only so many parts of this kind.
	Counted bool
}

// A Completion ends an upload.
type Completion struct {
	Part // the last one, often empty
	// Digests are what the bytes may hash to; one of them must match.
	Digests []string
	// AllowEmpty takes a blob without bytes, as OCI asks and ECR refuses with
	// EmptyUploadException.
	AllowEmpty bool
	// MinPartSize refuses an upload with a smaller part before the last one
	// with LayerPartTooSmall; 0 takes any.
	MinPartSize int64
}

// A Completed is a blob that an upload has put into a repository.
type Completed struct {
	Blob
	// Existed says that the repository had the blob already: where ECR answers
	// LayerAlreadyExistsException.
	Existed bool
}

// minPartSize is the size that ECR wants of all layer parts but the last.
const minPartSize = 5 << 20

// StartUpload returns the id of a new upload. It writes nothing: an upload
// begins to exist with its first bytes.
func (r *Registry) StartUpload(ctx context.Context, n RepositoryName) (id string, err error) {
	p, err := r.pushPlace(ctx, n)
	if err != nil {
		return "", err
	}
	return r.uploads.make(p.id), nil
}

// UploadSize returns how many bytes of an upload are safe, or refuses with
// UploadNotFound.
func (r *Registry) UploadSize(ctx context.Context, n RepositoryName, id string) (int64, error) {
	p, err := r.place(ctx, n)
	if err != nil {
		return 0, err
	}
	u, err := r.upload(ctx, n, p.id, id)
	if err != nil || u.WriterState == nil {
		return u.Size, err
	}
	// A failed sync costs what was safe before.
	if err := r.blobs.Saved(ctx, u.WriterState); err != nil {
		return 0, r.explainLostUpload(n, id, err)
	}
	return u.Size, nil
}

// AppendUpload adds a part to an upload and returns the upload's new size. A
// part at another offset than the end is refused with InvalidLayerPart. When
// the body breaks, what arrived is kept and the body's error is returned.
func (r *Registry) AppendUpload(ctx context.Context, n RepositoryName, id string, p Part) (size int64, err error) {
	release, err := r.claims.take(ctx, id)
	if err != nil {
		return 0, err
	}
	defer release()
	to, err := r.pushPlace(ctx, n)
	if err != nil {
		return 0, err
	}
	u, unclaim, err := r.takeUpload(ctx, n, to.id, id, p)
	if err != nil {
		return 0, err
	}
	defer unclaim()
	if err := checkOffset(u, p); err != nil {
		return u.Size, err
	}
	allowed, err := r.allow(ctx, n, u, p)
	if err != nil {
		return u.Size, err
	}
	rc, err := r.newReceiver(ctx, to.keeper, u)
	if err != nil {
		return u.Size, r.explainLostUpload(n, id, err)
	}
	rc.bound(allowed, u.Size)
	// The client may be gone by now; what it sent is kept all the same.
	ctx = context.WithoutCancel(ctx)
	received, broken, failed := rc.receive(ctx, p.Body, p.Length)
	if failed != nil || broken != nil && received == 0 {
		return u.Size, errors.Join(r.explainLost(n, id, failed), broken, rc.drop(ctx))
	}
	saved := u
	if err := rc.save(ctx, &saved); err != nil {
		return u.Size, err
	}
	resumed := rc.resumed
	u = saved
	addPart(&u, received)
	u.UpdatedAt = r.millis()
	won, err := r.store.SaveUpload(ctx, u)
	if store.IsForeignKey(err) { // the repository was deleted meanwhile
		return 0, errors.Join(repositoryNotFound(n), r.abandon(ctx, u.WriterState))
	}
	if err != nil {
		return 0, fmt.Errorf("save upload: %w", err)
	}
	if !won {
		size, err := r.losePart(ctx, n, to.id, u, p, resumed)
		return size, errors.Join(err, broken)
	}
	return u.Size, broken
}

// losePart refuses a part because another node was faster to add one. Its bytes
// are dropped, unless they are behind those of an earlier part, where the other
// node's are too. If it was saved after all, and only the answer was lost when the
// database went away, the part is taken.
func (r *Registry) losePart(ctx context.Context, n RepositoryName, repositoryID string, lost store.Upload, p Part, resumed bool) (int64, error) {
	u, err := r.upload(ctx, n, repositoryID, lost.ID)
	if err == nil && isSameState(u, lost) {
		return u.Size, nil
	}
	if !resumed {
		if err := r.abandon(ctx, lost.WriterState); err != nil {
			r.log.WarnContext(ctx, "bytes of an upload left behind", "upload", lost.ID, "error", err)
		}
	}
	if err != nil {
		return 0, err
	}
	if err := checkOffset(u, p); err != nil {
		return u.Size, err
	}
	return u.Size, uploadInUse(lost.ID)
}

// isSameState reports whether two states of an upload are of the same bytes.
func isSameState(one, other store.Upload) bool {
	return one.Size == other.Size && bytes.Equal(one.WriterState, other.WriterState) && bytes.Equal(one.Content, other.Content)
}

func (r *Registry) completeUpload(ctx context.Context, n RepositoryName, id string, c Completion) (Completed, error) {
	release, err := r.claims.take(ctx, id)
	if err != nil {
		return Completed{}, err
	}
	defer release()
	to, err := r.pushPlace(ctx, n)
	if err != nil {
		return Completed{}, err
	}
	u, unclaim, err := r.takeUpload(ctx, n, to.id, id, c.Part)
	if err != nil {
		return Completed{}, err
	}
	defer unclaim()
	if err := checkOffset(u, c.Part); err != nil {
		return Completed{}, err
	}
	return r.complete(ctx, n, to.keeper, u, c)
}

// PutBlob uploads a blob in one request.
func (r *Registry) PutBlob(ctx context.Context, n RepositoryName, c Completion) (Completed, error) {
	to, err := r.pushPlace(ctx, n)
	if err != nil {
		return Completed{}, err
	}
	return r.complete(ctx, n, to.keeper, store.Upload{RepositoryID: to.id}, c)
}

// CancelUpload drops an upload and its bytes.
func (r *Registry) CancelUpload(ctx context.Context, n RepositoryName, id string) error {
	release, err := r.claims.take(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	p, err := r.place(ctx, n)
	if err != nil {
		return err
	}
	u, unclaim, err := r.takeUpload(ctx, n, p.id, id, Part{})
	if err != nil {
		return err
	}
	defer unclaim()
	err = r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
		return r.endUpload(ctx, tx, u)
	})
	if errors.Is(err, errNotEnded) {
		return uploadNotFound(n, id)
	}
	if err != nil {
		return fmt.Errorf("cancel upload: %w", err)
	}
	r.uploads.end(id)
	// The client may be gone by now.
	return r.abandon(context.WithoutCancel(ctx), u.WriterState)
}

// upload returns the state of an upload of the repository.
func (r *Registry) upload(ctx context.Context, n RepositoryName, repositoryID, id string) (store.Upload, error) {
	if parsed, err := uuid.Parse(id); err != nil || parsed.String() != id {
		return store.Upload{}, uploadNotFound(n, id)
	}
	u, err := r.store.Upload(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound) && r.uploads.fresh(id, repositoryID):
		return store.Upload{ID: id, RepositoryID: repositoryID}, nil
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrEnded), err == nil && u.RepositoryID != repositoryID:
		return store.Upload{}, uploadNotFound(n, id)
	case err != nil:
		return store.Upload{}, fmt.Errorf("read upload: %w", err)
	}
	return u, nil
}

// explainLostUpload answers for an upload whose bytes were committed by a
// request that died before it could say so: the client begins anew.
func (r *Registry) explainLostUpload(n RepositoryName, id string, err error) error {
	if errors.Is(err, blob.ErrNotFound) {
		return uploadNotFound(n, id)
	}
	return r.explain("continue an upload to", n, err)
}

// explainLost is explainLostUpload for an upload that was found gone only when
// its bytes were needed; other failures are what they are.
func (r *Registry) explainLost(n RepositoryName, id string, err error) error {
	if id != "" && errors.Is(err, blob.ErrNotFound) {
		return r.explainLostUpload(n, id, err)
	}
	return err
}

// MinChunk is how large the requests of one upload better are; 0 says nothing.
func (r *Registry) MinChunk() int64 { return r.blobs.MinChunk() }

func checkOffset(u store.Upload, p Part) error {
	if p.First == nil || *p.First == u.Size {
		return nil
	}
	e := refuse(CodeInvalidLayerPart, "First byte of the layer part is %d instead of %d", *p.First, u.Size)
	e.LastValidByte = u.Size - 1
	return e
}

func addPart(u *store.Upload, received int64) {
	u.SmallPart = u.SmallPart || u.Parts > 0 && u.LastPart < minPartSize
	u.Parts++
	u.LastPart = received
	u.Size += received
}

// complete receives the last part and commits the blob.
func (r *Registry) complete(ctx context.Context, n RepositoryName, keeper Keeper, u store.Upload, c Completion) (Completed, error) {
	allowed, err := r.allow(ctx, n, u, c.Part)
	if err != nil {
		return Completed{}, r.discardRefused(ctx, u, err)
	}
	rc, err := r.newReceiver(ctx, keeper, u)
	if err != nil {
		return Completed{}, r.explainLostUpload(n, u.ID, err)
	}
	rc.bound(allowed, u.Size)
	ctx = context.WithoutCancel(ctx)
	received, broken, failed := rc.receive(ctx, c.Body, c.Length)
	if err := errors.Join(r.explainLost(n, u.ID, failed), broken); err != nil {
		return Completed{}, r.discardRefused(ctx, u, errors.Join(err, rc.drop(ctx)))
	}
	if received > 0 {
		addPart(&u, received)
	}
	if err := c.check(n, u); err != nil {
		return Completed{}, errors.Join(err, rc.drop(ctx))
	}
	if err := r.wrapAnew(ctx, keeper, rc); err != nil {
		return Completed{}, errors.Join(err, rc.drop(ctx))
	}
	b, err := rc.finish(ctx, c.Digests)
	if err != nil {
		return Completed{}, r.explainLost(n, u.ID, err)
	}
	b.Size, b.Domain = u.Size, keeper.domain()
	existed, err := r.commitBlob(ctx, n, u, b)
	return Completed{Blob: Blob{Digest: b.Digest, Size: b.Size}, Existed: existed}, err
}

// allow returns how large an upload may become, and refuses a part that is known
// to make it larger, or to be one too many, before a byte of it is read.
func (r *Registry) allow(ctx context.Context, n RepositoryName, u store.Upload, p Part) (allowance, error) {
	limits, err := r.limits.of(ctx, r.store, n.Registry.Account, u.RepositoryID)
	if err != nil {
		return allowance{}, err
	}
	if p.Counted {
		if err := checkParts(n, u, limits); err != nil {
			return allowance{}, err
		}
	}
	allowed, err := r.allowance(ctx, n, u.RepositoryID, limits)
	if err != nil {
		return allowance{}, err
	}
	return allowed, allowed.check(u.Size + max(0, p.Length))
}

// discardRefused drops an upload that a quota keeps from becoming a blob, so that
// it takes no space that nobody may use.
func (r *Registry) discardRefused(ctx context.Context, u store.Upload, refusal error) error {
	if e, ok := errors.AsType[*Error](refusal); !ok || e.Code != CodeLimitExceeded || u.ID == "" {
		return refusal
	}
	ctx = context.WithoutCancel(ctx)
	err := r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
		return r.endUpload(ctx, tx, u)
	})
	if errors.Is(err, errNotEnded) { // it is another node's
		return refusal
	}
	if err != nil {
		return errors.Join(refusal, fmt.Errorf("discard upload: %w", err))
	}
	r.uploads.end(u.ID)
	return errors.Join(refusal, r.abandon(ctx, u.WriterState))
}

func (c Completion) check(n RepositoryName, u store.Upload) error {
	switch {
	case u.Size == 0 && !c.AllowEmpty:
		return refuse(CodeEmptyUpload, "The upload with id '%s' in the repository with name '%s' in registry with id '%s' cannot be completed because it does not have any parts",
			u.ID, n.Name, n.Registry.Account)
	case c.MinPartSize > 0 && u.SmallPart:
		return refuse(CodeLayerPartTooSmall, "All layer parts except the last part should be at least 5MB")
	}
	return nil
}

// commitBlob records a blob whose bytes are durable, links it to the repository
// and ends its upload. Of two uploads of one digest the second one's bytes are
// removed, unless the first one's are damaged and they take their place.
func (r *Registry) commitBlob(ctx context.Context, n RepositoryName, u store.Upload, b store.Blob) (existed bool, err error) {
	var id string
	var healed bool
	limits, err := r.limits.of(ctx, r.store, n.Registry.Account, u.RepositoryID)
	if err != nil {
		return false, err
	}
	err = r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) (err error) {
		healed = false
		if u.ID != "" {
			// First: who was slower than another node has nothing to say about the
			// bytes, which may be that one's.
			if err := r.endUpload(ctx, tx, u); err != nil {
				return err
			}
		}
		if err := limitStorage(ctx, tx, u.RepositoryID, limits); err != nil {
			return err
		}
		id, err = tx.InsertBlob(ctx, b, r.millis())
		if err == nil && id != b.ID {
			healed, err = tx.HealBlob(ctx, id, b, r.millis())
		}
		if err != nil {
			return err
		}
		existed, err = r.link(ctx, tx, u.RepositoryID, b.Digest, id, b.Size)
		if err == nil && !existed {
			err = checkStorage(ctx, tx, n, u.RepositoryID, limits)
		}
		existed = existed && !healed
		return err
	})
	gone := store.IsForeignKey(err) || errors.Is(err, store.ErrNotFound) // the repository was deleted meanwhile
	if b.Location != "" && (gone || isRefusal(err) || err == nil && id != b.ID && !healed) {
		// Nothing ever referred to these bytes. After any other error something may.
		r.removeUnused(ctx, blob.Location(b.Location))
	}
	if gone {
		return false, repositoryNotFound(n)
	}
	if errors.Is(err, errNotEnded) {
		return false, uploadNotFound(n, u.ID)
	}
	if isRefusal(err) {
		u.WriterState = nil // its bytes are gone
		err = r.discardRefused(ctx, u, err)
	}
	if err != nil {
		return false, fmt.Errorf("commit blob: %w", err)
	}
	if healed {
		r.log.InfoContext(ctx, "a damaged blob is whole again", "repository", n.ARN(), "digest", b.Digest)
	}
	r.uploads.end(u.ID)
	return existed, nil
}

// errNotEnded is that another node has saved or ended an upload since it was read.
var errNotEnded = errors.New("the upload is not as it was read")

// endUpload ends an upload with the transaction, or returns [errNotEnded].
func (r *Registry) endUpload(ctx context.Context, tx *store.Tx, u store.Upload) error {
	ended, err := tx.EndUpload(ctx, u, r.millis())
	if err != nil {
		return fmt.Errorf("end upload: %w", err)
	}
	if !ended {
		return errNotEnded
	}
	return nil
}

// abandon removes what a writer's state stands for.
func (r *Registry) abandon(ctx context.Context, state []byte) error {
	if state == nil {
		return nil
	}
	if err := r.blobs.Drop(ctx, state); err != nil {
		return fmt.Errorf("abandon upload: %w", err)
	}
	return nil
}

func (r *Registry) removeUnused(ctx context.Context, location blob.Location) {
	if err := r.blobs.Remove(ctx, location); err != nil {
		r.log.WarnContext(ctx, "unused blob left behind", "location", location, "error", err)
	}
}
