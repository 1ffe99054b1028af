package registry

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
)

// An upload whose id is older, and which has received nothing since, is over.
const uploadLifetime = 24 * time.Hour

// uploadIDs makes and recognizes the ids of uploads that have received nothing.
// Such an upload needs no row anywhere: its id is a UUID (version 8) that says
// when it was made and proves that we made it, for this repository.
//
//	48 bits  Unix milliseconds
//	26 bits  random, beside the version and variant
//	48 bits  the first of an HMAC-SHA256 over the rest and the repository's id
type uploadIDs struct {
	key   []byte
	now   func() time.Time
	ended *lru.Cache[string, struct{}]
}

// So many ids of ended uploads are remembered, beside those that the database
// knows of where there are several nodes. One that is forgotten counts as an
// upload without bytes: no harm, but the client is not told that it is over.
const endedUploads = 16 << 10

func newUploadIDs(key []byte, now func() time.Time) *uploadIDs {
	ended, err := lru.New[string, struct{}](endedUploads)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &uploadIDs{key: key, now: now, ended: ended}
}

// end remembers that an upload is over.
func (u *uploadIDs) end(id string) { u.ended.Add(id, struct{}{}) }

func (u *uploadIDs) make(repositoryID string) string {
	var id uuid.UUID
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(u.now().UnixMilli()))
	copy(id[:6], ms[2:])
	rand.Read(id[6:10])
	id[6] = 0x80 | id[6]&0x0f
	id[8] = 0x80 | id[8]&0x3f
	copy(id[10:], u.mac(id[:10], repositoryID))
	return id.String()
}

// fresh reports whether an id was made for the repository, not too long ago, and
// has not ended.
func (u *uploadIDs) fresh(text, repositoryID string) bool {
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text || !hmac.Equal(id[10:], u.mac(id[:10], repositoryID)) {
		return false
	}
	if u.ended.Contains(text) {
		return false
	}
	made := time.UnixMilli(int64(binary.BigEndian.Uint64(append([]byte{0, 0}, id[:6]...))))
	return u.now().Sub(made) < uploadLifetime
}

func (u *uploadIDs) mac(head []byte, repositoryID string) []byte {
	h := hmac.New(sha256.New, u.key)
	h.Write(head)
	h.Write([]byte(repositoryID))
	return h.Sum(nil)[:6]
}
