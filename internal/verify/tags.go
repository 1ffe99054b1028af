package verify

import (
	"context"
	"fmt"

	"github.com/nifuda/nifuda/internal/store"
)

func (p *pass) readTags(ctx context.Context) (more bool, err error) {
	keys, err := p.Store.StoredTags(ctx, p.at.After.Key, pageSize)
	if err != nil || len(keys) == 0 {
		return false, err
	}
	last := keys[len(keys)-1]
	wrong, err := p.Store.WrongTags(ctx, p.at.After.Key, last)
	if err != nil {
		return false, err
	}
	for _, t := range wrong {
		text := fmt.Sprintf("A tag points at %s, and its history says %s.", t.Digest, orRemoved(t.History))
		if t.Dangling {
			text = fmt.Sprintf("A tag points at %s, which is not there.", t.Digest)
		}
		if err := p.wrongTag(ctx, t, text); err != nil {
			return false, err
		}
	}
	p.found.Tags += int64(len(keys))
	p.at.After.Key = last
	return len(keys) == pageSize, p.spend(ctx, int64(len(keys))*rowCost)
}

func (p *pass) readHistory(ctx context.Context) (more bool, err error) {
	keys, err := p.Store.StoredHistory(ctx, p.at.After, pageSize)
	if err != nil || len(keys) == 0 {
		return false, err
	}
	last := keys[len(keys)-1]
	lost, err := p.Store.LostTags(ctx, p.at.After, last)
	if err != nil {
		return false, err
	}
	for _, t := range lost {
		if err := p.wrongTag(ctx, t, fmt.Sprintf("A tag that points at %s, as its history says, is gone.", t.History)); err != nil {
			return false, err
		}
	}
	p.at.After = last
	return len(keys) == pageSize, p.spend(ctx, int64(len(keys))*rowCost)
}

// wrongTag reports a tag, if its repository is still there.
func (p *pass) wrongTag(ctx context.Context, t store.WrongTag, text string) error {
	gone, err := p.gone(ctx, t.RepositoryID)
	if err != nil || gone {
		return err
	}
	place, err := p.place(ctx, t.RepositoryID, t.Digest, t.Name)
	if err != nil {
		return err
	}
	p.report(ctx, Finding{Kind: TagWrong, Problem: text, Digest: t.Digest, Places: []Place{place}})
	return nil
}

func orRemoved(digest string) string {
	if digest == "" {
		return "that it was removed"
	}
	return digest
}
