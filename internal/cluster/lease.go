package cluster

import (
	"context"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// Run does a work while this node has its lease and ctx lasts, again and again:
// the work's context ends before the lease can be another node's. At the end of
// ctx the lease is free at once.
func (m *Member) Run(ctx context.Context, name string, work func(context.Context)) {
	if m.alone {
		m.metrics.lease(name, true)
		work(ctx)
		m.metrics.lease(name, false)
		return
	}
	m.metrics.lease(name, false)
	for ctx.Err() == nil {
		looked := m.nextLook()
		if id, t := m.take(ctx, name); t != nil {
			m.work(ctx, t, name, work)
			m.release(id, name)
		}
		select {
		case <-looked:
		case <-ctx.Done():
		}
	}
}

func (m *Member) nextLook() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.looked
}

// take returns the node that has a lease now and the time that it is good for,
// or nil while another one has it, or this one does not know that it lives.
func (m *Member) take(ctx context.Context, name string) (id string, t *tenure) {
	m.mu.Lock()
	id, t = m.id, m.tenure
	holder := m.leases[name]
	m.mu.Unlock()
	if !t.lasts() || holder != "" && holder != id {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, m.Timing.Trust)
	defer cancel()
	taken, err := m.store.TakeLease(ctx, name, id)
	if err != nil && ctx.Err() == nil && !store.IsForeignKey(err) {
		m.Log.WarnContext(ctx, "a lease was not taken", "work", name, "error", err)
	}
	if err != nil || !taken {
		return "", nil
	}
	return id, t
}

func (m *Member) work(ctx context.Context, t *tenure, name string, work func(context.Context)) {
	m.Log.InfoContext(ctx, "this node works", "work", name)
	m.metrics.lease(name, true)
	defer m.metrics.lease(name, false)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.ctx, cancel)()
	work(ctx)
}

// release lets go of a lease, whatever has ended the work.
func (m *Member) release(id, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	if err := m.store.EndLease(ctx, name, id); err != nil {
		m.Log.WarnContext(ctx, "a lease was not given back", "work", name, "error", err)
	}
}

// ClaimUpload gives an upload to this node unless another one that lives has it.
// It reports whether it did; it does not while this node does not know whether
// it lives.
func (m *Member) ClaimUpload(ctx context.Context, id string) (bool, error) {
	m.mu.Lock()
	node, t := m.id, m.tenure
	m.mu.Unlock()
	if !t.lasts() {
		return false, nil
	}
	claimed, err := m.store.ClaimUpload(ctx, id, node)
	if store.IsForeignKey(err) { // it was taken for dead
		return false, nil
	}
	return claimed, err
}

// ReleaseUpload lets go of an upload. What fails is tried again with each beat:
// nobody else could write to the upload for as long as this node lives.
func (m *Member) ReleaseUpload(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, releaseTime)
	defer cancel()
	if err := m.store.ReleaseUpload(ctx, id, m.ID()); err != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.unreleased = append(m.unreleased, id)
	}
}

// releaseTime is how long a request waits for the release of its upload.
const releaseTime = 2 * time.Second

// releaseAgain releases what could not be. If a request of this node has claimed
// it once more it does without: what it saves is safe.
func (m *Member) releaseAgain(ctx context.Context) {
	m.mu.Lock()
	uploads := m.unreleased
	m.unreleased = nil
	m.mu.Unlock()
	for _, id := range uploads {
		m.ReleaseUpload(ctx, id)
	}
}
