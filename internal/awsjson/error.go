package awsjson

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
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
	// ErrorMembers are further members of the body, by their names; may be nil.
	ErrorMembers() map[string]any
}

// An Error is a [Refusal] for what is common to all services, such as a bad
// signature or a missing permission.
type Error struct {
	Code    string
	Message string
	// Status is the HTTP status; 0 means 400.
	Status  int
	Members map[string]any
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

// ErrorMembers implements [Refusal].
func (e *Error) ErrorMembers() map[string]any { return e.Members }

func unknownOperation(message string) *Error {
	return &Error{Code: "UnknownOperationException", Message: message, Status: http.StatusNotFound}
}

func serialization(message string) *Error {
	return &Error{Code: "SerializationException", Message: message}
}

func tooLarge(limit int64) *Error {
	return &Error{
		Code:    "RequestEntityTooLargeException",
		Message: "The request body is larger than " + strconv.FormatInt(limit, 10) + " bytes.",
		Status:  http.StatusRequestEntityTooLarge,
	}
}

func aborted() *Error {
	return &Error{Code: "RequestAbortedException", Message: "The request ended before it was complete."}
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
		return &Error{Code: "ServiceUnavailableException", Message: httpx.TemporaryWords(err), Status: http.StatusServiceUnavailable}
	}
	x.log.LogAttrs(x.r.Context(), slog.LevelError, "operation failed",
		slog.String("request_id", x.requestID), slog.String("operation", x.operation), slog.Any("error", err))
	fault := &Error{Code: "InternalFailure", Message: "The request failed because of an internal error.", Status: http.StatusInternalServerError}
	if x.service != nil && x.service.FaultCode != "" {
		fault.Code = x.service.FaultCode
	}
	return fault
}

// refuse sends an error (spec A.3).
func (x *exchange) refuse(err error) {
	refusal := x.refusal(err)
	record := httpx.RecordOf(x.r.Context())
	record.ErrorCode, record.ErrorMessage = refusal.ErrorCode(), refusal.ErrorMessage()
	members := map[string]any{}
	maps.Copy(members, refusal.ErrorMembers())
	members["__type"], members["message"] = refusal.ErrorCode(), refusal.ErrorMessage()
	body, err := json.Marshal(members)
	if err != nil {
		x.refuse(fmt.Errorf("encode members of %s: %w", refusal.ErrorCode(), err))
		return
	}
	x.w.Header().Set("X-Amzn-Errortype", refusal.ErrorCode())
	x.write(refusal.ErrorStatus(), body)
}
