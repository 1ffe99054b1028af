//go:build linux

package e2e_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A cluster is nodes that share a database and a bucket, each through relays of
// its own, behind one address.
type cluster struct {
	database *postgres
	bucket   bucket
	nodes    []*node
	front    *front
}

// A node is one server of a cluster.
type node struct {
	*server
	name                 string
	toDatabase, toBucket *relay
}

func startCluster(t *testing.T, nodes int, args ...string) *cluster {
	t.Helper()
	return startClusterOn(t, startBucket(t), nodes, args...)
}

func startClusterOn(t *testing.T, b bucket, nodes int, args ...string) *cluster {
	t.Helper()
	t.Setenv("NIFUDA_ROOT_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("NIFUDA_ROOT_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
	c := &cluster{database: startPostgres(t), bucket: b}
	key := hex.EncodeToString(randomBytes(32))
	var addresses []string
	for number := range nodes {
		n := &node{
			name:       fmt.Sprintf("node %d", number+1),
			toDatabase: startRelay(t, c.database.address), toBucket: startRelay(t, c.bucket.address),
		}
		n.server = newServer(t, t.TempDir()) // stops before its relays
		relayed := c.bucket
		relayed.address = n.toBucket.address()
		n.env = append(slices.Clone(c.bucket.env), "SERVER_KEY="+key)
		n.args = slices.Concat([]string{
			"--database", strings.Replace(c.database.url(), c.database.address, n.toDatabase.address(), 1),
			"--blobs", relayed.target() + "&redirect=off",
			"--server-key", "env:SERVER_KEY", "--seal-keys", "database:", "--trusted-proxies", "127.0.0.1", "--log-level", "warn",
		}, args)
		c.nodes = append(c.nodes, n)
		addresses = append(addresses, n.listen)
	}
	for _, n := range c.nodes {
		n.start()
	}
	c.front = startFront(t, addresses...)
	await(t, "a node behind the front", func() bool { return c.front.choose() != nil })
	return c
}

// atFront is the cluster as its clients see it.
func (c *cluster) atFront() *server {
	one := *c.nodes[0].server
	one.address = c.front.address
	return &one
}

// awaitUp waits until the node is ready again. One that ended itself, because it
// was taken for dead, is started as systemd or Kubernetes would.
func (n *node) awaitUp() {
	n.t.Helper()
	select {
	case <-n.process.exited:
		n.t.Logf("%s ended itself: %v", n.name, n.process.err)
		n.start()
	default:
		n.awaitReady()
	}
}

// TestChaosOfThreeNodesLosesNothing: clients push and pull through one address
// while nodes are killed, stopped, paused and cut off from the database and the
// bucket. Whatever fails heals by the clients' own repetition. In the end
// everything acknowledged is there on every node, and after a collection nothing
// else is.
func TestChaosOfThreeNodesLosesNothing(t *testing.T) {
	luck := newLuck(t)
	duration := time.Duration(times(int(2*time.Minute), int(30*time.Minute)))
	// A client that repeats the push of a manifest takes up to a minute, and must
	// find the layers that it pushed before.
	c := startCluster(t, 3, "--gc-grace", "90s", "--undelete-window", "10s")
	load := c.newChaos(t, 6, luck)
	var disturbances []disturbance
	load.runDuring(t, func() { disturbances = c.disturb(t, luck, time.Now().Add(duration)) })
	load.report(t, disturbances)
	t.Logf("%d operations acknowledged, %d tries repeated, %d uploads resumed; %d uploads had parts on several nodes",
		len(load.done), load.repeated, load.resumed, c.front.wandered())
	if c.front.wandered() == 0 {
		t.Error("no upload went on at another node")
	}

	c.mustHold(t, load, "after the chaos")
	checkDatabase(t, c.nodes[0].server)
	c.cancelUploads(t)
	c.collectEverything(t)
	c.mustHold(t, load, "after the collection")
	mustLeaveNothing(t, c.nodes[0].server)
	c.mustHoldItsObjects(t, load.repeated)
}

// newChaos makes the repositories that clients of the cluster work on, and the clients.
func (c *cluster) newChaos(t *testing.T, agents int, luck *rand.Rand) *chaos {
	t.Helper()
	at := c.atFront()
	createRepository(t, at, looseRepository)
	createImmutableRepository(t, at, frozenRepository)
	return newChaos(newRegistryClient(t, at), ecrClient(t, at), agents, luck)
}

// runDuring lets the clients work until disturb returns. It fails the test for
// what they could not heal.
func (c *chaos) runDuring(t *testing.T, disturb func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.run(ctx)
	}()
	defer func() {
		cancel()
		<-done
		if err := errors.Join(c.violations...); err != nil {
			t.Errorf("not healed by repetition:\n%v", err)
		}
	}()
	disturb()
}

