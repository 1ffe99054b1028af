package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/quota"
	"github.com/nifuda/nifuda/internal/seal"
	"github.com/nifuda/nifuda/internal/store"
)

// A blob of at most this many bytes is kept in the database beside the
// manifests: it costs no file and no sync of its own.
const inlineLimit = 64 << 10

// A receiver takes the bytes of an upload: into memory while they are few,
// from then on into the blob store.
type receiver struct {
	blobs   blob.Store
	key     *seal.Key // nil leaves them as they are
	room    func(bytes int64) error
	allowed allowance
	before  int64 // bytes of the upload that came with earlier requests
	content []byte
	writer  blob.Writer // nil while content has it all
	resumed bool        // writer continues what an earlier request saved
	writing *atomic.Int64
}

// newReceiver continues from what was saved of an upload: its content or the
// state of its writer. An upload is sealed to its end as it was begun.
func (r *Registry) newReceiver(ctx context.Context, keeper Keeper, u store.Upload) (*receiver, error) {
	rc := &receiver{writing: &r.writing, blobs: r.blobs, room: r.makeRoom, allowed: allowance{bytes: quota.Unlimited}}
	var err error
	switch {
	case u.Sealing != nil:
		rc.key, err = r.keys.Open(ctx, keeper, u.Sealing)
	case u.Size == 0:
		rc.key, err = r.keys.New(ctx, keeper)
	}
	if err != nil {
		return nil, fmt.Errorf("data key of upload: %w", err)
	}
	if u.WriterState == nil {
		return rc, rc.openContent(u.Content)
	}
	if rc.writer, err = r.blobs.Resume(ctx, u.WriterState, rc.key); err != nil {
		return nil, fmt.Errorf("resume upload: %w", err)
	}
	rc.resumed = true
	return rc, nil
}

// openContent takes the content that an earlier request saved.
func (rc *receiver) openContent(saved []byte) (err error) {
	rc.content = saved
	if rc.key == nil || saved == nil {
		return nil
	}
	if rc.content, err = rc.key.OpenBeside(saved); err != nil {
		return fmt.Errorf("resume upload: %w", err)
	}
	return nil
}

// bound makes a body that has more bytes than are allowed, beside those before
// it, one that cannot be stored.
func (rc *receiver) bound(allowed allowance, before int64) {
	rc.allowed, rc.before = allowed, before
}

// receive reads body to its end. It returns how many bytes it took, and
// separately what ended the body early and what kept us from storing it.
func (rc *receiver) receive(ctx context.Context, body io.Reader, length int64) (n int64, broken, failed error) {
	rc.writing.Add(1)
	defer rc.writing.Add(-1)
	if body == nil {
		return 0, nil, nil
	}
	if rc.allowed.bytes == quota.Unlimited {
		return rc.receiveAll(ctx, body, length)
	}
	limited := &limitedBody{Reader: body, allowed: rc.allowed, size: rc.before}
	n, broken, failed = rc.receiveAll(ctx, limited, length)
	if limited.refusal != nil {
		return n, nil, errors.Join(limited.refusal, failed)
	}
	return n, broken, failed
}

// A limitedBody ends with a refusal once an upload has more bytes than it may.
type limitedBody struct {
	io.Reader
	allowed allowance
	size    int64
	refusal error
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.size += int64(n)
	if b.refusal = b.allowed.check(b.size); b.refusal != nil {
		return 0, b.refusal
	}
	return n, err
}

func (rc *receiver) receiveAll(ctx context.Context, body io.Reader, length int64) (n int64, broken, failed error) {
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
	w, err := rc.blobs.Create(ctx, rc.key)
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
	source := &source{Reader: body, room: rc.room}
	n, err := io.Copy(rc.writer, source)
	if err != nil && source.broken == nil {
		failed = fmt.Errorf("write blob: %w", err)
	}
	return n, source.broken, failed
}

// A source remembers its own error, to tell it from the writer's, and ends when
// there is no room for more.
type source struct {
	io.Reader
	broken error

	room func(bytes int64) error
	read int64 // since room was asked
}

// A push asks whether there is room before so many bytes each. What is less it
// does not announce: many small layers must not add up to the reserve.
const roomStep = 64 << 10

func (s *source) Read(p []byte) (int, error) {
	if s.read >= roomStep {
		if err := s.room(s.read); err != nil {
			return 0, err
		}
		s.read = 0
	}
	n, err := s.Reader.Read(p)
	s.read += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		s.broken = err
	}
	return n, err
}

// save makes what was received last beyond this request, and writes down in u
// how to continue.
func (rc *receiver) save(ctx context.Context, u *store.Upload) (err error) {
	u.Content, u.WriterState, u.Sealing = rc.content, nil, nil
	if rc.key != nil {
		u.Sealing = rc.key.Wrapped
	}
	switch {
	case rc.writer != nil:
		u.Content = nil
		u.WriterState, err = rc.writer.Save(ctx)
	case rc.key != nil:
		u.Content, err = rc.key.SealBeside(rc.content)
	}
	if err != nil {
		return fmt.Errorf("save upload: %w", err)
	}
	return nil
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

// finish verifies what was received against the digests and makes it durable, as
// far as it is for the blob store.
func (rc *receiver) finish(ctx context.Context, digests []string) (b store.Blob, err error) {
	if rc.writer == nil {
		b, err = rc.finishInline(digests)
	} else {
		b, err = rc.finishWriter(ctx, digests)
	}
	b.ID = newID()
	if rc.key != nil {
		b.Sealing = rc.key.Wrapped
	}
	return b, err
}

func (rc *receiver) finishInline(digests []string) (store.Blob, error) {
	for _, d := range digests {
		if !manifest.ValidDigest(d) || digest.Digest(d).Algorithm().FromBytes(rc.content) != digest.Digest(d) {
			continue
		}
		if rc.key == nil {
			return store.Blob{Digest: d, Content: notNil(rc.content)}, nil
		}
		sealed, err := rc.key.Seal(rc.content)
		if err != nil {
			return store.Blob{}, fmt.Errorf("seal blob: %w", err)
		}
		return store.Blob{Digest: d, Content: sealed}, nil
	}
	return store.Blob{}, noDigestMatches()
}

func (rc *receiver) finishWriter(ctx context.Context, digests []string) (store.Blob, error) {
	candidates := make([]digest.Digest, len(digests))
	for i, d := range digests {
		candidates[i] = digest.Digest(d)
	}
	location, d, err := rc.writer.Commit(ctx, candidates...)
	if errors.Is(err, blob.ErrDigestMismatch) {
		return store.Blob{}, noDigestMatches()
	}
	if err != nil {
		return store.Blob{}, fmt.Errorf("commit blob: %w", err)
	}
	return store.Blob{Digest: d.String(), Location: string(location)}, nil
}

func noDigestMatches() error {
	return refuse(CodeInvalidLayer, "None of the provided layer digests match the calculated layer digest")
}

// notNil returns content such that a blob without bytes differs from one whose
// bytes are elsewhere.
func notNil(content []byte) []byte {
	if content == nil {
		return []byte{}
	}
	return content
}
