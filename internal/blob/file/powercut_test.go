package file

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/seal"
)

// A machine is a store on a disk whose power may go at any time, and what the
// store has acknowledged so far.
type machine struct {
	t     *rapid.T
	test  *testing.T
	key   *seal.Key
	disk  *memoryDisk
	store *Store

	open      []*openUpload
	saved     []*savedUpload
	committed map[blob.Location][]byte
}

type openUpload struct {
	blob.Writer
	content []byte
	from    *savedUpload // nil for a new one
}

type savedUpload struct {
	state   []byte
	content []byte
	writing bool
}

// TestWhatIsAcknowledgedSurvivesAPowerCut plays random uploads with random
// faults and power cuts. Whatever Commit gave a location for must be there, and
// whatever Save gave a state for must resume.
func TestWhatIsAcknowledgedSurvivesAPowerCut(t *testing.T) {
	eachKey(t, playPowerCuts)
}

func playPowerCuts(t *testing.T, key *seal.Key) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{t: rt, test: t, key: key, disk: newMemoryDisk(), committed: map[blob.Location][]byte{}}
		m.store = newStore(m.disk)
		rt.Repeat(map[string]func(*rapid.T){
			"create":       m.create,
			"write":        m.write,
			"save":         m.save,
			"resume":       m.resume,
			"commit":       m.commit,
			"commit wrong": m.commitWrong,
			"abort":        m.abort,
			"remove":       m.remove,
			"fault":        m.fault,
			"restart":      m.restart,
			"power cut":    m.powerCut,
			"":             m.check,
		})
		m.powerCut(rt)
		m.check(rt)
		for len(m.saved) > 0 {
			m.resume(rt)
			m.commit(rt)
		}
		m.powerCut(rt)
		m.check(rt)
	})
}

func (m *machine) create(t *rapid.T) {
	w, err := m.store.Create(m.test.Context(), m.key)
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	m.open = append(m.open, &openUpload{Writer: w})
}

func (m *machine) write(t *rapid.T) {
	u := m.draw(t)
	p := bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, rapid.IntRange(0, m.largest()).Draw(t, "size"))
	if _, err := u.Write(p); err != nil {
		m.wantFault(t, "Write", err)
		_, _ = u.Save(m.test.Context()) // ends it, as the caller must
		m.forget(u)
		return
	}
	u.content = append(bytes.Clone(u.content), p...)
}

func (m *machine) save(t *rapid.T) {
	u := m.take(t)
	state, err := u.Save(m.test.Context())
	if err != nil {
		m.wantFault(t, "Save", err)
		m.forget(u)
		return
	}
	m.forget(u)
	m.saved = append(m.saved, &savedUpload{state: state, content: u.content})
}

func (m *machine) resume(t *rapid.T) {
	idle := slices.DeleteFunc(slices.Clone(m.saved), func(s *savedUpload) bool { return s.writing })
	if len(idle) == 0 {
		return
	}
	s := rapid.SampledFrom(idle).Draw(t, "saved")
	w, err := m.store.Resume(m.test.Context(), s.state, m.key)
	if err != nil && m.disk.fault != nil {
		m.wantFault(t, "Resume", err)
		w, err = m.store.Resume(m.test.Context(), s.state, m.key)
	}
	if err != nil {
		t.Fatalf("Resume: %v", err)
	}
	if w.Size() != int64(len(s.content)) {
		t.Fatalf("Resume at %d bytes, %d were saved", w.Size(), len(s.content))
	}
	s.writing = true
	m.open = append(m.open, &openUpload{Writer: w, content: s.content, from: s})
}

func (m *machine) commit(t *rapid.T) {
	u := m.take(t)
	location, _, err := u.Commit(m.test.Context(), digest.FromBytes(u.content))
	if err == nil {
		m.committed[location] = u.content
	} else {
		m.wantFault(t, "Commit", err)
	}
	m.forget(u)
}

func (m *machine) commitWrong(t *rapid.T) {
	u := m.take(t)
	_, _, err := u.Commit(m.test.Context(), digest.FromString("no such bytes"))
	if !errors.Is(err, blob.ErrDigestMismatch) {
		t.Fatalf("Commit of wrong bytes: %v", err)
	}
	if u.from != nil {
		u.from.writing = false
	}
}

func (m *machine) abort(t *rapid.T) {
	u := m.take(t)
	if err := u.Abort(m.test.Context()); err != nil {
		m.wantFault(t, "Abort", err)
	}
	m.forget(u)
}

