// Package diskspace watches how much space is left where the server writes, so
// that pushes end before it does: what deletes, and so makes space, writes too.
package diskspace

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// ErrReserved reports that no more space is left than is reserved.
var ErrReserved = errors.New("the rest of the disk is reserved")

// A Place is a directory that the server writes to.
type Place struct {
	Name string // for people
	Path string
}

// A Watch looks at places when it is asked, but seldom. It is safe for
// concurrent use.
type Watch struct {
	places  []Place
	reserve int64
	free    func(path string) (int64, bool)
	now     func() time.Time
	log     *slog.Logger

	looking sync.Mutex
	looked  atomic.Int64 // when, in nanoseconds
	written atomic.Int64 // since then, as announced
	short   atomic.Pointer[shortage]
	refused atomic.Int64
}

// A shortage is why there is no room.
type shortage struct{ err error }

// The answer that there is room serves this long, or until a quarter of the
// reserve was written.
const answerTime = time.Second

// New returns the watch over places of which so many bytes are reserved; 0 is
// none. Of a place whose space is unknown it says nothing.
func New(places []Place, reserve int64, log *slog.Logger) *Watch {
	return &Watch{places: places, reserve: reserve, free: available, now: time.Now, log: log}
}

// Room returns nil when so many bytes may be written, and otherwise an error that
// is [ErrReserved].
func (w *Watch) Room(bytes int64) error {
	if w.reserve == 0 {
		return nil
	}
	written := w.written.Add(bytes)
	if w.short.Load() != nil || written > w.reserve/4 || w.now().UnixNano()-w.looked.Load() >= int64(answerTime) {
		w.look()
	}
	if s := w.short.Load(); s != nil {
		w.refused.Add(1)
		return s.err
	}
	return nil
}

// Refused returns how often there was no room.
func (w *Watch) Refused() int64 { return w.refused.Load() }

// Places returns the places that are watched.
func (w *Watch) Places() []Place { return w.places }

// Free returns how many bytes are free at a place, and whether that is known.
func (w *Watch) Free(p Place) (bytes int64, known bool) { return w.free(p.Path) }

// look asks the system. Whoever comes meanwhile takes the answer before.
func (w *Watch) look() {
	if !w.looking.TryLock() {
		return
	}
	defer w.looking.Unlock()
	w.written.Store(0)
	before, after := w.short.Load(), w.shortage()
	w.short.Store(after)
	w.looked.Store(w.now().UnixNano())
	switch {
	case before == nil && after != nil:
		w.log.Warn("pushes are refused", "reason", after.err)
	case before != nil && after == nil:
		w.log.Info("pushes are taken again: there is space")
	}
}

func (w *Watch) shortage() *shortage {
	for _, p := range w.places {
		if free, known := w.Free(p); known && free < w.reserve {
			return &shortage{fmt.Errorf("%w: %d bytes are free for the %s at %s, and %d are kept free for deletions", ErrReserved, free, p.Name, p.Path, w.reserve)}
		}
	}
	return nil
}
