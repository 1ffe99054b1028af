// Package kms is a key management service: keys with policies, aliases, grants
// and tags, whose material never leaves it, and what can be done with them. It
// has symmetric keys alone, which encrypt up to 4 KiB and make data keys.
//
// It holds all decisions about keys and knows no HTTP. Who may use a key is asked
// by the fronts, with [Service.Question]; what a key's policy and grants say to
// that is kept here. A service that acts by its grants alone uses a [Delegate].
//
// Key material is wrapped by a [Wrapper], the server's root of trust. What a key
// is like is read for each use, or remembered and let go of with the change that
// outdates it: a key that is disabled, on whatever node, serves nobody from the
// moment on that this is acknowledged.
package kms

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

// A Wrapper encrypts key material at rest. Whatever it wrapped it must be able
// to unwrap for as long as the database lives.
type Wrapper interface {
	// Wrap encrypts a secret for a purpose.
	Wrap(ctx context.Context, secret []byte, purpose string) ([]byte, error)
	// Unwrap decrypts what was wrapped for the same purpose.
	Unwrap(ctx context.Context, wrapped []byte, purpose string) ([]byte, error)
}

// Options are what keys take from the process that keeps them.
type Options struct {
	// Wrapper wraps key material. It is required.
	Wrapper Wrapper
	// RoleOf returns the ARN of the role that a principal is a session of, empty
	// for others; nil knows none.
	RoleOf func(ctx context.Context, p iam.Principal) (string, error)
	// Now is the clock; nil is the system's.
	Now func() time.Time
	// Log takes what happens in the background; nil discards.
	Log *slog.Logger
}

// A Service keeps the keys of all accounts and regions of an installation. It is
// safe for concurrent use.
type Service struct {
	store     *store.Store
	wrapper   Wrapper
	roleOf    func(context.Context, iam.Principal) (string, error)
	now       func() time.Time
	log       *slog.Logger
	states    *states
	materials *materials
}

// New returns the keys that a store has.
func New(s *store.Store, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.RoleOf == nil {
		o.RoleOf = func(context.Context, iam.Principal) (string, error) { return "", nil }
	}
	return &Service{
		store: s, wrapper: o.Wrapper, roleOf: o.RoleOf, now: o.Now, log: o.Log,
		states: newStates(s), materials: newMaterials(),
	}
}

// change runs do in a transaction that changes a key, after all earlier ones of
// that key, and returns the key as it is then. do may run more than once and must
// set its results afresh each time.
func (s *Service) change(ctx context.Context, id KeyID, do func(ctx context.Context, tx *store.Tx, key *store.KMSKey) error) (Key, error) {
	defer s.states.change(id.ID)()
	var row store.KMSKey
	err := s.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) (err error) {
		if row, err = s.lock(ctx, tx, id); err != nil {
			return err
		}
		if err := do(ctx, tx, &row); err != nil {
			return err
		}
		return tx.UpdateKMSKey(ctx, row)
	})
	return keyOf(row), err
}

// lock returns a key and excludes all other changes of it.
func (s *Service) lock(ctx context.Context, tx *store.Tx, id KeyID) (store.KMSKey, error) {
	row, err := tx.LockKMSKey(ctx, id.ID)
	if err != nil {
		return row, orKeyNotFound(err, id)
	}
	return row, s.checkThere(row, id)
}

// checkThere refuses a key of another account or region, and one whose deletion
// is due: it does not come back.
func (s *Service) checkThere(row store.KMSKey, id KeyID) error {
	if row.Account != id.Account || row.Region != id.Region || row.DeletesAt != 0 && row.DeletesAt <= s.millis() {
		return keyNotFound(id)
	}
	return nil
}

func (s *Service) millis() int64 { return s.now().UnixMilli() }

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// sweepInterval is how often due deletions and rotations are looked for.
const sweepInterval = time.Minute

// Run deletes and rotates keys when it is time, until ctx is done.
func (s *Service) Run(ctx context.Context) {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "keys were not deleted or rotated in time", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// sweepBatch is how many keys are deleted or rotated between two looks.
const sweepBatch = 100

// Sweep deletes the keys whose deletion is due and rotates those whose rotation
// is.
func (s *Service) Sweep(ctx context.Context) error {
	for {
		ids, err := s.store.KMSKeysToDelete(ctx, s.millis(), sweepBatch)
		if err != nil {
			return fmt.Errorf("find keys to delete: %w", err)
		}
		for _, id := range ids {
			if err := s.delete(ctx, id); err != nil {
				return fmt.Errorf("delete key %s: %w", id, err)
			}
		}
		if len(ids) < sweepBatch {
			break
		}
	}
	for {
		ids, err := s.store.KMSKeysToRotate(ctx, string(Enabled), s.millis(), sweepBatch)
		if err != nil {
			return fmt.Errorf("find keys to rotate: %w", err)
		}
		for _, id := range ids {
			if err := s.rotateIfDue(ctx, id); err != nil {
				return fmt.Errorf("rotate key %s: %w", id, err)
			}
		}
		if len(ids) < sweepBatch {
			return nil
		}
	}
}
