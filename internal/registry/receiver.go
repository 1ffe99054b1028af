package registry

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/nifuda/nifuda/internal/blob"
)

// A blob of at most this many bytes is kept in the database beside the
// manifests: it costs no file and no sync of its own.
const inlineLimit = 64 << 10

// A receiver takes the bytes of an upload: into memory while they are few,
// from then on into the blob store.
type receiver struct {
	blobs   blob.Store
	content []byte
	writer  blob.Writer // nil while content has it all
	resumed bool        // writer continues what an earlier request saved
}

// newReceiver continues from what was saved of an upload: its content or the
// state of its writer.
func newReceiver(ctx context.Context, blobs blob.Store, content, state []byte) (*receiver, error) {
	if state == nil {
		return &receiver{blobs: blobs, content: content}, nil
	}
	w, err := blobs.Resume(ctx, state)
	if err != nil {
		return nil, fmt.Errorf("resume upload: %w", err)
	}
	return &receiver{blobs: blobs, writer: w, resumed: true}, nil
}

// receive reads body to its end. It returns how many bytes it took, and
// separately what ended the body early and what kept us from storing it.
func (rc *receiver) receive(ctx context.Context, body io.Reader, length int64) (n int64, broken, failed error) {
	if body == nil {
		return 0, nil, nil
	}
	if rc.writer == nil {
		n, broken = rc.receiveInline(body, length)
		if broken != nil || len(rc.content) <= inlineLimit {
			return n, broken, nil
		}
	}
	// What broke after some bytes too many for memory still goes to a writer.
	if failed = rc.spill(ctx); failed != nil {
		return n, broken, failed
	}
	more, broken, failed := rc.receiveToWriter(body)
	return n + more, broken, failed
}

// receiveInline reads until the end or until memory has one byte too many.
func (rc *receiver) receiveInline(body io.Reader, length int64) (n int64, broken error) {
	before := len(rc.content)
	if hint := min(length, inlineLimit) + 1; length >= 0 && int64(cap(rc.content)-before) < hint {
		rc.content = append(make([]byte, 0, int64(before)+hint), rc.content...)
	}
	for len(rc.content) <= inlineLimit {
		if len(rc.content) == cap(rc.content) {
			rc.content = append(rc.content, 0)[:len(rc.content)]
		}
		room := min(cap(rc.content), inlineLimit+1)
		k, err := body.Read(rc.content[len(rc.content):room])
		rc.content = rc.content[:len(rc.content)+k]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			broken = err
			break
		}
	}
	return int64(len(rc.content) - before), broken
}

func (rc *receiver) spill(ctx context.Context) error {
	if rc.writer != nil {
		return nil
	}
	w, err := rc.blobs.Create(ctx)
	if err != nil {
		return fmt.Errorf("create blob: %w", err)
	}
	rc.writer = w
	if _, err := w.Write(rc.content); err != nil {
		return fmt.Errorf("write blob: %w", err)
	}
	rc.content = nil
	return nil
}

func (rc *receiver) receiveToWriter(body io.Reader) (n int64, broken, failed error) {
	source := &source{Reader: body}
	n, err := io.Copy(rc.writer, source)
	if err != nil && source.broken == nil {
		failed = fmt.Errorf("write blob: %w", err)
	}
	return n, source.broken, failed
}

// A source remembers its own error, to tell it from the writer's.
type source struct {
	io.Reader
	broken error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.broken = err
	}
	return n, err
}

// save makes what was received last beyond this request.
func (rc *receiver) save(ctx context.Context) (content, state []byte, err error) {
	if rc.writer == nil {
		return rc.content, nil, nil
	}
	state, err = rc.writer.Save(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("save upload: %w", err)
	}
	return nil, state, nil
}

// drop lets go of what this request received and of nothing that an earlier
// one saved.
func (rc *receiver) drop(ctx context.Context) error {
	if rc.writer == nil {
		return nil
	}
	if rc.resumed {
		_, err := rc.writer.Save(ctx)
		return err
	}
	return rc.writer.Abort(ctx)
}
