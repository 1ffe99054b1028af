package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nifuda/nifuda/internal/store"
)

// SealingKeys are the server's own keys, which wrap the data keys of all blobs
// that no customer's key is for.
type SealingKeys interface {
	// Seals reports whether new blobs are sealed.
	Seals() bool
	// IDs returns the ids of the keys, the current one first.
	IDs() []string
	// Rotate makes a new key the current one. It refuses with CodeSealingKey
	// where the keys are not the server's to change.
	Rotate(ctx context.Context) error
	// Retire forgets a key, and what it wrapped can be opened no more. It refuses
	// with CodeSealingKey where it cannot.
	Retire(ctx context.Context, id string) error
	// RewrapRest wraps with the current key whatever else the others have wrapped.
	RewrapRest(ctx context.Context) error
	// Rewrap returns a wrapped data key as the current key wraps it, or nil when
	// it does already.
	Rewrap(ctx context.Context, wrapped []byte) (again []byte, err error)
}

// A SealingState says how far sealing has come.
type SealingState struct {
	Seals    bool     // new blobs are sealed
	Keys     []string // ids, the current one first
	Unsealed int64    // blobs that are not sealed, counted up to countedWaiting
	// Rewrapped says that nothing depends on another key than the current one;
	// until then RewrappedTo is the id of a blob up to which it was looked.
	Rewrapped   bool
	RewrappedTo string
	Failed      int // data keys that could not be opened
}

// Sealing returns how far sealing has come.
func (r *Registry) Sealing(ctx context.Context) (SealingState, error) {
	if r.sealing == nil {
		return SealingState{}, refuse(CodeSealingKey, "This server has no keys to seal with.")
	}
	state := SealingState{Seals: r.sealing.Seals(), Keys: r.sealing.IDs()}
	var err error
	if state.Unsealed, err = r.store.CountUnsealed(ctx, countedWaiting); err != nil {
		return SealingState{}, fmt.Errorf("count unsealed blobs: %w", err)
	}
	work, _, err := r.readRewrapping(ctx)
	if err != nil {
		return SealingState{}, err
	}
	if work.Key == state.Keys[0] {
		state.Rewrapped, state.RewrappedTo, state.Failed = work.Done, work.After, work.Failed
	}
	return state, nil
}

// RotateSealingKey makes a new key the current one, and has everything wrapped
// with it in the background. It refuses with CodeSealingKey where the keys are
// not the server's to change.
func (r *Registry) RotateSealingKey(ctx context.Context) error {
	if r.sealing == nil {
		return refuse(CodeSealingKey, "This server has no keys to seal with.")
	}
	if err := r.sealing.Rotate(ctx); err != nil {
		return sealingRefusal("rotate sealing key", err)
	}
	err := r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error { return tx.Notify(ctx, sealingTopic) })
	r.report(ctx, "have data keys wrapped anew", err) // which begins within sealInterval anyway
	return nil
}

// RetireSealingKey takes a key off the ring. It refuses with CodeSealingKey
// while something may depend on it.
func (r *Registry) RetireSealingKey(ctx context.Context, id string) error {
	state, err := r.Sealing(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(state.Keys, id) {
		return refuse(CodeSealingKey, "The key %s cannot be retired: it is not in the key ring.", id)
	}
	if id == state.Keys[0] {
		return refuse(CodeSealingKey, "The key %s cannot be retired: it is the current key.", id)
	}
	if state.Failed > 0 {
		return refuse(CodeSealingKey, "The key %s cannot be retired: the data keys of %d blobs could not be opened, see the log and nifuda verify.", id, state.Failed)
	}
	if !state.Rewrapped {
		return refuse(CodeSealingKey, "The key %s cannot be retired yet: not everything is wrapped with the current key %s. That takes a day from the rotation on, because of uploads that were under way.", id, state.Keys[0])
	}
	return sealingRefusal("retire sealing key", r.sealing.Retire(ctx, id))
}

// sealingRefusal returns a refusal as it is.
func sealingRefusal(doing string, err error) error {
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*Error](err); ok {
		return refused
	}
	return fmt.Errorf("%s: %w", doing, err)
}
