package server

import (
	"context"
	"errors"
	"time"

	"github.com/nifuda/nifuda/internal/access"
	"github.com/nifuda/nifuda/internal/audit"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/trace"
)

// authorizer returns what decides about every request.
func (s *server) authorizer() auditedAuthorizer {
	return auditedAuthorizer{access.New(people{s.identities}, targets{s.registry, s.kms}, s.identities)}
}

// targets are the repositories and the keys as decisions see them.
type targets struct{ repositories, keys access.Targets }

// Target implements [access.Targets].
func (t targets) Target(ctx context.Context, action, resource string) (*iam.Target, error) {
	if iam.IsKeyARN(resource) {
		return t.keys.Target(ctx, action, resource)
	}
	return t.repositories.Target(ctx, action, resource)
}

// roleOf returns the ARN of the role that a principal is a session of, empty for
// others.
func (s *server) roleOf(ctx context.Context, p iam.Principal) (string, error) {
	caller, err := s.identities.Caller(ctx, p)
	if errors.Is(err, identity.ErrUnknownPrincipal) {
		return "", nil // nothing is allowed to nobody
	}
	if err != nil {
		return "", err
	}
	return caller.Role, nil
}

// An auditedAuthorizer notes for the audit what it was asked.
type auditedAuthorizer struct{ *access.Authorizer }

// Authorize implements [iam.Authorizer].
func (a auditedAuthorizer) Authorize(ctx context.Context, r iam.Request) error {
	ctx, span := trace.Start(ctx, "authorize")
	defer span.End()
	err := a.Authorizer.Authorize(ctx, r)
	span.Text("nifuda.action", r.Action)
	if _, denied := errors.AsType[*iam.DeniedError](err); !denied {
		span.Fail(err)
	}
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