func (m *machine) remove(t *rapid.T) {
	if len(m.committed) == 0 {
		t.Skip("nothing committed")
	}
	location := rapid.SampledFrom(slices.Sorted(maps.Keys(m.committed))).Draw(t, "location")
	if err := m.store.Remove(m.test.Context(), location); err != nil {
		m.wantFault(t, "Remove", err)
	}
	delete(m.committed, location)
}

func (m *machine) fault(t *rapid.T) {
	step := rapid.SampledFrom([]string{"open", "write", "sync", "truncate", "mkdir", "rename", "syncDir", "remove"}).Draw(t, "step")
	m.disk.failOnce(step, rapid.SampledFrom(diskErrors).Draw(t, "error"))
}

// restart is what kill -9 does: no Writer ends, and nothing is lost.
func (m *machine) restart(*rapid.T) {
	m.boot(m.disk)
}

func (m *machine) powerCut(t *rapid.T) {
	m.boot(m.disk.cut(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "luck"), 0))))
}

func (m *machine) boot(disk *memoryDisk) {
	disk.fault = nil
	m.disk, m.store, m.open = disk, newStore(disk), nil
	for _, s := range m.saved {
		s.writing = false
	}
}

func (m *machine) check(t *rapid.T) {
	for location, want := range m.committed {
		node := m.disk.live[string(location)]
		if node == nil || !bytes.Equal(m.plain(t, node.data), want) {
			t.Fatalf("%s was committed and is lost or torn", location)
		}
	}
	for name, node := range m.disk.live {
		// Nothing torn has a final name, so that recovery can trust the names.
		dir, hex := path.Split(name)
		if dir != uploads+"/" && !strings.HasPrefix(hex, digest.FromBytes(m.plain(t, node.data)).Encoded()) {
			t.Fatalf("%s has other bytes than its name says", name)
		}
	}
	for _, s := range m.saved {
		if len(s.content) == 0 {
			continue // has no file
		}
		st, err := decodeState(s.state)
		if err != nil {
			t.Fatalf("state: %v", err)
		}
		node := m.disk.live[uploadPath(st.id.String())]
		if node == nil || !bytes.HasPrefix(m.begun(t, node.data, st), s.content) {
			t.Fatalf("upload %s was saved and is lost or torn", st.id)
		}
	}
}

// largest is how much is written at once: sometimes more than is sealed together.
func (m *machine) largest() int {
	if m.key == nil {
		return 9000
	}
	return seal.ChunkSize + 9000
}

// plain is what a finished file holds.
func (m *machine) plain(t *rapid.T, file []byte) []byte {
	if m.key == nil {
		return file
	}
	h, err := seal.ReadHeader(bytes.NewReader(file))
	if err != nil {
		t.Fatalf("header: %v", err)
	}
	plain, err := m.key.Open(bytes.Clone(file[h.Size:]))
	if err != nil {
		t.Fatalf("a file with a final name: %v", err)
	}
	return plain
}

// begun is what an unfinished file and its state hold.
func (m *machine) begun(t *rapid.T, file []byte, st state) []byte {
	if m.key == nil {
		return file
	}
	s, _, err := openSealer(m.key, st)
	if err != nil {
		t.Fatalf("state: %v", err)
	}
	var plain []byte
	for part, err := range s.Reopen(bytes.NewReader(file), int64(len(s.header))) {
		if err != nil {
			t.Fatalf("what was saved: %v", err)
		}
		plain = append(plain, part...)
	}
	return plain
}

func (m *machine) draw(t *rapid.T) *openUpload {
	if len(m.open) == 0 {
		m.create(t)
	}
	return rapid.SampledFrom(m.open).Draw(t, "upload")
}

// take draws an upload whose Writer is about to end.
func (m *machine) take(t *rapid.T) *openUpload {
	u := m.draw(t)
	m.open = slices.DeleteFunc(m.open, func(o *openUpload) bool { return o == u })
	return u
}

// forget drops the promise that an older Save of the upload gave.
func (m *machine) forget(u *openUpload) {
	m.open = slices.DeleteFunc(m.open, func(o *openUpload) bool { return o == u })
	m.saved = slices.DeleteFunc(m.saved, func(s *savedUpload) bool { return s == u.from })
}

func (m *machine) wantFault(t *rapid.T, step string, err error) {
	if !slices.ContainsFunc(diskErrors, func(fault error) bool { return errors.Is(err, fault) }) {
		t.Fatalf("%s: %v", step, err)
	}
}

var diskErrors = []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS}
