package datakeys

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/nifuda/nifuda/internal/kms"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/seal"
	"github.com/nifuda/nifuda/internal/store"
)

// A repository with a customer's key has a key of its own, which wraps the data
// keys of its blobs: KMS is asked once for all of them. It is wrapped by the
// customer's key, for the repository's ARN. In a double layer there is a second
// one, wrapped by the server's ring, and each blob has two data keys.

// rememberedRepositories are kept open. Whether they may be used is asked for
// each use all the same.
const rememberedRepositories = 4096

// An opened is what opens a repository's data keys.
type opened struct {
	keys     *kms.Service
	id       kms.KeyID
	delegate *kms.Delegate
	stored   registry.RepositoryKey
	layers   []cipher.AEAD
	// checked is the version of the key at which it could be used.
	checked atomic.Int64
}

// usable returns what opens a repository's data keys, or refuses with
// [registry.CodeKms] when its key or its grants do not allow that now.
func (k *Keys) usable(ctx context.Context, keeper registry.Keeper) (*opened, error) {
	if remembered, ok := k.opened.Get(keeper.RepositoryID); ok {
		err := remembered.check(ctx)
		if err == nil {
			return remembered, nil
		}
		// It may have got new grants, by another server. Nobody needs to have it
		// open until it can be used again.
		k.opened.Remove(keeper.RepositoryID)
		if !kms.IsRefusal(err, kms.CodeAccessDenied) {
			return nil, explain(err)
		}
	}
	o, err := k.open(ctx, keeper)
	if err != nil {
		return nil, explain(err)
	}
	k.opened.Add(keeper.RepositoryID, o)
	return o, nil
}

// unchecked is no version.
const unchecked = -1

// check asks whether the key can be used for all that its repository needs.
// Unless something has happened to it, it can still.
func (o *opened) check(ctx context.Context) error {
	version, settled, err := o.keys.Version(ctx, o.id) // before the look: a change in between outdates it
	if err != nil || settled && o.checked.Load() == version {
		return err
	}
	if err := o.delegate.Check(ctx, o.id, kms.RepositoryContext(o.stored.Context)); err != nil {
		return err
	}
	if settled {
		o.checked.Store(version)
	}
	return nil
}

func (k *Keys) open(ctx context.Context, keeper registry.Keeper) (*opened, error) {
	id, err := kms.Resolve(placeOf(keeper), keeper.Encryption.KMSKey)
	if err != nil {
		return nil, err
	}
	row, err := k.Store.RepositoryKey(ctx, keeper.RepositoryID)
	if errors.Is(err, store.ErrNotFound) { // it is being deleted
		return nil, registry.KmsRefusal("", "The repository with name '"+keeper.Repository.Name+"' has no key any more")
	}
	if err != nil {
		return nil, fmt.Errorf("read the key of %s: %w", keeper.Repository.ARN(), err)
	}
	o := &opened{keys: k.KMS, id: id, stored: registry.RepositoryKey(row), delegate: k.delegate(keeper, row.Grants)}
	o.checked.Store(unchecked)
	if err := o.check(ctx); err != nil {
		return nil, err
	}
	secrets, err := k.unwrap(ctx, o, keeper)
	if err != nil {
		return nil, fmt.Errorf("open the key of %s: %w", keeper.Repository.ARN(), err)
	}
	for _, secret := range secrets {
		aead, err := newAEAD(secret)
		if err != nil {
			return nil, err
		}
		o.layers = append(o.layers, aead)
	}
	return o, nil
}

func (k *Keys) delegate(keeper registry.Keeper, grants []string) *kms.Delegate {
	return k.KMS.AsService(kms.ECRService(keeper.Repository.Registry.Region), grants...)
}

