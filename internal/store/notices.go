package store

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Listen has wake receive when a transaction that notifies of topic is
// committed, here or by another server of the database, until stop is called.
// Several notices may become one, and one may get lost with a connection:
// whoever listens looks from time to time without being told.
func (s *Store) Listen(topic string) (wake <-chan struct{}, stop func()) {
	if e, ok := s.engine.(*postgresEngine); ok {
		e.listener.start()
	}
	return s.notices.listen(topic)
}

// Notify tells who listens to topic, once the transaction is committed. On
// PostgreSQL such commits wait for each other: it is for what happens seldom.
func (tx *Tx) Notify(ctx context.Context, topic string) error {
	*tx.noted = append(*tx.noted, topic)
	if !tx.announce {
		return nil
	}
	_, err := tx.conn.ExecContext(ctx, notify, noticeChannel, topic)
	return err
}

// A channel is of a whole database: its schemas tell their notices apart.
const (
	noticeChannel = "nifuda"
	notify        = `VALUES (pg_notify($1, current_schema() || '/' || $2))`
)

// notices are who listens in this process.
type notices struct {
	mu     sync.Mutex
	topics map[string]map[chan struct{}]struct{}
}

func newNotices() *notices { return &notices{topics: map[string]map[chan struct{}]struct{}{}} }

func (n *notices) listen(topic string) (<-chan struct{}, func()) {
	wake := make(chan struct{}, 1)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.topics[topic] == nil {
		n.topics[topic] = map[chan struct{}]struct{}{}
	}
	n.topics[topic][wake] = struct{}{}
	return wake, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.topics[topic], wake)
	}
}

func (n *notices) wake(topics []string) {
	if len(topics) == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, topic := range topics {
		wakeEach(n.topics[topic])
	}
}

func (n *notices) wakeAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, listening := range n.topics {
		wakeEach(listening)
	}
}

func wakeEach(listening map[chan struct{}]struct{}) {
	for wake := range listening {
		select {
		case wake <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// A listener has a connection of its own to a PostgreSQL server, on which it
// waits for the notices of all servers.
type listener struct {
	connection *pgx.ConnConfig
	notices    *notices
	log        *slog.Logger
	once       sync.Once
	end        context.CancelFunc
	ended      sync.WaitGroup
	ctx        context.Context //nolint:containedctx // ends with the listener, not with a call
}

func newListener(connection *pgx.ConnConfig, n *notices, log *slog.Logger) *listener {
	l := &listener{connection: connection, notices: n, log: log}
	l.ctx, l.end = context.WithCancel(context.Background())
	return l
}

// start begins to listen. A nil listener hears nothing.
func (l *listener) start() {
	if l != nil {
		l.once.Do(func() { l.ended.Go(l.run) })
	}
}

func (l *listener) close() {
	if l == nil {
		return
	}
	l.once.Do(func() {}) // too late to start
	l.end()
	l.ended.Wait()
}

// run listens on one connection after the other.
func (l *listener) run() {
	for {
		err := l.hear()
		if l.ctx.Err() != nil {
			return
		}
		l.log.Debug("listening to the database ended, and begins again", "error", err)
		if !wait(l.ctx, time.Second+rand.N(time.Second)) {
			return
		}
	}
}

func (l *listener) hear() error {
	c, err := pgx.ConnectConfig(l.ctx, l.connection)
	if err != nil {
		return err
	}
	defer c.Close(context.Background())
	if _, err := c.Exec(l.ctx, "LISTEN "+noticeChannel); err != nil {
		return err
	}
	var schema *string
	if err := c.QueryRow(l.ctx, "VALUES (current_schema()::text)").Scan(&schema); err != nil {
		return err
	}
	if schema == nil {
		return errors.New("the connection has no schema")
	}
	l.notices.wakeAll() // of what came while nobody listened
	for {
		n, err := c.WaitForNotification(l.ctx)
		if err != nil {
			return err
		}
		if topic, ours := strings.CutPrefix(n.Payload, *schema+"/"); ours {
			l.notices.wake([]string{topic})
		}
	}
}
