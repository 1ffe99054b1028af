package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
)

// TestCrashesLoseNothing kills the server at random moments: of pushes, retags,
// deletions and uploads, and of its own start and recovery.
func TestCrashesLoseNothing(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { survivesCrashes(t, times(140, 700), noBackends) })
	t.Run("PostgreSQL", func(t *testing.T) {
		database := newDatabase(t)
		survivesCrashes(t, times(60, 300), func() { awaitBackendsGone(t, database) }, "--database", database)
	})
}

// times is how often a test does something, in make test and in make soak.
func times(tested, soaked int) int {
	if os.Getenv("NIFUDA_SOAK") != "" {
		return soaked
	}
	return tested
}

func noBackends() {}

// survivesCrashes kills a server so many times. settled waits until nothing of
// the killed server is at work any more.
func survivesCrashes(t *testing.T, kills int, settled func(), args ...string) {
	t.Helper()
	const (
		agents         = 4
		longestStart   = 60 * time.Millisecond
		longestStep    = 20 * time.Millisecond
		completeChecks = 20
	)
	luck := newLuck(t)
	s := newServer(t, t.TempDir(), args...)
	var clock atomic.Int64
	l := newLoad(newLedger(func() int { return int(clock.Add(1)) }), agents, luck)
	l.beginLife(s, args)
	s.start()
	l.docker, l.api = newRegistryClient(t, s), ecrClient(t, s)
	l.own = ownAPIOf(t, s, l.api)
	if err := l.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	whileStarting := 0
	for killed := 1; killed <= kills; killed++ {
		l.workUntil(t, false, func(done <-chan struct{}) {
			l.await(t, luck.IntN(12), done)
			pause(luck, longestStep)
			s.kill()
		})
		l.beginLife(s, args)
		for ; killed < kills && luck.IntN(4) == 0; killed++ {
			s.launch()
			pause(luck, longestStart)
			s.kill()
			whileStarting++
		}
		settled()
		c := l.killed()
		s.start()
		things := l.things()
		if killed%completeChecks != 0 {
			things = l.newest(things, luck)
		}
		l.mustSurvive(t, things, c)
	}
	l.mustSurvive(t, l.things(), l.killed())
	checkDatabase(t, s)
	s.stop()
	l.restoring = false
	s.args = slices.Concat(args, []string{"--gc-grace", "0s", "--undelete-window", "0s"})
	s.start()
	s.nifuda(t, "gc", "--now").run(t)
	l.mustSurvive(t, l.things(), l.killed())
	mustLeaveNothing(t, s)
	t.Logf("%d kills, %d of them while the server started; %d acknowledged changes of %d things",
		kills, whileStarting, l.acknowledged(), len(l.things()))
}

// beginLife sets what a server that is about to start does with what is deleted:
// it can be restored, or it is taken apart at once, with what was deleted before.
// In any case it collects at once what nothing refers to.
func (l *load) beginLife(s *server, args []string) {
	l.collecting, l.restoring = true, l.agents[0].luck.IntN(3) > 0
	window := "1h"
	if !l.restoring {
		window = "0s"
		l.forgetDeleted()
	}
	s.args = slices.Concat(args, []string{"--log-level", "warn", "--gc-grace", "0s", "--undelete-window", window})
}

// newLuck returns random numbers whose seed a failed test tells.
func newLuck(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the seed was %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

// pause lets a random time go by: there is nothing to wait for, the moment shall
// be any.
func pause(luck *rand.Rand, longest time.Duration) {
	time.Sleep(time.Duration(luck.Int64N(int64(longest))))
}

// workUntil runs the load until end returns, which is told when all clients gave
// up before. Patient ones never do.
func (l *load) workUntil(t *testing.T, patient bool, end func(done <-chan struct{})) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.run(ctx, patient)
	}()
	end(done)
	cancel()
	<-done
	http.DefaultClient.CloseIdleConnections() // they may lead to a process that is gone
}

// await waits until so many more changes were acknowledged, or all clients gave
// up.
func (l *load) await(t *testing.T, changes int, done <-chan struct{}) {
	t.Helper()
	target := l.acknowledged() + changes
	limit := time.After(startLimit)
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for l.acknowledged() < target {
		select {
		case <-poll.C:
		case <-done:
			return
		case <-limit:
			t.Fatal("the server acknowledges nothing")
		}
	}
}

// newest are the things that changed since the last check, with some others.
func (l *load) newest(things []thing, luck *rand.Rand) []thing {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(things, func(one thing) bool {
		history := l.operations[one]
		return history[len(history)-1].sent == settled && luck.IntN(len(things)) >= 60
	})
}

// mustSurvive fails the test unless the things are what they may be after a
// crash, and goes on with what they are.
func (l *load) mustSurvive(t *testing.T, things []thing, c crash) {
	t.Helper()
	found, broken := l.inspect(t.Context(), things)
	broken = slices.Concat(broken, l.check(found, c), l.violations)
	if len(broken) > 0 {
		t.Fatalf("after a crash:\n%v", errors.Join(broken...))
	}
	l.settle(found, c)
}

