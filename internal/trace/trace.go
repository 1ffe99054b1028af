// Package trace follows a request through the server, from its first byte to the
// database and the blob store, where somebody has said who is to be told:
// OpenTelemetry's spans, sent over OTLP.
//
// The rest of the server knows [Start] and the [Span] that it returns. A context
// that belongs to no followed request makes spans that do nothing and cost
// nothing, so nobody has to ask first. A span never has what a request carried or
// a statement was given, only names and numbers: traces go to another machine.
package trace

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// scope names what made the spans.
const scope = "github.com/nifuda/nifuda"

// A Span is a part of a request's time. The zero Span is of a request that nobody
// follows; all its methods do nothing.
type Span struct{ span oteltrace.Span }

// Start begins a span inside of the one that the context has. Without one it
// returns the context as it is, and the zero Span.
func Start(ctx context.Context, name string) (context.Context, Span) {
	return start(ctx, name, oteltrace.SpanKindInternal)
}

// StartCall is Start for a call of another program or a library that is one: a
// database, a bucket.
func StartCall(ctx context.Context, name string) (context.Context, Span) {
	return start(ctx, name, oteltrace.SpanKindClient)
}

func start(ctx context.Context, name string, kind oteltrace.SpanKind) (context.Context, Span) {
	parent := oteltrace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, Span{}
	}
	ctx, span := parent.TracerProvider().Tracer(scope).Start(ctx, name, oteltrace.WithSpanKind(kind))
	return ctx, Span{span}
}

// Continue returns ctx with the span that from has: what works for several
// requests at once has a context of its own.
func Continue(ctx, from context.Context) context.Context {
	span := oteltrace.SpanFromContext(from)
	if !span.IsRecording() {
		return ctx
	}
	return oteltrace.ContextWithSpan(ctx, span)
}

// IsOn reports whether somebody follows, for whoever would have to work out what
// to say.
func (s Span) IsOn() bool { return s.span != nil }

// Name gives the span the name that was not known when it began.
func (s Span) Name(name string) {
	if s.span != nil {
		s.span.SetName(name)
	}
}

// Text says something about the span, in words that no secret can be in.
func (s Span) Text(key, value string) {
	if s.span != nil {
		s.span.SetAttributes(attribute.String(key, value))
	}
}

// Number says something about the span.
func (s Span) Number(key string, value int64) {
	if s.span != nil {
		s.span.SetAttributes(attribute.Int64(key, value))
	}
}

// Fail says that what the span is of has failed, and with what kind of error; nil
// has not. The text of the error stays here: it may say what was asked for.
func (s Span) Fail(err error) {
	if s.span == nil || err == nil {
		return
	}
	s.FailAs(kindOf(err))
}

// FailAs is Fail for a failure that is no error of Go's, such as a status.
func (s Span) FailAs(kind string) {
	if s.span != nil {
		s.span.SetAttributes(attribute.String("error.type", kind))
		s.span.SetStatus(codes.Error, "")
	}
}

// kindOf is the type of the error at the bottom.
func kindOf(err error) string {
	for next := err; next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return fmt.Sprintf("%T", err)
}

// End ends the span.
func (s Span) End() {
	if s.span != nil {
		s.span.End()
	}
}

// TraceID is the id of the trace that the span is in, as the log has it; "" if
// nobody follows.
func (s Span) TraceID() string {
	if s.span == nil {
		return ""
	}
	return s.span.SpanContext().TraceID().String()
}
