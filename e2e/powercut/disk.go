// Package powercut is a file system in memory that can lose its power.
//
// A [Disk] is mounted with FUSE for a program under test, and remembers every
// change and every sync in the order in which the program asked for them. From
// that, [Disk.Cut] says what a disk may hold when the power goes after any
// number of these steps. It promises the program no more than POSIX does with a
// journal:
//
//   - Bytes and sizes are durable once their file was synced. What was not is
//     there or not sector by sector, in any order, and a hole reads as zeros.
//   - A name is durable once its directory was synced, be it of a new, a renamed
//     or a removed file. Until then changes of different names reach the disk in
//     any order, also before the bytes of the files. A rename happens wholly or
//     not at all.
//   - After a failed sync the bytes that it was for may be lost, though later
//     syncs of the same file succeed.
//
// Any step can be made to fail, see [Disk.SetFault].
package powercut

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"
	"sync"
	"syscall"
	"time"
)

// An Op is a kind of step.
type Op string

// The steps. Create, Mkdir, Rename, Link and Remove change names.
const (
	Create   Op = "create"
	Mkdir    Op = "mkdir"
	Rename   Op = "rename"
	Link     Op = "link"
	Remove   Op = "remove"
	Write    Op = "write"
	Truncate Op = "truncate"
	Sync     Op = "sync"
	SyncDir  Op = "syncDir"
)

// A Fault decides on a step, given the path of what it is about: nil lets it
// happen, an error keeps it from happening. Of a write half happens all the
// same.
type Fault func(op Op, path string) error

// ErrShort makes a write take fewer bytes than it was given and say so, which
// is no error to the kernel.
var ErrShort = errors.New("short write")

// A Disk is safe for concurrent use.
type Disk struct {
	initial Image

	mu    sync.Mutex
	nodes map[nodeID]*node
	log   []step
	fault Fault
}

type nodeID uint64

const rootID nodeID = 1

type node struct {
	mode     fs.FileMode
	path     string // the last one
	data     []byte
	children map[string]nodeID // of a directory
	order    []string          // of its names, "" where one was removed
	modified time.Time
}

// put gives a name of a directory a meaning, or removes it.
func (n *node) put(name string, id nodeID) {
	n.modified = time.Now()
	_, exists := n.children[name]
	switch {
	case id == 0:
		delete(n.children, name)
		n.order[slices.Index(n.order, name)] = ""
		return
	case !exists:
		n.order = append(n.order, name)
	}
	n.children[name] = id
}

// A step is one change or sync.
type step struct {
	op     Op
	node   nodeID
	mode   fs.FileMode // of a new node
	offset int64       // of a write; the size of a truncation
	data   []byte
	names  []change // happen together
	failed bool     // of a sync
}

// A change gives a name in a directory another meaning; 0 removes it.
type change struct {
	entry
	node nodeID
}

type entry struct {
	dir  nodeID
	name string
}

// New returns a disk that holds an image, all of it durable.
func New(from Image) *Disk {
	d := &Disk{initial: from, nodes: map[nodeID]*node{}}
	d.add(fs.ModeDir|0o755, "/")
	for _, name := range from.paths() {
		id := d.add(from[name].Mode, name)
		d.nodes[id].data = bytes.Clone(from[name].Data)
		d.at(path.Dir(name)).put(path.Base(name), id)
	}
	return d
}

// SetFault makes steps fail from now on; nil ends it.
func (d *Disk) SetFault(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = f
}

// Steps is how many steps there were so far.
func (d *Disk) Steps() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.log)
}

// After returns how many steps there were right after each of a kind.
func (d *Disk) After(op Op) (steps []int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, s := range d.log {
		if s.op == op {
			steps = append(steps, i+1)
		}
	}
	return steps
}

func (d *Disk) add(mode fs.FileMode, name string) nodeID {
	id := nodeID(len(d.nodes)) + rootID
	d.nodes[id] = &node{mode: mode, path: name, children: map[string]nodeID{}, modified: time.Now()}
	return id
}

func (d *Disk) at(name string) *node {
	n := d.nodes[rootID]
	if name == "/" {
		return n
	}
	return d.nodes[d.at(path.Dir(name)).children[path.Base(name)]]
}

func (d *Disk) fails(op Op, name string) error {
	if d.fault == nil {
		return nil
	}
	return d.fault(op, name)
}

// rename carries out changes of names.
func (d *Disk) rename(s step) {
	for _, c := range s.names {
		d.nodes[c.dir].put(c.name, c.node)
		if c.node != 0 {
			d.nodes[c.node].path = path.Join(d.nodes[c.dir].path, c.name)
		}
	}
	d.log = append(d.log, s)
}

func (d *Disk) make(op Op, dir nodeID, name string, mode fs.FileMode) (nodeID, error) {
	full := path.Join(d.nodes[dir].path, name)
	if d.nodes[dir].children[name] != 0 {
		return 0, syscall.EEXIST
	}
	if err := d.fails(op, full); err != nil {
		return 0, err
	}
	id := d.add(mode, full)
	d.rename(step{op: op, node: id, mode: mode, names: []change{{entry{dir, name}, id}}})
	return id, nil
}

func (d *Disk) write(id nodeID, offset int64, p []byte) (int, error) {
	n := d.nodes[id]
	err := d.fails(Write, n.path)
	if err != nil {
		p = p[:len(p)/2]
	}
	s := step{op: Write, node: id, offset: offset, data: bytes.Clone(p)}
	n.data, n.modified = s.applied(n.data), time.Now()
	d.log = append(d.log, s)
	if errors.Is(err, ErrShort) {
		err = nil
	}
	return len(p), err
}

func (d *Disk) truncate(id nodeID, size int64) error {
	n := d.nodes[id]
	if err := d.fails(Truncate, n.path); err != nil {
		return err
	}
	s := step{op: Truncate, node: id, offset: size}
	n.data, n.modified = s.applied(n.data), time.Now()
	d.log = append(d.log, s)
	return nil
}

func (d *Disk) sync(op Op, id nodeID) error {
	err := d.fails(op, d.nodes[id].path)
	d.log = append(d.log, step{op: op, node: id, failed: err != nil})
	return err
}

// applied returns what a file holds after a write or a truncation. It may
// change data in place.
func (s step) applied(data []byte) []byte {
	end := s.offset + int64(len(s.data))
	if s.op == Truncate || end > int64(len(data)) {
		data = resize(data, end)
	}
	copy(data[s.offset:], s.data)
	return data
}

func resize(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size:size] // what grows again is not what was cut off
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}
