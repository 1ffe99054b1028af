// Package authn finds out who is calling.
//
// It knows the three kinds of proof that a caller of the registry can bring: an
// AWS Signature Version 4 on an API call ([Verifier]), a login on a call of the
// distribution API ([Logins]), which is a token that GetAuthorizationToken
// issued ([Tokens]) or an access key, and the signed URL that
// GetDownloadUrlForLayer issued ([Downloads]). Each ends in an [iam.Principal]
// or in a set of claims; what the caller may do is not decided here. Nothing is
// stored: tokens and URLs carry their claims under keys of a [Keyring], and a
// token is worth no more than the access key that it names is at the time.
package authn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
)

// ErrUnknownKey is what a [Keys] answers for an access key that it does not have.
var ErrUnknownKey = errors.New("unknown access key")

// An AccessKey is what signs API calls in the name of a principal.
type AccessKey struct {
	// Secret is the secret access key.
	Secret string
	// SessionToken is what a request must carry beside the signature when the
	// key is temporary; empty for a lasting key, which must come without one.
	SessionToken string
	// Expires ends a temporary key; the zero time means never.
	Expires time.Time
	// Principal is the caller that the key stands for.
	Principal iam.Principal
}

// String keeps the secrets out of every print.
func (k AccessKey) String() string { return "access key of " + k.Principal.ARN }

// GoString does the same for %#v.
func (k AccessKey) GoString() string { return k.String() }

// LogValue does the same for a log.
func (k AccessKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Keys finds access keys. Any implementation must be safe for concurrent use.
type Keys interface {
	// Lookup returns the key with an access key id, [ErrUnknownKey], or the
	// error that kept it from looking.
	Lookup(ctx context.Context, accessKeyID string) (AccessKey, error)
}

// lookup returns an access key and its principal with the key's id.
func lookup(ctx context.Context, keys Keys, id string) (AccessKey, error) {
	key, err := keys.Lookup(ctx, id)
	if err != nil {
		return AccessKey{}, fmt.Errorf("look up access key: %w", err)
	}
	key.Principal.AccessKeyID = id
	return key, nil
}

// StaticKeys are access keys by their id that never change while the server runs.
type StaticKeys map[string]AccessKey

// Lookup implements [Keys].
func (k StaticKeys) Lookup(_ context.Context, accessKeyID string) (AccessKey, error) {
	key, ok := k[accessKeyID]
	if !ok {
		return AccessKey{}, ErrUnknownKey
	}
	return key, nil
}

// An Identity is the outcome of a verified API call.
type Identity struct {
	Principal   iam.Principal
	AccessKeyID string
	// Region is the one of the credential scope: the region that the call means.
	Region string
	// Service is the signing name of the credential scope, for example ecr.
	Service string
	// Expires ends a temporary access key; the zero time means never.
	Expires time.Time
}