func newAEAD(secret []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, fmt.Errorf("key of a repository: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// The wrapped key of a repository is the length of what KMS wrapped (2 bytes),
// that, and in a double layer what the ring wrapped.

// wrapNew makes the key of a repository.
func (k *Keys) wrapNew(ctx context.Context, id kms.KeyID, keeper registry.Keeper, key registry.RepositoryKey) ([]byte, error) {
	made, err := k.delegate(keeper, key.Grants).GenerateDataKey(ctx, id, seal.SecretSize, kms.RepositoryContext(key.Context))
	if err != nil {
		return nil, err
	}
	if keeper.Encryption.Type != registry.KMSDSSE {
		return joinWrapped(made.Ciphertext, nil), nil
	}
	second, err := k.Ring.Wrap(ctx, seal.NewSecrets(1)[0], ringPurpose(keeper.RepositoryID))
	if err != nil {
		return nil, fmt.Errorf("wrap the second key of a repository: %w", err)
	}
	return joinWrapped(made.Ciphertext, second), nil
}

func joinWrapped(byKMS, byRing []byte) []byte {
	wrapped := binary.BigEndian.AppendUint16(nil, uint16(len(byKMS)))
	return append(append(wrapped, byKMS...), byRing...)
}

var errMalformed = errors.New("malformed key")

// unwrap returns the one or two keys of a repository.
func (k *Keys) unwrap(ctx context.Context, o *opened, keeper registry.Keeper) (secrets [][]byte, err error) {
	first, second, err := splitWrapped(o.stored.Wrapped)
	if err != nil {
		return nil, err
	}
	plain, err := o.delegate.Decrypt(ctx, o.id, first, kms.RepositoryContext(o.stored.Context))
	if err != nil {
		return nil, err
	}
	if len(second) == 0 {
		return [][]byte{plain.Plaintext}, nil
	}
	secret, err := k.Ring.Unwrap(ctx, second, ringPurpose(keeper.RepositoryID))
	if err != nil {
		return nil, fmt.Errorf("unwrap the second key: %w", err)
	}
	return [][]byte{plain.Plaintext, secret}, nil
}

func splitWrapped(wrapped []byte) (byKMS, byRing []byte, err error) {
	if len(wrapped) < 2 {
		return nil, nil, errMalformed
	}
	end := 2 + int(binary.BigEndian.Uint16(wrapped))
	if len(wrapped) < end {
		return nil, nil, errMalformed
	}
	return wrapped[2:end], wrapped[end:], nil
}

func ringPurpose(repositoryID string) string { return "nifuda repository " + repositoryID + " v1" }

const rewrapBatch = 100

// RewrapKeys wraps with the ring's current key what else it has wrapped beside
// the data keys of blobs: the material of KMS keys, and the second keys of
// repositories. No other key of the ring opens anything of them then.
func (k *Keys) RewrapKeys(ctx context.Context) error {
	if _, err := k.KMS.Rewrap(ctx); err != nil {
		return fmt.Errorf("wrap KMS keys anew: %w", err)
	}
	return k.rewrapRepositories(ctx)
}

func (k *Keys) rewrapRepositories(ctx context.Context) error {
	after := ""
	for {
		rows, err := k.Store.RepositoryKeys(ctx, after, rewrapBatch)
		if err != nil {
			return fmt.Errorf("list keys of repositories: %w", err)
		}
		for _, row := range rows {
			if err := k.rewrapRepository(ctx, row.RepositoryID, row.Wrapped); err != nil {
				return fmt.Errorf("wrap anew the key of repository %s: %w", row.RepositoryID, err)
			}
		}
		if len(rows) < rewrapBatch {
			return nil
		}
		after = rows[len(rows)-1].RepositoryID
	}
}

func (k *Keys) rewrapRepository(ctx context.Context, id string, wrapped []byte) error {
	byKMS, byRing, err := splitWrapped(wrapped)
	if err != nil || len(byRing) == 0 {
		return err
	}
	secret, err := k.Ring.Unwrap(ctx, byRing, ringPurpose(id))
	if err != nil {
		return err
	}
	again, err := k.Ring.Wrap(ctx, secret, ringPurpose(id))
	if err != nil {
		return err
	}
	return k.Store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		return tx.RewrapRepositoryKey(ctx, id, wrapped, joinWrapped(byKMS, again))
	})
}

// The wrapped data keys of a blob are a byte that differs from that of the
// ring's form, and each secret under the repository's key of its layer.
const repositoryForm = 0x10

// sealedSecret is the length of one of them: nonce, secret, tag.
const sealedSecret = 12 + seal.SecretSize + 16

func blobPurpose(keeper registry.Keeper, layer int) []byte {
	return fmt.Appendf(nil, "nifuda blob of %s layer %d v1", keeper.RepositoryID, layer)
}

// newKey makes data keys under the keys of a repository.
func (o *opened) newKey(keeper registry.Keeper) *seal.Key {
	key := &seal.Key{Secrets: seal.NewSecrets(len(o.layers)), Wrapped: []byte{repositoryForm}}
	for layer, aead := range o.layers {
		key.Wrapped = aead.Seal(key.Wrapped, nil, key.Secrets[layer], blobPurpose(keeper, layer))
	}
	return key
}

// openKey opens data keys under the keys of a repository.
func (o *opened) openKey(keeper registry.Keeper, wrapped []byte) (*seal.Key, error) {
	if len(wrapped) != 1+len(o.layers)*sealedSecret || wrapped[0] != repositoryForm {
		return nil, fmt.Errorf("data key of a blob of %s: %w", keeper.Repository.ARN(), errMalformed)
	}
	key := &seal.Key{Wrapped: wrapped}
	for layer, aead := range o.layers {
		at := 1 + layer*sealedSecret
		secret, err := aead.Open(nil, nil, wrapped[at:at+sealedSecret], blobPurpose(keeper, layer))
		if err != nil {
			return nil, fmt.Errorf("data key of a blob of %s: %w", keeper.Repository.ARN(), err)
		}
		key.Secrets = append(key.Secrets, secret)
	}
	return key, nil
}
