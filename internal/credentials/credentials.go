// Package credentials keeps the secrets that a data directory starts with: the
// server key, and the root access key with the AWS configuration files that let
// a client use it at once.
//
// Every file is written whole or not at all, readable by its owner alone, and
// is on disk when the call that wrote it returns.
package credentials

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// serverKeySize is the length of the server key in bytes.
const serverKeySize = 32

// ServerKeyPath returns where the server key of a data directory is.
func ServerKeyPath(data string) string { return filepath.Join(data, "keys", "server.key") }

// ServerKey returns the server key that a source keeps: 32 random bytes in
// hexadecimal. Where there is none it makes one if it may, and returns an error
// that is fs.ErrNotExist otherwise: without that key nothing sealed by this server
// can be opened again.
//
// It refuses another content and, except on Windows, a file that anybody but its
// owner may read or write.
func ServerKey(ctx context.Context, source Source, mayMake bool) ([]byte, error) {
	key, err := readServerKey(ctx, source)
	if !mayMake || !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, serverKeySize)
	rand.Read(key) // never fails
	err = source.Create(ctx, []byte(hex.EncodeToString(key)+"\n"))
	if errors.Is(err, fs.ErrExist) { // another process was faster: its key is the key
		return readServerKey(ctx, source)
	}
	if err != nil {
		return nil, fmt.Errorf("make server key: %w", err)
	}
	return key, nil
}

func readServerKey(ctx context.Context, source Source) ([]byte, error) {
	text, err := source.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("read server key %s: %w", source, err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != serverKeySize { // err would print a part of the key
		return nil, fmt.Errorf("server key %s must be %d bytes in hexadecimal (%d digits)", source, serverKeySize, 2*serverKeySize)
	}
	return key, nil
}
