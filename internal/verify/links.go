package verify

import (
	"context"
	"errors"
	"math"
	"slices"
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
	// First: it takes its time, and may keep how far it is, with nothing reported yet.
	forgotten, err := p.forgottenLinks(ctx, last)
	if err != nil {
		return false, err
	}
	broken, err := p.Store.WrongLinks(ctx, p.at.After.Key, last)
	if err != nil {
		return false, err
	}
	for _, k := range broken {
		if err := p.brokenLink(ctx, k); err != nil {
			return false, err
		}
	}
	for _, k := range forgotten {
		if err := p.forgottenLink(ctx, k); err != nil {
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

// forgottenLinks returns those links from where the pass is up to another that
// nothing refers to and no collection will find.
func (p *pass) forgottenLinks(ctx context.Context, through store.Key) ([]store.Key, error) {
	before := p.Now().Add(-p.Grace - late).UnixMilli()
	idle, err := p.Store.IdleLinks(ctx, p.at.After.Key, through, before)
	if err != nil {
		return nil, err
	}
	unchecked, err := p.unchecked(ctx, idle)
	if err != nil || len(unchecked) == 0 {
		return nil, err
	}
	// Whoever took a check away meanwhile has removed the link or found it used.
	idle, err = p.Store.IdleLinks(ctx, p.at.After.Key, through, before)
	return slices.DeleteFunc(unchecked, func(k store.Key) bool { return !slices.Contains(idle, k) }), err
}

// unchecked returns those of the links that are not to be looked at. It reads
// the checks in the order of their times, page by page, until it has met one of
// each link: what is idle for so long is among the first. An index by link would
// cost every push, and only a link that was forgotten has all of them read.
func (p *pass) unchecked(ctx context.Context, links []store.Key) ([]store.Key, error) {
	links = slices.Clone(links)
	after := store.FirstLinkCheck
	for more := true; more && len(links) > 0; {
		checks, err := p.Store.LinkChecks(ctx, math.MaxInt64, after, pageSize)
		if err != nil {
			return nil, err
		}
		met := map[store.Key]bool{}
		for _, c := range checks {
			met[store.Key{RepositoryID: c.RepositoryID, Name: c.Digest}] = true
			after = c
		}
		links = slices.DeleteFunc(links, func(k store.Key) bool { return met[k] })
		if err := p.spend(ctx, int64(len(checks))*rowCost); err != nil {
			return nil, err
		}
		more = len(checks) == pageSize
	}
	return links, nil
}

func (p *pass) forgottenLink(ctx context.Context, k store.Key) error {
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
