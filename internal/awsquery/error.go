package awsquery

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/nifuda/nifuda/internal/httpx"
)

// A Refusal is an error that the caller is told. The generated errors of every
// service are refusals, and so is [Error]; a refusal may be wrapped. Any other
// error is a fault of the server and only logged.
type Refusal interface {
	error
	// ErrorCode is the code that clients compare.
	ErrorCode() string
	// ErrorMessage is the text for people.
	ErrorMessage() string
	// ErrorStatus is the HTTP status.
	ErrorStatus() int
}

// An Error is a [Refusal] for what is common to all services, such as a bad
// signature or a missing permission.
type Error struct {
	Code    string
	Message string
	// Status is the HTTP status; 0 means 400.
	Status int
}

// Error is the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// ErrorCode implements [Refusal].
func (e *Error) ErrorCode() string { return e.Code }

// ErrorMessage implements [Refusal].
func (e *Error) ErrorMessage() string { return e.Message }

// ErrorStatus implements [Refusal].
func (e *Error) ErrorStatus() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

func unknownOperation(action, version string) *Error {
	if version == "" {
		version = "NO_VERSION_SPECIFIED"
	}
	return &Error{Code: "InvalidAction", Message: "Could not find operation " + shorten(action) + " for version " + shorten(version)}
}

func malformedQuery(message string) *Error {
	return &Error{Code: "MalformedQueryString", Message: message}
}

func malformedInput(message string) *Error {
	return &Error{Code: "MalformedInput", Message: message}
}

func tooLarge(limit int64) *Error {
	return &Error{
		Code:    "RequestEntityTooLarge",
		Message: "The request body is larger than " + strconv.FormatInt(limit, 10) + " bytes.",
		Status:  http.StatusRequestEntityTooLarge,
	}
}

func aborted() *Error {
	return &Error{Code: "RequestAborted", Message: "The request ended before it was complete."}
}

// refusal returns what the caller is told about an error: the error itself if
// it is for the caller, else only that something failed.
func (x *exchange) refusal(err error) Refusal {
	if refusal, ok := errors.AsType[Refusal](err); ok {
		return refusal
	}
	if errors.Is(err, context.Canceled) && x.r.Context().Err() != nil {
		return aborted() // the caller has gone: nobody's fault
	}
	if httpx.TellTemporary(x.w, err) {
		return &Error{Code: "ServiceUnavailable", Message: httpx.TemporaryWords(err), Status: http.StatusServiceUnavailable}
	}
	x.log.LogAttrs(x.r.Context(), slog.LevelError, "operation failed",
		slog.String("request_id", x.requestID), slog.String("operation", x.operation), slog.Any("error", err))
	fault := &Error{Code: "InternalFailure", Message: "The request failed because of an internal error.", Status: http.StatusInternalServerError}
	if x.service != nil && x.service.FaultCode != "" {
		fault.Code = x.service.FaultCode
	}
	return fault
}

// shorten cuts what a message repeats of the request.
func shorten(text string) string {
	const most = 100
	cut := 0
	for i := range text {
		if cut == most {
			return text[:i] + "…"
		}
		cut++
	}
	return text
}
