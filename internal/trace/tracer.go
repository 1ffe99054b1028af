package trace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// What is left to send when the server stops has this long.
const closeTime = 5 * time.Second

// Options are what [Open] needs.
type Options struct {
	// Endpoint is the address of an OTLP collector without the path, or "" for what
	// the environment says.
	Endpoint string
	// Getenv returns a variable of OpenTelemetry's. Its libraries read the process's
	// own as well.
	Getenv  func(string) string
	Version string
	Role    string
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// A Tracer begins the spans of requests and sends what came of them. A nil Tracer
// follows nothing.
type Tracer struct {
	provider    *sdktrace.TracerProvider
	tracer      oteltrace.Tracer
	propagation propagation.TraceContext
}

// Open returns the tracer that the settings and the variables of OpenTelemetry ask
// for, or nil when nobody does. It does not wait for the collector.
func Open(ctx context.Context, o Options) (*Tracer, error) {
	if !isWanted(o) {
		return nil, nil
	}
	if protocol := o.protocol(); protocol != "" && protocol != "http/protobuf" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q: want http/protobuf", protocol)
	}
	var options []otlptracehttp.Option
	if o.Endpoint != "" {
		options = append(options, otlptracehttp.WithEndpointURL(strings.TrimSuffix(o.Endpoint, "/")+"/v1/traces"))
	}
	client, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("set up OTLP: %w", err)
	}
	about, err := describe(ctx, o)
	if err != nil {
		return nil, err
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { o.Log.WarnContext(ctx, "tracing", "error", err) }))
	spans := newSpans(client, o)
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithSpanProcessor(spans))
	return &Tracer{provider: provider, tracer: provider.Tracer(scope, oteltrace.WithInstrumentationVersion(o.Version))}, nil
}

func isWanted(o Options) bool {
	if strings.EqualFold(o.Getenv("OTEL_SDK_DISABLED"), "true") || o.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return o.Endpoint != "" || o.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || o.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

func (o Options) protocol() string {
	if protocol := o.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"); protocol != "" {
		return protocol
	}
	return o.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
}

// describe says what sends the spans. The environment has the last word.
func describe(ctx context.Context, o Options) (*resource.Resource, error) {
	about, err := resource.New(ctx,
		resource.WithAttributes(
			attribute.String("service.name", "nifuda"),
			attribute.String("service.version", o.Version),
			attribute.String("service.instance.id", uuid.NewString()),
			attribute.String("nifuda.role", o.Role),
		),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(),
	)
	if err != nil && !errors.Is(err, resource.ErrPartialResource) && !errors.Is(err, resource.ErrSchemaURLConflict) {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return about, nil
}

// Begin begins the span of a request that came with a header, in the trace that
// its traceparent names, if any.
func (t *Tracer) Begin(ctx context.Context, header http.Header) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	ctx = t.propagation.Extract(ctx, propagation.HeaderCarrier(header))
	ctx, span := t.tracer.Start(ctx, "request", oteltrace.WithSpanKind(oteltrace.SpanKindServer))
	if !span.IsRecording() {
		return ctx, Span{}
	}
	return ctx, Span{span}
}

// Close sends what has not been sent, for a few seconds at most.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("send the last spans: %w", err)
	}
	return nil // what a collector that is away misses has been counted
}