func TestUploadContinuesAfterACrash(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, args ...string) {
		s := startServer(t, args...)
		createRepository(t, s, "app")
		client := newRegistryClient(t, s)
		blob := newContent(ociLayer, randomBytes(5<<20))
		const acknowledged = 2 << 20

		location, err := client.startUpload(t.Context(), "app")
		if err != nil {
			t.Fatal(err)
		}
		location, err = client.uploadChunk(t.Context(), location, 0, blob.Bytes[:acknowledged])
		if err != nil {
			t.Fatal(err)
		}
		killDuringChunk(t, s, client, location, acknowledged, blob.Bytes[acknowledged:])
		s.start()

		size, location, err := client.uploadSize(t.Context(), location)
		if err != nil {
			t.Fatal(err)
		}
		if size < acknowledged || size > int64(len(blob.Bytes)) {
			t.Fatalf("the upload has %d bytes after the crash; %d of %d were acknowledged", size, acknowledged, len(blob.Bytes))
		}
		location, err = client.uploadChunk(t.Context(), location, size, blob.Bytes[size:])
		if err != nil {
			t.Fatal(err)
		}
		if err := client.finishUpload(t.Context(), location, blob.Digest, nil); err != nil {
			t.Fatal(err)
		}
		if err := client.verifyBlob(t.Context(), "app", blob); err != nil {
			t.Error(err)
		}
	})
}

// killDuringChunk sends half of a chunk, kills the server, and only then would
// send the rest.
func killDuringChunk(t *testing.T, s *server, client registryClient, location string, offset int, chunk []byte) {
	t.Helper()
	send, answered := startChunk(t, client, location, http.Header{
		"Content-Range": {fmt.Sprintf("%d-%d", offset, offset+len(chunk)-1)},
	})
	if _, err := send.Write(chunk[:len(chunk)/2]); err != nil {
		t.Fatalf("send half a chunk: %v", err)
	}
	s.kill()
	_, _ = send.Write(chunk[len(chunk)/2:]) // fails, unless the connection buffers it
	send.Close()
	if err := <-answered; err == nil {
		t.Fatal("a chunk was acknowledged by a server that was dead")
	}
}

// startChunk sends the head of a PATCH and returns when the server has begun to
// read its body, which the test then writes.
func startChunk(t *testing.T, client registryClient, location string, header http.Header) (send *io.PipeWriter, answered <-chan error) {
	t.Helper()
	reading := make(chan struct{})
	// A server answers 100 when its handler first reads.
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(reading) }})
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Expect", "100-continue")
	body, send := io.Pipe()
	result := make(chan error, 1)
	go func() {
		_, _, err := client.do(ctx, http.StatusAccepted, http.MethodPatch, location, header, body)
		body.CloseWithError(err) // lets whoever still writes go
		result <- err
	}()
	select {
	case <-reading:
	case err := <-result:
		t.Fatalf("start a chunk: %v", err)
	case <-time.After(startLimit):
		t.Fatal("the server does not read a chunk")
	}
	return send, result
}

func TestStopLetsARunningUploadFinish(t *testing.T) {
	s := startServer(t)
	createRepository(t, s, "app")
	client := newRegistryClient(t, s)
	blob := newContent(ociLayer, randomBytes(1<<20))
	location, err := client.startUpload(t.Context(), "app")
	if err != nil {
		t.Fatal(err)
	}

	send, answered := startChunk(t, client, location, http.Header{})
	if _, err := send.Write(blob.Bytes[:len(blob.Bytes)/2]); err != nil {
		t.Fatalf("send half a blob: %v", err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stop()
	}()
	awaitRefusal(t, s)
	if _, err := send.Write(blob.Bytes[len(blob.Bytes)/2:]); err != nil {
		t.Errorf("the server cut a running upload off: %v", err)
	}
	send.Close()
	if err := <-answered; err != nil {
		t.Errorf("the server did not let a running upload finish: %v", err)
	}
	<-stopped

	s.start()
	size, location, err := client.uploadSize(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	if size != int64(len(blob.Bytes)) {
		t.Errorf("the upload has %d bytes after the restart, want %d", size, len(blob.Bytes))
	}
	if err := client.finishUpload(t.Context(), location, blob.Digest, nil); err != nil {
		t.Error(err)
	}
}

// awaitRefusal waits until a stopping server takes no new connections.
func awaitRefusal(t *testing.T, s *server) {
	t.Helper()
	limit := time.After(stopLimit)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		connection, err := net.Dial("tcp", s.listen)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
		if err == nil {
			connection.Close()
		}
		select {
		case <-poll.C:
		case <-limit:
			t.Fatal("a stopping server still takes new connections")
		}
	}
}

func createRepository(t *testing.T, s *server, name string) {
	t.Helper()
	if _, err := ecrClient(t, s).CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: aws.String(name)}); err != nil {
		t.Fatal(err)
	}
}

// newRegistryClient signs in to the server's default registry.
func newRegistryClient(t *testing.T, s *server) registryClient {
	t.Helper()
	return registryClient{base: s.url(), password: registryPassword(t, s)}
}
