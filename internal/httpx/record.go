// Package httpx is what every HTTP front of the server shares: the handler that
// gives each request an id, a log line, metrics and a limit to its patience,
// the settings of the server itself, and the certificate that follows its file.
//
// It knows nothing of registries: a front tells it through the [Record] of a
// request which protocol and operation that was and who called.
package httpx

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/iam"
)

// RequestIDHeader is the response header that carries the request id, the one
// in which the AWS tools look for it.
const RequestIDHeader = "X-Amzn-Requestid"

// A Record is what the log line and the metrics of a request say beyond HTTP.
// A front fills it in from the goroutine that serves the request.
type Record struct {
	// ID is the request id that the response carries. It is not for the front to set.
	ID string
	// TraceID is the id of the trace that the request is part of, if somebody
	// follows it; "" else. It is not for the front to set.
	TraceID string
	// Source is the address of the client, and Secure says that it came over
	// TLS: as the connection has it, or as a trusted proxy says. They are not
	// for the front to set. Source is the zero address when it is not known.
	Source netip.Addr
	Secure bool
	// Protocol is the front, for example ecr or oci. It is a metrics label: one
	// of a fixed, small set, never anything that a client wrote.
	Protocol string
	// Operation is what the front was asked for, for example PutImage. It is a
	// metrics label too.
	Operation string
	// Principal is the ARN of the caller, once that is known. It is only logged.
	Principal string
	// AccessKeyID is the access key that the request names: proved once Caller
	// is there, else no more than a claim.
	AccessKeyID string
	// SignInFailed says that the request is on the account of whoever fails to
	// sign in, so that it is counted once however often its proof is looked at.
	SignInFailed bool
	// RetryAfter is what the header of that name says in an answer of status
	// 429, in whole seconds; less than one means one.
	RetryAfter time.Duration
	// Throttled says that the request is one too many of a caller who is known. It
	// is counted and has no line in the log and no record in the audit: they would
	// grow with what is refused.
	Throttled bool

	// What follows is for the audit alone.

	// Caller is who has proved to call; the zero Principal is nobody.
	Caller iam.Principal
	// Region is the one that the request means.
	Region string
	// Input is the request of an API call once it is found valid, and Output
	// what it was answered. They may hold secrets.
	Input, Output any
	// ErrorCode and ErrorMessage are how the call was refused.
	ErrorCode, ErrorMessage string
	// Touched are the resources that a permission was asked for.
	Touched []Touched
}

// A Touched is a permission that a request needed: the action, the ARN that it
// acts on, and the account that this belongs to.
type Touched struct{ Action, Resource, Account string }

type recordKey struct{}

// RecordOf returns the record of the request that a context belongs to. Outside
// of a request it is a record that nobody reads, never nil.
func RecordOf(ctx context.Context) *Record {
	if record, ok := ctx.Value(recordKey{}).(*Record); ok {
		return record
	}
	return &Record{}
}

// NewID returns a random UUID (RFC 9562, version 4). It is a name and guards
// nothing, so it need not cost a system call.
func NewID() string {
	var id uuid.UUID
	binary.LittleEndian.PutUint64(id[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}
