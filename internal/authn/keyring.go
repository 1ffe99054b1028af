package authn

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"log/slog"
)

// KeySize is the length in bytes of the server key and of every key derived from it.
const KeySize = 32

// The labels of this package's own keys. A new format of what is sealed or
// signed under one takes a new label.
const (
	labelToken    = "nifuda login token v2"
	labelDownload = "nifuda download url v1"
)

// A Keyring derives the keys for each purpose from the one server key, so that
// a value made for one purpose is worth nothing for another.
type Keyring struct{ server []byte }

// NewKeyring returns the keyring of a server key, which is [KeySize] random bytes.
func NewKeyring(serverKey []byte) (Keyring, error) {
	if len(serverKey) != KeySize {
		return Keyring{}, fmt.Errorf("server key has %d bytes, want %d", len(serverKey), KeySize)
	}
	return Keyring{server: append([]byte(nil), serverKey...)}, nil
}

// DeriveKey returns the key of [KeySize] bytes for a purpose (HKDF-SHA256, RFC
// 5869). The label names the purpose and its version, for example "nifuda
// upload id v1"; the same label always gives the same key.
func (k Keyring) DeriveKey(label string) []byte {
	key, err := hkdf.Key(sha256.New, k.server, nil, label, KeySize)
	if err != nil {
		panic("derive key: " + err.Error()) // only for lengths that KeySize excludes
	}
	return key
}

// String keeps the key out of every print.
func (Keyring) String() string { return "server key" }

// GoString does the same for %#v.
func (k Keyring) GoString() string { return k.String() }

// LogValue does the same for a log.
func (k Keyring) LogValue() slog.Value { return slog.StringValue(k.String()) }
