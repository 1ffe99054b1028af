package migrate

import (
	"sync"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// tellInterval is how often the progress is told.
const tellInterval = 5 * time.Second

// A meter measures how far a pass is.
type meter struct {
	what    string
	all     Totals
	started time.Time
	tell    func(Progress)

	mu   sync.Mutex
	done Totals
}

func (m *meter) count(b store.BlobFile) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done.add(b)
}

// run tells the progress until stop is called, and then once more.
func (m *meter) run() (stop func()) {
	if m.tell == nil || m.all.Count == 0 {
		return func() {}
	}
	ended, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		tick := time.NewTicker(tellInterval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				m.tell(m.progress())
			case <-ended:
				m.tell(m.progress())
				return
			}
		}
	}()
	return func() {
		close(ended)
		<-told
	}
}

func (m *meter) progress() Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := Progress{What: m.what, Done: m.done, All: m.all}
	took := time.Since(m.started).Seconds()
	if took > 0 {
		p.Rate = float64(m.done.Bytes) / took
	}
	if p.Rate > 0 {
		p.Left = time.Duration(float64(m.all.Bytes-m.done.Bytes) / p.Rate * float64(time.Second))
	}
	return p
}
