package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
)

// A pushAttempt is an image that was being pushed when the server died, or
// before.
type pushAttempt struct {
	image
	tag          string
	acknowledged bool // its manifest was answered with 201
}

func TestNothingAcknowledgedIsLostInACrash(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, args ...string) {
		s := startServer(t, args...)
		createRepository(t, s, "app")
		const rounds, pushesBeforeCrash = 3, 12
		var attempts []pushAttempt
		for round := range rounds {
			attempts = append(attempts, pushUntilKilled(t, s, "app", round, pushesBeforeCrash)...)
			s.start()
			client := newRegistryClient(t, s)
			for i, attempt := range attempts {
				if !attempt.acknowledged {
					if err := client.push(t.Context(), "app", attempt.tag, attempt.image); err != nil {
						t.Fatalf("round %d: push %s again after the crash: %v", round, attempt.tag, err)
					}
					attempts[i].acknowledged = true
				}
				if err := client.verify(t.Context(), "app", attempt.tag, attempt.image); err != nil {
					t.Errorf("round %d: %s (acknowledged before the crash: %t): %v", round, attempt.tag, attempt.acknowledged, err)
				}
			}
		}
	})
}

// pushUntilKilled pushes images from several clients at once, kills the server
// in the midst of it once enough were acknowledged, and returns them all.
func pushUntilKilled(t *testing.T, s *server, repository string, round, acknowledgements int) []pushAttempt {
	t.Helper()
	const workers = 4
	client := newRegistryClient(t, s)
	acknowledged := make(chan struct{})
	crashed, crash := context.WithCancel(t.Context())
	defer crash()

	var attempts [workers][]pushAttempt
	var pushing sync.WaitGroup
	for worker := range workers {
		pushing.Go(func() {
			for n := 0; crashed.Err() == nil; n++ {
				// Small blobs and large ones may be stored in different ways.
				attempt := pushAttempt{
					image: newImage(t, "amd64", 100, 20<<10, 300<<10),
					tag:   fmt.Sprintf("%d-%d-%d", round, worker, n),
				}
				// Not cut short by the test: a crash shows as a broken connection.
				err := client.push(t.Context(), repository, attempt.tag, attempt.image)
				attempt.acknowledged = err == nil
				attempts[worker] = append(attempts[worker], attempt)
				if err != nil {
					if crashed.Err() == nil {
						t.Errorf("push before the crash: %v", err)
					}
					return
				}
				select {
				case acknowledged <- struct{}{}:
				case <-crashed.Done():
				}
			}
		})
	}

	stopped := make(chan struct{})
	go func() {
		pushing.Wait()
		close(stopped)
	}()
	for range acknowledgements {
		select {
		case <-acknowledged:
		case <-stopped:
			t.Fatal("all clients gave up before the crash")
		}
	}
	crash()
	s.kill()
	<-stopped

	var all []pushAttempt
	for _, some := range attempts {
		all = append(all, some...)
	}
	return all
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
