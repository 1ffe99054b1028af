package server

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/datakeys"
	"github.com/nifuda/nifuda/internal/keyring"
	"github.com/nifuda/nifuda/internal/remotekms"
	"github.com/nifuda/nifuda/internal/store"
)

// openRing opens the key ring that belongs to the database.
func (s *server) openRing(ctx context.Context, metadata *store.Store) (*keyring.Ring, error) {
	source, err := s.ringSource(ctx)
	if err != nil {
		return nil, err
	}
	return openRing(ctx, metadata, source)
}

// ringSource returns where the key ring is kept: in a file that a KMS elsewhere
// opens, or where package keyring knows.
func (s *server) ringSource(ctx context.Context) (keyring.Source, error) {
	setting, isKMS := strings.CutPrefix(s.Config.SealKeys, "kms:")
	if !isKMS {
		return keyring.ParseSource(s.Config.SealKeys, s.Getenv)
	}
	address, err := remotekms.ParseAddress(setting)
	if err != nil {
		return nil, err
	}
	key, err := remotekms.Open(ctx, address)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(s.Config.Data, "seal-keys.kms")
	source := keyring.KMSSource(key, path)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return source, s.takeOverRing(ctx, source)
	}
	return source, nil
}

// takeOverRing gives a KMS the ring that was in a file until now, as the default
// setting has it.
func (s *server) takeOverRing(ctx context.Context, to keyring.Source) error {
	plain := filepath.Join(s.Config.Data, "seal-keys")
	from, err := keyring.ParseSource("file:"+plain, nil)
	if err != nil {
		return err
	}
	text, err := from.Load(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	err = to.Create(ctx, text)
	if err == nil {
		s.Log.Warn("the KMS has the key ring now: delete the file that it was in, and its copies", "file", plain)
	}
	return err
}

// dataKeys returns the keys that blobs are sealed with.
func (s *server) dataKeys(metadata *store.Store, ring *keyring.Ring) *datakeys.Keys {
	seals := s.Config.Seal != "off"
	if !seals {
		s.Log.Warn("new blobs are stored as they are, not encrypted: --seal is off", "sealed before", "stays sealed, and is served")
	}
	return datakeys.New(datakeys.Options{Ring: ring, Seal: seals, KMS: s.kms, Store: metadata})
}

// ringWork is where the database keeps what only its own ring opens.
const ringWork = "key ring"

// A ringCheck is what the database knows of its ring.
type ringCheck struct {
	Check string // base64 of what the ring has wrapped
}

const (
	checkPurpose = "nifuda check v1"
	checkSecret  = "the ring that belongs to this database"
)

// openRing opens a ring and makes sure that it is the one that the database was
// sealed with. It makes a new one only for a database that never had any:
// another would be of no use, and hide that the right one is missing.
func openRing(ctx context.Context, metadata *store.Store, source keyring.Source) (*keyring.Ring, error) {
	check, err := readRingCheck(ctx, metadata)
	isNew := errors.Is(err, store.ErrNotFound)
	if err != nil && !isNew {
		return nil, fmt.Errorf("read the check of the key ring: %w", err)
	}
	ring, err := keyring.Open(ctx, source, isNew)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no key ring at %s, and what this database has sealed cannot be read without it: put it back from where its copy is kept", source)
	}
	if err != nil {
		return nil, err
	}
	if isNew {
		if check, err = newRingCheck(ctx, metadata, ring); err != nil {
			return nil, fmt.Errorf("write the check of the key ring: %w", err)
		}
	}
	if _, err := ring.Unwrap(ctx, check, checkPurpose); err != nil {
		return nil, fmt.Errorf("the key ring %s is not the one that this database was sealed with: %w", source, err)
	}
	return ring, nil
}

func readRingCheck(ctx context.Context, metadata *store.Store) ([]byte, error) {
	state, _, err := metadata.Progress(ctx, ringWork)
	if err != nil {
		return nil, err
	}
	var check ringCheck
	if err := json.Unmarshal([]byte(state), &check); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(check.Check)
}

// newRingCheck writes the check of a database that has none, unless another
// server was faster: then its ring is the ring.
func newRingCheck(ctx context.Context, metadata *store.Store, ring *keyring.Ring) ([]byte, error) {
	wrapped, err := ring.Wrap(ctx, []byte(checkSecret), checkPurpose)
	if err != nil {
		return nil, err
	}
	state, err := json.Marshal(ringCheck{base64.StdEncoding.EncodeToString(wrapped)})
	if err != nil {
		return nil, err
	}
	err = metadata.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Advance(ctx, ringWork, "", string(state), time.Now().UnixMilli())
		return err
	})
	if err != nil {
		return nil, err
	}
	return readRingCheck(ctx, metadata)
}
