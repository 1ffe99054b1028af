package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/nifuda/nifuda/internal/bucket"
)

const (
	// firstRead is how much is asked for where it is not known that more will be
	// read. Who goes on reads to the end in one answer.
	firstRead = 1 << 20
	// skipped is how much of an answer is read and dropped instead of asking anew.
	skipped = 256 << 10
	// readTries is how often in a row an answer may break off.
	readTries = 5
	// progress is what counts as none.
	progress = 64 << 10
)

// An object reads one of the bucket, as a file. An answer that breaks off is
// asked for again from there on.
type object struct {
	store *Store
	ctx   context.Context
	name  string
	size  int64

	mu     sync.Mutex
	offset int64         // of Read
	body   io.ReadCloser // nil is none
	at     int64         // offset of the body
	end    int64         // of what was asked for
	broken int           // answers in a row
	since  int64         // bytes since one broke off
	closed bool
}

// openObject asks for the first bytes, which tell the size.
func (s *Store) openObject(ctx context.Context, name string, first int64) (*object, error) {
	o := &object{store: s, ctx: ctx, name: name}
	err := o.ask(0, first)
	if bucket.IsBeyond(err) {
		return o, o.openEmpty()
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

// openEmpty looks at an object of which no byte can be asked for.
func (o *object) openEmpty() error {
	found, err := o.store.head(o.ctx, o.name)
	if err == nil && aws.ToInt64(found.ContentLength) != 0 {
		err = errors.New("the bucket does not give ranges of objects")
	}
	return err
}

// ask has the bucket send what is between two offsets.
func (o *object) ask(from, to int64) error {
	in := &api.GetObjectInput{Bucket: &o.store.bucket.Bucket, Key: o.store.bucket.Key(o.name), Range: aws.String(fmt.Sprintf("bytes=%d-%d", from, to-1))}
	out, err := o.store.bucket.API.GetObject(o.ctx, in)
	if err != nil {
		return o.store.explain("read "+o.name, err)
	}
	first, size, ok := parseRange(aws.ToString(out.ContentRange))
	if !ok && from == 0 { // the server takes no ranges, or gives all of it
		first, size, ok = 0, aws.ToInt64(out.ContentLength), true
	}
	if !ok || first != from || o.size > 0 && size != o.size {
		return errors.Join(fmt.Errorf("read %s: the answer has the range %q", o.name, aws.ToString(out.ContentRange)), out.Body.Close())
	}
	o.body, o.at, o.size, o.end = out.Body, from, size, from+aws.ToInt64(out.ContentLength)
	return nil
}

// parseRange reads bytes FIRST-LAST/SIZE.
func parseRange(text string) (first, size int64, ok bool) {
	span, total, found := strings.Cut(strings.TrimPrefix(text, "bytes "), "/")
	from, _, dash := strings.Cut(span, "-")
	first, err := strconv.ParseInt(from, 10, 64)
	size, failed := strconv.ParseInt(total, 10, 64)
	return first, size, found && dash && err == nil && failed == nil && first >= 0 && size > 0
}

// Read implements [io.Reader].
func (o *object) Read(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.read(p, o.offset)
	o.offset += int64(n)
	return n, err
}

// ReadAt implements [io.ReaderAt]. It is made for reading onwards: jumps cost a
// request each.
func (o *object) ReadAt(p []byte, offset int64) (n int, err error) {
	if offset < 0 {
		return 0, errors.New("read at a negative offset")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for n < len(p) && err == nil {
		var k int
		k, err = o.read(p[n:], offset+int64(n))
		n += k
	}
	if n == len(p) {
		err = nil
	}
	return n, err
}

func (o *object) read(p []byte, offset int64) (int, error) {
	if o.closed {
		return 0, errors.New("read of a closed blob")
	}
	if offset >= o.size {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if err := o.seek(offset); err != nil {
			return 0, err
		}
		n, err := o.body.Read(p[:min(int64(len(p)), o.end-o.at)])
		o.at += int64(n)
		if o.since += int64(n); o.since > progress {
			o.broken = 0
		}
		if n > 0 {
			return n, nil // an error comes again
		}
		if err == nil {
			continue
		}
		if err := o.breakOff(err); err != nil {
			return 0, err
		}
	}
}

// breakOff notes that an answer did, and returns an error when that happens too
// often.
func (o *object) breakOff(err error) error {
	o.drop()
	o.broken++
	o.since = 0
	if o.ctx.Err() != nil {
		return o.ctx.Err()
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if o.broken < readTries {
		return nil
	}
	return o.store.explain("read "+o.name, err)
}

// seek has the body be at an offset.
func (o *object) seek(offset int64) error {
	if o.body != nil && o.at == offset && o.at < o.end {
		return nil
	}
	if o.body != nil && offset > o.at && offset < o.end && offset-o.at <= skipped {
		n, err := io.CopyN(io.Discard, o.body, offset-o.at)
		o.at += n
		if err == nil {
			return nil
		}
	}
	onwards := o.at == offset && offset > 0
	o.drop()
	to := o.size
	if !onwards {
		to = min(o.size, offset+firstRead)
	}
	return o.ask(offset, to)
}

// drop ends the answer. A little that is left of it is read, so that its
// connection can be used again.
func (o *object) drop() {
	if o.body == nil {
		return
	}
	if left := o.end - o.at; left > 0 && left <= skipped {
		_, _ = io.CopyN(io.Discard, o.body, left)
	}
	_ = o.body.Close()
	o.body = nil
}

// Seek implements [io.Seeker].
func (o *object) Seek(offset int64, whence int) (int64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += o.offset
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, errors.New("seek to a negative offset, or from nowhere")
	}
	o.offset = offset
	return offset, nil
}

// Close ends the answer.
func (o *object) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drop()
	o.closed = true
	return nil
}
