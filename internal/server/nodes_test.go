package server

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/cluster"
	"github.com/nifuda/nifuda/internal/config"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// serverKeyText is what the nodes of a test are given.
var serverKeyText = strings.Repeat("5a", 32)

// newNode starts a server with an empty data directory, to which nothing is
// handed but the address of the database and the server key.
func newNode(t *testing.T, database string, changes ...func(*server)) *fixture {
	t.Helper()
	t.Setenv("TEST_SERVER_KEY", serverKeyText)
	c := config.Default()
	c.Data, c.Database = t.TempDir(), database
	c = inData(c)
	c.ServerKey, c.SealKeys = "env:TEST_SERVER_KEY", "database:"
	return startServerIn(t, c, changes...)
}

// What one node hands out is good on the others, and what it changes holds there
// from its answer on.
func TestNodesAreOneRegistry(t *testing.T) {
	database := storetest.PostgresURL(t)
	var servers []*server
	note := func(s *server) { servers = append(servers, s) }
	nodes := []*fixture{newNode(t, database, note), newNode(t, database, note), newNode(t, database, note)}
	for i, n := range nodes {
		if n.root != nodes[0].root {
			t.Fatalf("node %d has another root key", i)
		}
	}
	nodes[0].send(nodes[0].api("CreateRepository", map[string]any{"repositoryName": "app"}), http.StatusOK)

	content := []byte("a layer in three parts, of which each node has one")
	location := nodes[0].send(nodes[0].v2("POST", "/v2/app/blobs/uploads/", nil), http.StatusAccepted).Header().Get("Location")
	// The login of the first is good for all.
	for i, part := range [][]byte{content[:10], content[10:20]} {
		r := nodes[i+1].v2("PATCH", pathOf(t, location), part)
		r.Header.Set("Authorization", nodes[0].login)
		location = nodes[i+1].send(r, http.StatusAccepted).Header().Get("Location")
	}
	d := digest.FromBytes(content).String()
	nodes[0].send(nodes[0].v2("PUT", pathOf(t, location)+"?digest="+url.QueryEscape(d), content[20:]), http.StatusCreated)
	nodes[1].send(nodes[1].v2("PATCH", pathOf(t, location), []byte("more")), http.StatusNotFound)

	image := storetest.Load{Images: 1, Repository: "app"}.Image(0)
	nodes[0].push("app", image)
	var layer struct{ DownloadURL string }
	nodes[1].ask(nodes[1].api("GetDownloadUrlForLayer", map[string]any{"repositoryName": "app", "layerDigest": digest.FromBytes(image.Layer)}), http.StatusOK, &layer)
	address, err := url.Parse(layer.DownloadURL)
	if err != nil {
		t.Fatal(err)
	}
	r := nodes[2].v2("GET", address.RequestURI(), nil)
	r.Header.Del("Authorization")
	if got := nodes[2].send(r, http.StatusOK).Body.Bytes(); !bytes.Equal(got, image.Layer) {
		t.Errorf("the address of another node serves %q", got)
	}

	// A key that one node makes the current one opens and wraps on all, at once.
	for round := range 3 {
		if err := servers[round].registry.RotateSealingKey(t.Context()); err != nil {
			t.Fatal(err)
		}
		sealed := bytes.Repeat([]byte{byte(round)}, 100)
		d := digest.FromBytes(sealed).String()
		nodes[round].send(nodes[round].v2("POST", "/v2/app/blobs/uploads/?digest="+url.QueryEscape(d), sealed), http.StatusCreated)
		for i, n := range nodes {
			if got := n.send(n.v2("GET", "/v2/app/blobs/"+d, nil), http.StatusOK).Body.Bytes(); !bytes.Equal(got, sealed) {
				t.Errorf("round %d: node %d serves %q", round, i, got)
			}
		}
	}
	for i, s := range servers {
		if got, want := len(s.ring.Keys()), len(servers[2].ring.Keys()); got != want {
			t.Errorf("node %d knows %d keys of %d", i, got, want)
		}
	}

	// What is taken away is gone everywhere.
	nodes[1].send(nodes[1].api("DeleteRepository", map[string]any{"repositoryName": "app", "force": true}), http.StatusOK)
	for _, n := range nodes {
		n.send(n.v2("GET", "/v2/app/blobs/"+d, nil), http.StatusNotFound)
	}
}

func pathOf(t *testing.T, location string) string {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	return u.Path
}

