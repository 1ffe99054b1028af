package registry

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/store"
)

const (
	// At most this many pairs of tag and image are remembered between two flushes;
	// further ones are counted as lost.
	maxPendingPulls = 50_000
	// From so many on they are stored before their time.
	manyPendingPulls = 10_000
	// A transaction stores the pulls of at most this many pairs, so that it keeps
	// nobody waiting.
	pullsAtOnce = 100
	// Pulls are counted by days, which are remembered this long.
	pullDays = 400
)

// pulls remembers what was pulled until that is stored: a write for each pull
// would cost more than the pull. A crash loses what it remembers, which is what
// was pulled since the last flush.
type pulls struct {
	mu     sync.Mutex
	images map[pullKey]*pulledImage
	pairs  map[pairKey]*tally
	pushes map[registryDay]int64

	many chan struct{} // holds one when there is much to store
	lost prometheus.Counter
}

type pullKey struct {
	RepositoryName
	digest string
}

// A pulledImage is an image that was pulled, with what was counted last, which is
// mostly what comes next.
type pulledImage struct {
	at    int64 // Unix milliseconds
	pair  pairKey
	tally *tally
	pulls prometheus.Counter // of the repository
}

// A pairKey is by which tag an image was pulled, "" for none, and on which day.
type pairKey struct {
	pullKey
	tag string
	day int64
}

// A registryDay is a day of a registry.
type registryDay struct {
	ID
	day int64
}

func (d registryDay) compare(other registryDay) int {
	return cmp.Or(cmp.Compare(d.Account, other.Account), cmp.Compare(d.Region, other.Region), cmp.Compare(d.day, other.day))
}

// A tally is how often, and when last.
type tally struct{ pulls, at int64 }

func newPulls(registry prometheus.Registerer) *pulls {
	p := &pulls{
		images: map[pullKey]*pulledImage{}, pairs: map[pairKey]*tally{}, pushes: map[registryDay]int64{}, many: make(chan struct{}, 1),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nifuda_pulls_lost_total", Help: "Pulls that were not counted by image, because too many different ones waited to be.",
		}),
	}
	if registry != nil {
		registry.MustRegister(p.lost)
	}
	return p
}

// RecordPull remembers that an image was pulled now, by a tag, or by its digest if
// tag is "".
func (r *Registry) RecordPull(n RepositoryName, tag, digest string) {
	now := r.millis()
	r.pulls.record(pairKey{pullKey{n, digest}, tag, dayOf(now)}, now, r.traffic)
}

// dayOf is the day of a time in Unix milliseconds.
func dayOf(at int64) int64 { return at / (24 * time.Hour).Milliseconds() }

func (p *pulls) record(pair pairKey, now int64, t *traffic) {
	p.mu.Lock()
	defer p.mu.Unlock()
	image := p.images[pair.pullKey]
	if image != nil && image.pair.tag == pair.tag && image.pair.day == pair.day {
		image.count(now)
		return
	}
	counted := p.pairs[pair]
	switch {
	case counted != nil:
	case len(p.pairs) >= maxPendingPulls:
		p.lost.Inc()
		t.pulls(pair.RepositoryName).Inc()
		return
	default:
		counted = &tally{}
		p.pairs[pair] = counted
		if len(p.pairs) == manyPendingPulls {
			p.wake()
		}
	}
	if image == nil {
		image = &pulledImage{pulls: t.pulls(pair.RepositoryName)}
		p.images[pair.pullKey] = image
	}
	image.pair, image.tally = pair, counted
	image.count(now)
}

func (i *pulledImage) count(now int64) {
	i.at, i.tally.at = now, now
	i.tally.pulls++
	i.pulls.Inc()
}

// recordPush remembers that an image was pushed. Of more registries than anybody has
// it forgets some.
func (p *pulls) recordPush(day registryDay) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, counted := p.pushes[day]; counted || len(p.pushes) < maxPendingPulls {
		p.pushes[day]++
	}
}

func (p *pulls) wake() {
	select {
	case p.many <- struct{}{}:
	default: // it is awake
	}
}

// last returns when an image was pulled since the last flush, or 0.
func (p *pulls) last(n RepositoryName, digest string) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if image := p.images[pullKey{n, digest}]; image != nil {
		return image.at
	}
	return 0
}

// pending is how much waits to be stored.
func (p *pulls) pending() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pairs)
}

func (p *pulls) take() (pairs map[pairKey]*tally, pushes map[registryDay]int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pairs, pushes = p.pairs, p.pushes
	p.images, p.pairs, p.pushes = map[pullKey]*pulledImage{}, map[pairKey]*tally{}, map[registryDay]int64{}
	return pairs, pushes
}

// putBackPushes remembers again those that could not be stored.
func (p *pulls) putBackPushes(days []registryDay, taken map[registryDay]int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, day := range days {
		p.pushes[day] += taken[day]
	}
}

// putBack remembers again what could not be stored.
func (p *pulls) putBack(pairs []pairKey, taken map[pairKey]*tally) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pair := range pairs {
		back := taken[pair]
		counted := p.pairs[pair]
		if counted == nil && len(p.pairs) >= maxPendingPulls {
			p.lost.Add(float64(back.pulls))
			continue
		}
		if counted == nil {
			counted = &tally{}
			p.pairs[pair] = counted
		}
		counted.pulls += back.pulls
		counted.at = max(counted.at, back.at)
	}
}

