package httpx

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
)

// maxDropped is how much of a body beyond its limit is read all the same.
const maxDropped = 32 << 20

// What can be wrong with the body of a request, see [Bodies.ReadWhole].
var (
	// ErrTooLarge reports a body with more bytes than allowed.
	ErrTooLarge = errors.New("the body is too large")
	// ErrLate reports a body that did not arrive in time.
	ErrLate = errors.New("the body did not arrive in time")
	// ErrAborted reports a body that ended before it was complete.
	ErrAborted = errors.New("the body ended before it was complete")
)

// ReadWhole reads the body of a request, which may have as many bytes as limit.
// share is how much memory a byte of it takes until release is called. The error
// is [ErrTooLarge], [ErrLate], [ErrAborted] or [ErrCrowded], or else the
// server's fault.
func (b *Bodies) ReadWhole(buffer *bytes.Buffer, w http.ResponseWriter, r *http.Request, limit, share int64) (release func(), err error) {
	if r.ContentLength > limit {
		drop(w, r, limit)
		return nil, ErrTooLarge
	}
	if small := min(r.ContentLength, SmallBody); small > 0 {
		buffer.Grow(int(small) + bytes.MinRead)
	}
	body := &source{Reader: http.MaxBytesReader(w, r.Body, limit)}
	release, err = b.Read(r.Context(), buffer, body, share)
	var exceeded *http.MaxBytesError
	switch {
	case err == nil:
		return release, nil
	case errors.Is(err, ErrCrowded), body.err == nil:
		return nil, err
	case errors.As(err, &exceeded):
		drop(w, r, limit)
		return nil, ErrTooLarge
	case errors.Is(err, ErrStalled), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return nil, ErrLate
	default:
		return nil, ErrAborted
	}
}

// A source remembers its error, to tell it from the server's own.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// drop reads on in a body that exceeds its limit, for as much again: a client
// that sends everything before it reads would find a broken connection in place
// of the refusal. It reads nothing where that is no help, because too much is
// to come or because the client waits for the word to begin. The connection
// then ends with the response.
func drop(w http.ResponseWriter, r *http.Request, limit int64) {
	w.Header().Set("Connection", "close")
	most := min(limit, maxDropped)
	announced := r.ContentLength >= 0
	if announced && (r.ContentLength > limit+most || r.Header.Get("Expect") != "") {
		return
	}
	_, _ = io.CopyN(io.Discard, r.Body, max(r.ContentLength, most)) // the refusal stands
}
