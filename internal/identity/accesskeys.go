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

func (s *Identities) keyState(ctx context.Context, id string) (keyState, error) {
	kept, ok := s.keys.shard(id).Peek(id)
	account := kept.account
	if !ok {
		if !validKeyID(id) {
			return keyState{}, ErrUnknownKey
		}
		var err error
		if account, err = s.accountOfKey(ctx, id); err != nil {
			return keyState{}, err
		}
	}
	return remember(ctx, s, s.keys, id, account, func() (keyState, error) { return s.readKey(ctx, id) })
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

func (s *Identities) readKey(ctx context.Context, id string) (keyState, error) {
	if strings.HasPrefix(id, temporaryPrefix) {
		return s.readSessionKey(ctx, id)
	}
	row, err := s.store.AccessKey(ctx, id)
	if err != nil {
		return keyState{}, orUnknownKey(err)
	}
	if !row.Active {
		return keyState{disabled: true}, nil
	}
	principal, err := s.ownerPrincipal(ctx, row.Account, row.OwnerID)
	if err != nil {
		return keyState{}, err
	}
	principal.AccessKeyID = id
	secret, err := s.open(id, row.Secret)
	if err != nil {
		return keyState{}, err
	}
	return keyState{AccessKey: AccessKey{Secret: secret, Principal: principal}}, nil
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
