package kms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/kms"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

var home = kms.Place{Account: "123456789012", Region: "us-east-1"}

// A clock stands still unless it is moved.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time      { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) passDays(n int)      { c.at.Add(int64(n) * int64(24*time.Hour)) }
func wrapper(key byte) kms.Wrapper   { return must(kms.LocalWrapper(bytes.Repeat([]byte{key}, 32))) }
func context1(v string) pairs        { return pairs{"aws:ecr:arn": v} }
func root(account string) (p string) { return iam.Root("aws", account).ARN }

type pairs = map[string]string

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newService(s *store.Store, c *clock) *kms.Service {
	return kms.New(s, kms.Options{Wrapper: wrapper(1), Now: c.now, RoleOf: func(_ context.Context, p iam.Principal) (string, error) {
		// Of the sessions of these tests.
		if role, ok := strings.CutPrefix(p.ARN, "arn:aws:sts::123456789012:assumed-role/"); ok {
			name, _, _ := strings.Cut(role, "/")
			return "arn:aws:iam::123456789012:role/path/" + name, nil
		}
		return "", nil
	}})
}

// nodes returns two services on a database, which are one where there can be but
// one process.
func nodes(s *store.Store, c *clock) (one, other *kms.Service) {
	one = newService(s, c)
	if s.Exclusive() {
		return one, one
	}
	return one, newService(s, c)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newKey(t testing.TB, k *kms.Service) kms.KeyID {
	t.Helper()
	key, err := k.CreateKey(t.Context(), kms.NewKey{Place: home})
	check(t, err)
	return key.KeyID
}

func encrypt(t testing.TB, k *kms.Service, id kms.KeyID, text string, context pairs) []byte {
	t.Helper()
	sealed, err := k.Encrypt(t.Context(), id, []byte(text), context)
	check(t, err)
	return sealed.Ciphertext
}

func wantRefusal(t testing.TB, err error, code kms.Code) {
	t.Helper()
	if !kms.IsRefusal(err, code) {
		t.Errorf("got %v, want the refusal %s", err, code)
	}
}

func wantText(t testing.TB, k *kms.Service, id kms.KeyID, ciphertext []byte, context pairs, want string) {
	t.Helper()
	opened, err := k.Decrypt(t.Context(), id, ciphertext, context)
	if err != nil || string(opened.Plaintext) != want {
		t.Errorf("got %q and %v, want %q", opened.Plaintext, err, want)
	}
}

func TestWhatIsEncryptedComesBackUnderItsKeyAndContextAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k, other := nodes(s, newClock())
		id, another := newKey(t, k), newKey(t, k)
		for _, context := range []pairs{nil, {"a": "b"}, {"a": "b", "c": "d"}, {"": ""}} {
			text := encrypt(t, k, id, "hello", context)
			wantText(t, other, id, text, context, "hello")
			for _, wrong := range []pairs{{"a": "B"}, {"A": "b"}, {"a": "b", "c": "d", "e": "f"}, {"c": "d"}, {"a": "bcd"}} {
				_, err := k.Decrypt(t.Context(), id, text, wrong)
				wantRefusal(t, err, kms.CodeInvalidCiphertext)
			}
			_, err := k.Decrypt(t.Context(), another, text, context)
			wantRefusal(t, err, kms.CodeIncorrectKey)
			for i := range text {
				bad := slices.Clone(text)
				bad[i] ^= 1
				if _, err := k.Decrypt(t.Context(), id, bad, context); err == nil {
					t.Fatalf("byte %d can be changed", i)
				}
			}
			found, err := k.KeyOf(t.Context(), home.Region, text)
			if err != nil || found != id {
				t.Errorf("the key of the ciphertext is %v (%v)", found, err)
			}
			_, err = k.KeyOf(t.Context(), "eu-west-1", text)
			wantRefusal(t, err, kms.CodeAccessDenied)
		}
		if bytes.Equal(encrypt(t, k, id, "x", nil), encrypt(t, k, id, "x", nil)) {
			t.Error("the same text gives the same ciphertext twice")
		}
		_, err := k.Encrypt(t.Context(), id, make([]byte, 4097), nil)
		wantRefusal(t, err, kms.CodeValidation)
	})
}

