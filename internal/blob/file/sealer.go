package file

import (
	"context"
	"crypto/sha512"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/seal"
)

// outputStep is how much plaintext is sealed before it is written, so that what
// was just encrypted is still in the processor's cache.
const outputStep = 4 * seal.ChunkSize

// A sealer is what a writer needs to seal.
type sealer struct {
	*seal.Sealer
	key    *seal.Key
	header []byte
	output []byte // nil before it is needed
}

func newSealer(key *seal.Key) (*sealer, error) {
	s, err := seal.NewSealer(key)
	if err != nil {
		return nil, err
	}
	header, err := key.Header()
	if err != nil {
		return nil, err
	}
	return &sealer{Sealer: s, key: key, header: header}, nil
}

// openSealer goes on from a state, and returns what else is in it: the state of
// the hash.
func openSealer(key *seal.Key, st state) (*sealer, []byte, error) {
	memory, err := key.OpenBeside(slices.Clone(st.memory))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errBadState, err)
	}
	tail := seal.TailSize(st.size)
	if len(memory) < tail {
		return nil, nil, errBadState
	}
	split := len(memory) - tail
	s, err := newSealer(key)
	if err != nil {
		return nil, nil, err
	}
	if s.Sealer, err = seal.ResumeSealer(key, st.size, memory[split:]); err != nil {
		return nil, nil, err
	}
	if want := int64(len(s.header)) + s.Sealed(); st.written != want {
		return nil, nil, fmt.Errorf("%w: %d bytes of the file for %d of plaintext", errBadState, st.written, st.size)
	}
	return s, memory[:split], nil
}

// seal adds plaintext to the file.
func (w *writer) seal(p []byte) error {
	for step := range slices.Chunk(p, outputStep) {
		if w.sealer.output == nil {
			w.sealer.output = w.store.output()
		}
		sealed := w.sealer.Append(w.sealer.output[:0], step)
		if len(sealed) == 0 {
			continue
		}
		if _, err := w.put(sealed); err != nil {
			return err
		}
	}
	return nil
}

// sealLast adds the last chunk to the file.
func (w *writer) sealLast() error {
	if w.sealer.output == nil {
		w.sealer.output = w.store.output()
	}
	_, err := w.put(w.sealer.Finish(w.sealer.output[:0]))
	return err
}

// output returns memory for the chunks of a step, and the one before them.
func (s *Store) output() []byte {
	if output, ok := s.outputs.Get().(*[]byte); ok {
		return *output
	}
	return make([]byte, 0, seal.Size(outputStep+seal.ChunkSize, seal.MaxLayers))
}

func (w *writer) releaseSealer() {
	if w.sealer == nil || w.sealer.output == nil {
		return
	}
	output := w.sealer.output // a variable of its own: its address is the next writer's
	w.sealer.output = nil
	w.store.outputs.Put(&output)
}

// sealedSHA512 opens what is in the file, and adds what is not in it yet.
func (w *writer) sealedSHA512(ctx context.Context) (digest.Digest, error) {
	h := sha512.New()
	for part, err := range w.sealer.Reopen(w.file, int64(len(w.sealer.header))) {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		if err != nil {
			return "", fmt.Errorf("read back: %w", err)
		}
		h.Write(part)
	}
	return digest.NewDigest(digest.SHA512, h), nil
}
