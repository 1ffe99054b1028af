// Package identity keeps who there is and what they were granted: accounts,
// their users, groups, roles, managed policies and OIDC providers, the access
// keys that users prove themselves with, and the sessions of roles.
//
// It answers the two questions of every request: whose key is this
// ([Identities.AccessKey]), for package authn, and what counts for that caller
// ([Identities.Caller]), for the decisions of package iam. It knows no HTTP and
// decides nothing itself: who may change identities is asked by the fronts.
//
// Every change of an account's identities is one transaction that first counts
// it in the account's row. So changes of an account come one after the other,
// what a change checks stays true until it is made, and what the answers are
// remembered by is never older than a change that was acknowledged, on any node.
package identity

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/webidentity"
)

// Options are what identities take from the process that keeps them.
type Options struct {
	// SealingKey seals the secrets of access keys (32 bytes, AES-256-GCM).
	SealingKey []byte
	// SessionTokenKey makes the session tokens of temporary credentials.
	SessionTokenKey []byte
	// DefaultAccount exists from the start: 12 digits.
	DefaultAccount string
	// Tokens verifies the tokens of OIDC providers; nil is one without settings.
	Tokens *webidentity.Verifier
	// Now is the clock; nil is the system's.
	Now func() time.Time
	// Log takes what fails in the background; nil discards.
	Log *slog.Logger
}

// Identities are the identities of all accounts of an installation. They are
// safe for concurrent use.
type Identities struct {
	store           *store.Store
	now             func() time.Time
	log             *slog.Logger
	seal            cipher.AEAD
	sessionTokenKey []byte
	tokens          *webidentity.Verifier
	versions        *versions
	keys            *cache[string, *keyState]
	callers         *cache[iam.Principal, *iam.Caller]
	uses            uses
	begun           *pace // sessions
}

// These many keys and callers are remembered.
const (
	rememberedKeys    = 16384
	rememberedCallers = 4096
)

// New returns the identities that a store has, and makes the default account if
// it is not there.
func New(ctx context.Context, s *store.Store, o Options) (*Identities, error) {
	block, err := aes.NewCipher(o.SealingKey)
	if err != nil {
		return nil, fmt.Errorf("sealing key: %w", err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("sealing key: %w", err)
	}
	if len(o.SessionTokenKey) == 0 {
		return nil, errors.New("there is no key for session tokens")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Tokens == nil {
		o.Tokens = webidentity.New(webidentity.Options{Now: o.Now, Log: o.Log})
	}
	i := &Identities{
		store: s, tokens: o.Tokens, now: o.Now, log: o.Log, seal: seal, sessionTokenKey: o.SessionTokenKey,
		versions: newVersions(s), begun: newPace(),
		keys:    newCache[string, *keyState](rememberedKeys),
		callers: newCache[iam.Principal, *iam.Caller](rememberedCallers),
	}
	if err := i.ensureAccount(ctx, o.DefaultAccount); err != nil {
		return nil, fmt.Errorf("default account: %w", err)
	}
	return i, nil
}

// CheckSealing makes sure that a stored secret opens under the sealing key, if
// there is one.
func (s *Identities) CheckSealing(ctx context.Context) error {
	row, err := s.store.AnyAccessKey(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find an access key: %w", err)
	}
	_, err = s.open(row.ID, row.Secret)
	return err
}

// change runs do in a transaction that changes an account's identities, after
// all earlier ones of that account. do may run more than once and must set its
// results afresh each time. It must change nothing of another account.
func (s *Identities) change(ctx context.Context, account string, do func(ctx context.Context, tx *store.Tx) error) error {
	defer s.versions.change(account)()
	return s.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		exists, err := tx.CountChange(ctx, account)
		if err != nil {
			return fmt.Errorf("count change of account: %w", err)
		}
		if !exists {
			return accountNotFound(account)
		}
		return do(ctx, tx)
	})
}

func (s *Identities) millis() int64 { return s.now().UnixMilli() }

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
