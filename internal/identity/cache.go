package identity

import (
	"context"
	"hash/maphash"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/nifuda/nifuda/internal/store"
)

// Readers share no lock unless they read the same things.
const cacheShards = 16

// Accounts share so many counters of changes. Two that meet in one only forget
// too much.
const changeSlots = 256

// A cache remembers what was read of accounts, each value with the version of
// its account that it belongs to.
type cache[K comparable, V any] struct {
	seed   maphash.Seed
	shards [cacheShards]*lru.Cache[K, cached[V]]
	reads  reads
}

type cached[V any] struct {
	account string
	version int64
	value   V
}

// newCache returns a cache of at most so many values.
func newCache[K comparable, V any](size int) *cache[K, V] {
	c := &cache[K, V]{seed: maphash.MakeSeed()}
	for i := range c.shards {
		shard, err := lru.New[K, cached[V]](max(1, size/cacheShards))
		if err != nil {
			panic(err) // only for a size below one
		}
		c.shards[i] = shard
	}
	return c
}

func (c *cache[K, V]) shard(key K) *lru.Cache[K, cached[V]] {
	return c.shards[maphash.Comparable(c.seed, key)%cacheShards]
}

// versions tell whether what was read of an account is still true. In a process
// that alone writes to the database they are counted in memory; else the
// database is asked each time.
type versions struct {
	store     *store.Store
	exclusive bool
	seed      maphash.Seed
	slots     [changeSlots]changes
}

// changes count what happens to the accounts of a slot.
type changes struct {
	version  atomic.Int64 // grows with the end of each change
	underWay atomic.Int64
}

func newVersions(s *store.Store) *versions {
	return &versions{store: s, exclusive: s.Exclusive(), seed: maphash.MakeSeed()}
}

func (v *versions) slot(account string) *changes {
	return &v.slots[maphash.String(v.seed, account)%changeSlots]
}

// current returns the version of an account, and whether it is settled: while
// a change is under way, some reader may have seen it.
func (v *versions) current(ctx context.Context, account string) (version int64, settled bool, err error) {
	if !v.exclusive {
		version, err = v.store.AccountChanges(ctx, account)
		return version, true, err
	}
	slot := v.slot(account)
	if slot.underWay.Load() > 0 {
		return 0, false, nil
	}
	return slot.version.Load(), true, nil
}

// change is called before an account is changed, and what it returns once the
// change is made or has failed, before anyone is told.
func (v *versions) change(account string) (made func()) {
	slot := v.slot(account)
	slot.underWay.Add(1)
	return func() {
		slot.version.Add(1)
		slot.underWay.Add(-1)
	}
}

// recall returns what is kept under a key and the account that it is of, and
// whether that is still true.
func recall[K comparable, V any](ctx context.Context, s *Identities, c *cache[K, V], key K) (kept cached[V], fresh bool, err error) {
	kept, ok := c.shard(key).Get(key)
	if !ok {
		c.reads.misses.Add(1)
		return kept, false, nil
	}
	version, settled, err := s.versions.current(ctx, kept.account)
	fresh = err == nil && settled && version == kept.version
	if fresh {
		c.reads.hits.Add(1)
	} else {
		c.reads.misses.Add(1)
	}
	return kept, fresh, err
}

// keep reads something of an account and keeps it under a key.
func keep[K comparable, V any](ctx context.Context, s *Identities, c *cache[K, V], key K, account string, read func() (V, error)) (V, error) {
	var none V
	version, settled, err := s.versions.current(ctx, account) // before the read: a change in between outdates it
	if err != nil {
		return none, err
	}
	value, err := readUnchanged(ctx, s.store, account, read)
	if err == nil && settled {
		c.shard(key).Add(key, cached[V]{account, version, value})
	}
	return value, err
}

// readUnchanged repeats a read of several statements until none of the account's
// changes came in between: half of one and half of the next may be a right that
// nobody ever granted.
func readUnchanged[V any](ctx context.Context, s *store.Store, account string, read func() (V, error)) (V, error) {
	for {
		before, err := s.AccountChanges(ctx, account)
		if err != nil {
			var none V
			return none, err
		}
		value, failure := read()
		after, err := s.AccountChanges(ctx, account)
		if err != nil || before == after {
			return value, firstError(failure, err)
		}
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
