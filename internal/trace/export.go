package trace

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const (
	// At most this many spans wait for a collector, some megabytes; further ones are
	// dropped. No request waits.
	maxWaiting = 4096
	// A batch that the collector does not take in this time is dropped.
	exportTime = 10 * time.Second
	// A collector that is away is logged this often.
	complainEvery = time.Minute
)

// spans are those that have ended, on their way to the collector. What the SDK
// keeps in between is bounded here, so that what is dropped is counted.
type spans struct {
	sdktrace.SpanProcessor // which sends batches, to spans again
	next                   sdktrace.SpanExporter
	log                    *slog.Logger
	waiting                atomic.Int64
	complained             atomic.Int64 // Unix nanoseconds
	exported               prometheus.Counter
	failed                 prometheus.Counter
	dropped                prometheus.Counter
}

func newSpans(next sdktrace.SpanExporter, o Options) *spans {
	counter := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "nifuda_trace_spans_total", Help: "Spans that were sent to the collector of traces, that it did not take, or that were dropped because too many waited.",
	}, []string{"outcome"})
	o.Metrics.MustRegister(counter)
	s := &spans{
		next: next, log: o.Log,
		exported: counter.WithLabelValues("exported"), failed: counter.WithLabelValues("failed"), dropped: counter.WithLabelValues("dropped"),
	}
	s.SpanProcessor = sdktrace.NewBatchSpanProcessor(exporter{s}, sdktrace.WithMaxQueueSize(maxWaiting), sdktrace.WithExportTimeout(exportTime))
	return s
}

// OnEnd implements [sdktrace.SpanProcessor].
func (s *spans) OnEnd(span sdktrace.ReadOnlySpan) {
	if !span.SpanContext().IsSampled() {
		return
	}
	if s.waiting.Add(1) > maxWaiting {
		s.waiting.Add(-1)
		s.dropped.Inc()
		return
	}
	s.SpanProcessor.OnEnd(span)
}

// An exporter sends batches and counts them.
type exporter struct{ *spans }

// ExportSpans implements [sdktrace.SpanExporter]. A failure is told here.
func (e exporter) ExportSpans(ctx context.Context, batch []sdktrace.ReadOnlySpan) error {
	err := e.next.ExportSpans(ctx, batch)
	e.waiting.Add(-int64(len(batch)))
	if err == nil {
		e.exported.Add(float64(len(batch)))
		return nil
	}
	e.failed.Add(float64(len(batch)))
	now := time.Now().UnixNano()
	if last := e.complained.Load(); now-last > complainEvery.Nanoseconds() && e.complained.CompareAndSwap(last, now) {
		e.log.WarnContext(ctx, "the collector of traces takes no spans", "error", err)
	}
	return nil
}

// Shutdown implements [sdktrace.SpanExporter].
func (e exporter) Shutdown(ctx context.Context) error { return e.next.Shutdown(ctx) }
