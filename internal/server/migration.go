package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/credentials"
	"github.com/nifuda/nifuda/internal/datakeys"
	"github.com/nifuda/nifuda/internal/keyring"
	"github.com/nifuda/nifuda/internal/kms"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/seal"
	"github.com/nifuda/nifuda/internal/store"
)

// An openKey opens the wrapped key of a blob of an encryption domain.
type openKey = func(ctx context.Context, domain string, wrapped []byte) (*seal.Key, error)

// SourceKeys returns what opens the keys that the blobs of a database are sealed
// with, or nil where its key ring is not here. Keys that are here and of another
// database are refused; missing gets what is not here and has to be brought along.
func SourceKeys(o Options, missing func(key string)) func(ctx context.Context, metadata *store.Store) (openKey, error) {
	return func(ctx context.Context, metadata *store.Store) (openKey, error) {
		s := &server{Options: o}
		if err := s.checkMovedServerKey(ctx, metadata, missing); err != nil {
			return nil, fmt.Errorf("--data: %w", err)
		}
		open, err := s.sourceKeys(ctx, metadata, missing)
		if err != nil {
			return nil, fmt.Errorf("--seal-keys: %w", err)
		}
		return open, nil
	}
}

func (s *server) sourceKeys(ctx context.Context, metadata *store.Store, missing func(key string)) (openKey, error) {
	source, err := s.movedRing(ctx, metadata)
	if err != nil {
		return nil, err
	}
	if _, err := keyring.Open(ctx, source, false); errors.Is(err, fs.ErrNotExist) {
		missing(fmt.Sprintf("the key ring (%s)", source))
		return nil, nil
	}
	ring, err := openRing(ctx, metadata, source)
	if err != nil {
		return nil, err
	}
	keys := datakeys.New(datakeys.Options{
		Ring: ring, Store: metadata, KMS: kms.New(metadata, kms.Options{Wrapper: ring, Log: s.Log}),
	})
	return func(ctx context.Context, domain string, wrapped []byte) (*seal.Key, error) {
		keeper, err := keeperOf(ctx, metadata, domain)
		if err != nil {
			return nil, err
		}
		return keys.Open(ctx, keeper, wrapped)
	}, nil
}

// movedRing returns where the key ring of a database is kept: in that database,
// if the settings say so.
func (s *server) movedRing(ctx context.Context, metadata *store.Store) (keyring.Source, error) {
	if s.Config.SealKeys == ringInDatabase {
		return newSharedSecret(metadata, s.keyring, ringSecret)
	}
	return s.ringSource(ctx)
}

// checkMovedServerKey refuses a server key that is not the database's.
func (s *server) checkMovedServerKey(ctx context.Context, metadata *store.Store, missing func(key string)) error {
	source, err := credentials.ParseSource("--server-key", s.Config.ServerKey, s.Getenv)
	if err != nil {
		return err
	}
	key, err := credentials.ServerKey(ctx, source, false)
	if errors.Is(err, fs.ErrNotExist) {
		missing(fmt.Sprintf("the server key (%s)", source))
		return nil
	}
	if err != nil {
		return err
	}
	known, _, err := metadata.Progress(ctx, serverKeyWork)
	if errors.Is(err, store.ErrNotFound) { // of a server that is older than this program
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the check of the server key: %w", err)
	}
	own, err := authn.NewKeyring(key)
	if err != nil {
		return err
	}
	s.keyring = own
	if known != serverKeyCheck(own) {
		return anotherServerKey(source, errors.New("put that one there, or none"))
	}
	return nil
}

// keeperOf is on whose keys the blobs of an encryption domain depend.
func keeperOf(ctx context.Context, metadata *store.Store, domain string) (registry.Keeper, error) {
	if domain == "" {
		return registry.Keeper{}, nil
	}
	r, err := metadata.RepositoryByID(ctx, domain)
	return registry.Keeper{
		RepositoryID: domain,
		Repository:   registry.RepositoryName{Registry: registry.ID{Account: r.Account, Region: r.Region}, Name: r.Name},
		Encryption:   registry.Encryption{Type: r.Encryption, KMSKey: r.KMSKey},
	}, err
}
