package registry_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/cluster"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// nodes are registries of one installation, each as in a process of its own.
type nodes struct {
	fixtures []fixture
	members  []*cluster.Member
	store    *store.Store
}

func newNodes(t *testing.T, count int) nodes {
	t.Helper()
	s, dir, c := storetest.Postgres(t), t.TempDir(), newClock()
	all := nodes{store: s}
	for range count {
		m, err := cluster.Join(t.Context(), s, cluster.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		})
		r := openWith(t, s, dir, c, func(o *registry.Options) { o.UploadClaims = m })
		all.fixtures = append(all.fixtures, fixture{r, s, c})
		all.members = append(all.members, m)
	}
	all.fixtures[0].create(t, app, registry.TagMutability{})
	return all
}

// bury has the others take a node for dead.
func (n nodes) bury(t *testing.T, node int) {
	t.Helper()
	if err := n.store.DeleteNode(t.Context(), n.members[node].ID()); err != nil {
		t.Fatal(err)
	}
}

// around are sizes of which the halves stay in memory, or not.
var around = []int{100, 64 << 10, 100 << 10, 1 << 20}

func TestUploadGoesOnOnAnotherNode(t *testing.T) {
	all := newNodes(t, 3)
	for _, size := range around {
		content, f := random(t, size), all.fixtures
		id := f[0].start(t)
		half := int64(size / 2)
		f[1].appendPart(t, id, part(content[:half]), half)
		for node := range f {
			if got, err := f[node].UploadSize(t.Context(), app, id); err != nil || got != half {
				t.Errorf("node %d has %d bytes, %v, want %d", node, got, err, half)
			}
		}
		f[2].appendPart(t, id, at(half, content[half:]), int64(size))
		if _, err := f[0].CompleteUpload(t.Context(), app, id, completion(nil, digest.FromBytes(content))); err != nil {
			t.Fatal(err)
		}
		if got := f[1].read(t, app, digest.FromBytes(content)); !bytes.Equal(got, content) {
			t.Errorf("%d bytes came back otherwise", size)
		}
	}
}

// Of nodes that add to one place of an upload at once, one does. The others refuse,
// and the bytes are that one's.
func TestOneOfManyNodesAddsToAnUpload(t *testing.T) {
	all := newNodes(t, 3)
	for _, begun := range []int{0, 100, 100 << 10} {
		for _, size := range around {
			head := random(t, begun)
			id := all.fixtures[0].start(t)
			if begun > 0 {
				all.fixtures[0].appendPart(t, id, part(head), int64(begun))
			}
			contents := make([][]byte, len(all.fixtures))
			errs := make([]error, len(contents))
			var adding sync.WaitGroup
			for node, f := range all.fixtures {
				contents[node] = random(t, size)
				adding.Go(func() { _, errs[node] = f.AppendUpload(t.Context(), app, id, at(int64(begun), contents[node])) })
			}
			adding.Wait()
			winners := 0
			for node, err := range errs {
				if err != nil {
					if !refusedAs(err, registry.CodeInvalidLayerPart, registry.CodeUploadInUse) {
						t.Errorf("node %d: %v", node, err)
					}
					continue
				}
				winners++
				want := append(append([]byte{}, head...), contents[node]...)
				if _, err := all.fixtures[(node+1)%3].CompleteUpload(t.Context(), app, id, completion(nil, digest.FromBytes(want))); err != nil {
					t.Errorf("the winner's bytes, after %d: %v", begun, err)
				}
			}
			if winners != 1 {
				t.Errorf("%d nodes have added %d bytes after %d", winners, size, begun)
			}
		}
	}
}

// Of nodes that end an upload at once, one does, and its blob stays whole.
func TestOneOfManyNodesEndsAnUpload(t *testing.T) {
	all := newNodes(t, 3)
	for _, size := range around {
		content := random(t, size)
		id := all.fixtures[0].start(t)
		all.fixtures[0].appendPart(t, id, part(content), int64(size))
		errs, again := make([]error, len(all.fixtures)), make([]bool, len(all.fixtures))
		var ending sync.WaitGroup
		for node, f := range all.fixtures {
			ending.Go(func() {
				var done registry.Completed
				done, errs[node] = f.CompleteUpload(t.Context(), app, id, completion(nil, digest.FromBytes(content)))
				again[node] = done.Existed
			})
		}
		ending.Wait()
		winners := 0
		for node, err := range errs {
			if err == nil && !again[node] { // the others may be told that it is there
				winners++
			} else if err != nil && !refusedAs(err, registry.CodeUploadNotFound) {
				t.Errorf("node %d: %v", node, err)
			}
		}
		if winners != 1 {
			t.Errorf("%d nodes have ended one upload", winners)
		}
		if got := all.fixtures[0].read(t, app, digest.FromBytes(content)); !bytes.Equal(got, content) {
			t.Errorf("%d bytes came back otherwise", size)
		}
	}
}

