package identity

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

// The prefixes of access key ids.
const (
	lastingPrefix   = "AKIA"
	temporaryPrefix = "ASIA"
)

// An AccessKey is what proves that a call comes from its principal.
type AccessKey struct {
	Secret string
	// SessionToken is what a call must carry beside the signature when the key
	// is temporary; empty for a lasting key.
	SessionToken string
	// Expires ends a temporary key; the zero time means never.
	Expires   time.Time
	Principal iam.Principal
}

// String keeps the secrets out of every print.
func (k AccessKey) String() string { return "access key of " + k.Principal.ARN }

// GoString does the same for %#v.
func (k AccessKey) GoString() string { return k.String() }

// LogValue does the same for a log.
func (k AccessKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// A keyState is what is remembered of an access key.
type keyState struct {
	AccessKey
	disabled bool
}

// AccessKey returns the access key of an id: of an account's root, of a user,
// or of a session. It returns [ErrUnknownKey], [ErrDisabledKey], or
// [ErrExpiredKey] together with the key that was; what was true before a change
// that is acknowledged is never returned after it.
func (s *Identities) AccessKey(ctx context.Context, id string) (AccessKey, error) {
	state, err := s.keyState(ctx, id)
	if err != nil {
		return AccessKey{}, err
	}
	if state.disabled {
		return AccessKey{}, ErrDisabledKey
	}
	if !state.Expires.IsZero() && !s.now().Before(state.Expires) {
		return state.AccessKey, ErrExpiredKey
	}
	return state.AccessKey, nil
}

func (s *Identities) keyState(ctx context.Context, id string) (*keyState, error) {
	kept, fresh, err := recall(ctx, s, s.keys, id)
	if fresh {
		return kept.value, nil
	}
	if err != nil {
		return nil, fmt.Errorf("count the changes of %s: %w", kept.account, err)
	}
	account := kept.account
	if account == "" {
		if !validKeyID(id) {
			return nil, ErrUnknownKey
		}
		if account, err = s.accountOfKey(ctx, id); err != nil {
			return nil, err
		}
	}
	return keep(ctx, s, s.keys, id, account, func() (*keyState, error) { return s.readKey(ctx, id) })
}

// validKeyID reports whether there can be an access key of this id. Anyone may
// ask for anything, and what cannot be costs no query.
func validKeyID(id string) bool {
	if len(id) < 16 || len(id) > 32 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'A' || 'Z' < c) && (c < '0' || '9' < c) {
			return false
		}
	}
	return true
}

// KeyAccount returns the account of an access key, whatever has become of its
// owner, or [ErrUnknownKey].
func (s *Identities) KeyAccount(ctx context.Context, id string) (account string, err error) {
	if !validKeyID(id) {
		return "", ErrUnknownKey
	}
	return s.accountOfKey(ctx, id)
}

func (s *Identities) accountOfKey(ctx context.Context, id string) (account string, err error) {
	if strings.HasPrefix(id, temporaryPrefix) {
		session, err := s.store.Session(ctx, id)
		return session.Account, orUnknownKey(err)
	}
	key, err := s.store.AccessKey(ctx, id)
	return key.Account, orUnknownKey(err)
}

func orUnknownKey(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return ErrUnknownKey
	}
	if err != nil {
		return fmt.Errorf("look up access key: %w", err)
	}
	return nil
}

func (s *Identities) readKey(ctx context.Context, id string) (*keyState, error) {
	if strings.HasPrefix(id, temporaryPrefix) {
		return s.readSessionKey(ctx, id)
	}
	row, err := s.store.AccessKey(ctx, id)
	if err != nil {
		return nil, orUnknownKey(err)
	}
	if !row.Active {
		return &keyState{disabled: true}, nil
	}
	principal, err := s.ownerPrincipal(ctx, row.Account, row.OwnerID)
	if err != nil {
		return nil, err
	}
	principal.AccessKeyID = id
	secret, err := s.open(id, row.Secret)
	if err != nil {
		return nil, err
	}
	return &keyState{AccessKey: AccessKey{Secret: secret, Principal: principal}}, nil
}

