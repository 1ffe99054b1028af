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

// SourceKeys returns what opens the keys that the blobs of a database are sealed
// with, or nil where its key ring is not here. It refuses keys that are here and
// of another database. missing names what is not here and has to be brought along.
func SourceKeys(ctx context.Context, o Options, metadata *store.Store) (open func(ctx context.Context, domain string, wrapped []byte) (*seal.Key, error), missing []string, err error) {
	s := &server{Options: o}
	if missing, err = s.checkMovedServerKey(ctx, metadata); err != nil {
		return nil, nil, err
	}
	source, err := s.ringSource(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("--seal-keys: %w", err)
	}
	if _, err := keyring.Open(ctx, source, false); errors.Is(err, fs.ErrNotExist) {
		return nil, append(missing, fmt.Sprintf("the key ring (%s)", source)), nil
	}
	ring, err := openRing(ctx, metadata, source)
	if err != nil {
		return nil, nil, fmt.Errorf("--seal-keys: %w", err)
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
	}, missing, nil
}

// checkMovedServerKey refuses a server key that is not the database's.
func (s *server) checkMovedServerKey(ctx context.Context, metadata *store.Store) (missing []string, err error) {
	key, err := credentials.ServerKey(s.Config.Data, false)
	if errors.Is(err, fs.ErrNotExist) {
		return []string{fmt.Sprintf("the server key (%s)", credentials.ServerKeyPath(s.Config.Data))}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	known, _, err := metadata.Progress(ctx, serverKeyWork)
	if errors.Is(err, store.ErrNotFound) { // of a server that is older than this program
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the check of the server key: %w", err)
	}
	own, err := authn.NewKeyring(key)
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	if known != serverKeyCheck(own) {
		return nil, fmt.Errorf("--data: %w", anotherServerKey(s.Config.Data, errors.New("put that one there, or none")))
	}
	return nil, nil
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
