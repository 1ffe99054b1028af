package cluster

import (
	"context"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// A tenure is a time in which this node knows that it lives.
type tenure struct {
	ctx   context.Context // it is the time
	end   context.CancelFunc
	timer *time.Timer
}

func newTenure(left time.Duration) *tenure {
	t := &tenure{}
	t.ctx, t.end = context.WithCancel(context.Background())
	t.timer = time.AfterFunc(left, t.end)
	return t
}

func (t *tenure) lasts() bool { return t != nil && t.ctx.Err() == nil }

// run raises the beat and looks at the others until ctx is done.
func (m *Member) run(ctx context.Context) {
	tick := time.NewTicker(m.Timing.Beat)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		err := m.step(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			m.Log.WarnContext(ctx, "this node cannot tell the others that it lives; what only one node does rests here until it can", "error", err)
		}
		if err == nil && failing {
			m.Log.InfoContext(ctx, "this node can tell the others again that it lives")
		}
		failing = err != nil
	}
}

// step is a beat and a look. After an error whatever was seen of the others is
// forgotten: they may have had no database either.
func (m *Member) step(ctx context.Context) error {
	m.beating.Lock()
	defer m.beating.Unlock()
	ctx, cancel := context.WithTimeout(ctx, m.Timing.Trust-m.Timing.Beat)
	defer cancel()
	err := m.beat(ctx)
	if err == nil {
		err = m.look(ctx)
	}
	if err != nil {
		clear(m.seen)
		return err
	}
	m.releaseAgain(ctx)
	return nil
}

func (m *Member) beat(ctx context.Context) error {
	began := time.Now()
	lives, err := m.store.Beat(ctx, m.id, m.Now().UnixMilli())
	if err != nil {
		return err
	}
	if lives {
		m.trust(began)
		return nil
	}
	m.distrust()
	m.mu.Lock()
	m.id = newID()
	m.mu.Unlock()
	m.Log.WarnContext(ctx, "the other nodes have taken this one for dead: it comes back as another one", "node", m.id)
	return m.enter(ctx)
}

// trust has this node know that it lives, counted from when it began to say so.
func (m *Member) trust(began time.Time) {
	left := m.Timing.Trust - time.Since(began)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tenure.lasts() && left > 0 && m.tenure.timer.Stop() {
		m.tenure.timer.Reset(left)
		return
	}
	if m.tenure != nil {
		m.tenure.end()
	}
	m.tenure = nil
	if left > 0 {
		m.tenure = newTenure(left)
	}
}

func (m *Member) distrust() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tenure != nil {
		m.tenure.timer.Stop()
		m.tenure.end()
	}
	m.tenure = nil
}

// look sees who is there, removes the dead, and wakes up who waits for a lease.
func (m *Member) look(ctx context.Context) error {
	nodes, err := m.store.Nodes(ctx)
	if err != nil {
		return err
	}
	now := time.Now() // after the beats that were seen
	nodes, err = m.bury(ctx, nodes, now)
	if err != nil {
		return err
	}
	leases, err := m.store.Leases(ctx)
	if err != nil {
		return err
	}
	holders := make(map[string]string, len(leases))
	for _, l := range leases {
		holders[l.Name] = l.NodeID
	}
	m.mu.Lock()
	m.nodes, m.leases = nodes, holders
	close(m.looked)
	m.looked = make(chan struct{})
	m.mu.Unlock()
	m.metrics.count(nodes)
	return nil
}

// bury removes the nodes whose beat has not changed for too long, and returns
// the others.
func (m *Member) bury(ctx context.Context, nodes []store.Node, now time.Time) (alive []store.Node, err error) {
	seen := make(map[string]sighting, len(nodes))
	for _, n := range nodes {
		before, ok := m.seen[n.ID]
		if !ok || before.beat != n.Beat {
			before = sighting{n.Beat, now}
		}
		if n.ID != m.id && now.Sub(before.since) >= m.Timing.Patience {
			gone, err := m.store.DeleteDeadNode(ctx, n.ID, n.Beat)
			if err != nil {
				return nil, err
			}
			if gone {
				m.metrics.died()
				m.Log.WarnContext(ctx, "a node is dead: nothing was heard of it", "node", n.ID, "host", n.Host, "for", now.Sub(before.since))
				continue
			}
		}
		seen[n.ID] = before
		alive = append(alive, n)
	}
	m.seen = seen
	return alive, nil
}
