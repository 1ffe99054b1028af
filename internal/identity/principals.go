package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

// FindPrincipal reports whether a principal that a resource policy names exists,
// in any account: an account's root, a user or a role, by ARN or unique id, a
// session of a role, whose role must exist, or a federated user, whose account
// must. It returns the unique id of a user or role that is named by its ARN, and
// of a session the one that the caller has; the others have no other name.
func (s *Identities) FindPrincipal(ctx context.Context, principal string) (id string, exists bool, err error) {
	parts := strings.SplitN(principal, ":", 6)
	if len(parts) != 6 {
		row, err := s.store.IdentityByID(ctx, principal)
		return found("", row.Kind == string(User) || row.Kind == string(Role), err)
	}
	account := parts[4]
	kind, name, _ := strings.Cut(parts[5], "/")
	switch kind {
	case "root", "federated-user":
		_, err := s.store.Account(ctx, account)
		return found("", true, err)
	case "assumed-role":
		role, session, _ := strings.Cut(name, "/")
		row, err := s.store.Identity(ctx, account, string(Role), keyOf(role))
		return found(row.ID+":"+session, row.Name == role, err)
	case string(User), string(Role):
		last := name[strings.LastIndexByte(name, '/')+1:]
		row, err := s.store.Identity(ctx, account, kind, keyOf(last))
		return found(row.ID, row.Path+row.Name == "/"+name, err)
	}
	return "", false, nil
}

// found is what a look-up says: whether there is a row, and the right one.
func found(id string, right bool, err error) (string, bool, error) {
	if errors.Is(err, store.ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("look up principal: %w", err)
	}
	if !right {
		id = ""
	}
	return id, right, nil
}

// pin returns the unique ids of the principals that a trust policy names, and
// refuses one that names a principal of ours that does not exist.
func (s *Identities) pin(ctx context.Context, d *iam.Document) (iam.Pins, error) {
	pins, missing, err := d.Pin(func(arn string) (string, bool, error) { return s.FindPrincipal(ctx, arn) })
	if err == nil && missing != "" {
		err = refuse(CodeMalformedPolicyDocument, "Invalid principal in policy: %q:%q", iam.AWS, missing)
	}
	return pins, err
}
