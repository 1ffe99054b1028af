package server

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/credentials"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
)

// accessKeys are the keys of all who can call: the root of the default account,
// whose key is in the environment or a file, and everyone in the database.
type accessKeys struct {
	root       authn.StaticKeys
	identities *identity.Identities
}

func (s *server) keys(root credentials.RootKey) authn.Keys {
	principal := iam.Root(iam.Partition(s.Config.Region), s.Config.Account)
	principal.AccessKeyID = root.AccessKeyID
	return accessKeys{authn.StaticKeys{root.AccessKeyID: {Secret: root.SecretAccessKey, Principal: principal}}, s.identities}
}

// Lookup implements [authn.Keys]. Whether a session is over is looked at by
// whoever asks, and a key that is disabled is as good as none.
func (k accessKeys) Lookup(ctx context.Context, id string) (authn.AccessKey, error) {
	if key, err := k.root.Lookup(ctx, id); err == nil {
		return key, nil
	}
	key, err := k.identities.AccessKey(ctx, id)
	if errors.Is(err, identity.ErrUnknownKey) || errors.Is(err, identity.ErrDisabledKey) {
		return authn.AccessKey{}, authn.ErrUnknownKey
	}
	if err != nil && !errors.Is(err, identity.ErrExpiredKey) {
		return authn.AccessKey{}, err
	}
	return authn.AccessKey{Secret: key.Secret, SessionToken: key.SessionToken, Expires: key.Expires, Principal: key.Principal}, nil
}

// verifier checks the signatures of calls to services, slows down who guesses,
// and notes which keys are used.
func (s *server) verifier(keys authn.Keys, services ...string) notingVerifier {
	return notingVerifier{s.guard.Verifier(authn.NewVerifier(keys, time.Now, services...)), s.identities}
}

// A notingVerifier notes the use of the keys that prove themselves.
type notingVerifier struct {
	*authn.GuardedVerifier
	identities *identity.Identities
}

// Verify is that of [authn.GuardedVerifier].
func (v notingVerifier) Verify(ctx context.Context, r *http.Request, body []byte) (authn.Identity, error) {
	who, err := v.GuardedVerifier.Verify(ctx, r, body)
	if err == nil {
		v.identities.NoteUse(who.AccessKeyID, who.Region, who.Service)
	}
	return who, err
}

// logins finds out who holds a login, slows down who guesses, and notes which
// keys are used.
func (s *server) logins(tokens *authn.Tokens, keys authn.Keys) notingLogins {
	return notingLogins{s.guard.Logins(authn.NewLogins(tokens, keys)), s}
}

// notingLogins note the use of the keys behind logins, for ecr.
type notingLogins struct {
	*authn.GuardedLogins
	server *server
}

// Login is that of [authn.GuardedLogins].
func (l notingLogins) Login(r *http.Request) (authn.Login, error) {
	login, err := l.GuardedLogins.Login(r)
	return l.note(login, err)
}

// Password is that of [authn.GuardedLogins].
func (l notingLogins) Password(ctx context.Context, user, password string) (authn.Login, error) {
	login, err := l.GuardedLogins.Password(ctx, user, password)
	return l.note(login, err)
}

func (l notingLogins) note(login authn.Login, err error) (authn.Login, error) {
	if err == nil && login.AccessKeyID != "" {
		l.server.identities.NoteUse(login.AccessKeyID, cmp.Or(login.Region, l.server.Config.Region), "ecr")
	}
	return login, err
}
