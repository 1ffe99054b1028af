package ratelimit

import (
	"hash/maphash"
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A bucketKey is what has a rate: an operation of an account in a region, or of
// a source address.
type bucketKey struct {
	account, region, operation string
	source                     netip.Prefix
}

// A shareKey is a principal's part of a bucket.
type shareKey struct {
	bucket    uint64
	principal string
}

// Buckets and shares are remembered in so many parts, so many in each: a few
// megabytes at most. What is forgotten begins anew with all that it may have.
const (
	shards         = 16
	bucketsOfShard = 256
	sharesOfShard  = 1024
)

type buckets struct {
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu      sync.Mutex
	made    uint64 // buckets
	buckets *simplelru.LRU[bucketKey, *bucket]
	shares  *simplelru.LRU[shareKey, *share]
}

func newBuckets() *buckets {
	b := &buckets{seed: maphash.MakeSeed()}
	for i := range b.shards {
		b.shards[i].buckets = newLRU[bucketKey, *bucket](bucketsOfShard)
		b.shards[i].shares = newLRU[shareKey, *share](sharesOfShard)
	}
	return b
}

func newLRU[K comparable, V any](size int) *simplelru.LRU[K, V] {
	cache, err := simplelru.NewLRU[K, V](size, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	return cache
}

// A bucket is what an account has left of an operation, and how many principals
// ask for it: those of this second, or of the one before if they were more.
type bucket struct {
	id          uint64
	tokens      float64
	at          time.Time
	second      int64
	now, before int
}

// A share is what a principal has left of its fair part of a bucket.
type share struct {
	tokens float64
	at     time.Time
	second int64 // in which it was last counted
}

// take takes a token of a bucket for a principal, or returns how long it takes
// until there is one.
//
// The upper half of a bucket is for whoever comes, so that nothing is lost that
// others do not ask for. The lower half is for those who have had less than
// their fair part, which is the rate divided by those who ask: who asks for more
// cannot empty the bucket for them.
func (b *buckets) take(key bucketKey, principal string, rate float64, now time.Time) (wait time.Duration) {
	if rate <= 0 {
		return time.Minute
	}
	burst := math.Max(1, rate*burstSeconds)
	s := &b.shards[maphash.Comparable(b.seed, key)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	all, ok := s.buckets.Get(key)
	if !ok {
		s.made++
		all = &bucket{id: s.made, tokens: burst, at: now}
		s.buckets.Add(key, all)
	}
	own, ok := s.shares.Get(shareKey{all.id, principal})
	if !ok {
		own = &share{tokens: math.Inf(1), at: now}
		s.shares.Add(shareKey{all.id, principal}, own)
	}
	asking := float64(all.count(own, now.Unix()))
	fill(&all.tokens, &all.at, rate, burst, now)
	fill(&own.tokens, &own.at, rate/asking, math.Max(1, burst/2/asking), now)
	fair := own.tokens >= 1
	if all.tokens >= 1 && (fair || asking == 1 || all.tokens-1 >= burst/2) {
		all.tokens--
		if fair {
			own.tokens--
		}
		return 0
	}
	if all.tokens < 1 {
		return seconds((1 - all.tokens) / rate)
	}
	return seconds((1 - own.tokens) / (rate / asking))
}

// count counts a principal that asks in a second, and returns how many do.
func (b *bucket) count(own *share, second int64) int {
	if second != b.second {
		b.before = 0
		if second == b.second+1 {
			b.before = b.now
		}
		b.second, b.now = second, 0
	}
	if own.second != second {
		own.second = second
		b.now++
	}
	return max(b.now, b.before, 1)
}

// fill adds what has come since the last time, as far as there is room. Time that
// goes back adds nothing.
func fill(tokens *float64, at *time.Time, rate, most float64, now time.Time) {
	passed := math.Max(0, now.Sub(*at).Seconds())
	*tokens = math.Min(most, *tokens+passed*rate)
	if now.After(*at) {
		*at = now
	}
}

func seconds(s float64) time.Duration {
	return max(time.Millisecond, time.Duration(math.Min(s, 60)*float64(time.Second)))
}
