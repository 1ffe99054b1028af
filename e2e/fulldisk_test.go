//go:build linux

package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// mountDisk mounts a new file system of so many bytes, all of them for anybody.
func mountDisk(t *testing.T, directory string, size int64) {
	t.Helper()
	needRoot(t, "a file system of the test's own")
	needProgram(t, "mkfs.ext4", "e2fsprogs")
	_, err := os.Stat("/dev/loop-control")
	need(t, err == nil, "/dev/loop-control, a part of Linux (modprobe loop)")
	image := filepath.Join(t.TempDir(), "disk")
	writeFile(t, image, nil)
	if err := errors.Join(os.Truncate(image, size), os.MkdirAll(directory, 0o700)); err != nil {
		t.Fatal(err)
	}
	command{args: []string{"mkfs.ext4", "-q", "-m", "0", image}}.run(t)
	command{args: []string{"mount", "-o", "loop", image, directory}}.run(t)
	t.Cleanup(func() { // after the server's own
		if output, err := exec.Command("umount", "--lazy", directory).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, output)
		}
	})
}

// A fullDisk is a server whose data are on a small disk, with images on it.
type fullDisk struct {
	*server
	t      *testing.T
	client registryClient
	crane  goClient
	images map[string]image // by tag
	count  int
}

// newFullDisk starts a server that keeps nothing of what is deleted.
func newFullDisk(t *testing.T) *fullDisk {
	t.Helper()
	directory := t.TempDir()
	mountDisk(t, filepath.Join(directory, "data"), 64*mib)
	// The grace is what a push takes that is refused once and repeated.
	s := newServer(t, directory, "--disk-reserve", "16MiB", "--gc-grace", "5s", "--undelete-window", "0s")
	s.start()
	d := &fullDisk{server: s, t: t, client: newRepository(t, s, "app"), crane: newGoClient(t, "crane"), images: map[string]image{}}
	d.crane.command("auth", "login", s.address, "--username", "AWS", "--password-stdin").input(registryPassword(t, s)).run(t)
	return d
}

// push lets crane push a new image and returns its tag, and what crane says when
// it is refused.
func (d *fullDisk) push() (tag, said string) {
	d.t.Helper()
	d.count++
	tag = fmt.Sprintf("v%d", d.count)
	img := newImage(d.t, "amd64", 3*mib)
	layout := writeLayout(d.t, tag, img.content, img.blobs()...)
	out, said, err := d.crane.command("push", layout, d.address+"/app:"+tag).output(d.t)
	if err != nil {
		return tag, out + said
	}
	d.images[tag] = img
	return tag, ""
}

// pushes fails the test unless a push is taken.
func (d *fullDisk) pushes(when string) {
	d.t.Helper()
	if tag, said := d.push(); said != "" {
		d.t.Errorf("%s, the push of %s: %s", when, tag, said)
	}
}

// wantRefused fails the test unless a client that pushes shows these words.
func (d *fullDisk) wantRefused(when, said, words string) {
	d.t.Helper()
	if !strings.Contains(said, words) {
		d.t.Errorf("%s, a push is told %q, want %q", when, said, words)
	}
}

// pulls fails the test unless every image can be pulled.
func (d *fullDisk) pulls(when string) {
	d.t.Helper()
	for tag, img := range d.images {
		if err := d.client.verify(d.t.Context(), "app", tag, img); err != nil {
			d.t.Errorf("%s, a pull of %s: %v", when, tag, err)
		}
	}
}

// makesSpace deletes so many images over the ECR API, collects, and fails the test
// unless their space is free then.
func (d *fullDisk) makesSpace(when string, count int) {
	d.t.Helper()
	var layers int64
	before := d.free()
	for tag, img := range d.images {
		if count--; count < 0 {
			break
		}
		out, said, err := d.aws(d.t, "ecr", "batch-delete-image", "--repository-name", "app", "--image-ids", "imageDigest="+img.Digest).output(d.t)
		if err != nil || !strings.Contains(out, img.Digest) {
			d.t.Fatalf("%s, the deletion of %s: %v, %s%s", when, tag, err, out, said)
		}
		layers += int64(len(img.Layers[0].Bytes))
		delete(d.images, tag)
	}
	if out, said, err := d.nifuda(d.t, "gc", "--now").output(d.t); err != nil {
		d.t.Errorf("%s, a collection: %v, %s%s", when, err, out, said)
	}
	// The server may have been quicker than the command. The database's log has
	// grown meanwhile.
	await(d.t, fmt.Sprintf("the space of the layers %s: %d bytes were free, %d are, %d were deleted", when, before, d.free(), layers), func() bool {
		return d.free() >= before+layers/2
	})
}

func (d *fullDisk) free() int64 {
	d.t.Helper()
	var stat syscall.Statfs_t
	if err := syscall.Statfs(d.data(), &stat); err != nil {
		d.t.Fatal(err)
	}
	return int64(stat.Bavail) * stat.Bsize
}

