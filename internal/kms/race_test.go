package kms_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nifuda/nifuda/internal/kms"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// Whoever begins after the key was disabled is refused, and after it was enabled
// again served.
func TestDisablingAgainstEncryption(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k, other := nodes(s, newClock())
		id, ctx := newKey(t, k), t.Context()
		var enabledBefore, enabledAfter atomic.Int64 // odd is enabled: the changes begun and acknowledged
		enabledBefore.Store(1)
		enabledAfter.Store(1)
		stop, end := context.WithCancel(ctx)
		var wg sync.WaitGroup
		for _, node := range []*kms.Service{k, other, other} {
			wg.Go(func() {
				for stop.Err() == nil {
					acknowledged := enabledAfter.Load()
					_, err := node.Encrypt(ctx, id, []byte("x"), nil)
					if begun := enabledBefore.Load(); begun != acknowledged {
						continue // a change came in between
					}
					if acknowledged%2 == 1 && err != nil || acknowledged%2 == 0 && !kms.IsRefusal(err, kms.CodeDisabled) {
						t.Errorf("after change %d: %v", acknowledged, err)
						return
					}
				}
			})
		}
		for n := range int64(60) {
			enabledBefore.Store(n + 2)
			if n%2 == 0 {
				check(t, k.Disable(ctx, id))
			} else {
				check(t, k.Enable(ctx, id))
			}
			enabledAfter.Store(n + 2)
		}
		end()
		wg.Wait()
	})
}

// Once a key is deleted nothing of it is decrypted, whatever is remembered.
func TestDeletionAgainstDecryption(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClock()
		k, other := nodes(s, c)
		id, ctx := newKey(t, k), t.Context()
		text := encrypt(t, k, id, "x", nil)
		var scheduled atomic.Bool
		stop, end := context.WithCancel(ctx)
		var wg sync.WaitGroup
		for _, node := range []*kms.Service{k, other, other} {
			wg.Go(func() {
				for stop.Err() == nil {
					was := scheduled.Load()
					_, err := node.Decrypt(ctx, id, text, nil)
					if was && !kms.IsRefusal(err, kms.CodeInvalidState) && !kms.IsRefusal(err, kms.CodeNotFound) {
						t.Errorf("decrypted after the key was gone: %v", err)
						return
					}
				}
			})
		}
		must(k.ScheduleDeletion(ctx, id, 7))
		scheduled.Store(true)
		c.passDays(8)
		var sweeps sync.WaitGroup
		for _, node := range []*kms.Service{k, other} {
			sweeps.Go(func() { check(t, node.Sweep(ctx)) })
		}
		sweeps.Wait()
		_, err := other.Decrypt(ctx, id, text, nil)
		wantRefusal(t, err, kms.CodeNotFound)
		end()
		wg.Wait()
	})
}

func TestTwoFirstUsesOfTheManagedKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k, other := nodes(s, newClock())
		for _, region := range []string{"us-east-1", "eu-west-1", "eu-north-1"} {
			at := kms.Place{Account: home.Account, Region: region}
			var made [8]kms.KeyID
			var wg sync.WaitGroup
			for i := range made {
				wg.Go(func() {
					node := k
					if i%2 == 0 {
						node = other
					}
					made[i] = must(node.Managed(t.Context(), at))
				})
			}
			wg.Wait()
			for _, id := range made {
				if id != made[0] {
					t.Errorf("%v and %v were made", made[0], id)
				}
			}
			if keys, _, err := k.Keys(t.Context(), at, kms.Page{}); err != nil || len(keys) != 1 {
				t.Errorf("there are %v (%v)", keys, err)
			}
		}
	})
}

// Two who move aliases in opposite directions lock the same keys.
func TestAliasesThatChangePlaces(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k, other := nodes(s, newClock())
		ctx := t.Context()
		keys := [2]kms.KeyID{newKey(t, k), newKey(t, k)}
		check(t, k.CreateAlias(ctx, keys[0], "alias/a"))
		check(t, k.CreateAlias(ctx, keys[1], "alias/b"))
		var wg sync.WaitGroup
		for i, node := range []*kms.Service{k, other} {
			name := []string{"alias/a", "alias/b"}[i]
			wg.Go(func() {
				for n := range 20 {
					alias, err := node.Alias(ctx, home, name)
					if err == nil {
						err = node.MoveAlias(ctx, alias, keys[(i+n+1)%2])
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// Rotations that meet give different material, and none is lost.
func TestRotationsThatMeet(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k, other := nodes(s, newClock())
		id, ctx := newKey(t, k), t.Context()
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				node := k
				if i%2 == 0 {
					node = other
				}
				if err := node.Rotate(ctx, id); err != nil {
					t.Error(err)
				}
				wantText(t, other, id, encrypt(t, node, id, "x", nil), nil, "x")
			})
		}
		wg.Wait()
		if row := must(s.KMSKey(ctx, id.ID)); row.Version != 9 || row.Rotations != 8 {
			t.Errorf("the version is %d after %d rotations", row.Version, row.Rotations)
		}
	})
}
