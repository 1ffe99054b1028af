package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/seal"
	"github.com/nifuda/nifuda/internal/store"
)

var errWrongBytes = errors.New("the bytes do not have the digest")

// A checked reader gives stored bytes and fails, instead of ending, when they
// are not those of the blob: whoever stores them then stores nothing.
type checked struct {
	ctx    context.Context
	from   io.Reader
	check  io.WriteCloser // gets what was read; nil looks at nothing
	result chan error     // of the check
	failed error          // what was wrong, if anything was
	ended  bool
}

// newChecked returns a reader of a blob, sealed with the key. Sealed bytes without
// their key are not looked at.
func newChecked(ctx context.Context, from io.Reader, b store.BlobFile, key *seal.Key) *checked {
	c := &checked{ctx: ctx, from: from}
	if b.Sealed && key == nil {
		return c
	}
	reader, writer := io.Pipe()
	c.check, c.result = writer, make(chan error, 1)
	go func() {
		err := inspect(reader, b, key)
		_ = reader.CloseWithError(cmp.Or(err, io.ErrClosedPipe))
		c.result <- err
	}()
	return c
}

// checks reports whether the bytes are looked at.
func (c *checked) checks() bool { return c.check != nil }

func (c *checked) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.from.Read(p)
	if c.check != nil && n > 0 {
		if _, wrong := c.check.Write(p[:n]); wrong != nil {
			return 0, c.fail(c.verdict())
		}
	}
	switch {
	case errors.Is(err, io.EOF):
		if wrong := c.verdict(); wrong != nil {
			return 0, c.fail(wrong)
		}
	case err != nil:
		return n, c.fail(err)
	}
	return n, err
}

func (c *checked) fail(err error) error {
	c.failed = err
	return err
}

// verdict ends the check, once.
func (c *checked) verdict() error {
	if c.check == nil || c.ended {
		return c.failed
	}
	c.ended = true
	_ = c.check.Close() // a pipe's never fails
	return <-c.result
}

// close ends the check of bytes that were not read to their end.
func (c *checked) close() { _ = c.verdict() }

// inspect holds what it reads against the digest of a blob.
func inspect(from io.Reader, b store.BlobFile, key *seal.Key) error {
	d, err := digest.Parse(b.Digest)
	if err != nil {
		return fmt.Errorf("%w: %w", errWrongBytes, err)
	}
	verifier := d.Verifier()
	var size int64
	if key == nil {
		size, err = io.Copy(verifier, from)
	} else {
		size, err = inspectSealed(verifier, from, b, key)
	}
	switch {
	case err != nil:
		return err
	case size != b.Size:
		return fmt.Errorf("%w: there are %d instead of %d", errWrongBytes, size, b.Size)
	case !verifier.Verified():
		return errWrongBytes
	}
	return nil
}

func inspectSealed(to io.Writer, from io.Reader, b store.BlobFile, key *seal.Key) (int64, error) {
	opener, err := seal.NewOpener(&stream{from: from}, key, b.Size)
	if err != nil {
		return 0, err
	}
	defer opener.Close()
	size, err := opener.WriteTo(to)
	if err == nil {
		_, err = io.Copy(io.Discard, from) // nothing is left, but whoever writes must not wait
	}
	return size, err
}

// A stream is read from its beginning to its end by who reads at offsets, as the
// opener of a sealed file does.
type stream struct {
	from   io.Reader
	offset int64
}

func (s *stream) ReadAt(p []byte, offset int64) (int, error) {
	if offset != s.offset {
		return 0, fmt.Errorf("read at %d of a stream that is at %d", offset, s.offset)
	}
	n, err := io.ReadFull(s.from, p)
	s.offset += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}
