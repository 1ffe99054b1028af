//go:build linux

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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
	m.server = newServer(m.t, directory, blobsBelow(directory)...)
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

// blobsBelow puts the blobs where two directories have to be made for them.
func blobsBelow(directory string) []string {
	return []string{"--log-level", "warn", "--blobs", "file:" + filepath.Join(directory, "data", "store", "blobs")}
}

func (m *machine) connect(s *server) {
	m.api = ecrClientWithKey(m.t, s, rootKey, rootSecret)
	m.docker = registryClient{base: s.url(), password: passwordOf(m.t, m.api)}
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
}

// work lets the clients work for a random time and kills the server then.
func (m *machine) work() {
	m.workUntil(m.t, func() {
		time.Sleep(100 * time.Millisecond)
		pause(m.luck, 300*time.Millisecond)
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
	s := newServer(m.t, directory, blobsBelow(directory)...)
	s.start()
	m.connect(s)
	found, unreadable := m.inspect(m.t.Context(), m.things())
	broken = slices.Concat(broken, unreadable, m.check(found, c), m.violations)
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

// tornBlobs looks for files whose final name says another digest than their
// bytes have: recovery by hand relies on the names.
func tornBlobs(image powercut.Image) (torn []error) {
	for name, file := range image {
		hex, id, _ := strings.Cut(path.Base(name), ".")
		if len(hex) == 64 && id != "" && digestOf(file.Data) != "sha256:"+hex {
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
	cuts, acknowledged := 0, 0
	for round := range times(4, 40) {
		m.boot(image)
		if round == 0 {
			if err := m.prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
		} else {
			m.mustSurvive(t, m.things(), last)
		}
		started, before := m.disk.Steps(), m.acknowledged()
		m.work()
		m.start()
		m.mustBeThere()
		m.work()
		m.off()
		acknowledged += m.acknowledged() - before
		for n := range times(10, 25) {
			steps := 1 + m.luck.IntN(m.disk.Steps())
			if n%4 == 0 {
				steps = 1 + m.luck.IntN(started)
			}
			image, last = m.cut(steps)
			cuts++
		}
	}
	t.Logf("%d power cuts, %d acknowledged changes", cuts, acknowledged)
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

// workFor lets patient clients work until the condition holds, or ctx is done.
func (m *machine) workFor(ctx context.Context, condition func() bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.run(ctx, true)
	}()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !condition() && ctx.Err() == nil {
		<-poll.C
	}
	cancel()
	<-done
}
