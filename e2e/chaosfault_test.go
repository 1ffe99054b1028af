//go:build linux

package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"
)

// A fault is something that happens to one node, or to what all of them need, and
// ends again.
type fault struct {
	name    string
	longest time.Duration
	begin   func(c *cluster, n *node)
	end     func(c *cluster, n *node)
}

var nodeFaults = []fault{
	{
		"killed", 3 * time.Second,
		func(_ *cluster, n *node) { n.kill() },
		func(_ *cluster, n *node) { n.start() },
	},
	{
		"stopped", 2 * time.Second,
		func(_ *cluster, n *node) { n.stop() },
		func(_ *cluster, n *node) { n.start() },
	},
	{
		"paused for a moment", 3 * time.Second,
		func(_ *cluster, n *node) { n.signal(syscall.SIGSTOP) },
		func(_ *cluster, n *node) { n.signal(syscall.SIGCONT) },
	},
	{
		// Long enough for the others to take it for dead.
		"paused for long", 25 * time.Second,
		func(_ *cluster, n *node) { n.signal(syscall.SIGSTOP) },
		func(_ *cluster, n *node) { n.signal(syscall.SIGCONT) },
	},
	onRelay("cut off from the database", toDatabase, relayCuts),
	onRelay("without answers of the database", toDatabase, relayHangs),
	onRelay("far from the database", toDatabase, relayDelays),
	onRelay("cut off from the bucket", toBucket, relayCuts),
	onRelay("without answers of the bucket", toBucket, relayHangs),
	onRelay("far from the bucket", toBucket, relayDelays),
}

// sharedFaults happen to all nodes at once.
var sharedFaults = []fault{
	{
		"the database killed", time.Second,
		func(c *cluster, _ *node) { c.database.kill() },
		func(c *cluster, _ *node) { c.database.start() },
	},
	{
		"the bucket cut off from all", 2 * time.Second,
		func(c *cluster, _ *node) { c.eachRelay(toBucket, relayCuts) },
		func(c *cluster, _ *node) { c.eachRelay(toBucket, relayPasses) },
	},
}

func toDatabase(n *node) *relay { return n.toDatabase }
func toBucket(n *node) *relay   { return n.toBucket }

func onRelay(name string, of func(*node) *relay, fault_ relayFault) fault {
	return fault{
		name, 8 * time.Second,
		func(_ *cluster, n *node) { of(n).set(fault_) },
		func(_ *cluster, n *node) { of(n).set(relayPasses) },
	}
}

func (c *cluster) eachRelay(of func(*node) *relay, to relayFault) {
	for _, n := range c.nodes {
		of(n).set(to)
	}
}

func (n *node) signal(s syscall.Signal) {
	n.t.Helper()
	if err := n.process.command.Process.Signal(s); err != nil {
		n.t.Fatal(err)
	}
}

// A disturbance is a fault that has happened.
type disturbance struct {
	name       string
	began, end time.Time
}

// disturb lets faults happen until the time is over: to one node, sometimes to two
// at once, sometimes to what all need. After each it waits until all are ready.
func (c *cluster) disturb(t *testing.T, luck *rand.Rand, until time.Time) (all []disturbance) {
	t.Helper()
	all = append(all, c.suffer(nil, nil, luck)) // nothing, to compare with
	for time.Now().Before(until) {
		if luck.IntN(8) == 0 {
			all = append(all, c.suffer([]fault{sharedFaults[luck.IntN(len(sharedFaults))]}, c.nodes[:1], luck))
			continue
		}
		nodes := slices.Clone(c.nodes)
		luck.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
		faults := []fault{nodeFaults[luck.IntN(len(nodeFaults))]}
		if luck.IntN(3) == 0 {
			faults = append(faults, nodeFaults[luck.IntN(len(nodeFaults))])
		}
		all = append(all, c.suffer(faults, nodes, luck))
	}
	return all
}

// suffer lets faults happen at once, each to another node, and end one after the
// other.
func (c *cluster) suffer(faults []fault, nodes []*node, luck *rand.Rand) disturbance {
	d := disturbance{began: time.Now()}
	longest := 4 * time.Second
	for at, f := range faults {
		if at > 0 {
			d.name += ", "
			longest = 0
		}
		d.name += fmt.Sprintf("%s %s", nodes[at].name, f.name)
		f.begin(c, nodes[at])
		longest = max(longest, f.longest)
	}
	for at, f := range faults {
		time.Sleep(f.longest/2 + time.Duration(luck.Int64N(int64(f.longest/2))))
		f.end(c, nodes[at])
	}
	if len(faults) == 0 {
		d.name = "nothing"
		time.Sleep(longest)
	}
	d.end = time.Now()
	for _, n := range c.nodes {
		n.awaitUp()
	}
	time.Sleep(2 * time.Second) // of quiet, for the rate to come back
	return d
}
