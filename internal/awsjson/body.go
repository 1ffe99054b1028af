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

const (
	// maxReserved is how much memory the announcement of a long body gets
	// before any byte of it is there, and growth how much more it gets each
	// time that this is full.
	maxReserved = 1 << 20
	growth      = 8

	// maxDropped is how much of a body beyond its limit is read all the same.
	maxDropped = 32 << 20
)

// read reads the body of a request, which may have as many bytes as limit.
func read(buffer *bytes.Buffer, w http.ResponseWriter, r *http.Request, limit int64) error {
	if r.ContentLength > limit {
		drop(w, r, limit)
		return tooLarge(limit)
	}
	err := fill(buffer, http.MaxBytesReader(w, r.Body, limit), r.ContentLength)
	var exceeded *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exceeded):
		drop(w, r, limit)
		return tooLarge(limit)
	case errors.Is(err, httpx.ErrStalled), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: "RequestTimeoutException", Message: "The request body did not arrive in time.", Status: http.StatusRequestTimeout}
	default:
		return aborted()
	}
}

// fill reads a body of an announced length, negative if there is none, in few
// steps: a long body would otherwise be copied with each doubling of the buffer.
func fill(buffer *bytes.Buffer, body io.Reader, announced int64) error {
	for room := int64(maxReserved); room < announced; room *= growth {
		reserve(buffer, room)
		if _, err := buffer.ReadFrom(io.LimitReader(body, room-int64(buffer.Len()))); err != nil {
			return err
		}
	}
	reserve(buffer, announced)
	_, err := buffer.ReadFrom(body)
	return err
}

// reserve makes room for size bytes in all, and for seeing the end.
func reserve(buffer *bytes.Buffer, size int64) {
	if more := int(size) - buffer.Len(); more > 0 {
		buffer.Grow(more + bytes.MinRead)
	}
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
