package server

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/nifuda/nifuda/internal/datakeys"
	"github.com/nifuda/nifuda/internal/keyring"
	"github.com/nifuda/nifuda/internal/store"
)

// openDataKeys opens the key ring that belongs to the database.
func (s *server) openDataKeys(ctx context.Context, metadata *store.Store) (*datakeys.Keys, error) {
	source, err := keyring.ParseSource(s.Config.SealKeys, s.Getenv)
	if err != nil {
		return nil, err
	}
	ring, err := openRing(ctx, metadata, source)
	if err != nil {
		return nil, err
	}
	seals := s.Config.Seal != "off"
	if !seals {
		s.Log.Warn("new blobs are stored as they are, not encrypted: --seal is off", "sealed before", "stays sealed, and is served")
	}
	return datakeys.New(datakeys.Options{Ring: ring, Seal: seals}), nil
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
