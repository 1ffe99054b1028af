package datakeys_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/nifuda/nifuda/internal/datakeys"
	"github.com/nifuda/nifuda/internal/kms"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

func TestDataKeysOpenAgain(t *testing.T) {
	each(t, func(t *testing.T, n node) {
		key := n.newKey()
		for encryption, secrets := range map[string]int{registry.AES256: 1, registry.KMS: 1, registry.KMSDSSE: 2} {
			var keeper registry.Keeper
			if encryption != registry.AES256 {
				keeper = keeperOf(n.create(registry.RepositoryName{Registry: home, Name: "of-" + map[int]string{1: "kms", 2: "dsse"}[secrets]}, encryption, key.ARN()))
			}
			made, err := n.keys.New(t.Context(), keeper)
			must(t, err)
			if len(made.Secrets) != secrets {
				t.Fatalf("%s: %d secrets, want %d", encryption, len(made.Secrets), secrets)
			}
			for _, secret := range made.Secrets {
				if bytes.Contains(made.Wrapped, secret) {
					t.Errorf("%s: a secret is not wrapped", encryption)
				}
			}
			// Whatever is remembered, another process opens it as well.
			again := datakeys.New(datakeys.Options{Ring: n.ring, Seal: true, KMS: n.kms, Store: n.store})
			for _, keys := range []*datakeys.Keys{n.keys, again} {
				opened, err := keys.Open(t.Context(), keeper, made.Wrapped)
				must(t, err)
				for i, secret := range made.Secrets {
					if !bytes.Equal(secret, opened.Secrets[i]) {
						t.Errorf("%s: secret %d is another one", encryption, i)
					}
				}
			}
			made.Wrapped[len(made.Wrapped)-1]++
			if _, err := n.keys.Open(t.Context(), keeper, made.Wrapped); err == nil {
				t.Errorf("%s: a damaged key opens", encryption)
			}
		}
	})
}

func TestDataKeysBelongToTheirRepository(t *testing.T) {
	each(t, func(t *testing.T, n node) {
		key := n.newKey().ARN()
		one := keeperOf(n.create(registry.RepositoryName{Registry: home, Name: "one"}, registry.KMS, key))
		other := keeperOf(n.create(registry.RepositoryName{Registry: home, Name: "other"}, registry.KMS, key))
		made, err := n.keys.New(t.Context(), one)
		must(t, err)
		for _, keeper := range []registry.Keeper{other, {}} {
			if _, err := n.keys.Open(t.Context(), keeper, made.Wrapped); err == nil {
				t.Errorf("it opens for %v", keeper)
			}
		}
	})
}

func TestManagedKeyIsMadeAtItsFirstUse(t *testing.T) {
	each(t, func(t *testing.T, n node) {
		one := n.create(registry.RepositoryName{Registry: home, Name: "one"}, registry.KMS, "")
		other := n.create(registry.RepositoryName{Registry: home, Name: "other"}, registry.KMS, kms.ECRAlias)
		managed, err := n.kms.Managed(t.Context(), here)
		must(t, err)
		for _, r := range []registry.Repository{one, other} {
			if r.Encryption.KMSKey != managed.ARN() {
				t.Errorf("%s has the key %s, want %s", r.Name, r.Encryption.KMSKey, managed.ARN())
			}
		}
		if got := len(n.grants(managed)); got != 4 {
			t.Errorf("%d grants, want 4", got)
		}
	})
}

func TestEachWayToNameAKey(t *testing.T) {
	each(t, func(t *testing.T, n node) {
		key := n.newKey()
		must(t, n.kms.CreateAlias(t.Context(), key, "alias/app"))
		for name, text := range map[string]string{"id": key.ID, "arn": key.ARN(), "alias": "alias/app", "alias-arn": here.AliasARN("alias/app")} {
			made := n.create(registry.RepositoryName{Registry: home, Name: name}, registry.KMS, text)
			if made.Encryption.KMSKey != key.ARN() {
				t.Errorf("%s: got %s, want %s", name, made.Encryption.KMSKey, key.ARN())
			}
		}
	})
}

func TestKeysThatNoRepositoryCanHave(t *testing.T) {
	each(t, func(t *testing.T, n node) {
		ctx := t.Context()
		disabled, pending := n.newKey(), n.newKey()
		must(t, n.kms.Disable(ctx, disabled))
		_, err := n.kms.ScheduleDeletion(ctx, pending, 7)
		must(t, err)
		for key, want := range map[string]kms.Code{
			disabled.ARN():                         kms.CodeDisabled,
			pending.ID:                             kms.CodeInvalidState,
			"alias/none":                           kms.CodeNotFound,
			"11111111-2222-4333-8444-555555555555": kms.CodeNotFound,
			"arn:aws:kms:eu-west-1:123456789012:key/" + disabled.ID:                      kms.CodeNotFound,
			"arn:aws:kms:us-east-1:210987654321:key/" + disabled.ID:                      kms.CodeNotFound,
			"arn:aws:s3:us-east-1:123456789012:key/11111111-2222-4333-8444-555555555555": kms.CodeInvalidArn,
			"no key": kms.CodeNotFound,
		} {
			_, err := n.CreateRepository(ctx, registry.NewRepository{RepositoryName: app, Encryption: registry.Encryption{Type: registry.KMS, KMSKey: key}})
			wantKMS(t, err, want)
		}
		if _, err := n.Repository(ctx, app); err == nil {
			t.Error("there is a repository")
		}
	})
}