// A node whose server key is another one does not start, and changes nothing.
func TestNodeWithAnotherServerKeyIsRefused(t *testing.T) {
	database := storetest.PostgresURL(t)
	first := newNode(t, database)
	for key, want := range map[string]string{
		strings.Repeat("0f", 32): "the server key in the variable TEST_SERVER_KEY is not the one that this database belongs to",
		"":                       "the variable is empty or not set",
		"0f":                     "must be 32 bytes in hexadecimal",
	} {
		c := config.Default()
		c.Data, c.Database = t.TempDir(), database
		c = inData(c)
		c.ServerKey, c.SealKeys = "env:TEST_SERVER_KEY", "database:"
		t.Setenv("TEST_SERVER_KEY", key)
		s := newTestServer(c, testEnvironment)
		err := s.open(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--server-key: ") {
			t.Errorf("it says %v, want %s", err, want)
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}
	if again := newNode(t, database); again.root != first.root {
		t.Error("the root key is another one")
	}
}

// A ring that was in a node's file goes into the database with the first start
// there, and so does the root key. What was sealed opens everywhere.
func TestSecretsOfOneNodeBecomeThoseOfAll(t *testing.T) {
	database := storetest.PostgresURL(t)
	c := config.Default()
	c.Data, c.Database = t.TempDir(), database
	c = inData(c)
	c.ServerKey = "env:TEST_SERVER_KEY"
	t.Setenv("TEST_SERVER_KEY", serverKeyText)
	content := []byte("sealed with the ring in a file")
	d := digest.FromBytes(content).String()
	var root any
	t.Run("with a file", func(t *testing.T) {
		f := startServerIn(t, c)
		f.send(f.api("CreateRepository", map[string]any{"repositoryName": "app"}), http.StatusOK)
		f.send(f.v2("POST", "/v2/app/blobs/uploads/?digest="+url.QueryEscape(d), content), http.StatusCreated)
		root = f.root
	})
	t.Run("another node without it is refused", func(t *testing.T) {
		other := config.Default()
		other.Data, other.Database = t.TempDir(), database
		other = inData(other)
		other.ServerKey, other.SealKeys = "env:TEST_SERVER_KEY", "database:"
		s := newTestServer(other, testEnvironment)
		err := s.open(t.Context())
		if err == nil || !strings.Contains(err.Error(), "there is no key ring in the database") {
			t.Errorf("it says %v", err)
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	c.SealKeys = "database:"
	f := startServerIn(t, c)
	if err := os.Remove(filepath.Join(c.Data, "seal-keys")); err != nil {
		t.Fatal(err)
	}
	other := newNode(t, database)
	for _, n := range []*fixture{f, other} {
		if n.root != root {
			t.Error("the root key is another one")
		}
		if got := n.send(n.v2("GET", "/v2/app/blobs/"+d, nil), http.StatusOK).Body.Bytes(); !bytes.Equal(got, content) {
			t.Errorf("it serves %q", got)
		}
	}
}

// Requests of a node that only works are answered by others.
func TestWorkerServesItsHealthAlone(t *testing.T) {
	database := storetest.PostgresURL(t)
	newNode(t, database)
	c := config.Default()
	c.Data, c.Database, c.Role = t.TempDir(), database, "worker"
	c = inData(c)
	c.ServerKey, c.SealKeys = "env:TEST_SERVER_KEY", "database:"
	s := newTestServer(c, testEnvironment)
	if err := s.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	root, err := s.rootKey(t.Context(), "http://"+host)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{tb: t, region: c.Region, root: root, handler: s.handler(root)}
	f.send(f.v2("GET", "/healthz", nil), http.StatusOK)
	f.send(f.v2("GET", "/readyz", nil), http.StatusOK)
	f.send(f.v2("GET", "/v2/", nil), http.StatusNotFound)
	f.send(f.api("DescribeRepositories", map[string]any{}), http.StatusNotFound)
}

// Each job that must run once has one node of those that work, and another one
// when that one ends.
func TestEachJobRunsOnOneNode(t *testing.T) {
	database := storetest.PostgresURL(t)
	t.Setenv("TEST_SERVER_KEY", serverKeyText)
	var servers []*server
	for _, role := range []string{"api", "worker", "all"} {
		c := config.Default()
		c.Data, c.Database, c.Role = t.TempDir(), database, role
		c = inData(c)
		c.ServerKey, c.SealKeys = "env:TEST_SERVER_KEY", "database:"
		s := newTestServer(c, testEnvironment)
		s.timing = cluster.Timing{Beat: 50 * time.Millisecond, Trust: 2 * time.Second, Patience: 4 * time.Second}
		if err := s.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		servers = append(servers, s)
	}
	jobs := 0
	for _, j := range servers[0].jobs() {
		if j.where == once {
			jobs++
		}
	}
	api, worker, all := servers[0], servers[1], servers[2]
	awaitTrue(t, func() bool { return held(t, worker)+held(t, all) == jobs })
	if n := held(t, api); n != 0 {
		t.Errorf("a node that only answers has %d jobs", n)
	}
	if err := worker.close(); err != nil {
		t.Error(err)
	}
	awaitTrue(t, func() bool { return held(t, all) == jobs })
	for _, s := range []*server{all, api} {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}
	if left := nodesOf(t, database); len(left) != 0 {
		t.Errorf("after the end there are %v", left)
	}
}

// held is how many jobs a server says that it does.
func held(t *testing.T, s *server) (jobs int) {
	t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "nifuda_lease_held" {
			continue
		}
		for _, m := range family.GetMetric() {
			jobs += int(m.GetGauge().GetValue())
		}
	}
	return jobs
}
