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

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/datakeys"
	"github.com/nifuda/nifuda/internal/keyring"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/remotekms"
	"github.com/nifuda/nifuda/internal/store"
)

// openRing opens the key ring that belongs to the database.
func (s *server) openRing(ctx context.Context, metadata *store.Store) (*keyring.Ring, error) {
	if s.Config.SealKeys == ringInDatabase {
		return s.openSharedRing(ctx, metadata)
	}
	source, err := s.ringSource(ctx)
	if err != nil {
		return nil, err
	}
	return openRing(ctx, metadata, source)
}

// ringInDatabase is the setting for a ring that all nodes share, and ringSecret
// its name there.
const (
	ringInDatabase = "database:"
	ringSecret     = "key ring"
)

// openSharedRing opens the ring in the database. If there is none yet, the one
// that was in this node's file until now becomes it, once it has shown that it is
// the right one.
func (s *server) openSharedRing(ctx context.Context, metadata *store.Store) (*keyring.Ring, error) {
	shared, err := newSharedSecret(metadata, s.keyring, ringSecret)
	if err != nil {
		return nil, err
	}
	if _, err := shared.Load(ctx); err == nil || !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return nil, err
		}
		return openRing(ctx, metadata, shared)
	}
	plain := filepath.Join(s.Config.Data, "seal-keys")
	from, err := keyring.ParseSource("file:"+plain, nil)
	if err != nil {
		return nil, err
	}
	text, err := from.Load(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return openRing(ctx, metadata, shared)
	}
	if err != nil {
		return nil, err
	}
	if _, err := openRing(ctx, metadata, from); err != nil {
		return nil, err
	}
	err = shared.Create(ctx, text)
	if err != nil && !errors.Is(err, fs.ErrExist) { // else another node was faster, and is checked
		return nil, err
	}
	if err == nil {
		s.Log.WarnContext(ctx, "the database has the key ring now, sealed with the server key: once every node has --seal-keys database:, delete the file that it was in, and its copies", "file", plain)
	}
	return openRing(ctx, metadata, shared)
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
		s.Log.WarnContext(ctx, "the KMS has the key ring now: delete the file that it was in, and its copies", "file", plain)
	}
	return err
}

// dataKeys returns the keys that blobs are sealed with.
func (s *server) dataKeys(metadata *store.Store, ring *keyring.Ring) *datakeys.Keys {
	seals := s.Config.Seal != "off"
	if !seals {
		s.Log.Warn("new blobs are stored as they are, not encrypted: --seal is off", "sealed before", "stays sealed, and is served")
	}
	recheck := func(ctx context.Context) error { return writeRingCheck(ctx, metadata, ring) }
	return datakeys.New(datakeys.Options{Ring: ring, Seal: seals, Recheck: recheck, KMS: s.kms, Store: metadata})
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
	check, _, err := readRingCheck(ctx, metadata)
	unchecked := errors.Is(err, store.ErrNotFound)
	if err != nil && !unchecked {
		return nil, fmt.Errorf("read the check of the key ring: %w", err)
	}
	var sealed []store.BlobSealing
	var material []store.KMSMaterial
	if unchecked { // a new database, or one that was restored
		if sealed, err = metadata.ServerSealings(ctx, "", 1); err != nil {
			return nil, fmt.Errorf("find sealed blobs: %w", err)
		}
		if material, err = metadata.KMSMaterials(ctx, "", 0, 1); err != nil {
			return nil, fmt.Errorf("find key material: %w", err)
		}
	}
	ring, err := keyring.Open(ctx, source, unchecked && len(sealed)+len(material) == 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no key ring %s, and what this database has sealed cannot be read without it: put it back from where its copy is kept", source)
	}
	if err != nil {
		return nil, err
	}
	for _, blob := range sealed {
		if err := datakeys.Opens(ctx, ring, blob.Sealing); err != nil {
			return nil, anotherRing(source, err)
		}
	}
	if unchecked && metadata.ReadOnly() {
		return ring, nil
	}
	if unchecked {
		if err := writeRingCheck(ctx, metadata, ring); err != nil {
			return nil, fmt.Errorf("write the check of the key ring: %w", err)
		}
		if check, _, err = readRingCheck(ctx, metadata); err != nil {
			return nil, fmt.Errorf("read the check of the key ring: %w", err)
		}
	}
	if _, err := ring.Unwrap(ctx, check, checkPurpose); err != nil {
		return nil, anotherRing(source, err)
	}
	return ring, nil
}

func anotherRing(source keyring.Source, err error) error {
	return fmt.Errorf("the key ring %s is not the one that this database was sealed with: %w", source, err)
}

// readRingCheck returns what only the database's ring opens, and how it is stored.
func readRingCheck(ctx context.Context, metadata *store.Store) (check []byte, stored string, err error) {
	stored, _, err = metadata.Progress(ctx, ringWork)
	if err != nil {
		return nil, "", err
	}
	var state ringCheck
	if err := json.Unmarshal([]byte(stored), &state); err != nil {
		return nil, "", err
	}
	check, err = base64.StdEncoding.DecodeString(state.Check)
	return check, stored, err
}

// writeRingCheck writes the check with the ring's current key, unless another
// server is faster: then its ring is the ring.
func writeRingCheck(ctx context.Context, metadata *store.Store, ring *keyring.Ring) error {
	_, before, err := readRingCheck(ctx, metadata)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	wrapped, err := ring.Wrap(ctx, []byte(checkSecret), checkPurpose)
	if err != nil {
		return err
	}
	state, err := json.Marshal(ringCheck{base64.StdEncoding.EncodeToString(wrapped)})
	if err != nil {
		return err
	}
	return metadata.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Advance(ctx, ringWork, before, string(state), time.Now().UnixMilli())
		return err
	})
}

// countSealing shows what the background work of sealing does.
func (s *server) countSealing() {
	for name, counter := range map[string]struct {
		help  string
		value func(registry.SealingCounts) int64
	}{
		"nifuda_resealed_blobs_total":      {"Blobs that were sealed after they were stored.", func(c registry.SealingCounts) int64 { return c.Resealed }},
		"nifuda_resealed_bytes_total":      {"Bytes of blobs that were sealed after they were stored.", func(c registry.SealingCounts) int64 { return c.Bytes }},
		"nifuda_rewrapped_data_keys_total": {"Data keys that were wrapped anew after a rotation.", func(c registry.SealingCounts) int64 { return c.Rewrapped }},
	} {
		s.metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: counter.help}, func() float64 {
			return float64(counter.value(s.registry.SealingCounts()))
		}))
	}
}
