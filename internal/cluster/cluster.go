// Package cluster knows the nodes that run on one database: who lives, and who
// alone does what only one may do.
//
// A node is a row. It raises the row's beat every few seconds; that is all that
// says that it lives. No two clocks are compared: a node trusts its own row for
// [Timing.Trust] from the moment on that it last began to raise the beat, by its
// monotonic clock, and takes another one for dead when it has seen the same beat
// for [Timing.Patience], by its own. The second is longer, so the dead node has
// known for a while by then; and the row is removed only if it still has the beat
// that was seen, so a node that raises it in time is never taken for dead.
// Whatever belonged to the row, its leases and claims, goes with it. A node that
// finds its row gone comes back as another one.
//
// A process that stands still, in the middle of a statement even, may wake up
// after another one has its lease, and act before it learns of that. What is done
// under a lease must do no harm when it is done twice at once: a lease makes that
// rare, and the work cheap.
package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/store"
)

// What a node does.
const (
	RoleAPI    = "api"    // it answers requests
	RoleWorker = "worker" // it works in the background
	RoleAll    = "all"    // both
)

// Timing is how fast a cluster notices that a node is gone.
type Timing struct {
	Beat     time.Duration // between two beats
	Trust    time.Duration // in its own row, since the last beat began
	Patience time.Duration // with a beat of another node that does not change
}

// A lease of a node that dies is another one's within Patience and two beats.
var defaultTiming = Timing{Beat: 2 * time.Second, Trust: 9 * time.Second, Patience: 13 * time.Second}

// Options are what a node says of itself.
type Options struct {
	Role    string // default RoleAll
	Version string
	Host    string // default the machine's name
	// Former is the id that this node had before it was started again, when it is
	// certain that the process of then has ended: it need not be waited for. Empty
	// is unknown.
	Former string
	// Keep is told each id that this node has, before others can see it, to be
	// given back as Former. It is optional.
	Keep    func(id string) error
	Timing  Timing           // default a lease moves within 17 seconds
	Now     func() time.Time // for what people read; default time.Now
	Log     *slog.Logger     // default discards
	Metrics prometheus.Registerer
}

func (o *Options) complete() {
	if o.Role == "" {
		o.Role = RoleAll
	}
	if o.Host == "" {
		o.Host, _ = os.Hostname() // for people alone
	}
	if o.Timing == (Timing{}) {
		o.Timing = defaultTiming
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// A Member is this process as a node. It is safe for concurrent use.
type Member struct {
	Options
	store   *store.Store
	started int64
	alone   bool // no other process can use the database, so nothing is written
	metrics *metrics
	stop    func()

	mu         sync.Mutex
	id         string
	tenure     *tenure
	nodes      []store.Node      // as they were seen last
	leases     map[string]string // names to nodes, likewise
	looked     chan struct{}     // closed with the next look
	unreleased []string          // uploads whose release failed

	beating sync.Mutex // held by a step
	seen    map[string]sighting
}

// A sighting is a beat, and since when it was the one that was seen.
type sighting struct {
	beat  int64
	since time.Time
}

// Join makes this process a node of the database, until Close.
func Join(ctx context.Context, s *store.Store, o Options) (*Member, error) {
	o.complete()
	m := &Member{
		Options: o, store: s, started: o.Now().UnixMilli(), alone: s.Exclusive(), metrics: newMetrics(o.Metrics), id: newID(),
		looked: make(chan struct{}), seen: map[string]sighting{}, stop: func() {},
	}
	if m.alone {
		m.nodes = []store.Node{m.row()}
		m.metrics.count(m.nodes)
		return m, nil
	}
	if err := m.replaceFormer(ctx); err != nil {
		return nil, fmt.Errorf("take the place of the node that this one was: %w", err)
	}
	if err := m.enter(ctx); err != nil {
		return nil, fmt.Errorf("join the other nodes: %w", err)
	}
	if err := m.look(ctx); err != nil {
		m.leave()
		return nil, fmt.Errorf("look for other nodes: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var loop sync.WaitGroup
	loop.Go(func() { m.run(ctx) })
	m.stop = func() {
		cancel()
		loop.Wait()
		m.leave()
	}
	return m, nil
}

// Close takes this process out of the nodes. Whoever works under a lease has
// ended before. The others notice by themselves if the database is away.
func (m *Member) Close() error {
	m.stop()
	return nil
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func (m *Member) row() store.Node {
	return store.Node{ID: m.id, Host: m.Host, Role: m.Role, Version: m.Version, StartedAt: m.started, SeenAt: m.Now().UnixMilli()}
}

// replaceFormer removes the row of the node that this one was, with its leases and
// claims, so that nobody waits until it is taken for dead.
func (m *Member) replaceFormer(ctx context.Context) error {
	if m.Former == "" {
		return nil
	}
	return m.store.DeleteNode(ctx, m.Former)
}

// enter adds this process's row.
func (m *Member) enter(ctx context.Context) error {
	if m.Keep != nil {
		if err := m.Keep(m.id); err != nil {
			m.Log.WarnContext(ctx, "what this node is called is not kept: after a crash the others wait until they take it for dead", "error", err)
		}
	}
	began := time.Now()
	if err := m.store.InsertNode(ctx, m.row()); err != nil {
		return err
	}
	m.trust(began)
	return nil
}

// leaveTime is how long the end of a node may take: the others learn of it in
// any case.
const leaveTime = 5 * time.Second

func (m *Member) leave() {
	m.distrust()
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	if err := m.store.DeleteNode(ctx, m.id); err != nil {
		m.Log.WarnContext(ctx, "this node has ended without telling the others", "error", err)
	}
}

// ID returns this node's id, which changes when the others have taken it for dead.
func (m *Member) ID() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.id
}

// Count returns how many nodes answer requests, as they were seen last: one at
// least. A process that is no node counts one.
func (m *Member) Count() int {
	if m == nil {
		return 1
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, node := range m.nodes {
		if node.Role != RoleWorker {
			n++
		}
	}
	return max(1, n)
}

// A Node is a process as the others see it.
type Node struct {
	ID, Host, Role, Version string
	StartedAt, SeenAt       time.Time // by its own clock
	// Works are what it alone does now, in order.
	Works []string
}

// Nodes returns all nodes, in the order in which they started. A process that is
// no node sees none; one that is alone does every work.
func (m *Member) Nodes(ctx context.Context) ([]Node, error) {
	if m == nil {
		return nil, nil
	}
	if m.alone {
		return []Node{nodeOf(m.row())}, nil
	}
	rows, err := m.store.Nodes(ctx)
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	leases, err := m.store.Leases(ctx)
	if err != nil {
		return nil, fmt.Errorf("list leases: %w", err)
	}
	nodes := make([]Node, len(rows))
	for i, row := range rows {
		nodes[i] = nodeOf(row)
		for _, l := range leases {
			if l.NodeID == row.ID {
				nodes[i].Works = append(nodes[i].Works, l.Name)
			}
		}
		slices.Sort(nodes[i].Works)
	}
	return nodes, nil
}

func nodeOf(row store.Node) Node {
	return Node{
		ID: row.ID, Host: row.Host, Role: row.Role, Version: row.Version,
		StartedAt: time.UnixMilli(row.StartedAt), SeenAt: time.UnixMilli(row.SeenAt),
	}
}