func (d *fullDisk) wantReadiness(when string, status int) {
	d.t.Helper()
	await(d.t, fmt.Sprintf("the status %d of /readyz %s", status, when), func() bool {
		got, err := get(d.t.Context(), d.url()+"/readyz")
		return err == nil && got == status
	})
}

// fill takes what is free for a file of somebody else's, and returns its name.
func (d *fullDisk) fill() (name string) {
	d.t.Helper()
	f, err := os.CreateTemp(d.data(), "of-somebody-else-")
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	d.grow(f)
	return f.Name()
}

// grow makes a file so large that nothing is free. The last blocks may be too few
// for a large file and its own bookkeeping, and enough for a small one.
func (d *fullDisk) grow(f *os.File) {
	d.t.Helper()
	defer d.crumble(f.Name())
	for _, size := range []int{mib, 4 * kib} { // the rest, too
		var err error
		for err == nil {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			d.t.Fatal(err)
		}
	}
}

// crumble makes small files, beside a large one, until there is no space for any.
func (d *fullDisk) crumble(filler string) {
	d.t.Helper()
	for {
		f, err := os.CreateTemp(filepath.Dir(filler), filepath.Base(filler)+"-crumb-")
		if err == nil {
			_, err = f.Write([]byte{1})
			err = errors.Join(err, f.Sync(), f.Close())
		}
		if errors.Is(err, syscall.ENOSPC) {
			return
		}
		if err != nil {
			d.t.Fatal(err)
		}
	}
}

// giveBack removes what fill has made.
func (d *fullDisk) giveBack() {
	d.t.Helper()
	names, err := filepath.Glob(filepath.Join(d.data(), "of-somebody-else-*"))
	if err != nil || len(names) == 0 {
		d.t.Fatalf("the files that fill the disk: %q, %v", names, err)
	}
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			d.t.Fatal(err)
		}
	}
}

// wantUnready waits for a server that has no space, of which a file takes what is
// collected meanwhile.
func (d *fullDisk) wantUnready(when, filler string) {
	d.t.Helper()
	f, err := os.OpenFile(filler, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	await(d.t, "the status 503 of /readyz "+when, func() bool {
		d.grow(f)
		got, err := get(d.t.Context(), d.url()+"/readyz")
		return err == nil && got == http.StatusServiceUnavailable
	})
}

// fillToReserve pushes until that is refused.
func (d *fullDisk) fillToReserve() (said string) {
	d.t.Helper()
	for said == "" {
		_, said = d.push()
	}
	return said
}

// TestADiskThatPushesFillIsFreedByDeletions needs no restart.
func TestADiskThatPushesFillIsFreedByDeletions(t *testing.T) {
	d := newFullDisk(t)
	for _, round := range []string{"the first time", "the second time"} {
		d.wantRefused(round, d.fillToReserve(), "The registry has no space left to store this. Nothing that it acknowledged is affected.")
		d.wantReadiness(round, http.StatusOK)
		d.pulls(round)
		d.makesSpace(round, 3)
		d.pushes(round)
		d.pulls(round)
		d.verify(t, 0)
	}
}

// TestADiskThatSomebodyElseFills: what the reserve was for is gone, too, but not
// what the spare file has.
func TestADiskThatSomebodyElseFills(t *testing.T) {
	const full = "The registry has no space left to store this. Nothing that it acknowledged is affected."
	d := newFullDisk(t)
	for range 5 {
		d.pushes("with space")
	}
	spare := filepath.Join(d.data(), "nifuda.db-spare")
	for _, round := range []string{"the first time", "the second time"} {
		if !exists(spare) {
			t.Fatalf("%s, there is no spare file", round)
		}
		d.fill()
		_, said := d.push()
		d.wantRefused(round, said, full)
		d.pulls(round)
		d.makesSpace(round, 1)
		_, said = d.push()
		d.wantRefused(round+" after a deletion", said, full)

		// The second file takes the spare one's space.
		more := d.fill()
		d.wantUnready(round, more)
		d.pulls(round + " without a spare file")

		d.giveBack()
		d.wantReadiness(round+" with space again", http.StatusOK)
		d.pushes(round + " with space again")
		d.pulls(round + " with space again")
		d.verify(t, 0)
		await(t, "the spare file", func() bool {
			d.makeDirty()
			return exists(spare)
		})
	}
}

// makeDirty has the server write to its database.
func (d *fullDisk) makeDirty() {
	d.t.Helper()
	if err := d.client.pushManifest(d.t.Context(), "app", "dirty", d.anyImage().content); err != nil {
		d.t.Fatal(err)
	}
}

func (d *fullDisk) anyImage() (img image) {
	for _, img = range d.images {
		break
	}
	return img
}
