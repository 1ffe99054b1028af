package keyring

import (
	"errors"

	"github.com/nifuda/nifuda/internal/credentials"
)

// ErrFixed reports a ring that only its owner can change.
var ErrFixed = credentials.ErrFixed

// ErrChanged is what a [Shared] source returns for a replacement of another text
// than the one that it has by now.
var ErrChanged = errors.New("it was changed meanwhile")

// A Source is where the text of a ring is kept.
type Source = credentials.Source

// A Shared source is one that other processes change under this one's eyes: a
// ring from there is asked for again and again.
type Shared interface {
	Source
	// Shared says so.
	Shared()
}

// ParseSource returns the source that --seal-keys names: file:PATH, env:NAME or
// command:COMMAND.
func ParseSource(where string, getenv func(string) string) (Source, error) {
	return credentials.ParseSource("--seal-keys", where, getenv)
}
