//go:build linux

package e2e_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/nifuda/nifuda/e2e/powercut"
)

// The key of a server whose data directory the test cannot read.
const (
	rootKey    = "AKIAIOSFODNN7EXAMPLE"
	rootSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// A machine is a server on a disk that can lose its power, and the clients that
// work with it.
type machine struct {
	*load
	t    *testing.T
	luck *rand.Rand
	disk *powercut.Disk
	*server
	unmount func() error
}

// newMachine makes a machine with an empty disk. Its clients go on when the
// server fails, if they are patient.
func newMachine(t *testing.T) *machine {
	t.Helper()
	needRoot(t, "a file system of the test's own")
	_, err := os.Stat("/dev/fuse")
	need(t, err == nil, "/dev/fuse, a part of Linux (modprobe fuse)")
	t.Setenv("NIFUDA_ROOT_ACCESS_KEY_ID", rootKey)
	t.Setenv("NIFUDA_ROOT_SECRET_ACCESS_KEY", rootSecret)
	m := &machine{t: t, luck: newLuck(t)}
	m.load = newLoad(newLedger(func() int { return m.disk.Steps() }), 4, m.luck)
	return m
}

// boot starts a server on a disk that holds the image.
func (m *machine) boot(image powercut.Image) {
	m.t.Helper()
	directory := m.t.TempDir()
	m.disk = powercut.New(image)
	m.t.Cleanup(func() { // after the server's own, and before the directory's
		if m.unmount != nil {
			_ = m.unmount() // the test has failed already
		}
	})
	m.server = newServer(m.t, directory)
	m.forgetDeleted()
	m.beginLife(m.server, m.flags(directory))
	if err := os.Mkdir(m.data(), 0o700); err != nil {
		m.t.Fatal(err)
	}
	unmount, err := m.disk.Mount(m.data())
	if err != nil {
		m.t.Fatal(err)
	}
	m.unmount = unmount
	m.start()
	m.connect(m.server)
}

// flags put the blobs where two directories have to be made for them, sealed or
// not.
func (m *machine) flags(directory string) []string {
	seal := []string{"on", "off"}[m.luck.IntN(2)]
	return []string{"--seal", seal, "--blobs", "file:" + filepath.Join(directory, "data", "store", "blobs")}
}

// connect makes the clients those of a server.
func (m *machine) connect(s *server) {
	m.api = ecrClientWithKey(m.t, s, rootKey, rootSecret)
	m.docker = registryClient{base: s.url(), password: passwordOf(m.t, m.api)}
	m.own = ownAPIOf(m.t, s, m.api)
}

// off ends the server and takes its disk away.
func (m *machine) off() {
	m.t.Helper()
	if m.process != nil {
		m.kill()
	}
	http.DefaultClient.CloseIdleConnections()
	if err := m.unmount(); err != nil {
		m.t.Fatalf("unmount the disk: %v", err)
	}
	m.unmount = nil
}

// work lets the clients work for a while and kills the server then.
func (m *machine) work() {
	m.workUntil(m.t, false, func(done <-chan struct{}) {
		m.await(m.t, 10+m.luck.IntN(40), done)
		pause(m.luck, 20*time.Millisecond)
		m.kill()
	})
}

// cut takes the power away after so many steps and returns what the disk holds.
// It fails the test unless a server starts on it and has everything that must be
// there, and nothing torn.
func (m *machine) cut(steps int) (powercut.Image, crash) {
	m.t.Helper()
	loss := []powercut.Loss{powercut.Unsynced, powercut.Some, powercut.Some, powercut.Some, powercut.Nothing}[m.luck.IntN(5)]
	image := m.disk.Cut(steps, loss, m.luck)
	c := m.powerCut(steps)
	broken := tornBlobs(image)

	directory, err := os.MkdirTemp(workspace, "cut-")
	if err != nil {
		m.t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(directory, "data"), 0o700); err != nil {
		m.t.Fatal(err)
	}
	if err := image.WriteTo(filepath.Join(directory, "data")); err != nil {
		m.t.Fatal(err)
	}
	s := newServer(m.t, directory)
	m.beginLife(s, m.flags(directory))
	s.start()
	m.connect(s)
	found, unreadable := m.inspect(m.t.Context(), m.things())
	broken = slices.Concat(broken, unreadable, m.check(found, c), m.resume(found), m.violations)
	if len(broken) > 0 {
		m.t.Fatalf("after a power cut that took %v at step %d of %d:\n%v", loss, steps, m.disk.Steps(), errors.Join(broken...))
	}
	checkDatabase(m.t, s)
	s.kill()
	http.DefaultClient.CloseIdleConnections()
	if err := os.RemoveAll(directory); err != nil {
		m.t.Error(err)
	}
	return image, c
}

// resume goes on with every upload of which the server says that it has bytes,
// and returns what kept one from becoming the blob that its client sent.
func (m *machine) resume(found map[thing]string) (broken []error) {
	for one, value := range found {
		size, err := strconv.Atoi(value)
		if one.kind != uploadThing || err != nil || size == 0 {
			continue
		}
		blob := m.contents[one.name]
		err = m.docker.finishUpload(m.t.Context(), one.name, blob.Digest, blob.Bytes[size:])
		if isGone(err) && m.ending[one.name] {
			continue // it may have become the blob just before
		}
		if err == nil {
			err = m.docker.verifyBlob(m.t.Context(), one.repository, blob)
		}
		if err != nil {
			broken = append(broken, fmt.Errorf("an upload that has %d of %d bytes does not go on: %w", size, len(blob.Bytes), err))
		}
	}
	return broken
}

// sealedMagic is what sealed files begin with.
const sealedMagic = "nifuda\x01"

// tornBlobs looks for files whose final name says another digest than their
// bytes have: recovery by hand relies on the names. Of sealed ones that cannot be
// told without their keys.
func tornBlobs(image powercut.Image) (torn []error) {
	for name, file := range image {
		hex, id, _ := strings.Cut(path.Base(name), ".")
		if len(hex) == 64 && id != "" && !strings.HasPrefix(string(file.Data), sealedMagic) && digestOf(file.Data) != "sha256:"+hex {
			torn = append(torn, fmt.Errorf("%s is torn", name))
		}
	}
	return torn
}

// TestPowerCutsLoseNothing takes the power away at random steps of a server's
// start, work, crash and recovery, and of what follows a power cut.
func TestPowerCutsLoseNothing(t *testing.T) {
	m := newMachine(t)
	var image powercut.Image
	var last crash
	cuts := 0
	for round := range times(4, 40) {
		m.boot(image)
		if round > 0 {
			m.mustSurvive(t, m.things(), last)
			m.forgetUploads()
		}
		if err := m.prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		started := m.disk.Steps()
		m.work()
		m.start()
		m.mustBeThere()
		m.work()
		m.off()
		m.namesMustNotLie()
		for range times(10, 25) {
			image, last = m.cut(m.someStep(started))
			cuts++
		}
	}
	t.Logf("%d power cuts, %d acknowledged changes", cuts, m.acknowledged())
}

// someStep is when the power goes: at any step, or where most can go wrong.
func (m *machine) someStep(started int) int {
	switch m.luck.IntN(5) {
	case 0:
		return 1 + m.luck.IntN(started)
	case 1:
		renames := m.disk.After(powercut.Rename)
		return renames[m.luck.IntN(len(renames))]
	case 2:
		syncs := m.disk.After(powercut.Sync)
		return syncs[m.luck.IntN(len(syncs))] - 1
	}
	return 1 + m.luck.IntN(m.disk.Steps())
}

// namesMustNotLie takes the power away after each change of a name, and looks at
// nothing but files.
func (m *machine) namesMustNotLie() {
	m.t.Helper()
	for _, steps := range m.disk.After(powercut.Rename) {
		for range 3 {
			if torn := tornBlobs(m.disk.Cut(steps, powercut.Some, m.luck)); len(torn) > 0 {
				m.t.Fatalf("after a power cut at step %d: %v", steps, errors.Join(torn...))
			}
		}
	}
}

// mustBeThere fails the test unless everything acknowledged can be read from the
// running server.
func (m *machine) mustBeThere() {
	m.t.Helper()
	found, broken := m.inspect(m.t.Context(), m.things())
	broken = slices.Concat(broken, m.check(found, m.killed()), m.violations)
	if len(broken) > 0 {
		m.t.Fatalf("with the power on:\n%v", errors.Join(broken...))
	}
}

// diskFaults are steps that fail until the disk is mended, each in the ways that
// it can.
var diskFaults = []struct {
	name  string
	op    powercut.Op
	where string // a part of the path
	err   error
}{
	{"the log cannot be written", powercut.Write, "/nifuda.db-wal", syscall.EIO},
	{"the log does not fit", powercut.Write, "/nifuda.db-wal", syscall.ENOSPC},
	{"a write of the log is short", powercut.Write, "/nifuda.db-wal", powercut.ErrShort},
	{"the log cannot be synced", powercut.Sync, "/nifuda.db-wal", syscall.EIO},
	{"nothing of the database can be synced", powercut.Sync, "/nifuda.db", syscall.EIO},
	{"nothing of the database fits", powercut.Write, "/nifuda.db", syscall.ENOSPC},
	{"no file can be made for a blob", powercut.Create, "/uploads/", syscall.ENOSPC},
	{"a blob cannot be written", powercut.Write, "/uploads/", syscall.EIO},
	{"a blob does not fit", powercut.Write, "/uploads/", syscall.ENOSPC},
	{"a write of a blob is short", powercut.Write, "/uploads/", powercut.ErrShort},
	{"a blob cannot be synced", powercut.Sync, "/uploads/", syscall.EIO},
	{"no directory can be made for a blob", powercut.Mkdir, "/blobs/", syscall.ENOSPC},
	{"a blob cannot get its final name", powercut.Rename, "/uploads/", syscall.EIO},
	{"the name of a blob cannot be synced", powercut.SyncDir, "/blobs/", syscall.EIO},
	{"an upload cannot be cut or removed", powercut.Truncate, "/uploads/", syscall.EIO},
}

// TestAFailingDiskLosesNothing lets each step fail for a while under load. The
// server heals by itself, or dies and is started again, and has everything acknowledged, then and after a
// power cut at any step.
func TestAFailingDiskLosesNothing(t *testing.T) {
	m := newMachine(t)
	m.boot(nil)
	if err := m.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	var healing [][2]int // the steps from a fault's end until the server is ready
	for range times(1, 10) {
		for _, fault := range diskFaults {
			var met atomic.Int64
			m.workUntil(t, true, func(done <-chan struct{}) {
				m.await(t, m.luck.IntN(5), done)
				m.disk.SetFault(func(op powercut.Op, path string) error {
					if op != fault.op || !strings.Contains(path, fault.where) {
						return nil
					}
					met.Add(1)
					return fault.err
				})
				if fault.op != powercut.Truncate { // which is rare
					awaitCount(t, fault.name, &met, 1+m.luck.Int64N(3))
				}
				pause(m.luck, 10*time.Millisecond)
			})
			died := m.luck.IntN(3) == 0 // before it could heal
			if died {
				m.kill()
			}
			m.disk.SetFault(nil)
			mended := m.disk.Steps()
			if died {
				m.start()
			}
			m.awaitReady()
			if fault.op == powercut.Sync && strings.HasPrefix(fault.where, "/nifuda.db") {
				healing = append(healing, [2]int{mended, m.disk.Steps()})
			}
			m.mustBeThere()
		}
	}
	m.off()
	for range times(6, 100) {
		m.cut(1 + m.luck.IntN(m.disk.Steps()))
	}
	for range times(10, 100) { // most can go wrong while it heals
		w := healing[m.luck.IntN(len(healing))]
		m.cut(w[0] + m.luck.IntN(w[1]-w[0]+1))
	}
	t.Logf("%d acknowledged changes", m.acknowledged())
}

// TestADiskThatTakesNoWritesIsReadAllTheSame: after an error Linux may refuse every
// change of a file system, until somebody mounts it for writing again.
func TestADiskThatTakesNoWritesIsReadAllTheSame(t *testing.T) {
	const readOnly = "The registry's storage fails or is read-only."
	m := newMachine(t)
	m.boot(nil)
	createRepository := &ecr.CreateRepositoryInput{RepositoryName: aws.String("app")}
	if _, err := m.api.CreateRepository(t.Context(), createRepository); err != nil {
		t.Fatal(err)
	}
	img, more := newImage(t, "amd64", 300<<10), newImage(t, "amd64", 300<<10)
	if err := m.docker.push(t.Context(), "app", "v1", img); err != nil {
		t.Fatal(err)
	}
	m.disk.SetFault(func(powercut.Op, string) error { return syscall.EROFS })
	await(t, "the server that is not ready", func() bool {
		status, err := get(t.Context(), m.url()+"/readyz")
		return err == nil && status == http.StatusServiceUnavailable
	})
	if err := m.docker.verify(t.Context(), "app", "v1", img); err != nil {
		t.Errorf("a pull: %v", err)
	}
	remove := func() error {
		_, _, err := m.docker.do(t.Context(), http.StatusAccepted, http.MethodDelete, "/v2/app/manifests/"+img.Digest, nil, nil)
		return err
	}
	for name, err := range map[string]error{
		"a push":     m.docker.push(t.Context(), "app", "v2", more),
		"a deletion": remove(),
	} {
		if err == nil || !strings.Contains(err.Error(), "status 503") || !strings.Contains(err.Error(), readOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m.disk.SetFault(nil)
	m.awaitReady()
	if err := m.docker.push(t.Context(), "app", "v2", more); err != nil {
		t.Errorf("a push afterwards: %v", err)
	}
	if err := errors.Join(m.docker.verify(t.Context(), "app", "v1", img), m.docker.verify(t.Context(), "app", "v2", more), remove()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	m.off()
}

// awaitCount waits until a fault was met so often.
func awaitCount(t *testing.T, fault string, met *atomic.Int64, times int64) {
	t.Helper()
	limit := time.After(startLimit)
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for met.Load() < times {
		select {
		case <-poll.C:
		case <-limit:
			t.Fatalf("%s: was never met", fault)
		}
	}
}