// ownerPrincipal returns the principal of a user or of an account's root, or
// [ErrUnknownKey] if there is no such user any more.
func (s *Identities) ownerPrincipal(ctx context.Context, account, ownerID string) (iam.Principal, error) {
	if ownerID == account {
		return iam.Root("aws", account), nil
	}
	row, err := s.store.IdentityByID(ctx, ownerID)
	if err != nil {
		return iam.Principal{}, orUnknownKey(err)
	}
	return iam.Principal{ARN: entityOf(row).ARN(), Account: row.Account, UserID: row.ID}, nil
}

// sealSecret seals a secret so that it opens for its access key id alone.
func (s *Identities) sealSecret(id, secret string) []byte {
	return s.seal.Seal(nil, nil, []byte(secret), []byte(id))
}

func (s *Identities) open(id string, sealed []byte) (secret string, err error) {
	plain, err := s.seal.Open(nil, nil, sealed, []byte(id))
	if err != nil {
		return "", fmt.Errorf("open the secret of access key %s: it was sealed under another server key", id)
	}
	return string(plain), nil
}

// sessionToken returns what a call with a temporary key must carry. It is made
// from the id under a key that only servers have, so it is not stored.
func (s *Identities) sessionToken(id string) string {
	mac := hmac.New(sha256.New, s.sessionTokenKey)
	mac.Write([]byte(id))
	return base64.StdEncoding.EncodeToString(mac.Sum([]byte(id)))
}

// newSecret returns 40 random characters.
func newSecret() string {
	random := make([]byte, 30)
	_, _ = rand.Read(random) // never fails
	return base64.StdEncoding.EncodeToString(random)
}

// A NewAccessKey is an access key when it is made: the one time that its secret
// is shown.
type NewAccessKey struct {
	AccessKeyID, Secret string
	UserName            string // empty for root
	CreatedAt           time.Time
}

// String keeps the secret out of every print.
func (k NewAccessKey) String() string { return "access key " + k.AccessKeyID }

// GoString does the same for %#v.
func (k NewAccessKey) GoString() string { return k.String() }

