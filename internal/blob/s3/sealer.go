package s3

import (
	"fmt"
	"slices"

	"github.com/nifuda/nifuda/internal/seal"
)

// outputStep is how much plaintext is sealed at a time, so that what was just
// encrypted is still in the processor's cache.
const outputStep = 2 * seal.ChunkSize

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
	split := len(memory) - seal.TailSize(st.size)
	if split < 0 {
		return nil, nil, errBadState
	}
	s, err := newSealer(key)
	if err != nil {
		return nil, nil, err
	}
	if s.Sealer, err = seal.ResumeSealer(key, st.size, memory[split:]); err != nil {
		return nil, nil, err
	}
	if want := int64(len(s.header)) + s.Sealed(); st.written != want {
		return nil, nil, fmt.Errorf("%w: %d bytes stored for %d of plaintext", errBadState, st.written, st.size)
	}
	return s, memory[:split], nil
}

// seal adds plaintext to what is stored.
func (w *writer) seal(p []byte) error {
	if err := w.beginSealed(); err != nil {
		return err
	}
	for step := range slices.Chunk(p, outputStep) {
		if err := w.put(w.sealer.Append(w.sealer.output[:0], step)); err != nil {
			return err
		}
	}
	return nil
}

// sealLast adds the last chunk.
func (w *writer) sealLast() error {
	if err := w.beginSealed(); err != nil {
		return err
	}
	return w.put(w.sealer.Finish(w.sealer.output[:0]))
}

// beginSealed stores the header before anything else.
func (w *writer) beginSealed() error {
	if w.sealer.output == nil {
		w.sealer.output = w.store.output()
	}
	if w.written > 0 {
		return nil
	}
	return w.put(w.sealer.header)
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
