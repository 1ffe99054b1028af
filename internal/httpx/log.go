package httpx

import (
	"context"
	"log/slog"
)

// WithRequests returns a handler that writes into each line that is logged on
// behalf of a request which request that is, and which trace, from the context.
func WithRequests(next slog.Handler) slog.Handler {
	if _, ok := next.(requestLog); ok {
		return next
	}
	return requestLog{next}
}

// The keys of what is written.
const (
	requestIDKey = "request_id"
	traceIDKey   = "trace_id"
)

type requestLog struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h requestLog) Handle(ctx context.Context, line slog.Record) error {
	record, ok := ctx.Value(recordKey{}).(*Record)
	if !ok || record.ID == "" {
		return h.Handler.Handle(ctx, line)
	}
	if !beginsWithID(&line) {
		line.AddAttrs(slog.String(requestIDKey, record.ID))
	}
	if record.TraceID != "" {
		line.AddAttrs(slog.String(traceIDKey, record.TraceID))
	}
	return h.Handler.Handle(ctx, line)
}

// beginsWithID reports whether a line has the request id already.
func beginsWithID(line *slog.Record) (has bool) {
	line.Attrs(func(a slog.Attr) bool {
		has = a.Key == requestIDKey
		return false
	})
	return has
}

// WithAttrs implements [slog.Handler].
func (h requestLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestLog{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h requestLog) WithGroup(name string) slog.Handler {
	return requestLog{h.Handler.WithGroup(name)}
}
