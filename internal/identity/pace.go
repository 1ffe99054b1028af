package identity

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Sessions are rows that outlive their time by a day, and everyone with a key
// may begin some. One user, role or subject of a web identity may begin
// sessionBurst at once, and then one each sessionPause.
const (
	sessionBurst = 1000
	sessionPause = 100 * time.Millisecond
)

// So many of those who begin sessions are remembered.
const maxPaced = 1 << 14

// A pace bounds how often somebody does something, in this process. It is safe
// for concurrent use.
type pace struct {
	mu   sync.Mutex
	full *simplelru.LRU[string, time.Time] // when all that may be done at once may be done again
}

func newPace() *pace {
	full, err := simplelru.NewLRU[string, time.Time](maxPaced, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &pace{full: full}
}

// step reports whether somebody may do it now, and counts that.
func (p *pace) step(who string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	full, ok := p.full.Get(who)
	if !ok || full.Before(now) {
		full = now
	}
	full = full.Add(sessionPause)
	if full.Sub(now) > sessionBurst*sessionPause {
		return false
	}
	p.full.Add(who, full)
	return true
}

// checkPace refuses with Throttling who begins too many sessions.
func (s *Identities) checkPace(who string) error {
	if s.begun.step(who, s.now()) {
		return nil
	}
	return refuse(CodeThrottling, "Rate exceeded")
}
