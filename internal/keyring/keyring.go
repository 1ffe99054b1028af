// Package keyring is the server's root of trust for what is sealed at rest: a
// ring of keys that wrap other keys.
//
// A ring is text. Each line is the id of a key, a space, and its 32 bytes in
// base64; the first key is the current one, with which everything new is
// wrapped, and the others open what was wrapped before them. Lines that begin
// with # say nothing. The text is in a file, in the environment, or printed by a
// command: see [ParseSource].
//
// What is wrapped names its key and is bound to what it is for, so that it opens
// nothing elsewhere.
package keyring

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Root wraps secrets and unwraps them. A [Ring] is one; what keeps its keys
// elsewhere may be another.
type Root interface {
	// Wrap returns a secret such that only Unwrap for the same purpose returns it.
	Wrap(ctx context.Context, secret []byte, purpose string) (wrapped []byte, err error)
	// Unwrap returns a secret, or [ErrUnknownKey], or [ErrDamaged].
	Unwrap(ctx context.Context, wrapped []byte, purpose string) (secret []byte, err error)
}

var (
	// ErrUnknownKey reports what was wrapped by a key that the ring lacks.
	ErrUnknownKey = errors.New("the key ring lacks the key")
	// ErrDamaged reports what the key did not wrap, or not for this purpose.
	ErrDamaged = errors.New("a wrapped key is damaged, or for something else")
	// ErrCurrentKey refuses to remove the current key.
	ErrCurrentKey = errors.New("it is the current key")
)

const (
	keySize        = 32
	nonceSize      = 12
	wrappedVersion = 1
)

// A Ring wraps with its current key, and unwraps with any. It is safe for
// concurrent use.
type Ring struct {
	source Source
	keys   atomic.Pointer[[]key] // the current one first; never changed in place

	changing sync.Mutex
	reloaded time.Time    // because a key was missing
	loaded   atomic.Int64 // when the ring was read last, in Unix nanoseconds
	now      func() time.Time
}

// A key of a ring.
type key struct {
	id   string
	aead cipher.AEAD
	text string // as in the ring
}

// Open reads a ring. Where there is none, it makes one if it may, and otherwise
// returns [fs.ErrNotExist].
func Open(ctx context.Context, source Source, mayMake bool) (*Ring, error) {
	r := &Ring{source: source, now: time.Now}
	err := r.load(ctx)
	if errors.Is(err, fs.ErrNotExist) && mayMake {
		err = r.make(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("key ring %s: %w", source, err)
	}
	return r, nil
}

func (r *Ring) load(ctx context.Context) error {
	began := r.now()
	text, err := r.source.Load(ctx)
	if err != nil {
		return err
	}
	keys, err := parse(string(text))
	if err != nil {
		return err
	}
	r.keys.Store(&keys)
	r.loaded.Store(began.UnixNano())
	return nil
}

// A ring of a [Shared] source is never older than this when it wraps, and is read
// again this often.
const sharedFor = time.Second

// isShared reports whether others change the ring.
func (r *Ring) isShared() bool {
	_, shared := r.source.(Shared)
	return shared
}

// Run reads a shared ring again and again until ctx is done, so that this process
// knows of a rotation elsewhere. A failure shows when something is to be wrapped.
func (r *Ring) Run(ctx context.Context) {
	if !r.isShared() {
		<-ctx.Done()
		return
	}
	again := time.NewTicker(sharedFor / 2)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			_ = r.refresh(ctx, sharedFor/2)
		case <-ctx.Done():
			return
		}
	}
}

// refresh reads a shared ring that was read longer ago: a key that another
// process has retired since must wrap nothing any more.
func (r *Ring) refresh(ctx context.Context, age time.Duration) error {
	if !r.isShared() || r.isYounger(age) {
		return nil
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.isYounger(age) {
		return nil
	}
	if err := r.load(ctx); err != nil {
		return fmt.Errorf("key ring %s: %w", r.source, err)
	}
	return nil
}

func (r *Ring) isYounger(age time.Duration) bool {
	since := r.now().Sub(time.Unix(0, r.loaded.Load()))
	return since >= 0 && since < age
}

func (r *Ring) make(ctx context.Context) error {
	k, err := newKey()
	if err != nil {
		return err
	}
	err = r.source.Create(ctx, render([]key{k}))
	if err != nil && !errors.Is(err, fs.ErrExist) { // another process was faster: its ring is the ring
		return err
	}
	return r.load(ctx)
}

// parse reads the text of a ring. Its errors show nothing of it but ids.
func parse(text string) ([]key, error) {
	var keys []key
	seen := map[string]bool{}
	for number, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		k, err := parseKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number+1, err)
		}
		if seen[k.id] {
			return nil, fmt.Errorf("line %d: there is another key with the id %s", number+1, k.id)
		}
		seen[k.id] = true
		keys = append(keys, k)
	}
	if keys == nil {
		return nil, errors.New("there is no key in it")
	}
	return keys, nil
}

var idPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

var errLine = errors.New("want an id of letters, digits, dots, hyphens and underscores, a space, and 32 bytes in base64")

func parseKey(line string) (key, error) {
	id, text, _ := strings.Cut(line, " ")
	text = strings.TrimSpace(text)
	secret, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(secret) != keySize || !idPattern.MatchString(id) { // err would print a part of the key
		return key{}, errLine
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return key{}, err
	}
	aead, err := cipher.NewGCM(block)
	return key{id: id, aead: aead, text: text}, err
}

