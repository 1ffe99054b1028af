package store

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Where several processes write, a sum over many repositories may be this old.
const sumsAge = time.Second

// A node writes the usage of repositories to so many slots, of so many groups of
// which it has picked one: those of its transactions that end together write to
// rows of their own, and rarely to those of another node.
const (
	slotsOfNode = postgresConnections
	slotGroups  = 4
)

// slots hands out the lowest slot that is free, so that a repository has no more
// rows than there were transactions at once.
type slots struct {
	mu    sync.Mutex
	first int
	taken [slotsOfNode]int
}

func newSlots() *slots { return &slots{first: rand.IntN(slotGroups) * slotsOfNode} }

func (s *slots) take() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	best := 0
	for i, n := range s.taken {
		if n < s.taken[best] {
			best = i
		}
	}
	s.taken[best]++
	return s.first + best
}

func (s *slots) release(slot int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken[slot-s.first]--
}
