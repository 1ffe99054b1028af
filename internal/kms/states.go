package kms

import (
	"context"
	"errors"
	"hash/maphash"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

// rememberedKeys are remembered, and share changeSlots counters of changes. Two
// that meet in one only forget too much.
const (
	rememberedKeys   = 4096
	rememberedGrants = 4096
	changeSlots      = 256
)

// A state is what is known of a key: its row, and what counts when permission is
// asked for. It is not changed.
type state struct {
	row    store.KMSKey
	target *iam.Target
	// version is what the key had before the state was read, or unsettled.
	version int64
}

// unsettled is the version of a key that is being changed.
const unsettled = -1

// states remember what keys are like. A process that alone writes to the database
// counts the changes itself; else the database is asked each time.
type states struct {
	store     *store.Store
	exclusive bool
	seed      maphash.Seed
	slots     [changeSlots]changes
	kept      *lru.Cache[string, *state]
	grants    *lru.Cache[string, keptGrant] // by their ids
}

type keptGrant struct {
	version int64
	grant   Grant
}

// changes count what happens to the keys of a slot.
type changes struct {
	version  atomic.Int64 // grows with the end of each change
	underWay atomic.Int64
}

func newStates(s *store.Store) *states {
	kept, err := lru.New[string, *state](rememberedKeys)
	if err != nil {
		panic(err) // only for a size below one
	}
	grants, err := lru.New[string, keptGrant](rememberedGrants)
	if err != nil {
		panic(err) // as above
	}
	return &states{store: s, exclusive: s.Exclusive(), seed: maphash.MakeSeed(), kept: kept, grants: grants}
}

func (s *states) slot(id string) *changes { return &s.slots[maphash.String(s.seed, id)%changeSlots] }

// change is called before a key is changed, and what it returns once the change
// is made or has failed, before anyone is told.
func (s *states) change(id string) (made func()) {
	slot := s.slot(id)
	slot.underWay.Add(1)
	return func() {
		slot.version.Add(1)
		slot.underWay.Add(-1)
	}
}

// version returns the version of a key, and whether it is settled: while a
// change is under way, some reader may have seen it.
func (s *states) version(ctx context.Context, id string) (version int64, settled bool, err error) {
	if !s.exclusive {
		version, err = s.store.KMSKeyChanges(ctx, id)
		return version, true, err
	}
	slot := s.slot(id)
	if slot.underWay.Load() > 0 {
		return 0, false, nil
	}
	return slot.version.Load(), true, nil
}

// get returns what a key is like, or [store.ErrNotFound].
func (s *states) get(ctx context.Context, id string) (*state, error) {
	version, settled, err := s.version(ctx, id) // before the read: a change in between outdates it
	if err != nil {
		return nil, err
	}
	if kept, ok := s.kept.Get(id); ok && settled && kept.version == version {
		return kept, nil
	}
	state, err := s.read(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		s.kept.Remove(id)
	}
	if err != nil {
		return nil, err
	}
	if state.version = unsettled; settled {
		state.version = version
		s.kept.Add(id, state)
	}
	return state, nil
}

// read repeats until no change came in between its statements.
func (s *states) read(ctx context.Context, id string) (*state, error) {
	for {
		row, err := s.store.KMSKey(ctx, id)
		if err != nil {
			return nil, err
		}
		target, err := s.readTarget(ctx, row)
		if err != nil {
			return nil, err
		}
		after, err := s.store.KMSKeyChanges(ctx, id)
		if err != nil {
			return nil, err
		}
		if after == row.Changes {
			return &state{row: row, target: target}, nil
		}
	}
}

func (s *states) readTarget(ctx context.Context, row store.KMSKey) (*iam.Target, error) {
	tags, err := s.store.KMSTags(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	aliases, err := s.store.KMSAliasesOf(ctx, row.ID, "", maxAliases)
	if err != nil {
		return nil, err
	}
	target, err := targetOf(KeyID{Place{row.Account, row.Region}, row.ID}, row.Policy, row.Principals)
	if err != nil {
		return nil, err
	}
	for _, tag := range tags {
		target.Keys.Add("aws:ResourceTag/"+tag.Key, tag.Value)
	}
	for _, alias := range aliases {
		target.Keys.Add("kms:ResourceAliases", alias.Name)
	}
	return target, nil
}

// state returns what a key is like, or refuses with [CodeNotFound].
func (s *Service) state(ctx context.Context, id KeyID) (*state, error) {
	state, err := s.states.get(ctx, id.ID)
	if err != nil {
		return nil, orKeyNotFound(err, id)
	}
	return state, s.checkThere(state.row, id)
}

// usable is state for what only an enabled key does. It refuses with
// [CodeNotFound], [CodeDisabled] or [CodeInvalidState].
func (s *Service) usable(ctx context.Context, id KeyID) (*state, error) {
	state, err := s.state(ctx, id)
	if err != nil {
		return nil, err
	}
	return state, checkUsable(state.row, id)
}

func checkUsable(row store.KMSKey, id KeyID) error {
	switch State(row.State) {
	case Enabled:
		return nil
	case Disabled:
		return refuse(CodeDisabled, "%s is disabled.", id.ARN())
	default:
		return pendingDeletion(id)
	}
}