// LogValue does the same for a log.
func (k NewAccessKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// A madeKey is an access key and its row.
type madeKey struct {
	row    store.AccessKey
	secret string
}

func (k madeKey) shown(user string) NewAccessKey {
	return NewAccessKey{AccessKeyID: k.row.ID, Secret: k.secret, UserName: user, CreatedAt: fromMillis(k.row.CreatedAt)}
}

func (s *Identities) newAccessKey(account, ownerID string) madeKey {
	id, secret := newID(lastingPrefix, 16), newSecret()
	return madeKey{secret: secret, row: store.AccessKey{
		ID: id, Account: account, OwnerID: ownerID, Secret: s.sealSecret(id, secret), Active: true, CreatedAt: s.millis() / 1000 * 1000,
	}}
}

// MaxAccessKeys is how many access keys a user, or an account's root, may have.
const MaxAccessKeys = 2

// An AccessKeyInfo is an access key as it is shown after it was made.
type AccessKeyInfo struct {
	AccessKeyID string
	UserName    string // empty for root
	Active      bool
	CreatedAt   time.Time
}

// keyOwner returns the id of the user of a name; of no name it is the account's root.
func keyOwner(ctx context.Context, r reader, account, user string) (id string, err error) {
	if user == "" {
		return account, nil
	}
	row, err := find(ctx, r, account, User, user)
	return row.ID, err
}

// CreateAccessKey makes an access key of a user, or of the account's root
// without a name. It refuses with NoSuchEntity or LimitExceeded.
func (s *Identities) CreateAccessKey(ctx context.Context, account, user string) (NewAccessKey, error) {
	var key madeKey
	err := s.change(ctx, account, func(ctx context.Context, tx *store.Tx) error {
		owner, err := keyOwner(ctx, tx, account, user)
		if err != nil {
			return err
		}
		keys, err := tx.AccessKeys(ctx, account, owner, "", MaxAccessKeys)
		if err != nil {
			return fmt.Errorf("read access keys: %w", err)
		}
		if len(keys) == MaxAccessKeys {
			return quotaExceeded("AccessKeysPerUser", MaxAccessKeys)
		}
		key = s.newAccessKey(account, owner)
		return tx.InsertAccessKey(ctx, key.row)
	})
	if err != nil {
		return NewAccessKey{}, err
	}
	return key.shown(user), nil
}

// ReplaceRootAccessKeys makes an access key of the account's root in place of
// all that it has in the database, for an account whose keys are lost.
func (s *Identities) ReplaceRootAccessKeys(ctx context.Context, account string) (NewAccessKey, error) {
	var key madeKey
	err := s.change(ctx, account, func(ctx context.Context, tx *store.Tx) error {
		lost, err := tx.AccessKeys(ctx, account, account, "", MaxAccessKeys)
		if err != nil {
			return fmt.Errorf("read access keys: %w", err)
		}
		for _, row := range lost {
			if _, err := tx.DeleteAccessKey(ctx, account, account, row.ID); err != nil {
				return fmt.Errorf("delete access key: %w", err)
			}
		}
		key = s.newAccessKey(account, account)
		return tx.InsertAccessKey(ctx, key.row)
	})
	if err != nil {
		return NewAccessKey{}, err
	}
	return key.shown(""), nil
}

// AccessKeys returns a page of a user's access keys, or of the root's.
func (s *Identities) AccessKeys(ctx context.Context, account, user string, p Page) (keys []AccessKeyInfo, next string, err error) {
	owner, err := keyOwner(ctx, s.store, account, user)
	if err != nil {
		return nil, "", err
	}
	rows, next, err := paginate(p, func(k store.AccessKey) string { return k.ID }, func(after string, limit int) ([]store.AccessKey, error) {
		return s.store.AccessKeys(ctx, account, owner, after, limit)
	})
	for _, row := range rows {
		keys = append(keys, AccessKeyInfo{AccessKeyID: row.ID, UserName: user, Active: row.Active, CreatedAt: fromMillis(row.CreatedAt)})
	}
	return keys, next, err
}

// SetAccessKeyActive enables or disables an access key of a user or of root. It
// refuses with NoSuchEntity.
func (s *Identities) SetAccessKeyActive(ctx context.Context, account, user, id string, active bool) error {
	return s.changeKey(ctx, account, user, id, func(ctx context.Context, tx *store.Tx, owner string) (bool, error) {
		return tx.SetAccessKeyActive(ctx, account, owner, id, active)
	})
}

// DeleteAccessKey removes an access key of a user or of root. It refuses with
// NoSuchEntity.
func (s *Identities) DeleteAccessKey(ctx context.Context, account, user, id string) error {
	return s.changeKey(ctx, account, user, id, func(ctx context.Context, tx *store.Tx, owner string) (bool, error) {
		return tx.DeleteAccessKey(ctx, account, owner, id)
	})
}

func (s *Identities) changeKey(ctx context.Context, account, user, id string, do func(ctx context.Context, tx *store.Tx, owner string) (bool, error)) error {
	return s.change(ctx, account, func(ctx context.Context, tx *store.Tx) error {
		owner, err := keyOwner(ctx, tx, account, user)
		if err != nil {
			return err
		}
		found, err := do(ctx, tx, owner)
		if err != nil {
			return fmt.Errorf("change access key: %w", err)
		}
		if !found {
			return keyNotFound(id)
		}
		return nil
	})
}

func keyNotFound(id string) *Error {
	return refuse(CodeNoSuchEntity, "The Access Key with id %s cannot be found", id)
}

// A KeyUse says when a key was last used, in what region, for what service.
type KeyUse struct {
	At              time.Time // the zero time is never
	Region, Service string
}

// KeyUse returns the last use of an account's access key and its user's name,
// which is empty for root. It refuses with NoSuchEntity.
func (s *Identities) KeyUse(ctx context.Context, account, id string) (user string, use KeyUse, err error) {
	row, err := s.store.AccessKey(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && row.Account != account {
		return "", KeyUse{}, keyNotFound(id)
	}
	if err != nil {
		return "", KeyUse{}, fmt.Errorf("look up access key: %w", err)
	}
	if row.OwnerID != account {
		owner, err := s.ByID(ctx, row.OwnerID)
		if err != nil {
			return "", KeyUse{}, err
		}
		user = owner.Name
	}
	if row.Used.At > 0 {
		use = KeyUse{At: fromMillis(row.Used.At), Region: row.Used.Region, Service: row.Used.Service}
	}
	return user, use, nil
}
