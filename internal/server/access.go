package server

import (
	"context"
	"errors"
	"strings"

	"github.com/nifuda/nifuda/internal/access"
	"github.com/nifuda/nifuda/internal/audit"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
)

// authorizer returns what decides about every request.
func (s *server) authorizer() auditedAuthorizer {
	people := people{s.identities}
	return auditedAuthorizer{access.New(people, s.registry, people)}
}

// An auditedAuthorizer notes for the audit what it was asked.
type auditedAuthorizer struct{ *access.Authorizer }

// Authorize implements [iam.Authorizer].
func (a auditedAuthorizer) Authorize(ctx context.Context, r iam.Request) error {
	err := a.Authorizer.Authorize(ctx, r)
	audit.Note(ctx, r, err)
	return err
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

// PrincipalExists implements [access.Principals].
func (p people) PrincipalExists(ctx context.Context, arn string) (bool, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return false, nil
	}
	account := parts[4]
	kind, name, _ := strings.Cut(parts[5], "/")
	var found identity.Entity
	var err error
	switch kind {
	case "root":
		_, err = p.identities.Account(ctx, account)
	case "user":
		found, err = p.identities.Find(ctx, account, identity.User, name[strings.LastIndexByte(name, '/')+1:])
	case "role":
		found, err = p.identities.Find(ctx, account, identity.Role, name[strings.LastIndexByte(name, '/')+1:])
	case "assumed-role":
		role, _, _ := strings.Cut(name, "/")
		_, err = p.identities.Find(ctx, account, identity.Role, role)
	default:
		return false, nil
	}
	if identity.IsRefusal(err, identity.CodeNoSuchEntity) {
		return false, nil
	}
	return err == nil && (found.ARN() == arn || kind == "root" || kind == "assumed-role"), err
}
