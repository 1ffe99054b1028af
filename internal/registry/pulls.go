package registry

import (
	"context"
	"errors"
	"sync"

	"github.com/nifuda/nifuda/internal/store"
)

// pulls remembers when images were pulled until that is stored: a write for
// each pull would cost more than the pull.
type pulls struct {
	mu      sync.Mutex
	pending map[pullKey]int64 // Unix milliseconds
}

type pullKey struct {
	RepositoryName
	digest string
}

func newPulls() *pulls { return &pulls{pending: map[pullKey]int64{}} }

// At most this many images are remembered between two flushes; further ones
// are not, as ECR promises no more than a day's precision.
const maxPendingPulls = 100_000

// RecordPull remembers that an image was pulled now.
func (r *Registry) RecordPull(n RepositoryName, digest string) {
	now := r.millis()
	r.pulls.mu.Lock()
	defer r.pulls.mu.Unlock()
	if len(r.pulls.pending) < maxPendingPulls {
		r.pulls.pending[pullKey{n, digest}] = now
	}
}

// last returns when an image was pulled since the last flush, or 0.
func (p *pulls) last(n RepositoryName, digest string) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pending[pullKey{n, digest}]
}

func (p *pulls) take() map[pullKey]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.pending
	p.pending = map[pullKey]int64{}
	return taken
}

// A transaction stores at most this many pulls, so that it keeps nobody waiting.
const pullsAtOnce = 200

// FlushPulls stores what RecordPull remembered.
func (r *Registry) FlushPulls(ctx context.Context) error {
	var chunk []pullKey
	taken := r.pulls.take()
	var failed error
	flush := func() {
		err := r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
			for _, k := range chunk {
				if err := storePull(ctx, tx, k, taken[k]); err != nil {
					return err
				}
			}
			return nil
		})
		failed = errors.Join(failed, err)
		chunk = chunk[:0]
	}
	for k := range taken {
		if chunk = append(chunk, k); len(chunk) == pullsAtOnce {
			flush()
		}
	}
	if len(chunk) > 0 {
		flush()
	}
	return failed
}

func storePull(ctx context.Context, tx *store.Tx, k pullKey, at int64) error {
	id, err := tx.RepositoryID(ctx, k.Registry.Account, k.Registry.Region, k.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.RecordPull(ctx, id, k.digest, at)
}
