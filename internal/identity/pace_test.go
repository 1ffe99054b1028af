package identity_test

import (
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// TestNobodyBeginsSessionsWithoutEnd: each is a row for two days, and takes no right.
func TestNobodyBeginsSessionsWithoutEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClock()
		i := newIdentities(t, s, c)
		begin := func(id string) error {
			_, err := i.OwnSession(t.Context(), iam.Principal{Account: account, UserID: id, AccessKeyID: "AKIA"}, time.Hour)
			return err
		}
		for range 1000 {
			check(t, begin(account))
		}
		if err := begin(account); !identity.IsRefusal(err, identity.CodeThrottling) {
			t.Errorf("got %v", err)
		}
		check(t, begin("AIDAOTHER"))
		c.pass(100 * time.Millisecond)
		check(t, begin(account))
		if err := begin(account); !identity.IsRefusal(err, identity.CodeThrottling) {
			t.Errorf("two at the time of one: %v", err)
		}
	})
}
