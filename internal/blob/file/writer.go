package file

import (
	"context"
	"crypto/sha256"
	"encoding"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/seal"
)

// writebackSize is how much the kernel may gather before it is told to write.
// With 8 MiB the final sync takes a few milliseconds, however large the object.
const writebackSize = 8 << 20

var errEnded = errors.New("upload has ended")

// A writer appends to one upload file.
type writer struct {
	store *Store
	id    uuid.UUID
	path  string // of the bytes: an upload, from the rename on a location
	file  handle // nil before the first byte
	hash  hash.Hash
	size  int64
	// sealer stands between the hash and the file; nil where they are the same.
	sealer  *sealer
	written int64 // bytes of the file

	err     error // why nothing can be written, saved or committed any more
	dirty   bool  // bytes, or a truncation, are not synced
	started int64 // where write-back has not begun
	keep    bool  // what is at path outlives the Writer
}

func (s *Store) newWriter(id uuid.UUID) *writer {
	return &writer{store: s, id: id, path: uploadPath(id.String()), hash: sha256.New()}
}

// Resume continues the upload of a state. It returns [ErrBusy] while another
// Writer of this store has it.
func (s *Store) Resume(ctx context.Context, state []byte, key *seal.Key) (blob.Writer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	st, err := decodeState(state)
	if err != nil {
		return nil, fmt.Errorf("resume upload: %w", err)
	}
	if st.size == 0 {
		return s.Create(ctx, key) // an upload without bytes has no file to continue
	}
	w, err := s.resume(st, key)
	if err != nil {
		return nil, fmt.Errorf("resume upload %s: %w", st.id, err)
	}
	return w, nil
}

func (s *Store) resume(st state, key *seal.Key) (*writer, error) {
	w := s.newWriter(st.id)
	w.size = st.size
	if err := w.restore(st, key); err != nil {
		return nil, err
	}
	if !s.claim(st.id.String()) {
		return nil, ErrBusy
	}
	w.keep = true
	if err := w.reopen(st.written); err != nil {
		return nil, errors.Join(err, w.end())
	}
	return w, nil
}

// restore brings back what the writer had in memory.
func (w *writer) restore(st state, key *seal.Key) (err error) {
	memory := st.memory
	if st.sealed != (key != nil) {
		return errors.New("the upload is sealed and there is no key, or the other way round")
	}
	if st.sealed {
		if w.sealer, memory, err = openSealer(key, st); err != nil {
			return err
		}
	}
	if err := w.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(memory); err != nil {
		return fmt.Errorf("%w: %w", errBadState, err)
	}
	return nil
}

