package server

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/verify"
)

// Verify reads everything that is stored where no server runs, and marks what is
// damaged, so that a pull of it fails clearly and a push heals it. It says what
// it finds, and returns how much is damaged.
func Verify(ctx context.Context, o Options, say func(format string, args ...any)) (damage int64, err error) {
	s := &server{Options: o, metrics: prometheus.NewRegistry()}
	defer func() { err = errors.Join(err, s.close()) }()
	metadata, blobs, keys, err := s.openEngines(ctx)
	if err != nil {
		return 0, err
	}
	found, err := verify.Run(ctx, verify.Options{
		Store: metadata, Blobs: blobs, Keys: keys, Mark: true, Grace: s.Config.GracePeriod(), Log: s.Log,
		Progress: func(r verify.Report) { say("Verified so far: blobs %d, manifests %d.", r.Blobs, r.Manifests) },
	})
	if err != nil {
		return 0, err
	}
	for _, f := range found.Findings {
		say("%s: %s %s %s", f.Kind, f.Problem, f.Digest, f.Where())
	}
	say("Verified: blobs %d, manifests %d, tags %d; %d damaged.", found.Blobs, found.Manifests, found.Tags, found.Damage())
	return found.Damage(), nil
}