func TestDisabledKeyServesNobodyOnAnyNode(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k, other := nodes(s, newClock())
		id, ctx := newKey(t, k), t.Context()
		text := encrypt(t, other, id, "x", nil)
		for range 3 {
			check(t, k.Disable(ctx, id))
			_, err := other.Encrypt(ctx, id, []byte("x"), nil)
			wantRefusal(t, err, kms.CodeDisabled)
			_, err = other.Decrypt(ctx, id, text, nil)
			wantRefusal(t, err, kms.CodeDisabled)
			_, err = other.CreateGrant(ctx, id, kms.Terms{Grantee: "x", Operations: []string{"Decrypt"}})
			wantRefusal(t, err, kms.CodeDisabled)
			wantRefusal(t, other.SetRotation(ctx, id, 100), kms.CodeDisabled)
			wantRefusal(t, other.Rotate(ctx, id), kms.CodeDisabled)
			check(t, k.Enable(ctx, id))
			wantText(t, other, id, text, nil, "x")
		}
	})
}

func TestOldMaterialStaysForWhatItEncrypted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClock()
		k, other := nodes(s, c)
		id, ctx := newKey(t, k), t.Context()
		var texts [][]byte
		seen := map[string]bool{}
		note := func() {
			t.Helper()
			texts = append(texts, encrypt(t, other, id, "x", nil))
			material := must(other.Describe(ctx, id)).MaterialID
			if seen[material] || len(material) != 64 {
				t.Errorf("the material is %q, not new", material)
			}
			seen[material] = true
		}
		note()
		check(t, k.Rotate(ctx, id))
		note()
		check(t, k.SetRotation(ctx, id, 100))
		check(t, k.Sweep(ctx))
		if len(seen) != 2 || must(k.Describe(ctx, id)).RotatesAt != c.now().Add(100*24*time.Hour) {
			t.Error("rotated too early")
		}
		c.passDays(101)
		check(t, k.Sweep(ctx))
		check(t, other.Sweep(ctx))
		note()
		check(t, k.Disable(ctx, id))
		c.passDays(101)
		check(t, k.Sweep(ctx))
		check(t, k.Enable(ctx, id))
		check(t, k.SetRotation(ctx, id, 0))
		c.passDays(3000)
		check(t, k.Sweep(ctx))
		fresh := newService(s, c) // which remembers nothing
		for _, text := range texts {
			wantText(t, fresh, id, text, nil, "x")
		}
		if len(seen) != 3 {
			t.Errorf("rotated %d times", len(seen)-1)
		}
		for range 24 {
			check(t, k.Rotate(ctx, id))
		}
		wantRefusal(t, k.Rotate(ctx, id), kms.CodeLimitExceeded)
		wantRefusal(t, k.SetRotation(ctx, id, 89), kms.CodeValidation)
		wantRefusal(t, k.SetRotation(ctx, id, 2561), kms.CodeValidation)
	})
}

