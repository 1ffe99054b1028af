package cluster_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/cluster"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// quick notices a death within a second or two, on a machine that is busy too.
var quick = cluster.Timing{Beat: 50 * time.Millisecond, Trust: time.Second, Patience: 1500 * time.Millisecond}

func join(t *testing.T, s *store.Store, role string) *cluster.Member {
	t.Helper()
	m, err := cluster.Join(t.Context(), s, cluster.Options{Role: role, Timing: quick})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func leave(t *testing.T, m *cluster.Member) {
	t.Helper()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// A turn is a time in which a node works.
type turn struct {
	node  string
	ctx   context.Context
	still chan struct{} // keeps the work from ending while it is full
}

// works runs a work on a node until stop, each time of which it tells turns.
func works(m *cluster.Member, node string, turns chan<- turn) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		m.Run(ctx, "work", func(ctx context.Context) {
			now := turn{node, ctx, make(chan struct{}, 1)}
			turns <- now
			<-ctx.Done()
			now.still <- struct{}{}
		})
	})
	return func() {
		cancel()
		running.Wait()
	}
}

func TestOneNodeWorksAndTheNextWhenItStops(t *testing.T) {
	s := storetest.Postgres(t)
	turns := make(chan turn, 10)
	stops := map[string]func(){}
	for _, name := range []string{"a", "b", "c"} {
		m := join(t, s, cluster.RoleAll)
		stop := works(m, name, turns)
		stops[name] = func() { stop(); leave(t, m) }
	}
	var before *turn
	for len(stops) > 0 {
		now := <-turns
		if before != nil && before.ctx.Err() == nil {
			t.Errorf("%s works while %s does", now.node, before.node)
		}
		if stops[now.node] == nil {
			t.Fatalf("%s works again after its end", now.node)
		}
		stops[now.node]()
		delete(stops, now.node)
		before = &now
	}
	if left, err := s.Nodes(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("after the end there are %v, %v", left, err)
	}
}

// A node that stands still has stopped its work before another one begins it,
// and works no more when it wakes up.
func TestLeaseMovesWhenItsNodeStandsStill(t *testing.T) {
	s := storetest.Postgres(t)
	turns := make(chan turn, 10)
	members := map[string]*cluster.Member{"a": join(t, s, cluster.RoleAll), "b": join(t, s, cluster.RoleAll)}
	for name, m := range members {
		stop := works(m, name, turns)
		defer leave(t, m)
		defer stop()
	}
	first := <-turns
	id := members[first.node].ID()
	thaw := members[first.node].Freeze()
	first.still <- struct{}{}
	second := <-turns
	if second.node == first.node || first.ctx.Err() == nil {
		t.Errorf("%s works after %s, whose time is over: %v", second.node, first.node, first.ctx.Err())
	}
	thaw()
	<-first.still
	await(t, func() bool { return members[first.node].ID() != id })
	if second.ctx.Err() != nil {
		t.Error("who came back has taken the work from the one that has it")
	}
	await(t, func() bool { // it has its new id before its new row
		nodes, err := s.Nodes(t.Context())
		return err == nil && len(nodes) == 2
	})
}

// A node that comes back before the others lost patience is the one it was.
func TestNodeThatWasSlowIsNotDead(t *testing.T) {
	s := storetest.Postgres(t)
	a, b := join(t, s, cluster.RoleAll), join(t, s, cluster.RoleAll)
	defer leave(t, b)
	defer leave(t, a)
	id := a.ID()
	beat := func() int64 {
		nodes, err := s.Nodes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range nodes {
			if n.ID == id {
				return n.Beat
			}
		}
		t.Fatal("the node is gone")
		return 0
	}
	for range 3 {
		thaw := a.Freeze()
		at := beat()
		time.Sleep(quick.Patience / 2) // the time is what is tested
		thaw()
		await(t, func() bool { return beat() > at })
	}
	if a.ID() != id {
		t.Error("it has become another one")
	}
}

func TestUploadIsOneNodesUntilItEndsOrDies(t *testing.T) {
	s := storetest.Postgres(t)
	a, b := join(t, s, cluster.RoleAll), join(t, s, cluster.RoleAll)
	defer leave(t, b)
	defer leave(t, a)
	claim(t, a, true)
	claim(t, a, true) // of a release that was lost, for example
	claim(t, b, false)
	a.ReleaseUpload(t.Context(), "upload")
	claim(t, b, true)
	claim(t, a, false)
	defer b.Freeze()()
	await(t, func() bool {
		claimed, err := a.ClaimUpload(t.Context(), "upload")
		return err == nil && claimed
	})
	if claimed, err := b.ClaimUpload(t.Context(), "upload"); err != nil || claimed {
		t.Errorf("a node that is dead has claimed: %t, %v", claimed, err)
	}
}

func claim(t *testing.T, m *cluster.Member, want bool) {
	t.Helper()
	if claimed, err := m.ClaimUpload(t.Context(), "upload"); err != nil || claimed != want {
		t.Fatalf("claimed is %t, %v, want %t", claimed, err, want)
	}
}

func TestCountIsOfNodesThatAnswer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		m := join(t, s, cluster.RoleAll)
		defer leave(t, m)
		if got := m.Count(); got != 1 {
			t.Errorf("alone it counts %d", got)
		}
		if nodes, err := m.Nodes(t.Context()); err != nil || len(nodes) != 1 || nodes[0].ID != m.ID() {
			t.Errorf("alone it sees %v, %v", nodes, err)
		}
		if s.Exclusive() {
			return
		}
		worker, api := join(t, s, cluster.RoleWorker), join(t, s, cluster.RoleAPI)
		await(t, func() bool { return m.Count() == 2 })
		leave(t, worker)
		leave(t, api)
		await(t, func() bool { return m.Count() == 1 })
	})
}

// Where there is one process, it works, and nothing is written.
func TestAloneItWorks(t *testing.T) {
	s := storetest.SQLite(t)
	m := join(t, s, cluster.RoleAll)
	defer leave(t, m)
	turns := make(chan turn, 1)
	stop := works(m, "a", turns)
	<-turns
	stop()
	if nodes, err := s.Nodes(t.Context()); err != nil || len(nodes) != 0 {
		t.Errorf("there are rows: %v, %v", nodes, err)
	}
}

// await polls until something holds.
func await(t *testing.T, holds func() bool) {
	t.Helper()
	late := time.After(30 * time.Second)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-late:
			t.Fatal("it does not come true")
		}
	}
}

func TestNodesSayWhoWorks(t *testing.T) {
	s := storetest.Postgres(t)
	a, b := join(t, s, cluster.RoleAll), join(t, s, cluster.RoleAPI)
	defer leave(t, a)
	defer leave(t, b)
	turns := make(chan turn, 1)
	stop := works(a, "a", turns)
	defer stop()
	<-turns
	nodes, err := b.Nodes(t.Context())
	if err != nil || len(nodes) != 2 {
		t.Fatalf("it sees %v, %v", nodes, err)
	}
	for i, want := range []cluster.Node{{ID: a.ID(), Role: cluster.RoleAll, Works: []string{"work"}}, {ID: b.ID(), Role: cluster.RoleAPI}} {
		got := nodes[i]
		if got.ID != want.ID || got.Role != want.Role || !slices.Equal(got.Works, want.Works) || got.SeenAt.IsZero() {
			t.Errorf("node %d is %+v, want %+v", i, got, want)
		}
	}
}
