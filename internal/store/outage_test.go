package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// openThrough opens an empty schema through a proxy.
func openThrough(t *testing.T) (*store.Store, *storetest.Proxy) {
	t.Helper()
	proxy, url := storetest.NewProxy(t, storetest.PostgresURL(t))
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, proxy
}

// record adds a row and reports how often the transaction ran.
func record(t *testing.T, s *store.Store, region string) (runs int, err error) {
	err = s.Update(t.Context(), store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		runs++
		return tx.PutSetting(ctx, account, region, store.RegistryPolicy, "text", "", 1)
	})
	return runs, err
}

func TestATransactionWhoseCommitDoesNotArriveIsInDoubt(t *testing.T) {
	s, proxy := openThrough(t)
	proxy.Break(storetest.CutBefore)
	runs, err := record(t, s, "cut")
	// The driver cannot tell whether the commit arrived, so the caller repeats it.
	if !errors.Is(err, store.ErrUnavailable) || runs != 1 || proxy.Pending() {
		t.Fatalf("%d runs, %v; want one in doubt", runs, err)
	}
	if _, err := s.Setting(t.Context(), account, "cut", store.RegistryPolicy); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what was not committed reads %v", err)
	}
	if runs, err := record(t, s, "cut"); err != nil || runs != 1 {
		t.Errorf("again: %d runs, %v", runs, err)
	}
}

func TestATransactionWhoseCommitIsNotAnsweredIsInDoubt(t *testing.T) {
	s, proxy := openThrough(t)
	proxy.Break(storetest.CutAfter)
	runs, err := record(t, s, "cut")
	if !errors.Is(err, store.ErrUnavailable) || runs != 1 || proxy.Pending() {
		t.Fatalf("%d runs, %v; want one in doubt", runs, err)
	}
	var temporary interface{ RetryAfter() time.Duration }
	if !errors.As(err, &temporary) || temporary.RetryAfter() <= 0 {
		t.Errorf("the error does not say when to ask again")
	}
	if got, err := s.Setting(t.Context(), account, "cut", store.RegistryPolicy); err != nil || got != "text" {
		t.Errorf("what was committed reads %q, %v", got, err)
	}
}

func TestConnectionsThatBreakAreReplaced(t *testing.T) {
	s, proxy := openThrough(t)
	if _, err := record(t, s, "first"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		proxy.Cut()
		if _, err := s.Setting(t.Context(), account, "first", store.RegistryPolicy); err != nil {
			t.Fatalf("a read after the cut: %v", err)
		}
		proxy.Cut()
		if _, err := record(t, s, "second"); err != nil {
			t.Fatalf("a transaction after the cut: %v", err)
		}
	}
}

func TestATransactionCutOffInItsMiddleIsRepeated(t *testing.T) {
	s, proxy := openThrough(t)
	runs := 0
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		runs++
		if runs == 1 {
			proxy.Cut()
		}
		return tx.PutSetting(ctx, account, region, store.RegistryPolicy, "text", "", 1)
	})
	if runs != 2 {
		t.Errorf("%d runs, want 2", runs)
	}
}

func TestAnOutageIsSatOut(t *testing.T) {
	s, proxy := openThrough(t)
	if _, err := record(t, s, "first"); err != nil {
		t.Fatal(err)
	}
	proxy.Close()
	if err := s.Ping(t.Context()); err == nil {
		t.Error("a database that is away answers")
	}
	written := make(chan error, 2)
	go func() {
		_, err := s.Setting(t.Context(), account, "first", store.RegistryPolicy)
		written <- err
	}()
	go func() {
		_, err := record(t, s, "second")
		written <- err
	}()
	select {
	case err := <-written:
		t.Fatalf("ended in an outage: %v", err)
	case <-time.After(200 * time.Millisecond): // long enough to have met it
	}
	proxy.Open()
	for range 2 {
		if err := <-written; err != nil {
			t.Error(err)
		}
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestACallerWhoGoesEndsTheWait(t *testing.T) {
	s, proxy := openThrough(t)
	proxy.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := s.Setting(ctx, account, region, store.RegistryPolicy); err == nil {
		t.Error("a database that is away answered")
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the caller's end was noticed after %v", took)
	}
}
