package server

import (
	"context"
	"errors"
	"time"

	"github.com/nifuda/nifuda/internal/access"
	"github.com/nifuda/nifuda/internal/audit"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
)

// authorizer returns what decides about every request.
func (s *server) authorizer() auditedAuthorizer {
	people := people{s.identities}
	return auditedAuthorizer{access.New(people, s.registry, s.identities)}
}

// An auditedAuthorizer notes for the audit what it was asked.
type auditedAuthorizer struct{ *access.Authorizer }

// Authorize implements [iam.Authorizer].
func (a auditedAuthorizer) Authorize(ctx context.Context, r iam.Request) error {
	err := a.Authorizer.Authorize(ctx, r)
	audit.Note(ctx, r, err)
	return err
}

// session describes the session that a principal is, for the audit. It is called
// when the request is over, which must not keep it from looking.
func (s *server) session(p iam.Principal) (audit.Session, bool) {
	caller, err := s.identities.Caller(context.Background(), p)
	if err != nil {
		return audit.Session{}, false // the record goes without
	}
	session := audit.Session{Role: caller.Role}
	if issued := caller.Keys["aws:tokenissuetime"]; len(issued) == 1 {
		session.Created, _ = time.Parse(time.RFC3339, issued[0])
	}
	return session, true
}

// people are the identities as decisions see them.
type people struct{ identities *identity.Identities }

// Caller implements [access.Callers].
func (p people) Caller(ctx context.Context, principal iam.Principal) (*iam.Caller, error) {
	caller, err := p.identities.Caller(ctx, principal)
	if errors.Is(err, identity.ErrUnknownPrincipal) {
		return nil, access.ErrUnknownCaller
	}
	return caller, err
}
