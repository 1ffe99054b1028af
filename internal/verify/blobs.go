package verify

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/store"
)

func (p *pass) readBlobs(ctx context.Context) (more bool, err error) {
	ids, err := p.Store.StoredBlobs(ctx, p.at.After.Name, pageSize)
	if err != nil {
		return false, err
	}
	for _, id := range ids {
		if err := p.checkBlob(ctx, id); err != nil {
			return false, err
		}
		p.found.Blobs++
		p.meter.blob()
		p.at.After.Name = id
	}
	return len(ids) == pageSize, nil
}

// checkBlob reads a blob. One that seems damaged may have been collected or
// sealed anew meanwhile: then its row is gone or has changed.
func (p *pass) checkBlob(ctx context.Context, id string) error {
	b, err := p.Store.StoredBlob(ctx, id)
	for err == nil {
		var wrong *problem
		if wrong, err = p.inspect(ctx, b); err != nil {
			return fmt.Errorf("blob %s: %w", b.Digest, err)
		}
		if wrong == nil && !b.Damaged {
			return nil
		}
		before := b
		if b, err = p.Store.StoredBlob(ctx, id); err == nil && before.SameBytes(b) {
			return p.judge(ctx, b, wrong)
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// A problem is what is wrong with a blob.
type problem struct {
	kind Kind
	text string
}

// inspect reads a blob and returns what is wrong with it, if anything is.
func (p *pass) inspect(ctx context.Context, b store.StoredBlob) (*problem, error) {
	if !manifest.ValidDigest(b.Digest) {
		return &problem{BlobDamaged, "the digest in its row is none"}, nil
	}
	content, wrong, err := p.open(ctx, b)
	if err != nil || wrong != nil {
		return wrong, err
	}
	defer content.Close()
	verifier := digest.Digest(b.Digest).Verifier()
	size, err := p.copy(ctx, verifier, content)
	switch {
	case isDamage(err):
		return &problem{BlobDamaged, fmt.Sprintf("its bytes cannot be read: %v", err)}, nil
	case err != nil:
		return nil, err
	case size != b.Size:
		return &problem{BlobDamaged, fmt.Sprintf("it has %d bytes instead of %d", size, b.Size)}, nil
	case !verifier.Verified():
		return &problem{BlobDamaged, "its bytes do not have its digest"}, nil
	}
	return nil, nil
}

// chunk is how many bytes are read at once: the rate is kept from one to the next.
const chunk = 256 << 10

// copy reads everything at the pass's rate.
func (p *pass) copy(ctx context.Context, to io.Writer, from io.Reader) (size int64, err error) {
	if err := p.spend(ctx, rowCost); err != nil {
		return 0, err
	}
	buffer := make([]byte, chunk)
	for {
		n, err := io.ReadFull(from, buffer)
		if _, err := to.Write(buffer[:n]); err != nil {
			return size, err
		}
		size += int64(n)
		if err := p.spend(ctx, int64(n)); err != nil {
			return size, err
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}

// judge reports what is wrong with a blob, or that nothing is any more.
func (p *pass) judge(ctx context.Context, b store.StoredBlob, wrong *problem) error {
	if wrong == nil || !wrong.kind.breaksPulls() && wrong.kind.Damage() {
		if err := p.clear(ctx, b); err != nil || wrong == nil {
			return err
		}
	}
	f := Finding{Kind: wrong.kind, Problem: "Of a blob, " + wrong.text + ".", Digest: b.Digest, Location: b.Location, known: b.Damaged}
	uses, err := p.Store.BlobUses(ctx, b.ID, placeLimit)
	if err != nil {
		return err
	}
	for _, u := range uses {
		place, err := p.place(ctx, u.RepositoryID, u.Image, u.Tag)
		if err != nil {
			return err
		}
		f.Places = append(f.Places, place)
	}
	if f.Kind.breaksPulls() && p.Mark && !b.Damaged {
		same, err := p.whileSame(ctx, b, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.MarkDamaged(ctx, b.ID, p.Now().UnixMilli())
			return err
		})
		if err != nil || !same {
			return err
		}
	}
	p.report(ctx, f)
	return nil
}

// clear takes the mark from a blob that is whole.
func (p *pass) clear(ctx context.Context, b store.StoredBlob) error {
	if !p.Mark || !b.Damaged {
		return nil
	}
	same, err := p.whileSame(ctx, b, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.ClearDamaged(ctx, b.ID)
		return err
	})
	if err == nil && same {
		p.Log.InfoContext(ctx, "a blob that was damaged is whole", "digest", b.Digest)
	}
	return err
}

// whileSame does something to a blob in a transaction, and reports whether it
// did: not when its bytes are others by now.
func (p *pass) whileSame(ctx context.Context, b store.StoredBlob, do func(context.Context, *store.Tx) error) (same bool, err error) {
	err = p.Store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
		same = false
		now, err := tx.LockBlob(ctx, b.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil || !b.SameBytes(now) {
			return err
		}
		same = true
		return do(ctx, tx)
	})
	return same, err
}

func (p *pass) readForgottenBlobs(ctx context.Context) (more bool, err error) {
	ids, err := p.Store.StoredBlobs(ctx, p.at.After.Name, pageSize)
	if err != nil || len(ids) == 0 {
		return false, err
	}
	last := ids[len(ids)-1]
	forgotten, err := p.Store.ForgottenBlobs(ctx, p.at.After.Name, last)
	if err != nil {
		return false, err
	}
	for _, id := range forgotten {
		if err := p.forgottenBlob(ctx, id); err != nil {
			return false, err
		}
	}
	p.at.After.Name = last
	return len(ids) == pageSize, p.spend(ctx, int64(len(ids)))
}

func (p *pass) forgottenBlob(ctx context.Context, id string) error {
	b, err := p.Store.StoredBlob(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil && p.Repair {
		err = p.Store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error { return tx.CheckBlobByID(ctx, id) })
	}
	if err != nil {
		return err
	}
	p.report(ctx, Finding{Kind: Forgotten, Problem: "No repository has this blob, and no collection will find it.", Digest: b.Digest, Location: b.Location, Repaired: p.Repair})
	return nil
}
