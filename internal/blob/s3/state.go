package s3

import (
	"context"
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/seal"
)

// A state is what Save knows and Resume needs. It is encoded as
//
//	version (1 byte) · id (16) · size (8, big endian) · written (8) ·
//	tail (16) · its size (8) · previous (16) · text of S3's id of the parts ·
//	how many parts · for each: number, CRC-32C (4), text of the ETag ·
//	text of the memory · CRC-32 of all before (4)
//
// with varints for numbers, and a varint and the bytes for text. The memory is the
// state of the SHA-256, or in a sealed upload, with a version of its own, sealed:
// that and the plaintext that is in no chunk yet.
type state struct {
	id       uuid.UUID
	size     int64     // of the plaintext
	written  int64     // bytes in parts and tail
	tail     uuid.UUID // zero is none
	tailSize int64
	previous uuid.UUID // the tail of the state before
	upload   string
	parts    []part
	sealed   bool
	memory   []byte
}

// Both versions differ from those of other stores.
const (
	plainVersion  = 16
	sealedVersion = 17
)

var errBadState = errors.New("malformed upload state")

func (st state) encode() []byte {
	b := []byte{plainVersion}
	if st.sealed {
		b[0] = sealedVersion
	}
	b = append(b, st.id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(st.size))
	b = binary.BigEndian.AppendUint64(b, uint64(st.written))
	b = append(b, st.tail[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(st.tailSize))
	b = append(b, st.previous[:]...)
	b = appendText(b, st.upload)
	b = binary.AppendUvarint(b, uint64(len(st.parts)))
	for _, p := range st.parts {
		b = binary.AppendUvarint(b, uint64(p.number))
		b = binary.BigEndian.AppendUint32(b, p.crc)
		b = appendText(b, p.etag)
	}
	b = appendText(b, string(st.memory))
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func decodeState(b []byte) (state, error) {
	if len(b) < 5 || b[0] != plainVersion && b[0] != sealedVersion {
		return state{}, errBadState
	}
	body := b[:len(b)-4]
	if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(b[len(body):]) {
		return state{}, errBadState
	}
	d := decoder{rest: body[1:]}
	st := state{sealed: b[0] == sealedVersion}
	st.id = uuid.UUID(d.bytes(16))
	st.size, st.written = d.int64(), d.int64()
	st.tail = uuid.UUID(d.bytes(16))
	st.tailSize = d.int64()
	st.previous = uuid.UUID(d.bytes(16))
	st.upload = string(d.text())
	for range d.uvarint(uint64(len(body))) {
		p := part{number: int32(d.uvarint(math.MaxInt32)), crc: binary.BigEndian.Uint32(d.bytes(4)), etag: string(d.text())}
		st.parts = append(st.parts, p)
	}
	st.memory = d.text()
	if d.failed || len(d.rest) > 0 {
		return state{}, errBadState
	}
	return st, nil
}

// A decoder gives zeros when there is nothing more.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) bytes(n uint64) []byte {
	if d.failed || uint64(len(d.rest)) < n {
		d.failed, d.rest = true, nil
		return make([]byte, min(n, 16))
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) int64() int64 {
	n := binary.BigEndian.Uint64(d.bytes(8))
	if n > math.MaxInt64/2 {
		d.failed = true
		return 0
	}
	return int64(n)
}

func (d *decoder) uvarint(most uint64) uint64 {
	n, length := binary.Uvarint(d.rest)
	if d.failed || length <= 0 || n > most {
		d.failed, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[length:]
	return n
}

func (d *decoder) text() []byte { return d.bytes(d.uvarint(uint64(len(d.rest)))) }

// Save sends what is filled: as a part if another may follow it, else as an
// object of its own.
func (w *writer) Save(ctx context.Context) ([]byte, error) {
	defer w.end(ctx) //nolint:errcheck // what was sent is kept, whatever becomes of the rest
	if err := w.ready(ctx); err != nil {
		return nil, err
	}
	st, err := w.save(ctx)
	if err != nil {
		return nil, fmt.Errorf("save upload %s: %w", w.id, err)
	}
	w.keep = true
	return st.encode(), nil
}

func (w *writer) save(ctx context.Context) (state, error) {
	memory, err := w.hash.(encoding.BinaryAppender).AppendBinary(nil) //nolint:forcetypeassert // SHA-256 is one
	if err != nil {
		return state{}, err
	}
	if w.sealer != nil {
		if memory, err = w.sealer.key.SealBeside(append(memory, w.sealer.Tail()...)); err != nil {
			return state{}, err
		}
	}
	st := state{id: w.id, size: w.size, written: w.written, tail: w.tail, previous: w.previous, sealed: w.sealer != nil, memory: memory}
	if err := w.flush(ctx, &st); err != nil {
		return state{}, err
	}
	st.upload, st.parts = w.upload, w.parts
	return st, nil
}

// flush sends what is filled, and writes down in st where its end is. The rest of
// the resumed state stays, for as long as that may be resumed again: until the
// next Save, whose state the caller goes on from.
func (w *writer) flush(ctx context.Context, st *state) (err error) {
	if err := w.await(); err != nil {
		return err
	}
	if w.filling != nil {
		st.tailSize = w.filling.size
	}
	if w.unchanged || w.filling == nil && w.tail == uuid.Nil {
		return nil
	}
	st.tail, st.previous = uuid.Nil, w.tail
	least, _ := w.store.limits.of(w.number + 1)
	switch {
	case st.tailSize >= least:
		st.tailSize = 0
		if err = w.send(); err == nil {
			err = w.await()
		}
	case st.tailSize > 0:
		st.tail, err = w.putTail(ctx)
	}
	if err != nil {
		return err
	}
	w.tidy(ctx, w.previous)
	return nil
}

// tidy removes what nothing refers to any more. What fails is swept later.
func (w *writer) tidy(ctx context.Context, some ...uuid.UUID) {
	if err := w.store.removeTails(ctx, w.id, some...); err != nil {
		w.store.log.DebugContext(ctx, "the rest of an upload is left behind", "error", err)
	}
}

// Resume goes on from a state, on whatever node.
func (s *Store) Resume(ctx context.Context, saved []byte, key *seal.Key) (blob.Writer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	st, err := decodeState(saved)
	if err != nil {
		return nil, fmt.Errorf("resume upload: %w", err)
	}
	if st.size == 0 {
		return s.Create(ctx, key) // nothing is anywhere
	}
	w := s.newWriter(ctx, st.id)
	w.keep = true
	if err := w.resume(ctx, st, key); err != nil {
		return nil, fmt.Errorf("resume upload %s: %w", st.id, errors.Join(err, w.end(ctx)))
	}
	return w, nil
}

func (w *writer) resume(ctx context.Context, st state, key *seal.Key) error {
	if err := w.restore(st, key); err != nil {
		return err
	}
	w.size, w.written, w.unchanged = st.size, st.written, true
	w.upload, w.parts, w.tail, w.previous = st.upload, st.parts, st.tail, st.previous
	if len(st.parts) > 0 {
		w.number = st.parts[len(st.parts)-1].number
	}
	if st.tail == uuid.Nil {
		return w.store.hasParts(ctx, st)
	}
	return w.loadTail(ctx, st.tailSize)
}

// restore brings back what the writer had in memory.
func (w *writer) restore(st state, key *seal.Key) (err error) {
	if st.sealed != (key != nil) {
		return errors.New("the upload is sealed and there is no key, or the other way round")
	}
	memory := st.memory
	if st.sealed {
		if w.sealer, memory, err = openSealer(key, st); err != nil {
			return err
		}
	}
	if err := w.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(memory); err != nil { //nolint:forcetypeassert // SHA-256 is one
		return fmt.Errorf("%w: %w", errBadState, err)
	}
	return nil
}

// Saved looks for what a state stands for.
func (s *Store) Saved(ctx context.Context, saved []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	st, err := decodeState(saved)
	if err != nil {
		return fmt.Errorf("look for upload: %w", err)
	}
	if st.upload != "" {
		if err := s.hasParts(ctx, st); err != nil {
			return fmt.Errorf("look for upload %s: %w", st.id, err)
		}
	}
	if st.tail == uuid.Nil {
		return nil
	}
	if _, err := s.head(ctx, tailName(st.id, st.tail)); err != nil {
		return fmt.Errorf("look for upload %s: %w", st.id, err)
	}
	return nil
}
