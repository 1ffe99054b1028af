package powercut

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// A Loss is what a power cut takes.
type Loss int

const (
	// Unsynced takes everything that was not synced.
	Unsynced Loss = iota
	// Some takes each piece that was not synced or leaves it, at random.
	Some
	// Nothing leaves everything, as the crash of a process does.
	Nothing
)

// An Image is what a disk holds, by absolute path; the root is left out.
type Image map[string]File

// A File is a regular file or, by its mode, a directory.
type File struct {
	Mode fs.FileMode
	Data []byte
}

// paths returns the paths, a directory's before those in it.
func (i Image) paths() []string { return slices.Sorted(maps.Keys(i)) }

// WriteTo makes the files of the image in a directory.
func (i Image) WriteTo(dir string) error {
	for _, name := range i.paths() {
		target := filepath.Join(dir, filepath.FromSlash(name))
		var err error
		if i[name].Mode.IsDir() {
			err = os.Mkdir(target, i[name].Mode.Perm())
		} else {
			err = os.WriteFile(target, i[name].Data, i[name].Mode.Perm())
		}
		if err != nil {
			return fmt.Errorf("write disk image: %w", err)
		}
	}
	return nil
}

// Cut returns what the disk holds when the power goes after so many steps, and
// it takes what loss says.
func (d *Disk) Cut(steps int, loss Loss, luck *rand.Rand) Image {
	d.mu.Lock()
	log := d.log[:steps:steps]
	d.mu.Unlock()
	r := replay{luck: luck, mood: luck.IntN(3), files: map[nodeID]*media{}, names: map[entry]nodeID{}}
	r.load(d.initial)
	for _, s := range log {
		r.apply(s)
	}
	r.cut(loss)
	image := Image{}
	r.collect(image, rootID, "/")
	return image
}

// A replay follows the steps on what is durable.
type replay struct {
	luck    *rand.Rand
	mood    int // 0 loses most bytes, 1 mixes, 2 keeps most
	files   map[nodeID]*media
	names   map[entry]nodeID // durable ones
	renames []step           // not synced
}

// A media is what is durable of a node, and what was not synced.
type media struct {
	mode   fs.FileMode
	data   []byte
	writes []step
}

// load gives nodes the numbers that [New] gave them.
func (r *replay) load(i Image) {
	r.files[rootID] = &media{mode: fs.ModeDir | 0o755}
	ids := map[string]nodeID{"/": rootID}
	for _, name := range i.paths() {
		id := nodeID(len(r.files)) + rootID
		ids[name] = id
		r.files[id] = &media{mode: i[name].Mode, data: bytes.Clone(i[name].Data)}
		r.names[entry{ids[path.Dir(name)], path.Base(name)}] = id
	}
}

func (r *replay) apply(s step) {
	switch s.op {
	case Write, Truncate:
		r.files[s.node].writes = append(r.files[s.node].writes, s)
	case Sync:
		loss := Nothing
		if s.failed {
			loss = Some
		}
		r.settle(r.files[s.node], loss)
	case SyncDir:
		if !s.failed {
			r.syncDir(s.node)
		}
	default:
		if s.op == Create || s.op == Mkdir {
			r.files[s.node] = &media{mode: s.mode}
		}
		r.renames = append(r.renames, s)
	}
}

// settle decides on what was not synced of a file.
func (r *replay) settle(m *media, loss Loss) {
	for _, s := range m.writes {
		switch loss {
		case Unsynced:
		case Nothing:
			m.data = s.applied(m.data)
		case Some:
			r.land(m, s)
		}
	}
	m.writes = nil
}

const (
	sector = 512
	page   = 4096
)

// land lets a part of a write or of a truncation reach the disk.
func (r *replay) land(m *media, s step) {
	style := r.luck.IntN(5)
	if r.mood != 1 && r.luck.IntN(4) > 0 {
		style = r.mood / 2
	}
	pieces := [][2]int{{0, len(s.data)}}
	kept := func() bool { return r.luck.IntN(2) == 0 }
	switch style {
	case 0:
		return
	case 1:
		m.data = s.applied(m.data)
		return
	case 2: // torn: the beginning alone
		pieces = [][2]int{{0, r.luck.IntN(len(s.data)/sector+1) * sector}}
		kept = func() bool { return true }
	case 3:
		pieces = cutUp(len(s.data), page)
	case 4:
		pieces = cutUp(len(s.data), sector)
	}
	if s.op == Truncate {
		if kept() {
			m.data = s.applied(m.data)
		}
		return
	}
	// The size may be there before the bytes.
	if end := s.offset + int64(len(s.data)); kept() && end > int64(len(m.data)) {
		m.data = resize(m.data, end)
	}
	for _, p := range pieces {
		if kept() {
			piece := step{op: Write, offset: s.offset + int64(p[0]), data: s.data[p[0]:p[1]]}
			m.data = piece.applied(m.data)
		}
	}
}

func cutUp(size, by int) (pieces [][2]int) {
	for at := 0; at < size; at += by {
		pieces = append(pieces, [2]int{at, min(at+by, size)})
	}
	return pieces
}

// syncDir makes the changes of names in a directory durable, and with each the
// earlier ones of the same names: a rename has two.
func (r *replay) syncDir(dir nodeID) {
	due := map[entry]bool{}
	settled := make([]bool, len(r.renames))
	for i, s := range slices.Backward(r.renames) {
		for _, c := range s.names {
			settled[i] = settled[i] || c.dir == dir || due[c.entry]
		}
		for _, c := range s.names {
			due[c.entry] = due[c.entry] || settled[i]
		}
	}
	var left []step
	for i, s := range r.renames {
		if settled[i] {
			r.rename(s)
		} else {
			left = append(left, s)
		}
	}
	r.renames = left
}

func (r *replay) rename(s step) {
	for _, c := range s.names {
		if c.node == 0 {
			delete(r.names, c.entry)
		} else {
			r.names[c.entry] = c.node
		}
	}
}

// cut decides on everything that was not synced.
func (r *replay) cut(loss Loss) {
	for _, id := range slices.Sorted(maps.Keys(r.files)) {
		r.settle(r.files[id], loss)
	}
	switch loss {
	case Unsynced:
	case Nothing:
		for _, s := range r.renames {
			r.rename(s)
		}
	case Some:
		r.renameSome()
	}
}

// renameSome lets some changes of names reach the disk: the first ones, as with
// a journal, or any of them, where only those of one name keep their order.
func (r *replay) renameSome() {
	lost := map[entry]bool{}
	journal, first := r.luck.IntN(2) == 0, r.luck.IntN(len(r.renames)+1)
	for i, s := range r.renames {
		gone := r.luck.IntN(3) == 0
		if journal {
			gone = i >= first
		}
		for _, c := range s.names {
			gone = gone || lost[c.entry]
		}
		for _, c := range s.names {
			lost[c.entry] = lost[c.entry] || gone
		}
		if !gone {
			r.rename(s)
		}
	}
}

func (r *replay) collect(into Image, dir nodeID, at string) {
	for e, id := range r.names {
		if e.dir != dir {
			continue
		}
		name := path.Join(at, e.name)
		into[name] = File{r.files[id].mode, r.files[id].data}
		if r.files[id].mode.IsDir() {
			r.collect(into, id, name)
		}
	}
}
