// Package audit writes who asked for what, one record a line, in the shape of
// AWS CloudTrail's.
//
// A [Log] is given every request at its end, see [httpx.Options], and records
// every call of an API and every refused request of the distribution API. What
// it says beyond HTTP it takes from the request's [httpx.Record]: the protocols
// put the call and its answer there, and [Note] what was touched. No record has
// a secret: what may be one is replaced by [Hidden].
package audit

import (
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/logs"
)

// Options are what a [Log] needs. To, Account and Region are required.
type Options struct {
	// To takes whole lines, many at once.
	To io.Writer
	// Account and Region are what a record has whose request means no others.
	Account, Region string
	// Session describes the session that a principal is, for its records; nil
	// describes none.
	Session func(p iam.Principal) (Session, bool)
	// Log takes what goes wrong with writing; nil means nothing does.
	Log *slog.Logger
	// Metrics counts the records that are lost; nil counts nothing.
	Metrics prometheus.Registerer
}

// A Session is what a record says of temporary credentials beyond their principal.
type Session struct {
	// Role is the ARN of the role that was assumed.
	Role string
	// Created is when the session began.
	Created time.Time
}

// A Log writes audit records. It is safe for concurrent use.
type Log struct {
	Options
	to      *logs.Writer
	buffers sync.Pool
}

// New returns a log. Close it after use.
func New(o Options) *Log {
	sink := &sink{to: o.To, log: o.Log, lost: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "nifuda_audit_lost_total",
		Help: "Audit records that could not be written.",
	})}
	if o.Metrics != nil {
		o.Metrics.MustRegister(sink.lost)
	}
	return &Log{
		Options: o,
		to:      logs.NewWriter(sink),
		buffers: sync.Pool{New: func() any { b := make([]byte, 0, 2<<10); return &b }},
	}
}

// Close writes what is left.
func (l *Log) Close() error { return l.to.Close() }

// protocolOCI is the protocol of the distribution API in an [httpx.Record].
const protocolOCI = "oci"

// Add records a request if it is one to be recorded.
func (l *Log) Add(s httpx.Served) {
	if !isRecorded(s) {
		return
	}
	buffer := l.buffers.Get().(*[]byte)
	*buffer = l.appendRecord((*buffer)[:0], s)
	_, _ = l.to.Write(*buffer) // fails only once it is closed, when nobody serves
	if cap(*buffer) <= maxKept {
		l.buffers.Put(buffer)
	}
}

// maxKept is the largest buffer that is kept for another record.
const maxKept = 64 << 10

// isRecorded tells what a record is made of: every call of an API, and what the
// distribution API refused. A request there that brings no credentials is how
// every client begins and no attempt at anything.
func isRecorded(s httpx.Served) bool {
	switch {
	case s.Record.Operation == "" || s.Record.Protocol == "":
		return false
	case s.Record.Protocol != protocolOCI:
		return true
	}
	switch s.Status {
	case http.StatusForbidden, http.StatusTooManyRequests:
		return true
	case http.StatusUnauthorized: // what proves who asks may also be in a form
		return len(s.Request.Header["Authorization"]) > 0 || s.Record.SignInFailed
	default:
		return false
	}
}
