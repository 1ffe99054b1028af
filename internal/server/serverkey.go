package server

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/credentials"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/store"
)

// serverKeyWork is where the database keeps what only its own server key gives.
const serverKeyWork = "server key"

// checkLabel is what that is derived for.
const checkLabel = "nifuda server key check v1"

// openServerKey reads the server key, and makes one only for a database that needs
// no other: a new one would hide that the right one is missing.
func openServerKey(ctx context.Context, metadata *store.Store, source credentials.Source) (authn.Keyring, error) {
	_, _, err := metadata.Progress(ctx, serverKeyWork)
	if errors.Is(err, store.ErrNotFound) { // a new database, one of an older version, or one that was restored
		_, err = metadata.AnyAccessKey(ctx)
	}
	isNew := errors.Is(err, store.ErrNotFound)
	if err != nil && !isNew {
		return authn.Keyring{}, fmt.Errorf("read the check of the server key: %w", err)
	}
	key, err := credentials.ServerKey(ctx, source, isNew)
	if errors.Is(err, fs.ErrNotExist) {
		return authn.Keyring{}, fmt.Errorf("there is no server key at %s, and the access keys in this database are of no use without it: put it back from where its copy is kept",
			source)
	}
	if err != nil {
		return authn.Keyring{}, err
	}
	return authn.NewKeyring(key)
}

// checkServerKey makes sure that a server key is the one that the database was
// written with, as far as the database tells.
func checkServerKey(ctx context.Context, metadata *store.Store, keyring authn.Keyring, identities *identity.Identities, source credentials.Source) error {
	known, _, err := metadata.Progress(ctx, serverKeyWork)
	if errors.Is(err, store.ErrNotFound) {
		if err := identities.CheckSealing(ctx); err != nil {
			return anotherServerKey(source, err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the check of the server key: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(known), []byte(serverKeyCheck(keyring))) == 0 {
		return anotherServerKey(source, errors.New("put that one back from where its copy is kept"))
	}
	return nil
}

// bindServerKey makes a server key the one of a database that was not told of
// one. It comes after all that may keep the server from starting: a start that
// failed must not shut out the right key.
func bindServerKey(ctx context.Context, metadata *store.Store, keyring authn.Keyring, identities *identity.Identities, source credentials.Source) error {
	_, _, err := metadata.Progress(ctx, serverKeyWork)
	if err == nil {
		return nil
	}
	if errors.Is(err, store.ErrNotFound) {
		err = writeServerKeyCheck(ctx, metadata, serverKeyCheck(keyring))
	}
	if err != nil {
		return fmt.Errorf("write the check of the server key: %w", err)
	}
	return checkServerKey(ctx, metadata, keyring, identities, source)
}

// serverKeyCheck is what only the server key gives.
func serverKeyCheck(keyring authn.Keyring) string {
	return fmt.Sprintf(`{"check":%q}`, hex.EncodeToString(keyring.DeriveKey(checkLabel)))
}

func anotherServerKey(source credentials.Source, err error) error {
	return fmt.Errorf("the server key %s is not the one that this database belongs to: %w", source, err)
}

// writeServerKeyCheck writes the check, unless another server is faster: then its
// key is the key.
func writeServerKeyCheck(ctx context.Context, metadata *store.Store, check string) error {
	return metadata.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Advance(ctx, serverKeyWork, "", check, time.Now().UnixMilli())
		return err
	})
}
