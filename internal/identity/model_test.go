package identity_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// A model says what an account's users and groups are, as simply as can be.
type model struct {
	users  map[string]*modelUser
	groups map[string]map[string]bool // inline policies by name
}

type modelUser struct {
	groups, policies map[string]bool
	keys             map[string]bool // active, by id
}

// policies are the names of all policies that count for a user.
func (m *model) policies(u *modelUser) []string {
	names := slices.Collect(maps.Keys(u.policies))
	for group := range u.groups {
		names = slices.AppendSeq(names, maps.Keys(m.groups[group]))
	}
	return slices.Sorted(slices.Values(names))
}

// A step makes a random change to the identities and to the model, and returns
// what it did, the code that it must be refused with, which is empty for none,
// and what it answered.
type step func(ctx context.Context, r *rand.Rand, i *identity.Identities, m *model) (did string, want identity.Code, got error)

var (
	someUsers  = []string{"ann", "bob", "cid"}
	someGroups = []string{"devs", "ops"}
	somePolicy = []string{"one", "two"}
)

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

var steps = []step{
	func(ctx context.Context, r *rand.Rand, i *identity.Identities, m *model) (string, identity.Code, error) {
		name := pick(r, someUsers)
		_, err := i.CreateUser(ctx, identity.NewUser{Account: account, Name: name})
		if m.users[name] != nil {
			return "create user " + name, identity.CodeEntityAlreadyExists, err
		}
		m.users[name] = &modelUser{groups: map[string]bool{}, policies: map[string]bool{}, keys: map[string]bool{}}
		return "create user " + name, "", err
	},
	func(ctx context.Context, r *rand.Rand, i *identity.Identities, m *model) (string, identity.Code, error) {
		name := pick(r, someUsers)
		err := i.DeleteUser(ctx, account, name)
		switch u := m.users[name]; {
		case u == nil:
			return "delete user " + name, identity.CodeNoSuchEntity, err
		case len(u.keys)+len(u.groups)+len(u.policies) > 0:
			return "delete user " + name, identity.CodeDeleteConflict, err
		}
		delete(m.users, name)
		return "delete user " + name, "", err
	},
	func(ctx context.Context, r *rand.Rand, i *identity.Identities, m *model) (string, identity.Code, error) {
		from, to := pick(r, someUsers), pick(r, someUsers)
		did := "rename " + from + " to " + to
		err := i.Rename(ctx, account, identity.User, from, to, "")
		switch {
		case m.users[from] == nil:
			return did, identity.CodeNoSuchEntity, err
		case from != to && m.users[to] != nil:
			return did, identity.CodeEntityAlreadyExists, err
		}
		u := m.users[from]
		delete(m.users, from)
		m.users[to] = u
		return did, "", err
	},
	func(ctx context.Context, r *rand.Rand, i *identity.Identities, m *model) (string, identity.Code, error) {
		name := pick(r, someGroups)
		_, err := i.CreateGroup(ctx, account, name, "")
		if m.groups[name] != nil {
			return "create group " + name, identity.CodeEntityAlreadyExists, err
		}
		m.groups[name] = map[string]bool{}
		return "create group " + name, "", err
	},
	func(ctx context.Context, r *rand.Rand, i *identity.Identities, m *model) (string, identity.Code, error) {
		name := pick(r, someGroups)
		err := i.DeleteGroup(ctx, account, name)
		inUse := len(m.groups[name]) > 0
		for _, u := range m.users {
			inUse = inUse || u.groups[name]
		}
		switch {
		case m.groups[name] == nil:
			return "delete group " + name, identity.CodeNoSuchEntity, err
		case inUse:
			return "delete group " + name, identity.CodeDeleteConflict, err
		}
		delete(m.groups, name)
		return "delete group " + name, "", err
	},
	func(ctx context.Context, r *rand.Rand, i *identity.Identities, m *model) (string, identity.Code, error) {
		user, group := pick(r, someUsers), pick(r, someGroups)
		did := "add " + user + " to " + group
		err := i.AddToGroup(ctx, account, group, user)
		if m.groups[group] == nil || m.users[user] == nil {
			return did, identity.CodeNoSuchEntity, err
		}
		m.users[user].groups[group] = true
		return did, "", err
	},
	func(ctx context.Context, r *rand.Rand, i *identity.Identities, m *model) (string, identity.Code, error) {
		user, group := pick(r, someUsers), pick(r, someGroups)
		did := "remove " + user + " from " + group
		err := i.RemoveFromGroup(ctx, account, group, user)
		if m.groups[group] == nil || m.users[user] == nil || !m.users[user].groups[group] {
			return did, identity.CodeNoSuchEntity, err
		}
		delete(m.users[user].groups, group)
		return did, "", err
	},
	func(ctx context.Context, r *rand.Rand, i *identity.Identities, m *model) (string, identity.Code, error) {
		kind, name, policies := m.holder(r)
		policy := name + "-" + pick(r, somePolicy)
		did := "put policy " + policy
		err := i.PutInlinePolicy(ctx, account, kind, name, policy, allowAll)
		if policies == nil {
			return did, identity.CodeNoSuchEntity, err
		}
		policies[policy] = true
		return did, "", err
	},
	func(ctx context.Context, r *rand.Rand, i *identity.Identities, m *model) (string, identity.Code, error) {
		kind, name, policies := m.holder(r)
		policy := name + "-" + pick(r, somePolicy)
		if named := slices.Sorted(maps.Keys(policies)); len(named) > 0 {
			policy = pick(r, named) // one that has another name since its user was renamed
		}
		did := "delete policy " + policy
		err := i.DeleteInlinePolicy(ctx, account, kind, name, policy)
		if !policies[policy] {
			return did, identity.CodeNoSuchEntity, err
		}
		delete(policies, policy)
		return did, "", err
	},
	func(ctx context.Context, r *rand.Rand, i *identity.Identities, m *model) (string, identity.Code, error) {
		user := pick(r, someUsers)
		did := "create key of " + user
		key, err := i.CreateAccessKey(ctx, account, user)
		switch u := m.users[user]; {
		case u == nil:
			return did, identity.CodeNoSuchEntity, err
		case len(u.keys) == identity.MaxAccessKeys:
			return did, identity.CodeLimitExceeded, err
		}
		m.users[user].keys[key.AccessKeyID] = true
		return did, "", err
	},
	func(ctx context.Context, r *rand.Rand, i *identity.Identities, m *model) (string, identity.Code, error) {
		user, active := pick(r, someUsers), r.IntN(2) == 0
		did := fmt.Sprint("set key of ", user, " active: ", active)
		u, id := m.users[user], m.key(r, user)
		err := i.SetAccessKeyActive(ctx, account, user, id, active)
		if u == nil || len(u.keys) == 0 {
			return did, identity.CodeNoSuchEntity, err
		}
		u.keys[id] = active
		return did, "", err
	},
	func(ctx context.Context, r *rand.Rand, i *identity.Identities, m *model) (string, identity.Code, error) {
		user := pick(r, someUsers)
		did := "delete key of " + user
		u, id := m.users[user], m.key(r, user)
		err := i.DeleteAccessKey(ctx, account, user, id)
		if u == nil || len(u.keys) == 0 {
			return did, identity.CodeNoSuchEntity, err
		}
		delete(u.keys, id)
		return did, "", err
	},
}

