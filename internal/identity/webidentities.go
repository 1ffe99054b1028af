package identity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/webidentity"
)

const actionAssumeRoleWithWebIdentity = "sts:AssumeRoleWithWebIdentity"

// A WebIdentitySession is what the bearer of a token is told who begins a
// session of a role with it.
type WebIdentitySession struct {
	BegunSession
	// Subject and Issuer are the claims sub and iss; Audience is the client id
	// that the token was accepted for.
	Subject, Audience, Issuer string
}

// AssumeRoleWithWebIdentity begins a session of a role for the bearer of a token
// of an OIDC provider of the role's account, if the role's trust policy allows
// that. The claims are condition keys there, as in the session: <issuer>:sub and
// so on, the issuer without https://. It refuses with InvalidIdentityToken,
// ExpiredTokenException, IDPRejectedClaim or IDPCommunicationError; with
// AccessDenied, also when there is no such role; or as [Identities.AssumeRole].
func (s *Identities) AssumeRoleWithWebIdentity(ctx context.Context, token string, n RoleSession) (WebIdentitySession, error) {
	account, kind, _, ok := ParseEntityARN(n.RoleARN)
	if !ok || kind != Role {
		return WebIdentitySession{}, refuse(CodeValidationError, "%s is invalid", n.RoleARN)
	}
	provider, err := s.issuerOf(ctx, account, token)
	if err != nil {
		return WebIdentitySession{}, err
	}
	verified, err := s.tokens.Verify(ctx, token, webidentity.Provider{
		URL: httpsScheme + provider.Name, ClientIDs: provider.ClientIDs, Thumbprints: provider.Thumbprints,
	})
	if err != nil {
		return WebIdentitySession{}, asRefusal(err)
	}
	claims := iam.Keys{}
	for name, values := range verified.Claims {
		setKey(claims, provider.Name+":"+name, values...)
	}
	role, err := s.trustedByToken(ctx, provider.ARN(), claims, &n)
	if err != nil {
		return WebIdentitySession{}, err
	}
	if err := s.checkPace(provider.ARN() + " " + verified.Subject); err != nil {
		return WebIdentitySession{}, err
	}
	begun, err := s.BeginRoleSession(ctx, role, n, SessionScope{Provider: provider.ARN(), Keys: claims})
	return WebIdentitySession{
		BegunSession: begun, Subject: verified.Subject, Audience: verified.Audience, Issuer: httpsScheme + provider.Name,
	}, err
}

// issuerOf returns the provider of an account that a token claims to be of.
func (s *Identities) issuerOf(ctx context.Context, account, token string) (OIDCProviderInfo, error) {
	issuer, err := webidentity.Issuer(token)
	if err != nil {
		return OIDCProviderInfo{}, asRefusal(err)
	}
	name, isHTTPS := strings.CutPrefix(issuer, httpsScheme)
	row, err := s.store.Identity(ctx, account, string(OIDCProvider), keyOf(strings.TrimSuffix(name, "/")))
	if !isHTTPS || errors.Is(err, store.ErrNotFound) {
		return OIDCProviderInfo{}, refuse(CodeInvalidIdentityToken, "No OpenIDConnect provider found in your account for %s", issuer)
	}
	if err != nil {
		return OIDCProviderInfo{}, fmt.Errorf("look up OIDC provider: %w", err)
	}
	return providerOf(row)
}

// trustedByToken returns the role, if its trust policy allows the session to
// whom the provider vouches for.
func (s *Identities) trustedByToken(ctx context.Context, provider string, claims iam.Keys, n *RoleSession) (RoleInfo, error) {
	denied := refuse(CodeAccessDenied, "Not authorized to perform %s", actionAssumeRoleWithWebIdentity)
	role, err := s.RoleByARN(ctx, n.RoleARN)
	if IsRefusal(err, CodeNoSuchEntity) {
		return RoleInfo{}, denied
	}
	if err != nil {
		return RoleInfo{}, err
	}
	caller := &iam.Caller{Principal: iam.FederatedPrincipal(provider), Keys: maps.Clone(claims)}
	setKey(caller.Keys, "aws:FederatedProvider", provider)
	decision, err := s.DecideTrust(caller, role, actionAssumeRoleWithWebIdentity, n)
	if err != nil {
		return RoleInfo{}, err
	}
	if decision.Outcome != iam.Allowed {
		return RoleInfo{}, denied
	}
	return role, nil
}

// asRefusal returns a refusal of a token as ours.
func asRefusal(err error) error {
	if refused, ok := errors.AsType[*webidentity.Error](err); ok {
		return &Error{Code: Code(refused.Code), Message: refused.Message}
	}
	return fmt.Errorf("verify web identity token: %w", err)
}
