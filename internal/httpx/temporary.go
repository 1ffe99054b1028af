package httpx

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// A Temporary error is of what the server depends on, and will pass: the answer
// is 503 and says when to ask again. Who meets it tells the log, not each request.
type Temporary interface {
	error
	// RetryAfter says when to ask again.
	RetryAfter() time.Duration
}

// TemporaryMessage is what callers are told of a [Temporary] error that has no
// words of its own.
const TemporaryMessage = "The registry cannot reach its storage at the moment. Nothing that it acknowledged is affected; try again."

// TemporaryWords returns what callers are told of a [Temporary] error. One with
// the method TemporaryMessage has words of its own.
func TemporaryWords(err error) string {
	worded, ok := errors.AsType[interface {
		error
		TemporaryMessage() string
	}](err)
	if !ok {
		return TemporaryMessage
	}
	return worded.TemporaryMessage()
}

// TellTemporary puts into a response's header when to ask again, and reports
// whether an error is [Temporary]. The answer is left to the protocol.
func TellTemporary(w http.ResponseWriter, err error) bool {
	temporary, ok := errors.AsType[Temporary](err)
	if !ok {
		return false
	}
	seconds := max(1, int64(temporary.RetryAfter()/time.Second))
	w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	return true
}
