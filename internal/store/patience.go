package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrUnavailable reports a database that is away. Whether what was asked for
// has happened is not known; everything can be asked for again.
var ErrUnavailable = errors.New("the database is unavailable")

// An outage is an [ErrUnavailable] with its reason.
type outage struct{ reason error }

func (o *outage) Error() string   { return ErrUnavailable.Error() + ": " + o.reason.Error() }
func (o *outage) Unwrap() []error { return []error{ErrUnavailable, o.reason} }

// RetryAfter says when to ask again.
func (o *outage) RetryAfter() time.Duration { return 2 * time.Second }

// How long trouble is sat out before callers are told: less than they wait, and
// enough for a failover that was planned.
const (
	patienceTime = 15 * time.Second
	firstPause   = 20 * time.Millisecond
	longestPause = time.Second
	toldAgain    = 5 * time.Second // between lines of the log
)

// A patience repeats what a database in trouble refuses: one that starts, ends,
// was demoted or cannot be reached. It counts from when the trouble began, so
// that nobody waits for a database that everybody knows is away.
type patience struct {
	log   *slog.Logger
	epoch atomic.Uint64 // connections of another one are not used any more

	troubled atomic.Bool
	mu       sync.Mutex
	since    time.Time // the trouble began
	last     time.Time // it was met
	told     time.Time // the log was
	flushed  time.Time // the epoch changed
}

func newPatience(log *slog.Logger) *patience {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &patience{log: log}
}

// try does something until it succeeds, fails for a reason of its own, or the
// patience ends with [ErrUnavailable]. A nil patience tries once.
func (p *patience) try(ctx context.Context, do func(context.Context) error) error {
	if p == nil {
		return do(ctx)
	}
	begin := time.Now()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := do(ctx)
		if ctx.Err() != nil {
			return err // the caller has gone
		}
		since := begin
		switch troubleOf(err) {
		case none:
			p.over()
			return err
		case conflict:
		case away:
			since = p.meet(err)
		case doubt:
			p.meet(err)
			return &outage{err}
		}
		if time.Since(since) > patienceTime || !wait(ctx, rand.N(pause)+pause/2) {
			return &outage{err}
		}
	}
}

// wait reports whether so much time passed before ctx was done.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// meet notes trouble and returns when it began. All connections may be to a host
// that is not the right one any more.
func (p *patience) meet(reason error) (since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.troubled.Load() || now.Sub(p.last) > patienceTime {
		p.since = now
	}
	p.last = now
	p.troubled.Store(true)
	if now.Sub(p.flushed) > time.Second {
		p.flushed = now
		p.epoch.Add(1)
	}
	if now.Sub(p.told) > toldAgain {
		p.told = now
		p.log.Warn("the database is away", "for", now.Sub(p.since), "error", reason)
	}
	return p.since
}

// over ends trouble, if there was any.
func (p *patience) over() {
	if !p.troubled.Load() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.troubled.CompareAndSwap(true, false) {
		p.log.Info("the database is back", "after", time.Since(p.since))
		p.told = time.Time{}
	}
}

// A trouble is what kept a database from an answer of its own.
type trouble int

const (
	none     trouble = iota
	conflict         // it chose another transaction
	away             // it is not there, or not writable
	doubt            // it went away with a commit under way
)

// A doubtError is the error of a commit whose answer did not come.
type doubtError struct{ error }

func (e *doubtError) Unwrap() error { return e.error }

func troubleOf(err error) trouble {
	if err == nil || errors.Is(err, ErrNotFound) {
		return none
	}
	if _, ok := errors.AsType[*doubtError](err); ok {
		return doubt
	}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return troubleOfCode(answer.Code)
	}
	if isConnectionLost(err) {
		return away
	}
	return none
}

// troubleOfCode knows what PostgreSQL, and a pooler before it, says when it
// cannot serve: classes 08 and 57P are of the connection and of the server.
func troubleOfCode(code string) trouble {
	switch code {
	case "40001", "40P01":
		return conflict
	case "25006", // read-only: a primary that was demoted
		"53300",                   // too many connections: those of the node that is gone, for a while
		"57P01", "57P02", "57P03", // shut down, crashed, starting
		"57P05": // an idle session was ended
		return away
	}
	if strings.HasPrefix(code, "08") {
		return away
	}
	return none
}

func isConnectionLost(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, lost := range []error{
		driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
		syscall.ECONNRESET, syscall.ECONNREFUSED, syscall.EPIPE,
		context.DeadlineExceeded, // an attempt's own: whose caller's has passed is not asked
	} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return pgconn.SafeToRetry(err) || pgconn.Timeout(err)
}
