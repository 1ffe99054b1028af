package httpx

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nifuda/nifuda/internal/trace"
)

const (
	// DefaultPatience is how long a request may stand still.
	DefaultPatience = 60 * time.Second

	// maxLogged is the longest text of a client's that a log line repeats.
	maxLogged = 1024

	// copySize is the size of the buffers that carry a body where the kernel cannot.
	copySize = 64 << 10
)

// Options are the surroundings of [NewHandler].
type Options struct {
	// Log takes one line a request, and the stack of every panic. Required.
	Log *slog.Logger
	// Metrics counts requests; nil counts nothing.
	Metrics *Metrics
	// Tracer follows requests; nil follows none.
	Tracer *trace.Tracer
	// Now is the clock of the log and the metrics; nil means time.Now.
	Now func() time.Time
	// Patience ends a request on whose body no byte arrives, or whose response
	// takes none, for this long or up to an eighth longer; 0 means
	// [DefaultPatience]. A body that stood still fails with [ErrStalled].
	Patience time.Duration
	// Proxies are trusted to say where their requests come from.
	Proxies Proxies
	// InternalError answers a request whose handler panicked before it wrote
	// anything, in the form of its protocol; nil writes a plain 500.
	InternalError http.HandlerFunc
	// Audit is given every request at its end; nil audits nothing. It must not
	// keep what it is given.
	Audit func(Served)
}

// A Served is a request that has been answered.
type Served struct {
	Request *http.Request
	Record  *Record
	// Start is when the request came.
	Start time.Time
	// Status is the response's; 0 for a request that got none.
	Status int
}

// NewHandler returns the outermost handler of a server: around next it adds a
// request id ([RequestIDHeader]), a [Record] in the context, patience, recovery
// from panics, the log and the metrics. The log has the path but never the
// query, which may hold a signature, and no header.
//
// The ResponseWriter that next sees keeps io.ReaderFrom, so that a file goes to
// the network without passing through the process.
func NewHandler(next http.Handler, o Options) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Patience == 0 {
		o.Patience = DefaultPatience
	}
	if o.InternalError == nil {
		o.InternalError = plainInternalError
	}
	o.Log = slog.New(WithRequests(o.Log.Handler()))
	return &handler{
		Options: o,
		next:    next,
		buffers: sync.Pool{New: func() any { b := make([]byte, copySize); return &b }},
	}
}

func plainInternalError(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
}

type handler struct {
	Options
	next    http.Handler
	buffers sync.Pool
}

// An exchange is all that the handler keeps of one request, in one allocation:
// it is the request's context, and holds the ResponseWriter and the body.
type exchange struct {
	context.Context
	record Record
	span   trace.Span
	writer responseWriter
	body   requestBody
	start  time.Time
}

// Value implements [context.Context].
func (x *exchange) Value(key any) any {
	if key == (recordKey{}) {
		return &x.record
	}
	return x.Context.Value(key)
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{record: Record{ID: NewID()}, start: h.Now()}
	x.Context, x.span = h.Tracer.Begin(r.Context(), r.Header)
	x.record.TraceID = x.span.TraceID()
	h.Metrics.begin()
	x.writer = responseWriter{
		ResponseWriter: w,
		patience:       patience{length: h.Patience, of: w, deadline: (*http.ResponseController).SetWriteDeadline},
		buffers:        &h.buffers,
		head:           r.Method == http.MethodHead,
		record:         &x.record,
	}
	x.record.Source, x.record.Secure = h.Proxies.locate(r)
	w.Header()[RequestIDHeader] = []string{x.record.ID}
	r = r.WithContext(x)
	if r.Body != nil && r.Body != http.NoBody {
		x.body = requestBody{
			ReadCloser: r.Body,
			patience:   patience{length: h.Patience, of: w, deadline: (*http.ResponseController).SetReadDeadline},
		}
		r.Body = &x.body
	}
	defer func() { h.finish(x, r, recover()) }()
	h.next.ServeHTTP(&x.writer, r)
}

// finish ends a request, panicked or not. A panic that the client can no longer
// be told of breaks the connection, so that nobody takes half a response for a
// whole one.
func (h *handler) finish(x *exchange, r *http.Request, panicked any) {
	failure, _ := panicked.(error)
	abort := errors.Is(failure, http.ErrAbortHandler)
	if panicked != nil && !abort {
		h.Log.LogAttrs(x, slog.LevelError, "panic", slog.Any("panic", panicked), slog.String("stack", string(debug.Stack())))
		abort = x.writer.status != 0
		if !abort {
			clear(x.writer.Header())
			x.writer.Header()[RequestIDHeader] = []string{x.record.ID}
			h.InternalError(&x.writer, r)
		}
	}
	x.writer.finish(abort)
	x.body.finish()
	x.endSpan(r)
	took := h.Now().Sub(x.start)
	h.Metrics.observe(x, r.Method, took)
	h.logRequest(x, r, took, abort)
	if h.Audit != nil && !x.record.Throttled {
		h.Audit(Served{Request: r, Record: &x.record, Start: x.start, Status: x.writer.status})
	}
	if abort {
		panic(http.ErrAbortHandler)
	}
}

func (h *handler) logRequest(x *exchange, r *http.Request, took time.Duration, aborted bool) {
	level := slog.LevelInfo
	if x.writer.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if x.record.Throttled || !h.Log.Enabled(x, level) {
		return
	}
	h.Log.LogAttrs(x, level, "request",
		slog.String(requestIDKey, x.record.ID), // here it costs less than in requestLog
		slog.String("method", cut(r.Method)),
		slog.String("path", cut(r.URL.Path)),
		slog.Int("status", x.writer.status),
		slog.Int64("bytes", x.writer.bytes),
		slog.Duration("duration", took),
		slog.String("source", x.record.Source.String()),
		slog.String("protocol", x.record.Protocol),
		slog.String("operation", x.record.Operation),
		slog.String("principal", x.record.Principal),
		slog.String("access_key_id", cut(x.record.AccessKeyID)),
		slog.Bool("aborted", aborted),
	)
}

func cut(text string) string {
	if len(text) > maxLogged {
		return text[:maxLogged] + "…"
	}
	return text
}
