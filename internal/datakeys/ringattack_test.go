package datakeys_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/datakeys"
	"github.com/nifuda/nifuda/internal/kms"
	"github.com/nifuda/nifuda/internal/registry"
)

// Who keeps the ring elsewhere takes the old key off it as soon as the state says
// that nothing depends on it, and asks the server no more.
func TestNothingDependsOnAnOldKeyOnceThatIsSaid(t *testing.T) {
	each(t, func(t *testing.T, n node) {
		ctx := t.Context()
		blobs, err := file.Open(t.TempDir())
		must(t, err)
		defer blobs.Close()
		now := time.Now()
		r := registry.New(n.store, blobs, registry.Options{
			Keys: n.keys, SealingKeys: n.keys, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
		})
		keeper := keeperOf(n.create(app, registry.KMSDSSE, n.newKey().ARN()))
		made, err := n.keys.New(ctx, keeper)
		must(t, err)
		old := n.ring.Current()
		must(t, r.RotateSealingKey(ctx))
		must(t, r.Rewrap(ctx))
		now = now.Add(26 * time.Hour)
		must(t, r.Rewrap(ctx))
		if state, err := r.Sealing(ctx); err != nil || !state.Rewrapped {
			t.Fatalf("the state is %+v, %v", state, err)
		}
		must(t, n.ring.Remove(ctx, old))
		again := datakeys.New(datakeys.Options{Ring: n.ring, KMS: kms.New(n.store, kms.Options{Wrapper: n.ring}), Store: n.store})
		if _, err := again.Open(ctx, keeper, made.Wrapped); err != nil {
			t.Error(err)
		}
	})
}