// FlushPulls stores what RecordPull remembered, and how many images were pushed. What cannot be stored is remembered
// again: of a commit whose end nobody knows it may be counted twice.
func (r *Registry) FlushPulls(ctx context.Context) error {
	taken, pushes := r.pulls.take()
	pairs := make([]pairKey, 0, len(taken))
	for pair := range taken {
		pairs = append(pairs, pair)
	}
	slices.SortFunc(pairs, func(a, b pairKey) int { // what belongs together is stored together
		return cmp.Or(cmp.Compare(a.Registry.Account, b.Registry.Account), cmp.Compare(a.Registry.Region, b.Registry.Region),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.digest, b.digest))
	})
	var failed error
	for chunk := range slices.Chunk(pairs, pullsAtOnce) {
		err := r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
			return storePulls(ctx, tx, chunk, taken)
		})
		if err != nil {
			r.pulls.putBack(chunk, taken)
			failed = errors.Join(failed, err)
		}
	}
	return errors.Join(failed, r.flushPushes(ctx, pushes))
}

func (r *Registry) flushPushes(ctx context.Context, taken map[registryDay]int64) (failed error) {
	days := slices.SortedFunc(maps.Keys(taken), registryDay.compare)
	for chunk := range slices.Chunk(days, pullsAtOnce) {
		err := r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
			for _, day := range chunk {
				if err := tx.CountDay(ctx, day.Account, day.Region, store.RegistryDay{Day: day.day, Pushes: taken[day]}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			r.pulls.putBackPushes(chunk, taken)
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// A counted is a row that pulls are added to.
type counted struct {
	repositoryID string
	reference    string // a digest, a tag, or "" for the repository
	isTag        bool
	day          int64
}

func (c counted) compare(other counted) int {
	return cmp.Or(cmp.Compare(c.repositoryID, other.repositoryID), cmp.Compare(c.reference, other.reference), cmp.Compare(c.day, other.day))
}

// storePulls adds what was pulled to the counts of the repositories, the images, the
// tags and the registries, in an order that no other node's is against. What is gone is passed over.
func storePulls(ctx context.Context, tx *store.Tx, pairs []pairKey, taken map[pairKey]*tally) error {
	ids := map[RepositoryName]string{}
	rows := map[counted]tally{}
	days := map[registryDay]int64{}
	for _, pair := range pairs {
		id, known := ids[pair.RepositoryName]
		if !known {
			found, err := tx.RepositoryID(ctx, pair.Registry.Account, pair.Registry.Region, pair.Name)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			id, ids[pair.RepositoryName] = found, found
		}
		if id == "" {
			continue
		}
		days[registryDay{pair.Registry, pair.day}] += taken[pair].pulls
		for _, row := range rowsOf(id, pair) {
			sum, t := rows[row], taken[pair]
			rows[row] = tally{sum.pulls + t.pulls, max(sum.at, t.at)}
		}
	}
	sorted := make([]counted, 0, len(rows))
	for row := range rows {
		sorted = append(sorted, row)
	}
	slices.SortFunc(sorted, counted.compare)
	for _, row := range sorted {
		if err := storePull(ctx, tx, row, rows[row]); err != nil {
			return err
		}
	}
	for _, day := range slices.SortedFunc(maps.Keys(days), registryDay.compare) {
		if err := tx.CountDay(ctx, day.Account, day.Region, store.RegistryDay{Day: day.day, Pulls: days[day]}); err != nil {
			return err
		}
	}
	return nil
}

func rowsOf(repositoryID string, pair pairKey) []counted {
	rows := []counted{{repositoryID, "", false, pair.day}, {repositoryID, pair.digest, false, pair.day}}
	if pair.tag != "" {
		rows = append(rows, counted{repositoryID, pair.tag, true, pair.day})
	}
	return rows
}

func storePull(ctx context.Context, tx *store.Tx, row counted, t tally) error {
	c := store.PullCount{Day: row.day, Pulls: t.pulls, LastAt: t.at}
	switch {
	case row.isTag:
		return tx.CountTagPulls(ctx, row.repositoryID, row.reference, c)
	case row.reference == "":
		return tx.CountPulls(ctx, row.repositoryID, c)
	}
	if err := tx.CountImagePulls(ctx, row.repositoryID, row.reference, c); err != nil {
		return err
	}
	return tx.RecordPull(ctx, row.repositoryID, row.reference, t.at)
}

// sweepPulls forgets the counts of days that were long ago.
func (r *Registry) sweepPulls(ctx context.Context) error {
	before := dayOf(r.millis()) - pullDays
	err := r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error { return tx.DeleteDays(ctx, before) })
	if err != nil {
		return err
	}
	for {
		var n int64
		err := r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) (err error) {
			n, err = tx.DeletePulls(ctx, before, sweepBatch)
			return err
		})
		if err != nil || n < sweepBatch {
			return err
		}
	}
}
