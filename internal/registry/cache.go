package registry

import (
	"hash/maphash"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"
)

// A cache keeps what was read of repositories, in a process that alone writes
// to the database. It never returns what was true before a change that some
// reader may have seen: while a repository is being changed, nothing of it is
// taken from the cache or put into it, and afterwards everything is read anew.
// A nil cache reads each time.
type cache[V any] struct {
	seed    maphash.Seed
	shards  [cacheShards]*lru.Cache[cacheKey, cached[V]]
	changes [changeSlots]changes
	reads   reads
}

// Readers share no lock unless they read the same things.
const cacheShards = 16

// Repositories share so many counters of changes. Two that meet in one only
// forget too much.
const changeSlots = 1024

// A cacheKey is something in a repository: a tag, a digest, or "" for itself.
type cacheKey struct {
	RepositoryName
	reference string
}

type cached[V any] struct {
	version uint64
	value   V
}

// changes count what happens to the repositories of a slot.
type changes struct {
	version  atomic.Uint64 // grows with the end of each change
	underWay atomic.Int64
}

// newCache returns a cache of at most so many values.
func newCache[V any](size int) *cache[V] {
	c := &cache[V]{seed: maphash.MakeSeed()}
	for i := range c.shards {
		shard, err := lru.New[cacheKey, cached[V]](max(1, size/cacheShards))
		if err != nil {
			panic(err) // only for a size below one
		}
		c.shards[i] = shard
	}
	return c
}

func (c *cache[V]) slot(n RepositoryName) *changes {
	return &c.changes[maphash.Comparable(c.seed, n)%changeSlots]
}

// get returns what is kept of a repository's reference, or reads it and keeps
// it if keep says so.
func (c *cache[V]) get(n RepositoryName, reference string, read func() (V, error), keep func(V) bool) (V, error) {
	if c == nil {
		return read()
	}
	slot := c.slot(n)
	if slot.underWay.Load() > 0 {
		c.reads.misses.Add(1)
		return read()
	}
	version := slot.version.Load() // before the read: a change in between outdates it
	key := cacheKey{n, reference}
	shard := c.shards[maphash.Comparable(c.seed, key)%cacheShards]
	if kept, ok := shard.Get(key); ok && kept.version == version {
		c.reads.hits.Add(1)
		return kept.value, nil
	}
	c.reads.misses.Add(1)
	value, err := read()
	if err == nil && keep(value) {
		shard.Add(key, cached[V]{version, value})
	}
	return value, err
}

// change is called before a repository is changed, and what it returns once the
// change is made or has failed, before anyone is told.
func (c *cache[V]) change(n RepositoryName) (made func()) {
	if c == nil {
		return func() {}
	}
	slot := c.slot(n)
	slot.underWay.Add(1)
	return func() {
		slot.version.Add(1)
		slot.underWay.Add(-1)
	}
}

// changeAll is change for everything.
func (c *cache[V]) changeAll() (made func()) {
	if c == nil {
		return func() {}
	}
	for i := range c.changes {
		c.changes[i].underWay.Add(1)
	}
	return func() {
		for i := range c.changes {
			c.changes[i].version.Add(1)
			c.changes[i].underWay.Add(-1)
		}
	}
}
