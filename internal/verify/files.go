package verify

import (
	"context"
	"slices"
	"time"

	"github.com/nifuda/nifuda/internal/blob"
)

// A file that no row knows is an orphan from this age on. A younger one may be
// of an upload that is just being completed.
const orphanAge = 24 * time.Hour

// readFiles looks for a row of each file of the blob store. Walking goes on from
// nowhere: what an interrupted pass has found of it is found again.
func (p *pass) readFiles(ctx context.Context) (more bool, err error) {
	p.found.Files = 0
	p.found.forget(Orphan)
	var page []blob.Object
	err = p.Blobs.Walk(ctx, func(o blob.Object) error {
		if page = append(page, o); len(page) < pageSize {
			return nil
		}
		defer func() { page = page[:0] }()
		return p.checkFiles(ctx, page)
	})
	if err != nil {
		return false, err
	}
	return false, p.checkFiles(ctx, page)
}

func (p *pass) checkFiles(ctx context.Context, page []blob.Object) error {
	locations := make([]string, len(page))
	for i, o := range page {
		locations[i] = string(o.Location)
	}
	known, err := p.Store.KnownLocations(ctx, locations)
	if err != nil {
		return err
	}
	p.found.Files += int64(len(page))
	before := p.Now().Add(-orphanAge)
	for _, o := range page {
		if o.ModTime.Before(before) && !slices.Contains(known, string(o.Location)) {
			p.report(ctx, Finding{Kind: Orphan, Problem: "No row knows this file.", Location: string(o.Location)})
		}
	}
	return p.spend(ctx, int64(len(page))*rowCost)
}

// readDatabase lets the database look at itself.
func (p *pass) readDatabase(ctx context.Context) (more bool, err error) {
	p.found.forget(DatabaseDamaged)
	return false, p.Store.CheckIntegrity(ctx, func(problem string) error {
		p.report(ctx, Finding{Kind: DatabaseDamaged, Problem: "The database says: " + problem + "."})
		return p.keep(ctx)
	})
}
