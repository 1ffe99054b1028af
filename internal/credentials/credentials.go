// Package credentials keeps the secrets that a data directory starts with: the
// server key, and the root access key with the AWS configuration files that let
// a client use it at once.
//
// Every file is written whole or not at all, readable by its owner alone, and
// is on disk when the call that wrote it returns.
package credentials

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// serverKeySize is the length of the server key in bytes.
const serverKeySize = 32

// ServerKeyPath returns where the server key of a data directory is.
func ServerKeyPath(data string) string { return filepath.Join(data, "keys", "server.key") }

// ServerKey returns the server key of a data directory, 32 random bytes that
// keys/server.key holds in hexadecimal. Without that file it makes one if it may,
// and returns an error that is fs.ErrNotExist otherwise: without that key nothing
// sealed by this server can be opened again.
//
// It refuses a file of another content and, except on Windows, one that anybody
// but its owner may read or write.
func ServerKey(data string, mayMake bool) ([]byte, error) {
	path := ServerKeyPath(data)
	key, err := readServerKey(path)
	if !mayMake || !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, serverKeySize)
	rand.Read(key) // never fails
	err = CreateFile(path, []byte(hex.EncodeToString(key)+"\n"))
	if errors.Is(err, fs.ErrExist) { // another process was faster: its key is the key
		return readServerKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("make server key: %w", err)
	}
	return key, nil
}

func readServerKey(path string) ([]byte, error) {
	if err := CheckPrivate(path); err != nil {
		return nil, fmt.Errorf("server key: %w", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read server key: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != serverKeySize { // err would print a part of the key
		return nil, fmt.Errorf("server key %s must be %d bytes in hexadecimal (%d digits)", path, serverKeySize, 2*serverKeySize)
	}
	return key, nil
}