// newKey returns a random key.
func newKey() (key, error) {
	var id [6]byte
	var secret [keySize]byte
	rand.Read(id[:]) // never fails
	rand.Read(secret[:])
	return parseKey(hex.EncodeToString(id[:]) + " " + base64.StdEncoding.EncodeToString(secret[:]))
}

func render(keys []key) []byte {
	b := []byte("# nifuda key ring: without it nothing that is sealed can be read. Keep a copy apart from the backup.\n")
	for _, k := range keys {
		b = append(b, k.id+" "+k.text+"\n"...)
	}
	return b
}

// Current returns the id of the key that wraps what is new.
func (r *Ring) Current() string { return (*r.keys.Load())[0].id }

// Keys returns the ids of all keys, the current one first.
func (r *Ring) Keys() []string {
	var ids []string
	for _, k := range *r.keys.Load() {
		ids = append(ids, k.id)
	}
	return ids
}

// Wrap implements [Root].
func (r *Ring) Wrap(ctx context.Context, secret []byte, purpose string) ([]byte, error) {
	if err := r.refresh(ctx, sharedFor); err != nil {
		return nil, err
	}
	current := (*r.keys.Load())[0]
	b := make([]byte, 0, 2+len(current.id)+nonceSize+len(secret)+current.aead.Overhead())
	b = append(b, wrappedVersion, byte(len(current.id)))
	b = append(b, current.id...)
	data := additionalData(b, purpose)
	at := len(b)
	b = b[:at+nonceSize]
	rand.Read(b[at:])
	return current.aead.Seal(b, b[at:], secret, data), nil
}

// Unwrap implements [Root]. A key that the ring lacks may have been added where
// the ring is kept, by another process.
func (r *Ring) Unwrap(ctx context.Context, wrapped []byte, purpose string) ([]byte, error) {
	id, head, err := split(wrapped)
	if err != nil {
		return nil, err
	}
	k, ok := r.find(id)
	if !ok {
		if err := r.reload(ctx); err != nil {
			return nil, err
		}
		if k, ok = r.find(id); !ok {
			return nil, fmt.Errorf("%w with the id %s", ErrUnknownKey, id)
		}
	}
	nonce := wrapped[head : head+nonceSize]
	secret, err := k.aead.Open(nil, nonce, wrapped[head+nonceSize:], additionalData(wrapped[:head], purpose))
	if err != nil {
		return nil, ErrDamaged
	}
	return secret, nil
}

// WrappedBy returns the id of the key that wrapped a secret.
func WrappedBy(wrapped []byte) (id string, err error) {
	id, _, err = split(wrapped)
	return id, err
}

// split returns the id of a wrapped key, and how long its head is.
func split(wrapped []byte) (id string, head int, err error) {
	if len(wrapped) < 2 || wrapped[0] != wrappedVersion {
		return "", 0, ErrDamaged
	}
	head = 2 + int(wrapped[1])
	if len(wrapped) < head+nonceSize {
		return "", 0, ErrDamaged
	}
	return string(wrapped[2:head]), head, nil
}

func additionalData(head []byte, purpose string) []byte {
	return append(append(make([]byte, 0, len(head)+len(purpose)), head...), purpose...)
}

func (r *Ring) find(id string) (key, bool) {
	for _, k := range *r.keys.Load() {
		if k.id == id {
			return k, true
		}
	}
	return key{}, false
}

// A ring is read again at most this often because a key was missing, unless it is
// shared.
const reloadInterval = 10 * time.Second

func (r *Ring) reload(ctx context.Context) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	if !r.isShared() && r.now().Sub(r.reloaded) < reloadInterval {
		return nil
	}
	r.reloaded = r.now()
	if err := r.load(ctx); err != nil {
		return fmt.Errorf("key ring %s: %w", r.source, err)
	}
	return nil
}

// Rotate adds a key and makes it the current one. [ErrFixed] reports a ring that
// only its owner can change.
func (r *Ring) Rotate(ctx context.Context) (id string, err error) {
	k, err := newKey()
	if err != nil {
		return "", err
	}
	err = r.change(ctx, func(keys []key) ([]key, error) { return append([]key{k}, keys...), nil })
	return k.id, err
}

// Remove takes a key that is not the current one out of the ring. What it has
// wrapped is lost.
func (r *Ring) Remove(ctx context.Context, id string) error {
	return r.change(ctx, func(keys []key) ([]key, error) {
		if keys[0].id == id {
			return nil, ErrCurrentKey
		}
		for i, k := range keys {
			if k.id == id {
				return append(append([]key{}, keys[:i]...), keys[i+1:]...), nil
			}
		}
		return nil, fmt.Errorf("%w with the id %s", ErrUnknownKey, id)
	})
}

// change reads the ring again first: another process may have changed it.
func (r *Ring) change(ctx context.Context, change func([]key) ([]key, error)) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	for {
		err := r.tryChange(ctx, change)
		if errors.Is(err, ErrChanged) {
			continue
		}
		if err != nil {
			return fmt.Errorf("key ring %s: %w", r.source, err)
		}
		return nil
	}
}

func (r *Ring) tryChange(ctx context.Context, change func([]key) ([]key, error)) error {
	if err := r.load(ctx); err != nil {
		return err
	}
	keys, err := change(*r.keys.Load())
	if err != nil {
		return err
	}
	if err := r.source.Replace(ctx, render(keys)); err != nil {
		return err
	}
	r.keys.Store(&keys)
	return nil
}
