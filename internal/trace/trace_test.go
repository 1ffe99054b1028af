package trace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func TestWhereNobodyFollowsASpanCostsNoMemory(t *testing.T) {
	ctx, begun := (*Tracer)(nil).Begin(t.Context(), http.Header{})
	if begun.IsOn() {
		t.Error("nobody's span is on")
	}
	allocations := testing.AllocsPerRun(100, func() {
		inner, span := StartCall(ctx, "statement")
		span.Name("SELECT tags")
		span.Text("db.operation.name", "SELECT")
		span.Number("rows", 1)
		span.Fail(errors.ErrUnsupported)
		span.End()
		_ = Continue(inner, ctx)
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

// A hung collector takes a batch and never answers.
type hung struct{ taken chan struct{} }

func (h hung) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	select {
	case h.taken <- struct{}{}:
	default:
	}
	<-ctx.Done()
	return ctx.Err()
}

func (hung) Shutdown(context.Context) error { return nil }

func TestSpansThatWaitAreBoundedAndCounted(t *testing.T) {
	metrics := prometheus.NewRegistry()
	s := newSpans(hung{make(chan struct{}, 1)}, Options{Log: slog.New(slog.DiscardHandler), Metrics: metrics})
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s))
	tracer := &Tracer{provider: provider, tracer: provider.Tracer(scope)}
	const further = 100
	for range maxWaiting + further {
		_, span := tracer.Begin(t.Context(), nil)
		span.End()
	}
	if waiting := s.waiting.Load(); waiting != maxWaiting {
		t.Errorf("%d spans wait", waiting)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := provider.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := counted(t, metrics, "dropped"); got != further {
		t.Errorf("%v spans were counted as dropped, want %d", got, further)
	}
}

func counted(t *testing.T, metrics *prometheus.Registry, outcome string) float64 {
	t.Helper()
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range families[0].GetMetric() {
		if m.GetLabel()[0].GetValue() == outcome {
			return m.GetCounter().GetValue()
		}
	}
	t.Fatalf("no %s", outcome)
	return 0
}

func TestTracesAreSentWhereSomebodySaysSo(t *testing.T) {
	for _, c := range []struct {
		endpoint  string
		variables map[string]string
		on        bool
		mistake   bool
	}{
		{},
		{endpoint: "http://localhost:4318", on: true},
		{variables: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, on: true},
		{variables: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, on: true},
		{endpoint: "http://localhost:4318", variables: map[string]string{"OTEL_SDK_DISABLED": "true"}},
		{endpoint: "http://localhost:4318", variables: map[string]string{"OTEL_TRACES_EXPORTER": "none"}},
		{endpoint: "http://localhost:4318", variables: map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, mistake: true},
		{endpoint: "http://localhost:4318", variables: map[string]string{
			"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
		}, on: true},
	} {
		t.Run(fmt.Sprint(c.endpoint, c.variables), func(t *testing.T) {
			tracer, err := Open(t.Context(), Options{
				Endpoint: c.endpoint, Getenv: func(name string) string { return c.variables[name] },
				Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
			})
			if (tracer != nil) != c.on || (err != nil) != c.mistake {
				t.Errorf("tracer %v, %v", tracer, err)
			}
			if err := tracer.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOnlyTheKindOfAnErrorIsTold(t *testing.T) {
	err := fmt.Errorf("select secret: %w", &http.MaxBytesError{})
	if got := kindOf(err); got != "*http.MaxBytesError" {
		t.Error(got)
	}
}
