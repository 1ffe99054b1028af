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

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) pass(d time.Duration) { c.at.Add(int64(d)) }

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

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantRefusal checks that err refuses with a code.
func wantRefusal(t testing.TB, err error, code identity.Code) {
	t.Helper()
	if !identity.IsRefusal(err, code) {
		t.Errorf("got %v, want the refusal %s", err, code)
	}
}

const allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"*"}]}`

// addUser makes a user with an access key and returns the key.
func addUser(t testing.TB, i *identity.Identities, name string) identity.NewAccessKey {
	t.Helper()
	_, err := i.CreateUser(t.Context(), identity.NewUser{Account: account, Name: name})
	check(t, err)
	return must[identity.NewAccessKey](t)(i.CreateAccessKey(t.Context(), account, name))
}

func TestAccessKeyResolvesToItsUser(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		i := newIdentities(t, s, newClock())
		made := addUser(t, i, "Alice")
		key := must[identity.AccessKey](t)(i.AccessKey(t.Context(), made.AccessKeyID))
		if key.Secret != made.Secret || len(key.Secret) != 40 || key.SessionToken != "" || !key.Expires.IsZero() {
			t.Errorf("the key is %#v with a secret of %d characters", key, len(key.Secret))
		}
		user := must[identity.UserInfo](t)(i.UserInfo(t.Context(), account, "alice"))
		want := iam.Principal{ARN: "arn:aws:iam::" + account + ":user/Alice", Account: account, UserID: user.ID, AccessKeyID: made.AccessKeyID}
		if key.Principal != want {
			t.Errorf("the principal is %+v, want %+v", key.Principal, want)
		}
	})
}

func TestWhatIsTakenAwayEndsAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		i, ctx := newIdentities(t, s, newClock()), t.Context()
		other := newIdentities(t, s, newClock()) // another node, where there can be one
		if s.Exclusive() {
			other = i
		}
		made := addUser(t, i, "alice")
		key := must[identity.AccessKey](t)(other.AccessKey(ctx, made.AccessKeyID))
		policies := func() int {
			t.Helper()
			return len(must[*iam.Caller](t)(other.Caller(ctx, key.Principal)).Identity)
		}
		if policies() != 0 {
			t.Error("a new user has policies")
		}
		check(t, i.PutInlinePolicy(ctx, account, identity.User, "alice", "all", allowAll))
		_, err := i.CreateGroup(ctx, account, "team", "")
		check(t, err)
		check(t, i.PutInlinePolicy(ctx, account, identity.Group, "team", "all", allowAll))
		check(t, i.AddToGroup(ctx, account, "team", "alice"))
		if n := policies(); n != 2 {
			t.Errorf("the user has %d policies, want its own and the group's", n)
		}
		check(t, i.RemoveFromGroup(ctx, account, "team", "alice"))
		if n := policies(); n != 1 {
			t.Errorf("the user has %d policies after leaving the group", n)
		}
		check(t, i.DeleteInlinePolicy(ctx, account, identity.User, "alice", "all"))
		if n := policies(); n != 0 {
			t.Errorf("the user has %d policies after the last was deleted", n)
		}
		check(t, i.SetAccessKeyActive(ctx, account, "alice", made.AccessKeyID, false))
		if _, err := other.AccessKey(ctx, made.AccessKeyID); !errors.Is(err, identity.ErrDisabledKey) {
			t.Errorf("a disabled key: %v", err)
		}
		check(t, i.SetAccessKeyActive(ctx, account, "alice", made.AccessKeyID, true))
		if _, err := other.AccessKey(ctx, made.AccessKeyID); err != nil {
			t.Errorf("a key that was enabled again: %v", err)
		}
		check(t, i.DeleteAccessKey(ctx, account, "alice", made.AccessKeyID))
		if _, err := other.AccessKey(ctx, made.AccessKeyID); !errors.Is(err, identity.ErrUnknownKey) {
			t.Errorf("a deleted key: %v", err)
		}
		check(t, i.DeleteUser(ctx, account, "alice"))
		if _, err := other.Caller(ctx, key.Principal); !errors.Is(err, identity.ErrUnknownPrincipal) {
			t.Errorf("a deleted user: %v", err)
		}
	})
}

func TestSessionsEndInTimeAndWithTheirUser(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClock()
		i, ctx := newIdentities(t, s, c), t.Context()
		_, err := i.CreateUser(ctx, identity.NewUser{Account: account, Name: "alice"})
		check(t, err)
		user := must[identity.UserInfo](t)(i.UserInfo(ctx, account, "alice"))
		start := func() identity.Credentials {
			return must[identity.Credentials](t)(i.StartSession(ctx, identity.NewSession{Account: account, OwnerID: user.ID, Duration: time.Hour}))
		}
		first := start()
		key := must[identity.AccessKey](t)(i.AccessKey(ctx, first.AccessKeyID))
		if key.Secret != first.Secret || key.SessionToken != first.SessionToken || key.Principal.ARN != user.ARN() {
			t.Errorf("the session's key is %#v", key)
		}
		issued := must[*iam.Caller](t)(i.Caller(ctx, key.Principal)).Keys["aws:tokenissuetime"]
		if len(issued) != 1 || issued[0] != "2026-11-25T12:00:00Z" {
			t.Errorf("aws:TokenIssueTime is %q", issued)
		}
		c.pass(time.Hour)
		if _, err := i.AccessKey(ctx, first.AccessKeyID); !errors.Is(err, identity.ErrExpiredKey) {
			t.Errorf("after its time: %v", err)
		}
		c.pass(25 * time.Hour)
		check(t, i.RemoveExpiredSessions(ctx))
		second := start()
		check(t, i.DeleteUser(ctx, account, "alice"))
		for _, id := range []string{first.AccessKeyID, second.AccessKeyID} {
			if _, err := i.AccessKey(ctx, id); !errors.Is(err, identity.ErrUnknownKey) {
				t.Errorf("after its user: %v", err)
			}
		}
	})
}

func TestOfTwoCreationsOfOneNameOneWins(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		i := newIdentities(t, s, newClock())
		var created, refused atomic.Int64
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				_, err := i.CreateUser(t.Context(), identity.NewUser{Account: account, Name: []string{"alice", "ALICE"}[n%2]})
				switch {
				case err == nil:
					created.Add(1)
				case identity.IsRefusal(err, identity.CodeEntityAlreadyExists):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if created.Load() != 1 || refused.Load() != 7 {
			t.Errorf("%d users were created, %d refused", created.Load(), refused.Load())
		}
	})
}

func TestUserHasTwoKeysAtMost(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		i := newIdentities(t, s, newClock())
		addUser(t, i, "alice")
		var made atomic.Int64
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				_, err := i.CreateAccessKey(t.Context(), account, "alice")
				if err == nil {
					made.Add(1)
				} else if !identity.IsRefusal(err, identity.CodeLimitExceeded) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if made.Load() != 1 {
			t.Errorf("%d keys were made beside the first", made.Load())
		}
	})
}

func TestPagesHoldEveryUserOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		i := newIdentities(t, s, newClock())
		for n := range 7 {
			path := []string{"/", "/ci/"}[n%2]
			_, err := i.CreateUser(t.Context(), identity.NewUser{Account: account, Name: fmt.Sprintf("user-%d", n), Path: path})
			check(t, err)
		}
		for prefix, want := range map[string]int{"": 7, "/": 7, "/ci/": 3, "/none/": 0} {
			seen := map[string]int{}
			for p := (identity.Page{MaxItems: 2, PathPrefix: prefix}); ; {
				users, next, err := i.Users(t.Context(), account, p)
				check(t, err)
				for _, u := range users {
					seen[u.Name]++
				}
				if p.Marker = next; next == "" {
					break
				}
			}
			if len(seen) != want {
				t.Errorf("under %q are %v, want %d", prefix, seen, want)
			}
			for name, n := range seen {
				if n != 1 {
					t.Errorf("%s was listed %d times", name, n)
				}
			}
		}
		_, _, err := i.Users(t.Context(), account, identity.Page{Marker: "!"})
		wantRefusal(t, err, identity.CodeValidationError)
	})
}

func TestAccountsDoNotSeeEachOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		i, ctx := newIdentities(t, s, newClock()), t.Context()
		addUser(t, i, "alice")
		other, root, err := i.CreateAccount(ctx, "", "other")
		check(t, err)
		key := must[identity.AccessKey](t)(i.AccessKey(ctx, root.AccessKeyID))
		if !key.Principal.IsRoot() || key.Principal.Account != other.ID {
			t.Errorf("the new root is %+v", key.Principal)
		}
		_, err = i.UserInfo(ctx, other.ID, "alice")
		wantRefusal(t, err, identity.CodeNoSuchEntity)
		_, err = i.CreateUser(ctx, identity.NewUser{Account: other.ID, Name: "alice"})
		check(t, err)
		_, _, err = i.CreateAccount(ctx, other.ID, "again")
		wantRefusal(t, err, identity.CodeEntityAlreadyExists)
		_, _, err = i.KeyUse(ctx, account, root.AccessKeyID)
		wantRefusal(t, err, identity.CodeNoSuchEntity)
	})
}

func BenchmarkLookups(b *testing.B) {
	i := newIdentities(b, storetest.SQLite(b), newClock())
	made := addUser(b, i, "alice")
	key := must[identity.AccessKey](b)(i.AccessKey(b.Context(), made.AccessKeyID))
	b.Run("access key", func(b *testing.B) {
		for b.Loop() {
			if _, err := i.AccessKey(b.Context(), made.AccessKeyID); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("caller", func(b *testing.B) {
		for b.Loop() {
			if _, err := i.Caller(b.Context(), key.Principal); err != nil {
				b.Fatal(err)
			}
		}
	})
}
