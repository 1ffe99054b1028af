// Package seal is the form in which bytes are encrypted at rest.
//
// Sealed bytes are a header and chunks. The header names the form and holds the
// data key, wrapped by whoever keeps keys: this package never learns how. Each
// chunk of 64 KiB, the last one shorter, is encrypted for itself with AES-256 in
// Galois/Counter Mode under a random nonce, and bound to its number and to
// whether it is the last: a range costs the chunks that it touches, and no chunk
// can be changed, moved, left out or cut off without being found. A writer can
// stop between any two bytes and go on later; what it writes again gets new
// nonces.
//
// It is pure: where bytes and keys are is for others.
package seal

// ChunkSize is how many bytes are sealed together.
const ChunkSize = 64 << 10

// A Key seals and opens the bytes of one blob.
type Key struct {
	// Secrets are the data keys, of 32 bytes each. Bytes are sealed with one
	// after the other; one is the rule, two are a double layer.
	Secrets [][]byte
	// Wrapped is what the keeper of keys makes of the secrets. It stands in the
	// header of sealed files, so that they can be read without a database.
	Wrapped []byte
}
