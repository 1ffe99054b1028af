package verify

import (
	"context"
	"errors"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// An unused link is forgotten when nobody has looked at it this long after the
// grace period. Until then whoever looks is just late.
const late = 24 * time.Hour

func (p *pass) readLinks(ctx context.Context) (more bool, err error) {
	keys, err := p.Store.StoredLinks(ctx, p.at.After.Key, pageSize)
	if err != nil || len(keys) == 0 {
		return false, err
	}
	last := keys[len(keys)-1]
	broken, err := p.Store.WrongLinks(ctx, p.at.After.Key, last)
	if err != nil {
		return false, err
	}
	for _, k := range broken {
		if err := p.brokenLink(ctx, k); err != nil {
			return false, err
		}
	}
	idle, err := p.Store.IdleLinks(ctx, p.at.After.Key, last, p.Now().Add(-p.Grace-late).UnixMilli())
	if err != nil {
		return false, err
	}
	for _, k := range idle {
		if err := p.idleLink(ctx, k); err != nil {
			return false, err
		}
	}
	p.found.Links += int64(len(keys))
	p.at.After.Key = last
	return len(keys) == pageSize, p.spend(ctx, int64(len(keys))*rowCost)
}

func (p *pass) brokenLink(ctx context.Context, k store.Key) error {
	f := Finding{Kind: LinkBroken, Problem: "A repository's blob is not there, or is another one.", Digest: k.Name}
	if p.Repair {
		mended, err := p.repoint(ctx, k)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		f.Repaired = mended
	}
	return p.reportLink(ctx, k, f)
}

func (p *pass) idleLink(ctx context.Context, k store.Key) error {
	forgotten, err := p.Store.IsForgottenLink(ctx, k)
	if err != nil || !forgotten {
		return err
	}
	if p.Repair {
		err := p.Store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
			return tx.CheckLink(ctx, k.RepositoryID, k.Name, p.Now().UnixMilli())
		})
		if err != nil {
			return err
		}
	}
	return p.reportLink(ctx, k, Finding{Kind: Forgotten, Problem: "No image refers to this blob of a repository, and no collection will find it.", Digest: k.Name, Repaired: p.Repair})
}

func (p *pass) reportLink(ctx context.Context, k store.Key, f Finding) error {
	gone, err := p.gone(ctx, k.RepositoryID)
	if err != nil || gone {
		return err
	}
	place, err := p.place(ctx, k.RepositoryID, "", "")
	if err != nil {
		return err
	}
	f.Places = []Place{place}
	p.report(ctx, f)
	return nil
}
