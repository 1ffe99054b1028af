package file

import (
	"encoding"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"

	"github.com/google/uuid"
)

// A state is what Save knows and Resume needs. It is encoded as
//
//	version (1 byte) · id (16) · size (8, big endian) · state of the SHA-256 · CRC-32 of all before (4)
type state struct {
	id     uuid.UUID
	size   int64
	digest []byte
}

const (
	stateVersion = 1
	stateHeader  = 1 + len(uuid.UUID{}) + 8
)

var errBadState = errors.New("malformed upload state")

func encodeState(id uuid.UUID, size int64, h hash.Hash) ([]byte, error) {
	b := append([]byte{stateVersion}, id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(size))
	b, err := h.(encoding.BinaryAppender).AppendBinary(b)
	if err != nil {
		return nil, err
	}
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)), nil
}

func decodeState(b []byte) (state, error) {
	if len(b) < stateHeader+4 || b[0] != stateVersion {
		return state{}, errBadState
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	size := int64(binary.BigEndian.Uint64(b[stateHeader-8:]))
	if crc32.ChecksumIEEE(body) != sum || size < 0 {
		return state{}, errBadState
	}
	return state{id: uuid.UUID(b[1:17]), size: size, digest: body[stateHeader:]}, nil
}