func TestDeletionWaitsAndIsFinal(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClock()
		k, other := nodes(s, c)
		id, ctx := newKey(t, k), t.Context()
		check(t, k.CreateAlias(ctx, id, "alias/a"))
		_, err := k.CreateGrant(ctx, id, kms.Terms{Grantee: "x", Operations: []string{"Decrypt"}})
		check(t, err)
		text := encrypt(t, k, id, "x", nil)
		for _, days := range []int{6, 31} {
			_, err := k.ScheduleDeletion(ctx, id, days)
			wantRefusal(t, err, kms.CodeValidation)
		}
		key, err := k.ScheduleDeletion(ctx, id, 7)
		check(t, err)
		if key.State != kms.PendingDeletion || key.DeletesAt != c.now().Add(7*24*time.Hour) || key.DeletionWindow != 7 {
			t.Errorf("the key is %+v", key)
		}
		_, err = other.Decrypt(ctx, id, text, nil)
		wantRefusal(t, err, kms.CodeInvalidState)
		_, err = k.ScheduleDeletion(ctx, id, 30)
		wantRefusal(t, err, kms.CodeInvalidState)
		for _, err := range []error{k.Enable(ctx, id), k.Disable(ctx, id), k.SetDescription(ctx, id, "d"), k.CreateAlias(ctx, id, "alias/b"), k.SetRotation(ctx, id, 100), k.SetTags(ctx, id, []kms.Tag{{Key: "a"}})} {
			wantRefusal(t, err, kms.CodeInvalidState)
		}
		c.passDays(6)
		check(t, k.Sweep(ctx))
		key, err = other.CancelDeletion(ctx, id)
		check(t, err)
		if key.State != kms.Disabled || !key.DeletesAt.IsZero() {
			t.Errorf("the key is %+v after cancellation", key)
		}
		_, err = other.CancelDeletion(ctx, id)
		wantRefusal(t, err, kms.CodeInvalidState)
		c.passDays(100)
		check(t, k.Sweep(ctx))
		check(t, k.Enable(ctx, id))
		wantText(t, k, id, text, nil, "x")

		_, err = k.ScheduleDeletion(ctx, id, 7)
		check(t, err)
		c.passDays(7)
		_, err = other.CancelDeletion(ctx, id) // before anybody swept
		wantRefusal(t, err, kms.CodeNotFound)
		check(t, k.Sweep(ctx))
		check(t, other.Sweep(ctx))
		_, err = other.Decrypt(ctx, id, text, nil)
		wantRefusal(t, err, kms.CodeNotFound)
		_, err = other.KeyOf(ctx, home.Region, text)
		wantRefusal(t, err, kms.CodeAccessDenied)
		if _, err := s.KMSMaterial(ctx, id.ID, 1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the material is still there: %v", err)
		}
		if aliases, _, err := k.Aliases(ctx, home, kms.Page{}); err != nil || len(aliases) > 0 {
			t.Errorf("the aliases are %v (%v)", aliases, err)
		}
	})
}

func TestManagedKeyIsMadeAtFirstUseAndNotManaged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k, ctx := newService(s, newClock()), t.Context()
		named := must(k.ResolveAny(ctx, home, "alias/aws/ecr"))
		if !named.IsUnmade() || named.Resource() != "arn:aws:kms:us-east-1:123456789012:alias/aws/ecr" {
			t.Fatalf("the alias is %+v", named)
		}
		id, err := k.Managed(ctx, home)
		check(t, err)
		if again := must(k.Managed(ctx, home)); again != id {
			t.Errorf("there are two: %v, %v", id, again)
		}
		if elsewhere := must(k.Managed(ctx, kms.Place{Account: home.Account, Region: "eu-west-1"})); elsewhere == id {
			t.Error("two regions share a key")
		}
		key := must(k.Describe(ctx, id))
		if key.Manager != kms.AWS || key.RotatesAt.IsZero() {
			t.Errorf("the key is %+v", key)
		}
		_, deletion := k.ScheduleDeletion(ctx, id, 7)
		for _, err := range []error{k.Disable(ctx, id), k.SetPolicy(ctx, id, kms.DefaultPolicy(home), nil), k.SetRotation(ctx, id, 0), k.Rotate(ctx, id), deletion, k.SetDescription(ctx, id, "x"), k.CreateAlias(ctx, id, "alias/x"), k.SetTags(ctx, id, []kms.Tag{{Key: "a"}})} {
			wantRefusal(t, err, kms.CodeAccessDenied)
		}
	})
}

func TestAliasesNameKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k, other := nodes(s, newClock())
		ctx, first, second := t.Context(), newKey(t, k), newKey(t, k)
		check(t, k.CreateAlias(ctx, first, "alias/app"))
		wantRefusal(t, k.CreateAlias(ctx, second, "alias/app"), kms.CodeAlreadyExists)
		wantRefusal(t, k.CreateAlias(ctx, second, "app"), kms.CodeInvalidAliasName)
		wantRefusal(t, k.CreateAlias(ctx, second, "alias/"), kms.CodeInvalidAliasName)
		wantRefusal(t, k.CreateAlias(ctx, second, "alias/aws/x"), kms.CodeNotAuthorized)
		resolved := func(name string) kms.Reference {
			t.Helper()
			return must(other.ResolveAny(ctx, home, name))
		}
		if got := resolved("alias/app"); got.KeyID != first || got.Alias != "alias/app" {
			t.Errorf("got %+v", got)
		}
		if keys := must(other.Target(ctx, "", first.ARN())).Keys["kms:resourcealiases"]; !slices.Equal(keys, []string{"alias/app"}) {
			t.Errorf("policies see the aliases %v", keys)
		}
		alias := must(k.Alias(ctx, home, "alias/app"))
		check(t, k.MoveAlias(ctx, alias, second))
		if got := resolved(home.AliasARN("alias/app")); got.KeyID != second {
			t.Errorf("got %+v", got)
		}
		if keys := must(other.Target(ctx, "", first.ARN())).Keys["kms:resourcealiases"]; keys != nil {
			t.Errorf("policies still see the aliases %v", keys)
		}
		wantRefusal(t, k.MoveAlias(ctx, alias, first), kms.CodeNotFound) // which it means no more
		check(t, k.DeleteAlias(ctx, must(k.Alias(ctx, home, "alias/app"))))
		if !resolved("alias/app").IsMissing() {
			t.Error("the alias is still there")
		}
		for i := range 50 {
			check(t, k.CreateAlias(ctx, first, fmt.Sprint("alias/", i)))
		}
		wantRefusal(t, k.CreateAlias(ctx, first, "alias/more"), kms.CodeLimitExceeded)
	})
}

func TestKeysAreNamedInFourWays(t *testing.T) {
	k := newService(storetest.SQLite(t), newClock())
	id := newKey(t, k)
	check(t, k.CreateAlias(t.Context(), id, "alias/app"))
	for name, want := range map[string]kms.Code{
		id.ID: "", id.ARN(): "", "alias/app": "", home.AliasARN("alias/app"): "",
		"x": kms.CodeNotFound, strings.ToUpper(id.ID): kms.CodeNotFound, "{" + id.ID + "}": kms.CodeNotFound,
		strings.Replace(id.ARN(), "us-east-1", "eu-west-1", 1):                   kms.CodeNotFound,
		strings.Replace(home.AliasARN("alias/app"), "us-east-1", "eu-west-1", 1): kms.CodeNotFound,
		"arn:aws:s3:us-east-1:123456789012:key/" + id.ID:                         kms.CodeInvalidArn,
		"arn:aws:kms:us-east-1:123456789012:key/x":                               kms.CodeInvalidArn,
		"arn:x": kms.CodeInvalidArn,
	} {
		got, err := k.ResolveAny(t.Context(), home, name)
		if want == "" && (err != nil || got.KeyID != id) || want != "" && !kms.IsRefusal(err, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		_, err = kms.Resolve(home, name)
		if isAlias := strings.Contains(name, "alias"); (err == nil) != (want == "" && !isAlias) {
			t.Errorf("%s where aliases are not allowed: %v", name, err)
		}
	}
	_, err := k.Describe(t.Context(), kms.KeyID{Place: kms.Place{Account: "210987654321", Region: home.Region}, ID: id.ID})
	wantRefusal(t, err, kms.CodeNotFound)
}

func TestTagsOfKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k, other := nodes(s, newClock())
		ctx := t.Context()
		key, err := k.CreateKey(ctx, kms.NewKey{Place: home, Tags: []kms.Tag{{Key: "team", Value: "x"}}})
		check(t, err)
		if keys := must(other.Target(ctx, "", key.ARN())).Keys; !slices.Equal(keys["aws:resourcetag/team"], []string{"x"}) {
			t.Errorf("policies see %v", keys)
		}
		check(t, k.SetTags(ctx, key.KeyID, []kms.Tag{{Key: "team", Value: "y"}, {Key: "a", Value: ""}}))
		check(t, k.RemoveTags(ctx, key.KeyID, []string{"none"}))
		tags, next, err := other.Tags(ctx, key.KeyID, kms.Page{Limit: 1})
		if err != nil || len(tags) != 1 || tags[0].Key != "a" || next == "" {
			t.Errorf("got %v, %q, %v", tags, next, err)
		}
		tags, next, err = other.Tags(ctx, key.KeyID, kms.Page{Limit: 1, Marker: next})
		if err != nil || len(tags) != 1 || tags[0] != (kms.Tag{Key: "team", Value: "y"}) || next != "" {
			t.Errorf("got %v, %q, %v", tags, next, err)
		}
		wantRefusal(t, k.SetTags(ctx, key.KeyID, []kms.Tag{{Key: "aws:x"}}), kms.CodeTag)
		wantRefusal(t, k.SetTags(ctx, key.KeyID, []kms.Tag{{Key: "x"}, {Key: "x"}}), kms.CodeTag)
		var many []kms.Tag
		for i := range 49 {
			many = append(many, kms.Tag{Key: fmt.Sprint("t", i)})
		}
		wantRefusal(t, k.SetTags(ctx, key.KeyID, many), kms.CodeLimitExceeded)
	})
}

