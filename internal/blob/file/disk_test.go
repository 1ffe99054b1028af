package file

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/blob/blobtest"
)

// A memoryDisk knows what of it would survive a power cut, and fails on demand.
// It promises no more than POSIX does with a journal: bytes are durable once
// their file was synced, names once their directory was, a rename wholly or not
// at all. After a failed sync of a file the next one does nothing and succeeds.
type memoryDisk struct {
	mu      sync.Mutex
	live    map[string]*inode
	durable map[string]*inode
	renames []rename

	// fault fails a step, by the name of the method, before it has any effect.
	fault func(step, name string) error
}

type inode struct {
	data   []byte
	synced []byte
	lost   bool // a sync has failed: no later one writes what it dropped
}

type rename struct{ from, to string }

var errShort = errors.New("write half and report no error")

func newMemoryDisk() *memoryDisk {
	return &memoryDisk{live: map[string]*inode{}, durable: map[string]*inode{}}
}

func (d *memoryDisk) fails(step, name string) error {
	if d.fault == nil {
		return nil
	}
	return d.fault(step, name)
}

func (d *memoryDisk) open(name string, flag int) (handle, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.fails("open", name); err != nil {
		return nil, err
	}
	if entries := d.list(name); entries != nil && flag == os.O_RDONLY {
		return &memoryDir{entries: entries}, nil
	}
	node := d.live[name]
	switch {
	case node == nil && flag&os.O_CREATE == 0:
		return nil, fs.ErrNotExist
	case node != nil && flag&os.O_EXCL != 0:
		return nil, fs.ErrExist
	case node == nil:
		node = &inode{}
		d.live[name] = node
	}
	return &memoryFile{disk: d, name: name, node: node}, nil
}

func (d *memoryDisk) intact() error { return nil }

// ensureDir only fails: every directory exists here.
func (d *memoryDisk) ensureDir(name string) error { return d.fails("mkdir", name) }

func (d *memoryDisk) rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.fails("rename", from); err != nil {
		return err
	}
	node := d.live[from]
	if node == nil {
		return fs.ErrNotExist
	}
	delete(d.live, from)
	d.live[to] = node
	d.renames = append(d.renames, rename{from, to})
	return nil
}

func (d *memoryDisk) remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.fails("remove", name); err != nil {
		return err
	}
	if d.live[name] == nil {
		return fs.ErrNotExist
	}
	delete(d.live, name)
	return nil
}

func (d *memoryDisk) syncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.fails("syncDir", dir); err != nil {
		return err
	}
	for name := range d.names() {
		if path.Dir(name) == dir {
			d.settle(name)
		}
	}
	var pending []rename
	for _, r := range d.renames {
		if path.Dir(r.from) != dir && path.Dir(r.to) != dir {
			pending = append(pending, r)
			continue
		}
		d.settle(r.from)
		d.settle(r.to)
	}
	d.renames = pending
	return nil
}

func (d *memoryDisk) close() error { return nil }

func (d *memoryDisk) names() map[string]*inode {
	all := maps.Clone(d.live)
	maps.Copy(all, d.durable)
	return all
}

// settle makes what a name means durable.
func (d *memoryDisk) settle(name string) {
	if node := d.live[name]; node != nil {
		d.durable[name] = node
		return
	}
	delete(d.durable, name)
}

// cut is the disk after a power cut. Of everything that was not synced, each
// piece is there or not as choose decides.
func (d *memoryDisk) cut(choose *rand.Rand) *memoryDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	decided := map[string]bool{}
	for _, r := range d.renames {
		kept := choose.IntN(2) == 0
		for _, name := range []string{r.from, r.to} {
			if kept {
				d.settle(name)
			}
			decided[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.names())) {
		if !decided[name] && choose.IntN(2) == 0 {
			d.settle(name)
		}
	}
	after := newMemoryDisk()
	for _, name := range slices.Sorted(maps.Keys(d.durable)) {
		bytes := d.durable[name].afterCut(choose)
		after.live[name] = &inode{data: bytes, synced: bytes}
	}
	maps.Copy(after.durable, after.live)
	return after
}

// afterCut mixes sectors of what was written and what was synced. Sectors of the
// one that the other has not are zero, as with delayed allocation.
func (n *inode) afterCut(choose *rand.Rand) []byte {
	const sector = 512
	versions := [][]byte{n.data, n.synced}
	bytes := make([]byte, len(versions[choose.IntN(2)]))
	for at := 0; at < len(bytes); at += sector {
		version := versions[choose.IntN(2)]
		if at < len(version) {
			copy(bytes[at:min(at+sector, len(bytes))], version[at:])
		}
	}
	return bytes
}

