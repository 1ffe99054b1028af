package bucket

import (
	"context"
	"errors"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/trace"
)

// A Call is one that has ended.
type Call struct {
	Operation string // such as PutObject
	Outcome   string
	Took      time.Duration
	Retries   int
}

// The outcomes of calls.
const (
	OutcomeOK          = "ok"
	OutcomeMissing     = "missing"
	OutcomeRefused     = "refused"     // by what was asked or by who asked
	OutcomeThrottled   = "throttled"   // too many requests, to the last attempt
	OutcomeUnavailable = "unavailable" // the server failed, or was not reached
	OutcomeCanceled    = "canceled"
)

// observer adds a step around all attempts of a call, which is a span of the
// request's trace.
func observer(observe func(Call)) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("ObserveCall", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			start, operation := time.Now(), awsmiddleware.GetOperationName(ctx)
			ctx, span := trace.StartCall(ctx, "S3 "+operation)
			defer span.End()
			out, metadata, err := next.HandleInitialize(ctx, in)
			call := Call{Operation: operation, Outcome: outcomeOf(err), Took: time.Since(start)}
			if err != nil {
				span.FailAs(call.Outcome)
			}
			if results, ok := retry.GetAttemptResults(metadata); ok {
				call.Retries = max(0, len(results.Results)-1)
			}
			observe(call)
			return out, metadata, err
		}), middleware.Before)
	}
}

func outcomeOf(err error) string {
	switch {
	case err == nil:
		return OutcomeOK
	case errors.Is(err, context.Canceled):
		return OutcomeCanceled
	case IsMissing(err):
		return OutcomeMissing
	case isThrottled(err):
		return OutcomeThrottled
	case IsUnavailable(err):
		return OutcomeUnavailable
	}
	return OutcomeRefused
}

// NewMetrics returns what counts calls in the metrics.
func NewMetrics(registerer prometheus.Registerer) func(Call) {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "nifuda_s3_requests_total", Help: "Calls of S3 that have ended, with all their attempts.",
	}, []string{"operation", "outcome"})
	durations := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "nifuda_s3_request_duration_seconds", Help: "How long calls of S3 took until their answer, without its body.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	}, []string{"operation"})
	retries := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "nifuda_s3_retries_total", Help: "Attempts of calls of S3 after their first.",
	}, []string{"operation"})
	registerer.MustRegister(requests, durations, retries)
	return func(c Call) {
		requests.WithLabelValues(c.Operation, c.Outcome).Inc()
		durations.WithLabelValues(c.Operation).Observe(c.Took.Seconds())
		retries.WithLabelValues(c.Operation).Add(float64(c.Retries))
	}
}
