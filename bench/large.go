package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// A layer is a large blob that no other equals: one random mebibyte with a
// number before it, again and again.
type layer struct {
	block  []byte
	size   int64
	digest string
}

func newLayer(size int64) layer {
	l := layer{block: make([]byte, 1<<20), size: size}
	_, _ = newRandom(0).Read(l.block) // never fails
	hash := sha256.New()
	if _, err := io.Copy(hash, l.from(0)); err != nil {
		panic(err) // neither memory nor a hash fails
	}
	l.digest = "sha256:" + hex.EncodeToString(hash.Sum(nil))
	return l
}

// from reads the layer from an offset that is a multiple of the block.
func (l layer) from(offset int64) io.Reader {
	return io.LimitReader(&repeated{bytes.NewReader(l.block)}, l.size-offset)
}

// repeated is bytes again and again.
type repeated struct{ block *bytes.Reader }

func (r *repeated) Read(p []byte) (int, error) {
	n, err := r.block.Read(p)
	if errors.Is(err, io.EOF) {
		_, err = r.block.Seek(0, io.SeekStart)
	}
	return n, err
}

// pushLarge pushes one layer once.
func pushLarge(send func(c *conn, repository string, l layer) error) func(context.Context, settings, *server) (load, error) {
	return func(_ context.Context, s settings, on *server) (load, error) {
		if err := on.ensureRepository("large"); err != nil {
			return load{}, err
		}
		l := newLayer(s.layer)
		c, err := dial(on)
		if err != nil {
			return load{}, err
		}
		defer c.Close()
		measured, err := on.once(float64(s.layer)/(1<<20), func() error { return send(c, "large", l) })
		return measured, errors.Join(err, on.dropLarge(c, l))
	}
}

// dropLarge lets go of what fills the disk, where a server can.
func (s *server) dropLarge(c *conn, l layer) error {
	if _, err := c.do("DELETE", "/v2/large/blobs/"+l.digest, "", nil); err != nil {
		return err
	}
	return s.emptyDisk()
}

// emptyDisk writes out what the kernel still has to write, so that no scenario
// pays for the one before it.
func (s *server) emptyDisk() error {
	f, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return syncFilesystem(f)
}

func (c *conn) startUpload(repository string) (string, error) {
	a, err := c.do("POST", "/v2/"+repository+"/blobs/uploads/", "", nil)
	if err == nil {
		err = a.want(202)
	}
	return a.path(), err
}

func (c *conn) endUpload(path, digest string) error {
	a, err := c.do("PUT", withDigest(path, digest), "", nil)
	if err == nil {
		err = a.want(201)
	}
	return err
}

func sendAsDocker(c *conn, repository string, l layer) error {
	path, err := c.startUpload(repository)
	if err != nil {
		return err
	}
	a, err := c.chunked("PATCH", path, "Content-Type: application/octet-stream\r\n", l.from(0))
	if err == nil {
		err = a.want(202)
	}
	if err != nil {
		return err
	}
	return c.endUpload(a.path(), l.digest)
}

func sendInOnePut(c *conn, repository string, l layer) error {
	path, err := c.startUpload(repository)
	if err != nil {
		return err
	}
	a, err := c.sized("PUT", withDigest(path, l.digest), "Content-Type: application/octet-stream\r\n", l.from(0), l.size)
	if err == nil {
		err = a.want(201)
	}
	return err
}

func sendInChunks(c *conn, repository string, l layer) error {
	const chunk = 16 << 20
	path, err := c.startUpload(repository)
	if err != nil {
		return err
	}
	for offset := int64(0); offset < l.size; offset += chunk {
		length := min(chunk, l.size-offset)
		header := "Content-Type: application/octet-stream\r\nContent-Range: " +
			strconv.FormatInt(offset, 10) + "-" + strconv.FormatInt(offset+length-1, 10) + "\r\n"
		a, err := c.sized("PATCH", path, header, io.LimitReader(l.from(offset), length), length)
		if err == nil {
			err = a.want(202)
		}
		if err != nil {
			return err
		}
		path = a.path()
	}
	return c.endUpload(path, l.digest)
}

// pullLarge reads one layer on some connections at once, several times so that
// the figure means something.
func pullLarge(connections int) func(context.Context, settings, *server) (load, error) {
	return func(ctx context.Context, s settings, on *server) (load, error) {
		if err := on.ensureRepository("large"); err != nil {
			return load{}, err
		}
		l := newLayer(s.layer)
		c, err := dial(on)
		if err != nil {
			return load{}, err
		}
		defer c.Close()
		if err := sendInOnePut(c, "large", l); err != nil {
			return load{}, err
		}
		if err := on.emptyDisk(); err != nil {
			return load{}, err
		}
		measured, err := on.workers(ctx, connections, s.duration, func(c *conn, _, _ int) error {
			a, err := c.pull("/v2/large/blobs/"+l.digest, int(l.size))
			if err == nil && a.length != l.size {
				err = fmt.Errorf("pulled %d bytes, want %d", a.length, l.size)
			}
			return err
		})
		measured.units *= float64(l.size) / (1 << 20)
		return measured, errors.Join(err, on.dropLarge(c, l))
	}
}

// pushTwenty pushes one layer into twenty repositories and says how often it
// is on the disk then.
func pushTwenty(_ context.Context, _ settings, on *server) (load, error) {
	if on.name == "bare handler" {
		return load{}, errNotMeasured
	}
	l := newLayer(64 << 20)
	c, err := dial(on)
	if err != nil {
		return load{}, err
	}
	defer c.Close()
	before, err := on.stored()
	if err != nil {
		return load{}, err
	}
	for i := range 20 {
		repository := fmt.Sprintf("twenty/%d", i)
		if err := on.ensureRepository(repository); err != nil {
			return load{}, err
		}
		if err := sendAsDocker(c, repository, l); err != nil {
			return load{}, err
		}
	}
	after, err := on.stored()
	return load{value: float64(after-before) / float64(l.size)}, err
}

// uploadMemory is the most memory that the server had while sixteen clients
// pushed large layers.
func uploadMemory(_ context.Context, _ settings, on *server) (load, error) {
	if err := on.ensureRepository("large"); err != nil {
		return load{}, err
	}
	const clients = 16
	// Forgets the peak of before.
	if err := os.WriteFile(filepath.Join("/proc", strconv.Itoa(on.process.Process.Pid), "clear_refs"), []byte("5"), 0); err != nil {
		return load{}, err
	}
	var wg sync.WaitGroup
	errs := make([]error, clients)
	for i := range clients {
		l := newLayer(64 << 20)
		c, err := dial(on)
		if err != nil {
			return load{}, err
		}
		defer c.Close()
		wg.Go(func() { errs[i] = sendAsDocker(c, "large", l) })
	}
	wg.Wait()
	peak, err := on.memory("VmHWM")
	return load{value: float64(peak)}, errors.Join(errors.Join(errs...), err)
}
