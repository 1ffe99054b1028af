package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

// A NewSession is what temporary credentials are to be issued for. Whether they
// may be is decided before.
type NewSession struct {
	Account string
	// OwnerID is the id of the role or user, or the account for its root.
	OwnerID string
	// Duration is how long the credentials are good.
	Duration time.Duration
	Scope    SessionScope
}

// A SessionScope is what distinguishes a session from its role or user.
type SessionScope struct {
	// Name is the session's name; empty for a user's or root's own session.
	Name string `json:",omitempty"`
	// Policies are the documents of the session policies, and PolicyARNs the
	// managed ones among them; both empty narrow nothing.
	Policies   []string `json:",omitempty"`
	PolicyARNs []string `json:",omitempty"`
	// Tags go before the role's own of the same key.
	Tags []Tag `json:",omitempty"`
	// TransitiveTagKeys are the keys of the tags that a session begun from this
	// one inherits.
	TransitiveTagKeys []string `json:",omitempty"`
	SourceIdentity    string   `json:",omitempty"`
	// Provider is the ARN of the OIDC provider of a web identity; empty for others.
	Provider string `json:",omitempty"`
	// Keys are further condition keys, such as a web identity's claims.
	Keys iam.Keys `json:",omitempty"`
}

// Credentials are temporary ones, at the one time that their secret is shown.
type Credentials struct {
	AccessKeyID, Secret, SessionToken string
	Expires                           time.Time
}

// String keeps the secrets out of every print.
func (c Credentials) String() string { return "credentials " + c.AccessKeyID }

// GoString does the same for %#v.
func (c Credentials) GoString() string { return c.String() }

// LogValue does the same for a log.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// StartSession issues temporary credentials.
func (s *Identities) StartSession(ctx context.Context, n NewSession) (Credentials, error) {
	return s.startSession(ctx, n, func(context.Context, *store.Tx) error { return nil })
}

// startSession is StartSession, with something else in its transaction.
func (s *Identities) startSession(ctx context.Context, n NewSession, also func(context.Context, *store.Tx) error) (Credentials, error) {
	detail, err := json.Marshal(n.Scope)
	if err != nil {
		return Credentials{}, fmt.Errorf("encode session: %w", err)
	}
	now := s.now().Truncate(time.Second)
	expires := now.Add(n.Duration).UTC()
	id, secret := newID(temporaryPrefix, 16), newSecret()
	row := store.Session{
		AccessKeyID: id, Account: n.Account, OwnerID: n.OwnerID, Detail: string(detail),
		Secret: s.sealSecret(id, secret), CreatedAt: now.UnixMilli(), ExpiresAt: expires.UnixMilli(),
	}
	// Nothing that is remembered says that there is no such session: no change
	// of the account needs to be counted.
	err = s.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		if err := also(ctx, tx); err != nil {
			return err
		}
		return tx.InsertSession(ctx, row)
	})
	if err != nil {
		return Credentials{}, fmt.Errorf("insert session: %w", err)
	}
	return Credentials{AccessKeyID: id, Secret: secret, SessionToken: s.sessionToken(id), Expires: expires}, nil
}

// A Session is what is behind temporary credentials.
type Session struct {
	AccessKeyID string
	Account     string
	OwnerID     string
	CreatedAt   time.Time
	Expires     time.Time
	Scope       SessionScope
}

// Session returns the session of a temporary access key, or [ErrUnknownKey].
func (s *Identities) Session(ctx context.Context, accessKeyID string) (Session, error) {
	row, err := s.store.Session(ctx, accessKeyID)
	if err != nil {
		return Session{}, orUnknownKey(err)
	}
	session := Session{
		AccessKeyID: row.AccessKeyID, Account: row.Account, OwnerID: row.OwnerID,
		CreatedAt: fromMillis(row.CreatedAt), Expires: fromMillis(row.ExpiresAt),
	}
	if err := json.Unmarshal([]byte(row.Detail), &session.Scope); err != nil {
		return Session{}, fmt.Errorf("decode session: %w", err)
	}
	return session, nil
}

func (s *Identities) readSessionKey(ctx context.Context, id string) (*keyState, error) {
	row, err := s.store.Session(ctx, id)
	if err != nil {
		return nil, orUnknownKey(err)
	}
	session, err := s.Session(ctx, id)
	if err != nil {
		return nil, err
	}
	principal, err := s.ownerPrincipal(ctx, session.Account, session.OwnerID)
	if err != nil {
		return nil, err
	}
	if session.Scope.Name != "" {
		if principal, err = s.rolePrincipal(ctx, session); err != nil {
			return nil, err
		}
	}
	principal.AccessKeyID = id
	secret, err := s.open(id, row.Secret)
	if err != nil {
		return nil, err
	}
	return &keyState{AccessKey: AccessKey{
		Secret: secret, SessionToken: s.sessionToken(id), Expires: session.Expires, Principal: principal,
	}}, nil
}

func (s *Identities) rolePrincipal(ctx context.Context, session Session) (iam.Principal, error) {
	role, err := s.store.IdentityByID(ctx, session.OwnerID)
	if err != nil {
		return iam.Principal{}, orUnknownKey(err)
	}
	return SessionPrincipal(entityOf(role), session.Scope.Name), nil
}

// SessionPrincipal returns the principal of a role's session.
func SessionPrincipal(role Entity, session string) iam.Principal {
	return iam.Principal{
		ARN:     "arn:aws:sts::" + role.Account + ":assumed-role/" + role.Name + "/" + session,
		Account: role.Account,
		UserID:  role.ID + ":" + session,
	}
}
