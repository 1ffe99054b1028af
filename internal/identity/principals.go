package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

// PrincipalExists reports whether a principal that a resource policy names
// exists, in any account: an account's root, a user or a role, by ARN or unique
// id, a session of a role, whose role must exist, or a federated user, whose
// account must.
func (s *Identities) PrincipalExists(ctx context.Context, principal string) (bool, error) {
	parts := strings.SplitN(principal, ":", 6)
	if len(parts) != 6 {
		row, err := s.store.IdentityByID(ctx, principal)
		return isFound(row.Kind == string(User) || row.Kind == string(Role), err)
	}
	account := parts[4]
	kind, name, _ := strings.Cut(parts[5], "/")
	switch kind {
	case "root", "federated-user":
		_, err := s.store.Account(ctx, account)
		return isFound(true, err)
	case "assumed-role":
		role, _, _ := strings.Cut(name, "/")
		row, err := s.store.Identity(ctx, account, string(Role), keyOf(role))
		return isFound(row.Name == role, err)
	case string(User), string(Role):
		last := name[strings.LastIndexByte(name, '/')+1:]
		row, err := s.store.Identity(ctx, account, kind, keyOf(last))
		return isFound(row.Path+row.Name == "/"+name, err)
	}
	return false, nil
}

// isFound is what a look-up says: whether there is a row, and the right one.
func isFound(right bool, err error) (bool, error) {
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look up principal: %w", err)
	}
	return right, nil
}

// checkPrincipals refuses a trust policy that names a principal of ours that
// does not exist.
func (s *Identities) checkPrincipals(ctx context.Context, d *iam.Document) error {
	for _, statement := range d.Statements {
		for _, p := range slices.Concat(statement.Principals, statement.NotPrincipals) {
			if p.Type != iam.AWS {
				continue
			}
			exists, err := s.PrincipalExists(ctx, p.Value)
			if err != nil {
				return err
			}
			if !exists {
				return refuse(CodeMalformedPolicyDocument, "Invalid principal in policy: %q:%q", p.Type, p.Value)
			}
		}
	}
	return nil
}