// Drop removes the upload of a state.
func (s *Store) Drop(ctx context.Context, state []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	st, err := decodeState(state)
	if err != nil {
		return fmt.Errorf("drop upload: %w", err)
	}
	id := st.id.String()
	if !s.claim(id) {
		return fmt.Errorf("drop upload %s: %w", id, ErrBusy)
	}
	defer s.release(id)
	if err := s.disk.remove(uploadPath(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("drop upload %s: %w", id, err)
	}
	return nil
}

// reopen opens the file of a saved upload and cuts it to the size it had.
func (w *writer) reopen(size int64) error {
	f, err := w.store.disk.open(w.path, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return blob.ErrNotFound
	}
	if err != nil {
		return err
	}
	w.file = f
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if end < size {
		return fmt.Errorf("file has %d bytes, %d were saved", end, size)
	}
	w.written, w.started = size, size
	if end == size {
		return nil
	}
	// Unless this is synced, a power cut brings the dropped bytes back.
	w.dirty = true
	if err := f.Truncate(size); err != nil {
		return err
	}
	_, err = f.Seek(size, io.SeekStart)
	return err
}

func (w *writer) Size() int64 { return w.size }

// Write hashes and writes p. After an error the bytes and their hash may differ,
// and only Abort can succeed.
func (w *writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := w.write(p)
	w.size += int64(n)
	if err != nil {
		w.err = fmt.Errorf("write upload %s: %w", w.id, err)
		return n, w.err
	}
	if w.written-w.started >= writebackSize {
		startWriteback(w.file, w.started, w.written-w.started)
		w.started = w.written
	}
	return n, nil
}

// write returns how many bytes of p are on their way.
func (w *writer) write(p []byte) (int, error) {
	if err := w.create(); err != nil {
		return 0, err
	}
	w.hash.Write(p)
	if w.sealer == nil {
		return w.put(p)
	}
	if err := w.seal(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// put writes bytes of the file.
func (w *writer) put(p []byte) (int, error) {
	w.dirty = true
	n, err := w.file.Write(p)
	w.written += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

// create makes the file of a new upload.
func (w *writer) create() error {
	if w.file != nil {
		return nil
	}
	f, err := w.store.disk.open(w.path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	w.file, w.dirty = f, true
	if w.sealer == nil {
		return nil
	}
	_, err = w.put(w.sealer.header)
	return err
}

// Save leaves nothing behind when it fails, except what an earlier Save kept.
func (w *writer) Save(ctx context.Context) ([]byte, error) {
	defer w.end() //nolint:errcheck // what was synced is kept, whatever closing the file says
	if err := w.ready(ctx); err != nil {
		return nil, err
	}
	if err := w.save(); err != nil {
		return nil, fmt.Errorf("save upload %s: %w", w.id, err)
	}
	return w.state()
}

func (w *writer) save() error {
	if w.file == nil {
		return nil
	}
	if err := w.sync(); err != nil {
		return err
	}
	if w.keep {
		return nil // an earlier Save has made the name durable
	}
	if err := w.store.disk.syncDir(uploads); err != nil {
		return err
	}
	w.keep = true
	return nil
}

func (w *writer) Commit(ctx context.Context, candidates ...digest.Digest) (blob.Location, digest.Digest, error) {
	defer w.end() //nolint:errcheck // what was synced is kept, whatever closing the file says
	if err := w.ready(ctx); err != nil {
		return "", "", err
	}
	d, err := w.match(ctx, candidates)
	if err != nil {
		return "", "", err
	}
	location := locate(d, w.id)
	if err := w.finish(); err != nil {
		return "", "", fmt.Errorf("commit upload %s: %w", w.id, err)
	}
	if err := w.commit(location); err != nil {
		return "", "", fmt.Errorf("commit upload %s: %w", w.id, err)
	}
	return location, d, nil
}

// finish writes what is missing of the file.
func (w *writer) finish() error {
	if err := w.create(); err != nil || w.sealer == nil {
		return err
	}
	return w.sealLast()
}

// commit goes in the one order that leaves no torn file under a final name:
// bytes, then name, then the directory that holds the name.
func (w *writer) commit(location blob.Location) error {
	if err := w.sync(); err != nil {
		return err
	}
	if err := w.store.disk.ensureDir(path.Dir(string(location))); err != nil {
		return err
	}
	if err := w.store.disk.rename(w.path, string(location)); err != nil {
		return err
	}
	w.path, w.keep = string(location), false
	if err := w.store.disk.syncDir(path.Dir(w.path)); err != nil {
		return err
	}
	w.keep = true
	return nil
}

// Abort works whatever the context says, and does nothing after the end, so that
// callers can defer it.
func (w *writer) Abort(context.Context) error {
	if errors.Is(w.err, errEnded) {
		return nil
	}
	w.keep = false
	if err := w.end(); err != nil {
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

// sync makes the bytes durable. The kernel may drop the bytes of a failed sync
// and call the next one a success, so a failure also costs what was saved before.
func (w *writer) sync() error {
	if !w.dirty {
		return nil
	}
	if err := w.file.Sync(); err != nil {
		w.keep = false
		return err
	}
	w.dirty = false
	return nil
}

// end closes the file and removes it unless it is to be kept. What cannot be
// removed stays claimed: this process never resumes it, the next one sweeps it.
func (w *writer) end() error {
	if errors.Is(w.err, errEnded) {
		return nil
	}
	w.err = errEnded
	w.releaseSealer()
	err := w.close()
	if !w.keep {
		if err := w.remove(); err != nil {
			return err
		}
	}
	w.store.release(w.id.String())
	return err
}

func (w *writer) close() error {
	if w.file == nil {
		return nil
	}
	return w.file.Close()
}

func (w *writer) remove() error {
	if w.file == nil {
		return nil
	}
	err := w.store.disk.remove(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