// list returns what a directory holds, or nil when there is no such directory.
func (d *memoryDisk) list(dir string) []fs.DirEntry {
	entries := map[string]fs.DirEntry{}
	for name, node := range d.live {
		rest, inside := strings.CutPrefix(name, dir+"/")
		if dir == "." {
			rest, inside = name, true
		}
		if !inside {
			continue
		}
		first, _, nested := strings.Cut(rest, "/")
		entries[first] = fs.FileInfoToDirEntry(memoryInfo{name: first, size: int64(len(node.data)), dir: nested})
	}
	if len(entries) == 0 && dir != "." {
		return nil
	}
	return append([]fs.DirEntry{}, slices.Collect(maps.Values(entries))...)
}

// A memoryDir is a directory as it was when it was opened.
type memoryDir struct {
	handle
	entries []fs.DirEntry
}

func (d *memoryDir) Close() error { return nil }

func (d *memoryDir) ReadDir(n int) ([]fs.DirEntry, error) {
	n = min(n, len(d.entries))
	if n == 0 {
		return nil, io.EOF
	}
	first := d.entries[:n]
	d.entries = d.entries[n:]
	return first, nil
}

type memoryInfo struct {
	name string
	size int64
	dir  bool
}

func (i memoryInfo) Name() string       { return i.name }
func (i memoryInfo) Size() int64        { return i.size }
func (i memoryInfo) ModTime() time.Time { return time.Now() }
func (i memoryInfo) IsDir() bool        { return i.dir }
func (i memoryInfo) Sys() any           { return nil }

func (i memoryInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir
	}
	return 0
}

type memoryFile struct {
	disk   *memoryDisk
	name   string
	node   *inode
	offset int64
}

func (f *memoryFile) Write(p []byte) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	err := f.disk.fails("write", f.name)
	if err != nil {
		p = p[:len(p)/2] // as much as fits
	}
	data := append([]byte(nil), f.node.data[:f.offset]...)
	f.node.data = append(data, p...)
	f.offset += int64(len(p))
	if errors.Is(err, errShort) {
		err = nil
	}
	return len(p), err
}

func (f *memoryFile) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.fails("sync", f.name); err != nil {
		f.node.lost = true
		return err
	}
	if !f.node.lost {
		f.node.synced = f.node.data
	}
	return nil
}

func (f *memoryFile) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.fails("truncate", f.name); err != nil {
		return err
	}
	f.node.data = f.node.data[:size:size]
	return nil
}

func (f *memoryFile) ReadAt(p []byte, offset int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.fails("read", f.name); err != nil {
		return 0, err
	}
	if offset >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memoryFile) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.offset)
	f.offset += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (f *memoryFile) Seek(offset int64, whence int) (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += f.offset
	case io.SeekEnd:
		offset += int64(len(f.node.data))
	}
	f.offset = offset
	return offset, nil
}

func (f *memoryFile) Close() error                       { return nil }
func (f *memoryFile) Stat() (fs.FileInfo, error)         { return nil, errors.ErrUnsupported }
func (f *memoryFile) ReadDir(int) ([]fs.DirEntry, error) { return nil, errors.ErrUnsupported }

// failOnce makes the first of a step fail, and none after it.
func (d *memoryDisk) failOnce(step string, err error) {
	failed := false
	d.fault = func(s, _ string) error {
		if s != step || failed {
			return nil
		}
		failed = true
		return err
	}
}

func TestMemoryDiskKeepsTheContract(t *testing.T) {
	disk := newMemoryDisk()
	blobtest.Run(t, func(*testing.T) blob.Store { return newStore(disk) })
}

func TestMemoryDiskForgetsWhatWasNotSynced(t *testing.T) {
	disk := newMemoryDisk()
	f, err := disk.open("uploads/a", os.O_RDWR|os.O_CREATE)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	lostName, lostBytes := false, false
	for seed := range uint64(64) {
		copied := &memoryDisk{live: maps.Clone(disk.live), durable: maps.Clone(disk.durable)}
		node := copied.cut(rand.New(rand.NewPCG(seed, 0))).live["uploads/a"]
		lostName = lostName || node == nil
		lostBytes = lostBytes || node != nil && string(node.data) != "abc"
	}
	if !lostName || !lostBytes {
		t.Errorf("a power cut loses the name: %t, the bytes: %t, want both", lostName, lostBytes)
	}
	disk.failOnce("sync", syscall.EIO)
	if err := f.Sync(); err == nil {
		t.Fatal("Sync did not fail")
	}
	if err := f.Sync(); err != nil || disk.live["uploads/a"].synced != nil {
		t.Errorf("second Sync: %v, durable %q, want success and nothing", err, disk.live["uploads/a"].synced)
	}
}