func TestEndedUploadIsNotBegunAgainElsewhere(t *testing.T) {
	all := newNodes(t, 2)
	here, there := all.fixtures[0], all.fixtures[1]
	for name, end := range map[string]func(id string) error{
		"completed": func(id string) error {
			_, err := here.CompleteUpload(t.Context(), app, id, completion([]byte("content"), digest.FromString("content")))
			return err
		},
		"canceled": func(id string) error { return here.CancelUpload(t.Context(), app, id) },
		"canceled, with a part": func(id string) error {
			here.appendPart(t, id, part([]byte("x")), 1)
			return here.CancelUpload(t.Context(), app, id)
		},
	} {
		id := here.start(t)
		if err := end(id); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, err := there.AppendUpload(t.Context(), app, id, part([]byte("more")))
		wantCode(t, err, registry.CodeUploadNotFound)
		_, err = there.UploadSize(t.Context(), app, id)
		wantCode(t, err, registry.CodeUploadNotFound)
		_, err = there.CompleteUpload(t.Context(), app, id, completion([]byte("content"), digest.FromString("content")))
		wantCode(t, err, registry.CodeUploadNotFound)
		wantCode(t, there.CancelUpload(t.Context(), app, id), registry.CodeUploadNotFound)
		// The memory of it goes when the id is of no use any more.
		here.clock.advance(26 * time.Hour)
		if err := here.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := all.store.Upload(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: it is remembered: %v", name, err)
		}
		_, err = there.AppendUpload(t.Context(), app, id, part([]byte("more")))
		wantCode(t, err, registry.CodeUploadNotFound)
	}
}

// A stalled body ends or goes on when it is told to.
type stalled struct {
	reading chan struct{} // closed with the first read
	resume  chan struct{}
	rest    io.Reader
	once    sync.Once
}

func newStalled(rest []byte) *stalled {
	return &stalled{reading: make(chan struct{}), resume: make(chan struct{}), rest: bytes.NewReader(rest)}
}

func (s *stalled) Read(p []byte) (int, error) {
	s.once.Do(func() { close(s.reading) })
	<-s.resume
	return s.rest.Read(p)
}

// A node that stood still in the middle of a part, and whose upload went on
// elsewhere, changes nothing when it wakes up.
func TestNodeThatStoodStillAddsNothing(t *testing.T) {
	for _, size := range around {
		all := newNodes(t, 2)
		slow, quick := all.fixtures[0], all.fixtures[1]
		id := slow.start(t)
		lost, content := newStalled(random(t, size)), random(t, size)
		failed := make(chan error)
		go func() {
			_, err := slow.AppendUpload(t.Context(), app, id, registry.Part{Length: -1, Body: lost})
			failed <- err
		}()
		<-lost.reading
		all.bury(t, 0)
		quick.appendPart(t, id, part(content), int64(size))
		close(lost.resume)
		wantCode(t, <-failed, registry.CodeUploadInUse)
		if _, err := quick.CompleteUpload(t.Context(), app, id, completion(nil, digest.FromBytes(content))); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		if got := quick.read(t, app, digest.FromBytes(content)); !bytes.Equal(got, content) {
			t.Errorf("%d bytes came back otherwise", size)
		}
	}
}

// Nor does one that stood still while it ended an upload that another one has
// ended meanwhile, and it takes nothing of that one's blob.
func TestNodeThatStoodStillEndsNothing(t *testing.T) {
	for _, size := range around {
		all := newNodes(t, 2)
		slow, quick := all.fixtures[0], all.fixtures[1]
		content := random(t, size)
		id := slow.start(t)
		slow.appendPart(t, id, part(content), int64(size))
		nothing := newStalled(nil)
		failed := make(chan error)
		go func() {
			_, err := slow.CompleteUpload(t.Context(), app, id, registry.Completion{
				Part: registry.Part{Length: -1, Body: nothing}, Digests: []string{digest.FromBytes(content).String()},
			})
			failed <- err
		}()
		<-nothing.reading
		all.bury(t, 0)
		if _, err := quick.CompleteUpload(t.Context(), app, id, completion(nil, digest.FromBytes(content))); err != nil {
			t.Fatal(err)
		}
		close(nothing.resume)
		if err := <-failed; err == nil {
			t.Errorf("%d bytes: it has ended what was over", size)
		}
		if got := quick.read(t, app, digest.FromBytes(content)); !bytes.Equal(got, content) {
			t.Errorf("%d bytes came back otherwise", size)
		}
	}
}

// With this grace the collector looks every 36 s by itself.
func TestWhatOneNodeDeletesAnotherCollectsAtOnce(t *testing.T) {
	url, dir, c := storetest.PostgresURL(t), t.TempDir(), newClock()
	node := func() fixture {
		s, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return fixture{openWith(t, s, dir, c, func(o *registry.Options) { o.Grace, o.UndeleteWindow = time.Hour, 0 }), s, c}
	}
	api, worker := node(), node()
	api.create(t, app, registry.TagMutability{})
	repository, err := api.Repository(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var collector sync.WaitGroup
	collector.Go(func() { worker.RunCollector(ctx) })
	defer collector.Wait()
	defer cancel()
	if _, err := api.DeleteRepository(t.Context(), app, false, actor); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		_, err := api.store.RepositoryByID(t.Context(), repository.ID)
		if errors.Is(err, store.ErrNotFound) {
			return
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the repository is there still: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