// report prints what each disturbance did to the rate, and fails the test when the
// clients stood still for long.
func (c *chaos) report(t *testing.T, disturbances []disturbance) {
	t.Helper()
	const patience = 30 * time.Second // of which a client's own waiting is up to 11 s
	slices.SortFunc(c.done, time.Time.Compare)
	for at, d := range disturbances {
		next := d.end.Add(10 * time.Second)
		if at+1 < len(disturbances) {
			next = disturbances[at+1].began
		}
		pause, after := c.longestPause(d.began, next), c.rate(d.end, next)
		t.Logf("%-70s %5.1f s: %5.0f/s, longest pause %5.2f s; then %5.0f/s", d.name, d.end.Sub(d.began).Seconds(), c.rate(d.began, d.end), pause.Seconds(), after)
		if pause > patience {
			t.Errorf("with %s nothing was acknowledged for %v", d.name, pause)
		}
	}
}

// rate is acknowledged operations a second.
func (c *chaos) rate(from, to time.Time) float64 {
	n := 0
	for _, at := range c.done {
		if at.After(from) && at.Before(to) {
			n++
		}
	}
	return float64(n) / to.Sub(from).Seconds()
}

// longestPause is how long nothing was acknowledged.
func (c *chaos) longestPause(from, to time.Time) (longest time.Duration) {
	last := from
	for _, at := range c.done {
		if at.After(from) && at.Before(to) {
			longest = max(longest, at.Sub(last))
			last = at
		}
	}
	return longest
}

// mustHold asks every node for everything that was acknowledged.
func (c *cluster) mustHold(t *testing.T, load *chaos, when string) {
	t.Helper()
	for _, n := range c.nodes {
		client := newRegistryClient(t, n.server)
		if broken := load.missing(t.Context(), client); len(broken) > 0 {
			t.Fatalf("%s %s has not what was acknowledged:\n%v", when, n.name, errors.Join(broken...))
		}
	}
}

// missing compares what one node has with what was acknowledged.
func (c *chaos) missing(ctx context.Context, client registryClient) (broken []error) {
	for _, a := range c.agents {
		for _, name := range slices.Sorted(maps.Keys(a.tags)) {
			repository, tag, _ := strings.Cut(name, ":")
			if err := client.verify(ctx, repository, tag, a.tags[name]); err != nil {
				broken = append(broken, fmt.Errorf("%s: %w", name, err))
			}
		}
		for _, digest := range slices.Sorted(maps.Keys(a.deleted)) {
			_, _, err := client.do(ctx, http.StatusNotFound, http.MethodHead, "/v2/"+looseRepository+"/manifests/"+digest, nil, nil)
			if err != nil {
				broken = append(broken, fmt.Errorf("deleted: %w", err))
			}
		}
	}
	return broken
}

// cancelUploads ends what clients have given up.
func (c *cluster) cancelUploads(t *testing.T) {
	t.Helper()
	client := newRegistryClient(t, c.atFront())
	for _, path := range c.front.uploadPaths() {
		_, _, err := client.do(t.Context(), http.StatusNoContent, http.MethodDelete, path, nil, nil)
		if err != nil && !isGone(err) {
			t.Errorf("cancel an upload: %v", err)
		}
	}
}

// collectEverything makes the nodes keep nothing that no image needs, and waits
// until what was deleted before, with a time to live, is gone too.
func (c *cluster) collectEverything(t *testing.T) {
	t.Helper()
	for _, n := range c.nodes {
		n.stop()
		n.args = append(n.args, "--gc-grace", "0s", "--undelete-window", "0s")
	}
	for _, n := range c.nodes {
		n.start()
	}
	db := openDatabase(t, c.nodes[0].server)
	// What was pushed last is looked at when the grace of the chaos is over.
	awaitFor(t, 3*time.Minute, "the collection of everything", func() bool {
		c.nodes[0].nifuda(t, "gc", "--now").run(t)
		left := 0
		for what, query := range leftovers {
			var n int
			if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			left += n
		}
		return left == 0
	})
}

// mustHoldItsObjects compares what the bucket holds with what the database knows.
// A try that failed may leave a blob or an upload that no database knows: those
// are swept after a day, so that there must be no more of them than such tries.
func (c *cluster) mustHoldItsObjects(t *testing.T, failed int) {
	t.Helper()
	objects := c.bucket.keys(t)
	delete(objects, "nifuda/ping") // which tells whether the bucket answers
	rows, err := openDatabase(t, c.nodes[0].server).QueryContext(t.Context(), "SELECT location FROM blobs WHERE location IS NOT NULL")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var location string
		if err := rows.Scan(&location); err != nil {
			t.Fatal(err)
		}
		if key := "nifuda/blobs/" + location; objects[key] {
			delete(objects, key)
		} else {
			t.Errorf("the bucket has no %s", key)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	uploads := map[string]bool{} // a directory each
	for key := range objects {
		uploads[filepath.Dir(key)] = true
	}
	t.Logf("the bucket still has %q", slices.Sorted(maps.Keys(objects)))
	if len(uploads) > 2*failed { // parts, and what is too short to be one
		t.Errorf("%d tries failed, and %d things are left of uploads", failed, len(uploads))
	}
}

// keys are what the bucket holds, parts of uploads too.
func (b bucket) keys(t *testing.T) map[string]bool {
	t.Helper()
	root := filepath.Join(filepath.Dir(b.log), "root", b.name)
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			key, relErr := filepath.Rel(root, path)
			found[key], err = true, relErr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