// holder returns a user or group, which may not exist, and its policies.
func (m *model) holder(r *rand.Rand) (identity.Kind, string, map[string]bool) {
	if r.IntN(2) == 0 {
		name := pick(r, someGroups)
		return identity.Group, name, m.groups[name]
	}
	name := pick(r, someUsers)
	if u := m.users[name]; u != nil {
		return identity.User, name, u.policies
	}
	return identity.User, name, nil
}

// key returns a key of a user, or one that nobody has.
func (m *model) key(r *rand.Rand, user string) string {
	if u := m.users[user]; u != nil && len(u.keys) > 0 {
		return pick(r, slices.Sorted(maps.Keys(u.keys)))
	}
	return "AKIANOBODYHASTHISKEY"
}

// Whatever is done in whatever order, keys and callers are what the history says.
func TestHistoriesAgreeWithTheModel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		i := newIdentities(t, s, newClock())
		m := &model{users: map[string]*modelUser{}, groups: map[string]map[string]bool{}}
		var history []string
		for range 400 {
			did, want, got := steps[r.IntN(len(steps))](t.Context(), r, i, m)
			history = append(history, did)
			if want == "" && got != nil || want != "" && !identity.IsRefusal(got, want) {
				t.Fatalf("seed %d: %s: got %v, want %q\n%q", seed, did, got, want, history)
			}
			if diff := m.compare(t, i); diff != "" {
				t.Fatalf("seed %d: after %s: %s\n%q", seed, did, diff, history)
			}
		}
	})
}

// compare returns where the identities are not what the model says.
func (m *model) compare(t *testing.T, i *identity.Identities) (diff string) {
	t.Helper()
	for name, u := range m.users {
		for id, active := range u.keys {
			key, err := i.AccessKey(t.Context(), id)
			if !active {
				if !errors.Is(err, identity.ErrDisabledKey) {
					return fmt.Sprintf("the disabled key of %s: %v", name, err)
				}
				continue
			}
			if err != nil || key.Principal.ARN != "arn:aws:iam::"+account+":user/"+name {
				return fmt.Sprintf("the key of %s: %v, %v", name, key, err)
			}
			caller, err := i.Caller(t.Context(), key.Principal)
			if err != nil {
				return err.Error()
			}
			var names []string
			for _, p := range caller.Identity {
				names = append(names, p.Name)
			}
			slices.Sort(names)
			if d := cmp.Diff(m.policies(u), names); d != "" {
				return "the policies of " + name + ":\n" + d
			}
		}
	}
	return ""
}
