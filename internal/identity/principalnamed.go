package identity

import (
	"context"
	"strings"

	"github.com/nifuda/nifuda/internal/iam"
)

// PrincipalNamed returns the principal with an ARN, for whoever asks what it may
// do: an account's root, a user, a role, or a session of a role, which need not
// be running and counts as one without session policies. It refuses with
// NoSuchEntity.
func (s *Identities) PrincipalNamed(ctx context.Context, arn string) (iam.Principal, error) {
	if account, ok := strings.CutSuffix(arn, ":root"); ok {
		return s.rootNamed(ctx, arn, account)
	}
	if account, role, ok := parseSessionARN(arn); ok {
		e, err := s.Find(ctx, account, Role, role)
		return iam.Principal{ARN: arn, Account: e.Account, UserID: e.ID}, err
	}
	account, kind, name, ok := ParseEntityARN(arn)
	if !ok || kind != User && kind != Role {
		return iam.Principal{}, principalNotFound(arn)
	}
	e, err := s.Find(ctx, account, kind, name)
	if err == nil && e.ARN() != arn { // of another path, or in another case
		err = principalNotFound(arn)
	}
	return iam.Principal{ARN: arn, Account: e.Account, UserID: e.ID}, err
}

func (s *Identities) rootNamed(ctx context.Context, arn, prefix string) (iam.Principal, error) {
	account := prefix[strings.LastIndexByte(prefix, ':')+1:]
	root := iam.Root("aws", account)
	if root.ARN != arn {
		return iam.Principal{}, principalNotFound(arn)
	}
	_, err := s.Account(ctx, account)
	return root, err
}

// parseSessionARN returns what the ARN of a role's session says.
func parseSessionARN(arn string) (account, role string, ok bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:sts::")
	if !ok {
		return "", "", false
	}
	account, rest, _ = strings.Cut(rest, ":assumed-role/")
	role, session, ok := strings.Cut(rest, "/")
	return account, role, ok && role != "" && session != "" && !strings.Contains(session, "/")
}

func principalNotFound(arn string) *Error {
	return refuse(CodeNoSuchEntity, "The principal %s cannot be found.", arn)
}
