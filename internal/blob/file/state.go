package file

import (
	"encoding"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/google/uuid"
)

// A state is what Save knows and Resume needs. It is encoded as
//
//	version (1 byte) · id (16) · size (8, big endian) · memory · CRC-32 of all before (4)
//
// where memory is the state of the SHA-256, or in a sealed upload, with a version
// of its own,
//
//	bytes of the file (8) · sealed: state of the SHA-256 · plaintext that is in no chunk yet
//
// for the state of the hash has plaintext in it too.
type state struct {
	id      uuid.UUID
	size    int64 // of the plaintext
	sealed  bool
	written int64 // bytes of the file
	memory  []byte
}

const (
	stateVersion  = 1
	sealedVersion = 2
	stateHeader   = 1 + len(uuid.UUID{}) + 8
)

var errBadState = errors.New("malformed upload state")

// state encodes the state of the writer.
func (w *writer) state() ([]byte, error) {
	memory, err := w.hash.(encoding.BinaryAppender).AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	b := []byte{stateVersion}
	if w.sealer != nil {
		b[0] = sealedVersion
		if memory, err = w.sealer.key.SealBeside(append(memory, w.sealer.Tail()...)); err != nil {
			return nil, err
		}
	}
	b = append(b, w.id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(w.size))
	if w.sealer != nil {
		b = binary.BigEndian.AppendUint64(b, uint64(w.written))
	}
	b = append(b, memory...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)), nil
}

func decodeState(b []byte) (state, error) {
	if len(b) < stateHeader+4 || b[0] != stateVersion && b[0] != sealedVersion {
		return state{}, errBadState
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	size := int64(binary.BigEndian.Uint64(b[stateHeader-8:]))
	if crc32.ChecksumIEEE(body) != sum || size < 0 {
		return state{}, errBadState
	}
	st := state{id: uuid.UUID(b[1:17]), size: size, written: size, memory: body[stateHeader:]}
	if b[0] == stateVersion {
		return st, nil
	}
	if len(st.memory) < 8 {
		return state{}, errBadState
	}
	st.sealed, st.written, st.memory = true, int64(binary.BigEndian.Uint64(st.memory)), st.memory[8:]
	if st.written < 0 {
		return state{}, errBadState
	}
	return st, nil
}
