//go:build linux

package powercut

import (
	"fmt"
	"io/fs"
	"path"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Mount shows the disk at a directory until unmount is called. It takes root
// and /dev/fuse.
func (d *Disk) Mount(dir string) (unmount func() error, err error) {
	server, err := fuse.NewServer(&fileSystem{fuse.NewDefaultRawFileSystem(), d}, dir, &fuse.MountOptions{
		DirectMountStrict: true, FsName: "powercut", DisableXAttrs: true, DisableReadDirPlus: true,
	})
	if err != nil {
		return nil, fmt.Errorf("mount the disk: %w", err)
	}
	go server.Serve()
	if err := server.WaitMount(); err != nil {
		return nil, fmt.Errorf("mount the disk: %w", err)
	}
	return server.Unmount, nil
}

// A fileSystem is what the kernel asks.
type fileSystem struct {
	fuse.RawFileSystem
	disk *Disk
}

// The kernel may remember for long: nobody else changes the disk.
const validity = uint64(time.Hour / time.Second)

func (f *fileSystem) String() string { return "powercut" }

func status(err error) fuse.Status {
	if err == nil {
		return fuse.OK
	}
	return fuse.ToStatus(err)
}

func (d *Disk) attributes(id nodeID, out *fuse.Attr) {
	n := d.nodes[id]
	out.Ino, out.Nlink, out.Blksize = uint64(id), 1, page
	out.Mode = syscall.S_IFREG | uint32(n.mode.Perm())
	if n.mode.IsDir() {
		out.Mode = syscall.S_IFDIR | uint32(n.mode.Perm())
	}
	out.Size = uint64(len(n.data))
	out.Blocks = (out.Size + sector - 1) / sector
	out.SetTimes(nil, &n.modified, &n.modified)
}

func (d *Disk) entryOut(id nodeID, out *fuse.EntryOut) {
	out.NodeId, out.EntryValid, out.AttrValid = uint64(id), validity, validity
	d.attributes(id, &out.Attr)
}

func (f *fileSystem) Lookup(_ <-chan struct{}, in *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	id := f.disk.nodes[nodeID(in.NodeId)].children[name]
	if id == 0 {
		return fuse.ENOENT
	}
	f.disk.entryOut(id, out)
	return fuse.OK
}

func (f *fileSystem) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	out.AttrValid = validity
	f.disk.attributes(nodeID(in.NodeId), &out.Attr)
	return fuse.OK
}

func (f *fileSystem) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	id := nodeID(in.NodeId)
	if size, ok := in.GetSize(); ok {
		if err := f.disk.truncate(id, int64(size)); err != nil {
			return status(err)
		}
	}
	if mode, ok := in.GetMode(); ok { // not a step: it is none of the promise
		n := f.disk.nodes[id]
		n.mode = n.mode.Type() | fs.FileMode(mode)&fs.ModePerm
	}
	out.AttrValid = validity
	f.disk.attributes(id, &out.Attr)
	return fuse.OK
}

func (f *fileSystem) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	id, err := f.disk.make(Mkdir, nodeID(in.NodeId), name, fs.ModeDir|fs.FileMode(in.Mode)&fs.ModePerm)
	if err == nil {
		f.disk.entryOut(id, out)
	}
	return status(err)
}

func (f *fileSystem) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	id, err := f.disk.make(Create, nodeID(in.NodeId), name, fs.FileMode(in.Mode)&fs.ModePerm)
	if err == nil {
		f.disk.entryOut(id, &out.EntryOut)
		out.OpenFlags = fuse.FOPEN_KEEP_CACHE
	}
	return status(err)
}

func (f *fileSystem) Link(_ <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	dir, id := nodeID(in.NodeId), nodeID(in.Oldnodeid)
	if f.disk.nodes[dir].children[name] != 0 {
		return fuse.Status(syscall.EEXIST)
	}
	if err := f.disk.fails(Link, path.Join(f.disk.nodes[dir].path, name)); err != nil {
		return status(err)
	}
	f.disk.rename(step{op: Link, names: []change{{entry{dir, name}, id}}})
	f.disk.entryOut(id, out)
	return fuse.OK
}

func (f *fileSystem) Unlink(_ <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	return f.remove(in, name)
}

func (f *fileSystem) Rmdir(_ <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	return f.remove(in, name)
}

func (f *fileSystem) remove(in *fuse.InHeader, name string) fuse.Status {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	dir := nodeID(in.NodeId)
	id := f.disk.nodes[dir].children[name]
	if id == 0 {
		return fuse.ENOENT
	}
	if len(f.disk.nodes[id].children) > 0 {
		return fuse.Status(syscall.ENOTEMPTY)
	}
	if err := f.disk.fails(Remove, f.disk.nodes[id].path); err != nil {
		return status(err)
	}
	f.disk.rename(step{op: Remove, names: []change{{entry{dir, name}, 0}}})
	return fuse.OK
}

func (f *fileSystem) Rename(_ <-chan struct{}, in *fuse.RenameIn, from, to string) fuse.Status {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if in.Flags != 0 {
		return fuse.EINVAL
	}
	source, target := entry{nodeID(in.NodeId), from}, entry{nodeID(in.Newdir), to}
	id := f.disk.nodes[source.dir].children[from]
	if id == 0 {
		return fuse.ENOENT
	}
	if err := f.disk.fails(Rename, f.disk.nodes[id].path); err != nil {
		return status(err)
	}
	f.disk.rename(step{op: Rename, names: []change{{source, 0}, {target, id}}})
	return fuse.OK
}

func (f *fileSystem) Open(_ <-chan struct{}, _ *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	out.OpenFlags = fuse.FOPEN_KEEP_CACHE
	return fuse.OK
}

func (f *fileSystem) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	data := f.disk.nodes[nodeID(in.NodeId)].data
	n := copy(buf, data[min(in.Offset, uint64(len(data))):])
	return fuse.ReadResultData(buf[:n]), fuse.OK
}

func (f *fileSystem) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	n, err := f.disk.write(nodeID(in.NodeId), int64(in.Offset), data)
	return uint32(n), status(err)
}

func (f *fileSystem) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status { return fuse.OK }

func (f *fileSystem) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return status(f.disk.sync(Sync, nodeID(in.NodeId)))
}

func (f *fileSystem) FsyncDir(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return status(f.disk.sync(SyncDir, nodeID(in.NodeId)))
}

func (f *fileSystem) OpenDir(<-chan struct{}, *fuse.OpenIn, *fuse.OpenOut) fuse.Status {
	return fuse.OK
}

func (f *fileSystem) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	n := f.disk.nodes[nodeID(in.NodeId)]
	for at := in.Offset; at < uint64(len(n.order)); at++ {
		name := n.order[at]
		if name == "" {
			continue
		}
		mode := uint32(syscall.S_IFREG)
		if f.disk.nodes[n.children[name]].mode.IsDir() {
			mode = syscall.S_IFDIR
		}
		if !out.AddDirEntry(fuse.DirEntry{Name: name, Mode: mode, Ino: uint64(n.children[name]), Off: at + 1}) {
			break
		}
	}
	return fuse.OK
}

func (f *fileSystem) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	out.Bsize, out.Frsize, out.NameLen = page, page, 255
	out.Blocks, out.Bfree, out.Bavail = 1<<20, 1<<20, 1<<20
	return fuse.OK
}
