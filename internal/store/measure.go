package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/trace"
)

// measures are how long the database takes. They are kept from the beginning, and
// shown once [Store.Register] has been called.
type measures struct {
	duration                   *prometheus.HistogramVec
	read, unread               prometheus.Observer
	committed, undone, stopped prometheus.Observer
}

func newMeasures() *measures {
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "nifuda_db_call_duration_seconds",
		Help:    "Time of a read until its first row, or of an update from its call until it is committed, with the time that it waits.",
		Buckets: []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"kind", "outcome"})
	return &measures{
		duration:  duration,
		read:      duration.WithLabelValues("read", "ok"),
		unread:    duration.WithLabelValues("read", "failed"),
		committed: duration.WithLabelValues("update", "ok"),
		undone:    duration.WithLabelValues("update", "rolled_back"),
		stopped:   duration.WithLabelValues("update", "failed"),
	}
}

// Register shows what is measured of the database.
func (s *Store) Register(registry prometheus.Registerer) {
	registry.MustRegister(s.measures.duration)
	registry.MustRegister(s.engine.collectors()...)
}

// observeRead counts a statement outside of a transaction.
func (m *measures) observeRead(begin time.Time, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		m.unread.Observe(time.Since(begin).Seconds())
		return
	}
	m.read.Observe(time.Since(begin).Seconds())
}

// observeUpdate counts a transaction, which its own function may have ended.
func (m *measures) observeUpdate(begin time.Time, own, err error) {
	took := time.Since(begin).Seconds()
	switch {
	case err == nil:
		m.committed.Observe(took)
	case own != nil && !IsBroken(err) && !IsFull(err):
		m.undone.Observe(took)
	default:
		m.stopped.Observe(took)
	}
}

// A measured connection times its reads and shows its statements to whoever
// follows the request, by what they do and to which table: never with what they
// are given.
type measured struct {
	connection
	system   string    // OpenTelemetry's name of the database
	measures *measures // nil in a transaction, which is measured as a whole
}

// ExecContext implements [connection].
func (m measured) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	ctx, span := m.start(ctx, query)
	defer span.End()
	result, err := m.connection.ExecContext(ctx, query, args...)
	span.Fail(err)
	return result, err
}

// QueryContext implements [connection].
func (m measured) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	ctx, span := m.start(ctx, query)
	defer span.End()
	begin := time.Now()
	rows, err := m.connection.QueryContext(ctx, query, args...) //nolint:sqlclosecheck // the caller closes them
	if m.measures != nil {
		m.measures.observeRead(begin, err)
	}
	span.Fail(err)
	return rows, err
}

// start begins the span of a statement.
func (m measured) start(ctx context.Context, query string) (context.Context, trace.Span) {
	ctx, span := trace.StartCall(ctx, "statement")
	if !span.IsOn() {
		return ctx, span
	}
	verb, table := summary(query)
	span.Name(strings.TrimSpace(verb + " " + table))
	span.Text("db.system.name", m.system)
	span.Text("db.operation.name", verb)
	if table != "" {
		span.Text("db.collection.name", table)
	}
	return ctx, span
}

// summary returns the verb of a statement and the table that it is about first.
func summary(query string) (verb, table string) {
	words := strings.Fields(query)
	if len(words) == 0 {
		return "", ""
	}
	verb = words[0]
	if verb == "UPDATE" && len(words) > 1 {
		return verb, tableOf(words[1])
	}
	for i, word := range words[:len(words)-1] {
		if verb == "INSERT" && word == "INTO" || verb != "INSERT" && word == "FROM" && !strings.HasPrefix(words[i+1], "(") {
			return verb, tableOf(words[i+1])
		}
	}
	return verb, ""
}

// tableOf is the name at the beginning of a word.
func tableOf(word string) string {
	end := strings.IndexFunc(word, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	if end >= 0 {
		return word[:end]
	}
	return word
}

// measure has the store's statements measured.
func (s *Store) measure() {
	s.measures = newMeasures()
	s.queries.conn = measured{s.queries.conn, s.engine.system(), s.measures}
}

// measuredUpdate is an update that is timed and followed.
func (s *Store) measuredUpdate(ctx context.Context, d Durability, do func(ctx context.Context, tx *Tx) error) error {
	begin := time.Now()
	followed, span := trace.StartCall(ctx, "transaction")
	defer span.End()
	var own error
	err := s.engine.update(followed, d, func(ctx context.Context, tx *Tx) error {
		if span.IsOn() {
			ctx = trace.Continue(ctx, followed)
			shown := *tx
			shown.conn = measured{tx.conn, s.engine.system(), nil}
			tx = &shown
		}
		own = do(ctx, tx)
		return own
	})
	s.measures.observeUpdate(begin, own, err)
	if span.IsOn() {
		span.Text("db.system.name", s.engine.system())
		span.Fail(err)
	}
	return err
}
