package identity_test

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

const account = "123456789012"

// A clock stands still unless it is moved.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time        { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) pass(d time.Duration)  { c.at.Add(int64(d)) }

func newIdentities(t testing.TB, s *store.Store, c *clock) *identity.Identities {
	t.Helper()
	i, err := identity.New(t.Context(), s, identity.Options{
		SealingKey: bytes.Repeat([]byte{1}, 32), SessionTokenKey: []byte("key of session tokens"), DefaultAccount: account, Now: c.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return i
}
