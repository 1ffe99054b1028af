package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

const patience = 20 * time.Second

func notify(t *testing.T, s *store.Store, topic string) {
	t.Helper()
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.Notify(ctx, topic) })
}

func awaitWake(t *testing.T, wake <-chan struct{}) {
	t.Helper()
	select {
	case <-wake:
	case <-time.After(patience):
		t.Fatal("nobody was woken")
	}
}

func TestWhoListensIsWokenByACommit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		wake, stop := s.Listen("a")
		other, stopOther := s.Listen("b")
		defer stop()
		defer stopOther()
		if !s.Exclusive() { // it listens from now on
			awaitWake(t, wake)
			awaitWake(t, other)
		}
		refused := errors.New("refused")
		if err := s.Update(t.Context(), store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
			return errors.Join(tx.Notify(ctx, "b"), refused)
		}); !errors.Is(err, refused) {
			t.Fatal(err)
		}
		notify(t, s, "a")
		awaitWake(t, wake)
		select {
		case <-other:
			t.Error("a transaction that was rolled back woke somebody")
		default:
		}
	})
}

func TestAnotherServersCommitWakesWhoListens(t *testing.T) {
	url := storetest.PostgresURL(t)
	proxy, through := storetest.NewProxy(t, url)
	listening, err := store.Open(t.Context(), through)
	if err != nil {
		t.Fatal(err)
	}
	defer listening.Close()
	telling, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer telling.Close()

	wake, stop := listening.Listen("a")
	defer stop()
	awaitWake(t, wake) // it listens from now on
	notify(t, telling, "a")
	awaitWake(t, wake)

	proxy.Cut()
	awaitWake(t, wake) // it listens again, and may have missed something
	notify(t, telling, "a")
	awaitWake(t, wake)
}

func TestNoticesOfAnotherSchemaWakeNobody(t *testing.T) {
	s, other := storetest.Postgres(t), storetest.Postgres(t)
	wake, stop := s.Listen("a")
	defer stop()
	awaitWake(t, wake) // it listens from now on
	notify(t, other, "a")
	notify(t, s, "b") // after which the first one has arrived
	end, stopEnd := s.Listen("b")
	defer stopEnd()
	notify(t, s, "b")
	awaitWake(t, end)
	select {
	case <-wake:
		t.Error("a notice of another schema was heard")
	default:
	}
}
