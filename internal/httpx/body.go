package httpx

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// ErrStalled reports a request body on which no byte arrived in time. The
// status for it is 408.
var ErrStalled = errors.New("no byte of the request body arrived in time")

// patience is a deadline of a connection that moves on as bytes flow. The
// deadline is one of the network, so the clock is the real one.
type patience struct {
	length   time.Duration
	of       http.ResponseWriter
	deadline func(*http.ResponseController, time.Time) error
	until    time.Time
}

// extend sees to it that at least length is left. It moves the deadline an
// eighth further than that, and so has to move it only now and then. Where
// there is no connection to set it on, patience is endless.
func (p *patience) extend() {
	now := time.Now()
	if p.until.Sub(now) >= p.length {
		return
	}
	p.set(now.Add(p.length + p.length/8))
}

func (p *patience) set(until time.Time) {
	p.until = until
	_ = p.deadline(http.NewResponseController(p.of), until)
}

// drainTime is how long a client may take to send what the handler left unread,
// which net/http reads before it sends the response.
const drainTime = 5 * time.Second

// leastProgress is how many bytes of a body must arrive while it is waited for as
// long as patience lasts: a byte now and then would hold an upload forever.
const leastProgress = 1 << 10

// A requestBody gives up on clients that stop sending in the middle, or send next
// to nothing.
type requestBody struct {
	io.ReadCloser
	patience patience
	bytes    int64 // that have come
	ended    bool

	waited  time.Duration // for the last bytes, fewer than leastProgress
	arrived int           // these
}

// Read moves the deadline on, and takes it away at the end of the body: from
// there on net/http reads the connection to see whether the client is still
// there, however long the response takes. After any other error the deadline
// stays, lest net/http wait for the rest.
func (b *requestBody) Read(p []byte) (int, error) {
	if b.ended {
		return b.ReadCloser.Read(p)
	}
	b.patience.extend()
	start := time.Now()
	n, err := b.ReadCloser.Read(p)
	b.bytes += int64(n)
	if err == nil && b.crawls(n, time.Since(start)) {
		b.ended = true
		b.patience.set(time.Now().Add(min(drainTime, b.patience.length)))
		return n, ErrStalled
	}
	if err == nil {
		return n, nil
	}
	b.ended = true
	switch {
	case errors.Is(err, io.EOF):
		b.patience.set(time.Time{})
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = ErrStalled
	}
	return n, err
}

// crawls reports whether too few bytes have come for the time that they took.
func (b *requestBody) crawls(n int, took time.Duration) bool {
	b.arrived += n
	b.waited += took
	if b.arrived >= leastProgress {
		b.arrived, b.waited = 0, 0
	}
	return b.waited > b.patience.length
}

// finish bounds how long net/http waits for what the handler left unread.
func (b *requestBody) finish() {
	if b.ReadCloser != nil && !b.ended {
		b.patience.set(time.Now().Add(min(drainTime, b.patience.length)))
	}
}
