package identity_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// numbered is a policy that says which change made it.
func numbered(n int64) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"v%d","Effect":"Allow","Action":"ecr:*","Resource":"*"}]}`, n)
}

// What is answered is never older than a change that was acknowledged before
// the question, never newer than one that was begun, and never half of one
// change and half of another, on any node.
func TestReadersSeeEveryAcknowledgedChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		writer := newIdentities(t, s, newClock())
		nodes := []*identity.Identities{writer}
		if !s.Exclusive() {
			nodes = append(nodes, newIdentities(t, s, newClock()))
		}
		made := addUser(t, writer, "alice")
		key := must[identity.AccessKey](t)(writer.AccessKey(ctx, made.AccessKeyID))
		_, err := writer.CreateGroup(ctx, account, "team", "")
		check(t, err)
		check(t, writer.AddToGroup(ctx, account, "team", "alice"))

		// Each change is of the group first, then of the user.
		var begun, acknowledged atomic.Int64
		change := func(n int64) {
			begun.Store(n)
			check(t, writer.PutInlinePolicy(ctx, account, identity.Group, "team", "p", numbered(n)))
			check(t, writer.PutInlinePolicy(ctx, account, identity.User, "alice", "p", numbered(n)))
			acknowledged.Store(n)
		}
		change(1)
		stop, end := context.WithCancel(ctx)
		var wg sync.WaitGroup
		for _, node := range nodes {
			for range 3 {
				wg.Go(func() {
					for stop.Err() == nil {
						least := acknowledged.Load()
						user, group := numbers(t, node, key.Principal)
						if most := begun.Load(); user < least || group > most || group < user || group > user+1 {
							t.Errorf("the user's policy is %d, the group's %d, acknowledged before was %d, begun after %d", user, group, least, most)
							return
						}
					}
				})
			}
		}
		for n := int64(2); n <= 60; n++ {
			change(n)
			for _, node := range nodes {
				if user, group := numbers(t, node, key.Principal); user != n || group != n {
					t.Errorf("after change %d the policies are %d and %d", n, user, group)
				}
			}
		}
		end()
		wg.Wait()
	})
}

func numbers(t *testing.T, node *identity.Identities, p iam.Principal) (user, group int64) {
	caller, err := node.Caller(context.WithoutCancel(t.Context()), p)
	if err != nil || len(caller.Identity) != 2 {
		t.Errorf("the caller is %v: %v", caller, err)
		return 0, 0
	}
	number := func(p iam.NamedPolicy) int64 {
		n, err := strconv.ParseInt(strings.TrimPrefix(p.Document.Statements[0].SID, "v"), 10, 64)
		if err != nil {
			t.Error(err)
		}
		return n
	}
	return number(caller.Identity[0]), number(caller.Identity[1])
}

// A policy that is attached while its deletion is under way is refused, or the
// deletion is.
func TestPolicyIsAttachedOrDeleted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		i, ctx := newIdentities(t, s, newClock()), t.Context()
		_, err := i.CreateUser(ctx, identity.NewUser{Account: account, Name: "alice"})
		check(t, err)
		for range 20 {
			policy, err := i.CreatePolicy(ctx, identity.NewPolicy{Account: account, Name: "p", Document: allowAll})
			check(t, err)
			var attached, deleted error
			var wg sync.WaitGroup
			wg.Go(func() { attached = i.Attach(ctx, account, identity.User, "alice", policy.ARN()) })
			wg.Go(func() { deleted = i.DeletePolicy(ctx, account, policy.ARN()) })
			wg.Wait()
			switch {
			case attached == nil:
				wantRefusal(t, deleted, identity.CodeDeleteConflict)
				check(t, i.Detach(ctx, account, identity.User, "alice", policy.ARN()))
				check(t, i.DeletePolicy(ctx, account, policy.ARN()))
			case deleted == nil:
				wantRefusal(t, attached, identity.CodeNoSuchEntity)
			default:
				t.Fatalf("neither: %v, %v", attached, deleted)
			}
		}
	})
}
