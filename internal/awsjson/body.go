package awsjson

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"

	"github.com/nifuda/nifuda/internal/httpx"
)

// maxDropped is how much of a body beyond its limit is read all the same.
const maxDropped = 32 << 20

// bodyShare is how much memory a byte of a body takes: itself, and what is
// decoded from it.
const bodyShare = 2

// read reads the body of a request, which may have as many bytes as limit. The
// body's memory is accounted for until release.
func (h *Handler) read(buffer *bytes.Buffer, w http.ResponseWriter, r *http.Request, limit int64) (release func(), err error) {
	if r.ContentLength > limit {
		drop(w, r, limit)
		return nil, tooLarge(limit)
	}
	if small := min(r.ContentLength, httpx.SmallBody); small > 0 {
		buffer.Grow(int(small) + bytes.MinRead)
	}
	body := &source{Reader: http.MaxBytesReader(w, r.Body, limit)}
	release, err = h.bodies.Read(r.Context(), buffer, body, bodyShare)
	var exceeded *http.MaxBytesError
	switch {
	case err == nil:
		return release, nil
	case errors.Is(err, httpx.ErrCrowded):
		return nil, &Error{Code: "ThrottlingException", Message: "Rate exceeded: there are too many large requests at once. Try again.", Status: http.StatusTooManyRequests}
	case body.err == nil:
		return nil, err
	case errors.As(err, &exceeded):
		drop(w, r, limit)
		return nil, tooLarge(limit)
	case errors.Is(err, httpx.ErrStalled), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return nil, &Error{Code: "RequestTimeoutException", Message: "The request body did not arrive in time.", Status: http.StatusRequestTimeout}
	default:
		return nil, aborted()
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
