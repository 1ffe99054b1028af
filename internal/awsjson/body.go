package awsjson

import (
	"bytes"
	"errors"
	"net/http"

	"github.com/nifuda/nifuda/internal/httpx"
)

// bodyShare is how much memory a byte of a body takes: itself, and what is
// decoded from it.
const bodyShare = 2

// read reads the body of a request, which may have as many bytes as limit. The
// body's memory is accounted for until release.
func (h *Handler) read(buffer *bytes.Buffer, w http.ResponseWriter, r *http.Request, limit int64) (release func(), err error) {
	release, err = h.bodies.ReadWhole(buffer, w, r, limit, bodyShare)
	switch {
	case errors.Is(err, httpx.ErrTooLarge):
		return nil, tooLarge(limit)
	case errors.Is(err, httpx.ErrCrowded):
		return nil, &Error{Code: "ThrottlingException", Message: "Rate exceeded: there are too many large requests at once. Try again.", Status: http.StatusTooManyRequests}
	case errors.Is(err, httpx.ErrLate):
		return nil, &Error{Code: "RequestTimeoutException", Message: "The request body did not arrive in time.", Status: http.StatusRequestTimeout}
	case errors.Is(err, httpx.ErrAborted):
		return nil, aborted()
	}
	return release, err
}
