package server

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/nifuda/nifuda/internal/trace"
)

// openTracer starts to follow requests, if the settings or the environment say so.
func (s *server) openTracer(ctx context.Context) (err error) {
	s.tracer, err = trace.Open(ctx, trace.Options{
		Endpoint: s.Config.OTLP, Getenv: s.Getenv, Version: s.Version, Role: s.Config.Role, Log: s.Log, Metrics: s.metrics,
	})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, s.tracer.Close)
	return nil
}

// measureProcess shows what runs, and how its caches do.
func (s *server) measureProcess() {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "nifuda_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": s.Version, "role": s.Config.Role},
	})
	build.Set(1)
	s.identities.Register(s.metrics)
	s.metrics.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
}
