// Package webidentity verifies tokens of foreign OpenID Connect providers: of
// CI services, Kubernetes clusters and the like, whose jobs prove who they are
// without a secret that we would have to hand out.
//
// A [Verifier] takes a signed JWT (RFC 7519) and the [Provider] that an account
// trusts, gets the provider's keys by its discovery document (OpenID Connect
// Discovery 1.0) or, where no network leads there, from a directory, and
// returns the token's claims. What the claims allow is decided elsewhere.
//
// # What an account's administrator can make the server do
//
// The provider's URL is chosen by whoever may call CreateOpenIDConnectProvider
// in any account, and a token that makes the server ask it can be sent by
// anybody. So the server asks over HTTPS alone, with GET, follows no redirect,
// never asks an address that is loopback (unless the operator names the host),
// link-local (where clouds keep their metadata), multicast or unspecified,
// checking the very address that it connects to; it asks a provider seldom,
// reads little, and tells the caller no more of the outcome than whether it
// worked. Private addresses are allowed, for that is where self-hosted
// providers are; [Options].Hosts limits the hosts.
package webidentity

import (
	"context"
	"crypto/x509"
	"log/slog"
	"time"
)

// A Provider is an OpenID Connect provider as an account trusts it.
type Provider struct {
	// URL is what the tokens carry as iss: https, host and path.
	URL string
	// ClientIDs are the audiences that are accepted; without any none is.
	ClientIDs []string
	// Thumbprints are SHA-1 sums in hexadecimal of certificates that are trust
	// anchors for the provider although no authority known to the system has
	// signed them.
	Thumbprints []string
}

// Options are the settings of a [Verifier]; the zero value is usable.
type Options struct {
	// KeysDir holds files of keys for providers that are not to be asked over
	// the network, see [KeysFile]; empty is none.
	KeysDir string
	// Hosts are the hosts, with stars, that providers may be at. Empty is every
	// host that is not at a loopback address; a host that is named here without
	// a star may be there.
	Hosts []string
	// Roots are the authorities that sign certificates; nil are the system's.
	Roots *x509.CertPool
	// Log takes what went wrong with providers; nil is nowhere.
	Log *slog.Logger
	// Now is the clock; nil is the real one.
	Now func() time.Time
}

// A Verifier verifies tokens and remembers the keys of providers. It is safe
// for concurrent use.
type Verifier struct {
	now  func() time.Time
	keys *keys
}

// New returns a verifier.
func New(o Options) *Verifier {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Verifier{now: o.Now, keys: newKeys(o)}
}

// Verify returns what a token says, if the provider has signed it for one of
// the provider's client ids and its time has come and is not over. Everything
// else is an [*Error] for the caller.
func (v *Verifier) Verify(ctx context.Context, token string, provider Provider) (*Token, error) {
	signed, claims, err := parse(token)
	if err != nil {
		return nil, err
	}
	// Before the keys are asked for: a token of another provider costs nothing.
	if trimSlash(claims.issuer) != trimSlash(provider.URL) {
		return nil, refuse(CodeInvalidIdentityToken, "The issuer of the token, %s, is not the provider's URL.", claims.issuer)
	}
	if err := claims.checkTime(v.now()); err != nil {
		return nil, err
	}
	if err := claims.checkAudience(provider.ClientIDs); err != nil {
		return nil, err
	}
	if err := v.keys.verify(ctx, provider, signed); err != nil {
		return nil, err
	}
	return claims.token(provider.ClientIDs), nil
}