func TestKeysAreListedInPages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k := newService(s, newClock())
		want := map[kms.KeyID]bool{}
		for range 7 {
			want[newKey(t, k)] = true
		}
		must(k.CreateKey(t.Context(), kms.NewKey{Place: kms.Place{Account: home.Account, Region: "eu-west-1"}}))
		for marker, page := "", 0; ; page++ {
			keys, next, err := k.Keys(t.Context(), home, kms.Page{Marker: marker, Limit: 3})
			check(t, err)
			for _, id := range keys {
				if !want[id] {
					t.Errorf("%v is not expected", id)
				}
				delete(want, id)
			}
			if marker = next; next == "" {
				break
			}
		}
		if len(want) > 0 {
			t.Errorf("%v are missing", want)
		}
		_, _, err := k.Keys(t.Context(), home, kms.Page{Marker: "%"})
		wantRefusal(t, err, kms.CodeInvalidMarker)
	})
}

func TestMaterialIsWrappedAndCanBeWrappedAnew(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, c := t.Context(), newClock()
		k := newService(s, c)
		id := newKey(t, k)
		text := encrypt(t, k, id, "x", nil)
		check(t, k.Rotate(ctx, id))
		foreign := kms.New(s, kms.Options{Wrapper: wrapper(2), Now: c.now})
		if _, err := foreign.Decrypt(ctx, id, text, nil); err == nil {
			t.Error("another root of trust opens it")
		}
		moving := kms.New(s, kms.Options{Wrapper: moving{wrapper(1), wrapper(2)}, Now: c.now})
		if n, err := moving.Rewrap(ctx); n != 2 || err != nil {
			t.Errorf("%d wrapped anew (%v)", n, err)
		}
		wantText(t, foreign, id, text, nil, "x")
	})
}

// moving unwraps with one wrapper and wraps with another.
type moving struct{ from, to kms.Wrapper }

func (m moving) Wrap(ctx context.Context, secret []byte, purpose string) ([]byte, error) {
	return m.to.Wrap(ctx, secret, purpose)
}

func (m moving) Unwrap(ctx context.Context, wrapped []byte, purpose string) ([]byte, error) {
	return m.from.Unwrap(ctx, wrapped, purpose)
}
