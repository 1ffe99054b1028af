package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/blob/open"
	"github.com/nifuda/nifuda/internal/datakeys"
	"github.com/nifuda/nifuda/internal/keyring"
	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/seal"
)

// RecoverBlobs makes blobs of the files that are left of an installation whose
// database is lost, and puts them into repositories of the default account and region, where no
// server runs. See [registry.Registry.RecoverBlobs].
func RecoverBlobs(ctx context.Context, o Options, repositories []string) (found registry.Recovery, err error) {
	s := &server{Options: o, metrics: prometheus.NewRegistry()}
	defer func() { err = errors.Join(err, s.close()) }()
	if len(repositories) == 0 { // a blob without one would be collected
		return found, errors.New("--repository: name one at least")
	}
	var names []registry.RepositoryName
	for _, name := range repositories {
		if !manifest.ValidRepositoryName(name) {
			return found, fmt.Errorf("--repository: malformed name %q", name)
		}
		names = append(names, registry.RepositoryName{Registry: registry.ID{Account: s.Config.Account, Region: s.Config.Region}, Name: name})
	}
	if err := s.ringOpensFiles(ctx); err != nil {
		return found, err
	}
	metadata, blobs, keys, err := s.openEngines(ctx)
	if err != nil {
		return found, err
	}
	r := registry.New(metadata, blobs, registry.Options{
		Keys: keys, UploadKey: s.keyring.DeriveKey("upload ids"), Grace: s.Config.GracePeriod(), Metrics: s.metrics, Log: s.Log,
	})
	return r.RecoverBlobs(ctx, names)
}

// errOpens ends a walk.
var errOpens = errors.New("the key ring opens a file")

// ringOpensFiles returns an error when files are sealed and the key ring opens
// none of them. A new database takes any ring for its own, and then no other.
func (s *server) ringOpensFiles(ctx context.Context) error {
	if directory, ok := open.FilePath(s.Config.Blobs); ok {
		if _, err := os.Stat(directory); err != nil { // a mistyped one is not made
			return fmt.Errorf("--blobs: %w", err)
		}
	}
	if s.Config.Seal == "off" {
		return nil
	}
	source, err := s.ringSource(ctx)
	if err != nil {
		return fmt.Errorf("--seal-keys: %w", err)
	}
	ring, err := keyring.Open(ctx, source, false)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--seal-keys: %w", err)
	}
	blobs, err := open.Store(ctx, s.Config.Blobs, open.Options{Log: s.Log})
	if err != nil {
		return fmt.Errorf("--blobs: %w", err)
	}
	defer blobs.Close()
	var unopened error
	err = blobs.Walk(ctx, func(o blob.Object) error {
		err := opensFile(ctx, ring, blobs, o.Location)
		if errors.Is(err, errOpens) {
			return err
		}
		if err != nil {
			unopened = err
		}
		return nil
	})
	switch {
	case errors.Is(err, errOpens):
		return nil
	case err != nil:
		return err
	case unopened != nil:
		return fmt.Errorf("files are sealed, and the key ring %s opens none of them: put it back from where its copy is kept, or do without them with --seal off: %w", source, unopened)
	}
	return nil
}

// opensFile returns [errOpens] when a ring opens the key of a sealed file, why it
// does not, or nil where there is nothing to open. A nil ring is none.
func opensFile(ctx context.Context, ring *keyring.Ring, blobs blob.Store, location blob.Location) error {
	opened, err := blobs.Open(ctx, location, nil, 0)
	if err != nil {
		return nil // which is told later
	}
	defer opened.Close()
	at, ok := opened.(io.ReaderAt)
	if !ok {
		return nil
	}
	header, err := seal.ReadHeader(at)
	if err != nil {
		return nil
	}
	if ring == nil {
		return fs.ErrNotExist
	}
	err = datakeys.Opens(ctx, ring, header.Wrapped)
	switch {
	case err == nil:
		return errOpens
	case errors.Is(err, registry.ErrOtherKeeper):
		return nil
	}
	return err
}
