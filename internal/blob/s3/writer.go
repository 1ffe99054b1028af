package s3

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/blob"
)

// tidyPatience is how long removing what is of no use any more may take.
const tidyPatience = 30 * time.Second

var (
	errEnded    = errors.New("upload has ended")
	errTooLarge = errors.New("the object has as many parts as S3 takes")
)

// A writer fills one part while another is sent.
type writer struct {
	store *Store
	id    uuid.UUID
	// location is where the parts become an object.
	location blob.Location
	// ctx is that of what goes on behind Write, which outlives the request that
	// began it: what a client has sent is kept when it goes away.
	ctx    context.Context
	cancel context.CancelFunc

	hash   hash.Hash
	size   int64
	sealer *sealer // nil where the bytes are stored as they are

	upload  string // S3's id of the parts; "" before the first one
	parts   []part
	number  int32        // of the last part, sent or on its way
	filling *buffer      // nil is empty
	sending chan arrival // of the part that is on its way; nil is none
	written int64        // bytes stored, or in filling

	tail, previous uuid.UUID // objects of the state that was resumed, and of the one before
	unchanged      bool      // since it was resumed

	err  error // why nothing can be written, saved or committed any more
	keep bool  // what is in the bucket outlives the Writer
}

// A part is one that the bucket has.
type part struct {
	number int32
	etag   string
	crc    uint32 // Castagnoli
}

// An arrival is how the sending of a part has ended.
type arrival struct {
	part
	err error
}

func (s *Store) newWriter(ctx context.Context, id uuid.UUID) *writer {
	w := &writer{store: s, id: id, location: locate(id), hash: sha256.New()}
	w.ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return w
}

// name is what the parts become, below the prefix.
func (w *writer) name() string { return blobs + string(w.location) }

// Size is the number of bytes of plaintext.
func (w *writer) Size() int64 { return w.size }

// Write hashes and keeps p. After an error the bytes and their hash may differ,
// and only Abort can succeed.
func (w *writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	w.hash.Write(p)
	w.size += int64(len(p))
	w.unchanged = false
	if err := w.write(p); err != nil {
		w.err = fmt.Errorf("write upload %s: %w", w.id, err)
		return 0, w.err
	}
	return len(p), nil
}

func (w *writer) write(p []byte) error {
	if w.sealer == nil {
		return w.put(p)
	}
	return w.seal(p)
}

// put adds bytes as they are stored.
func (w *writer) put(p []byte) error {
	for len(p) > 0 {
		space, err := w.space()
		if err != nil {
			return err
		}
		n := copy(space, p)
		w.fill(n)
		p = p[n:]
	}
	return nil
}

func (w *writer) fill(n int) {
	w.filling.size += int64(n)
	w.written += int64(n)
}

// space returns memory for what is stored next. A part that is full is sent.
func (w *writer) space() ([]byte, error) {
	if w.filling != nil {
		if space := w.filling.space(); space != nil {
			return space, nil
		}
		if err := w.send(); err != nil {
			return nil, err
		}
	}
	least, most := w.store.limits.of(w.number + 1)
	filling, err := w.store.memory.buffer(w.ctx, least, most)
	if err != nil {
		return nil, err
	}
	w.filling = filling
	return filling.space(), nil
}

// ReadFrom appends what r has until its end. After an error of r the Writer has
// all that r gave before.
func (w *writer) ReadFrom(r io.Reader) (total int64, err error) {
	scratch := w.store.scratch()
	defer w.store.scratches.Put(&scratch)
	for {
		n, readErr := r.Read(scratch)
		if n > 0 {
			if _, err := w.Write(scratch[:n]); err != nil {
				return total, err
			}
			total += int64(n)
		}
		if errors.Is(readErr, io.EOF) {
			return total, nil
		}
		if readErr != nil {
			return total, readErr
		}
	}
}

// scratchSize is what one read gathers: it stays in the processor's cache until
// it is hashed and sealed.
const scratchSize = 128 << 10

func (s *Store) scratch() []byte {
	if scratch, ok := s.scratches.Get().(*[]byte); ok {
		return *scratch
	}
	return make([]byte, scratchSize)
}

// Abort works whatever the context says, and does nothing after the end, so that
// callers can defer it.
func (w *writer) Abort(ctx context.Context) error {
	if errors.Is(w.err, errEnded) {
		return nil
	}
	w.keep = false
	if err := w.end(ctx); err != nil {
		return fmt.Errorf("abort upload %s: %w", w.id, err)
	}
	return nil
}

func (w *writer) ready(ctx context.Context) error {
	if w.err != nil {
		return w.err
	}
	return ctx.Err()
}

// end lets go of everything, and removes what is in the bucket unless it is to be
// kept. What cannot be removed is swept later.
func (w *writer) end(ctx context.Context) error {
	if errors.Is(w.err, errEnded) {
		return nil
	}
	w.err = errEnded
	w.cancel()
	_ = w.await()
	w.filling.release()
	w.filling = nil
	w.releaseSealer()
	if w.keep {
		return nil
	}
	return w.store.drop(ctx, state{id: w.id, upload: w.upload, tail: w.tail, previous: w.previous})
}

// Drop removes the upload of a state.
func (s *Store) Drop(ctx context.Context, saved []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	st, err := decodeState(saved)
	if err != nil {
		return fmt.Errorf("drop upload: %w", err)
	}
	if err := s.drop(ctx, st); err != nil {
		return fmt.Errorf("drop upload %s: %w", st.id, err)
	}
	return nil
}

func (s *Store) drop(ctx context.Context, st state) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyPatience)
	defer cancel()
	err := s.abortParts(ctx, st)
	return errors.Join(err, s.removeTails(ctx, st.id, st.tail, st.previous))
}

var _ blob.Writer = (*writer)(nil)