// An unwrapper that fails keeps the key's material from being used.
type unwrapper struct{ kms.Wrapper }

var errBroken = errors.New("broken")

func (unwrapper) Unwrap(context.Context, []byte, string) ([]byte, error) { return nil, errBroken }

func TestRepositoryThatIsNotCreatedLeavesNoGrants(t *testing.T) {
	each(t, func(t *testing.T, n node) {
		key := n.newKey()
		broken := datakeys.New(datakeys.Options{Ring: n.ring, KMS: kms.New(n.store, kms.Options{Wrapper: unwrapper{n.ring}}), Store: n.store})
		_, _, err := broken.Establish(t.Context(), registry.Keeper{
			RepositoryID: "1", Repository: app, Encryption: registry.Encryption{Type: registry.KMS, KMSKey: key.ARN()},
		})
		if !errors.Is(err, errBroken) {
			t.Errorf("got %v, want %v", err, errBroken)
		}
		if grants := n.grants(key); len(grants) != 0 {
			t.Errorf("grants: %v", grants)
		}
	})
}

// What happens to a key counts from the moment on that it has happened, on every
// node.
func TestKeyCountsAsItIsNow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, shared := t.Context(), newPlace(t)
		n := shared.node(t, s)
		nodes := []node{n}
		if !s.Exclusive() {
			nodes = append(nodes, shared.node(t, s))
		}
		key := n.newKey()
		keeper := keeperOf(n.create(app, registry.KMS, key.ARN()))
		want := func(code kms.Code) {
			t.Helper()
			for _, n := range nodes {
				for range 2 { // asked, and remembered
					err := n.keys.Check(ctx, keeper)
					if code == "" {
						must(t, err)
					} else {
						wantKMS(t, err, code)
					}
				}
			}
		}
		want("")
		must(t, n.kms.Disable(ctx, key))
		want(kms.CodeDisabled)
		must(t, n.kms.Enable(ctx, key))
		want("")
		_, err := n.kms.ScheduleDeletion(ctx, key, 7)
		must(t, err)
		want(kms.CodeInvalidState)
		_, err = n.kms.CancelDeletion(ctx, key)
		must(t, err)
		want(kms.CodeDisabled)
		must(t, n.kms.Enable(ctx, key))
		want("")
		must(t, n.kms.Rotate(ctx, key))
		want("")
		must(t, n.kms.SetPolicy(ctx, key, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"Service":"ecr.us-east-1.amazonaws.com"},"Action":"kms:Decrypt","Resource":"*"}]}`, nil))
		want(kms.CodeAccessDenied)
		must(t, n.kms.SetPolicy(ctx, key, kms.DefaultPolicy(here), nil))
		want("")
		for i := range 2 {
			grants := n.grants(key)
			must(t, n.kms.RemoveGrant(ctx, key, grants[i]))
			want(kms.CodeAccessDenied)
			stored, err := s.RepositoryKey(ctx, keeper.RepositoryID)
			must(t, err)
			renewed, err := n.keys.Renew(ctx, keeper, registry.RepositoryKey(stored))
			must(t, err)
			must(t, s.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
				return tx.PutRepositoryKey(ctx, keeper.RepositoryID, store.RepositoryKey(renewed))
			}))
			want("")
			must(t, n.kms.RemoveGrant(ctx, key, grants[1-i]))
			want("")
		}
	})
}

// The second layer outlives the key of the ring that it was wrapped with first.
func TestSecondLayerIsWrappedAnew(t *testing.T) {
	each(t, func(t *testing.T, n node) {
		ctx := t.Context()
		keeper := keeperOf(n.create(app, registry.KMSDSSE, ""))
		made, err := n.keys.New(ctx, keeper)
		must(t, err)
		old := n.ring.Current()
		_, err = n.ring.Rotate(ctx)
		must(t, err)
		must(t, n.keys.RewrapKeys(ctx))
		must(t, n.ring.Remove(ctx, old))
		again := datakeys.New(datakeys.Options{Ring: n.ring, KMS: kms.New(n.store, kms.Options{Wrapper: n.ring}), Store: n.store})
		if _, err := again.Open(ctx, keeper, made.Wrapped); err != nil {
			t.Error(err)
		}
	})
}
