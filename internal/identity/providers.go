package identity

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/nifuda/nifuda/internal/store"
)

// The most client ids and thumbprints that an OIDC provider may have (IAM user
// guide, "IAM and STS quotas").
const (
	MaxClientIDs   = 100
	MaxThumbprints = 5
)

const httpsScheme = "https://"

// An OIDCProviderInfo is an OpenID Connect provider whose tokens may begin
// sessions of roles. Its name is the provider's URL without https://.
type OIDCProviderInfo struct {
	Entity
	ClientIDs   []string
	Thumbprints []string
	Tags        []Tag
}

// oidcDetail is what only OIDC providers have.
type oidcDetail struct {
	ClientIDs   []string
	Thumbprints []string
}

func (d *oidcDetail) check() error {
	if len(d.ClientIDs) > MaxClientIDs {
		return quotaExceeded("ClientIdsPerOpenIdConnectProvider", MaxClientIDs)
	}
	if len(d.Thumbprints) > MaxThumbprints {
		return refuse(CodeInvalidInput, "Thumbprint list must contain at most %d entries.", MaxThumbprints)
	}
	return nil
}

// A NewOIDCProvider is an OIDC provider to create.
type NewOIDCProvider struct {
	Account     string
	URL         string // https, host and path, as the tokens carry it as iss
	ClientIDs   []string
	Thumbprints []string // SHA-1 of certificates in hexadecimal
	Tags        []Tag
}

// CreateOIDCProvider creates an OIDC provider. Nobody asks it before a token of
// it comes. It refuses with EntityAlreadyExists, LimitExceeded, InvalidInput or
// ValidationError.
func (s *Identities) CreateOIDCProvider(ctx context.Context, n NewOIDCProvider) (OIDCProviderInfo, error) {
	name, err := providerName(n.URL)
	if err != nil {
		return OIDCProviderInfo{}, err
	}
	detail := oidcDetail{ClientIDs: unique(n.ClientIDs), Thumbprints: unique(n.Thumbprints)}
	if err := detail.check(); err != nil {
		return OIDCProviderInfo{}, err
	}
	provider, err := s.create(ctx, newEntity{account: n.Account, kind: OIDCProvider, name: name, detail: detail, tags: n.Tags}, nil)
	return OIDCProviderInfo{Entity: provider, ClientIDs: detail.ClientIDs, Thumbprints: detail.Thumbprints, Tags: n.Tags}, err
}

// providerName returns what a provider is called by its URL. A port is allowed,
// unlike in AWS: providers of one's own often have one.
func providerName(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" ||
		strings.Contains(address, "#") {
		return "", refuse(CodeValidationError, "Invalid Open ID Connect Provider URL")
	}
	// The claims of its tokens are condition keys behind its name, which must not
	// be taken for those of a service: aws:PrincipalAccount says who calls.
	if !strings.ContainsAny(u.Host, ".:") {
		return "", refuse(CodeValidationError, "Invalid Open ID Connect Provider URL: the host %s has neither a domain nor a port", u.Host)
	}
	return strings.TrimSuffix(address[len(httpsScheme):], "/"), nil
}

func unique(values []string) []string {
	kept := []string{}
	for _, v := range values {
		if !slices.Contains(kept, v) {
			kept = append(kept, v)
		}
	}
	return kept
}

// OIDCProviderInfo returns an OIDC provider by ARN, or refuses with NoSuchEntity.
func (s *Identities) OIDCProviderInfo(ctx context.Context, account, arn string) (OIDCProviderInfo, error) {
	row, err := findProvider(ctx, s.store, account, arn)
	if err != nil {
		return OIDCProviderInfo{}, err
	}
	info, err := providerOf(row)
	if err != nil {
		return OIDCProviderInfo{}, err
	}
	if info.Tags, err = s.store.IdentityTags(ctx, row.ID); err != nil {
		return OIDCProviderInfo{}, fmt.Errorf("read tags: %w", err)
	}
	return info, nil
}

func providerOf(row store.Identity) (OIDCProviderInfo, error) {
	detail, err := decodeDetail[oidcDetail](row)
	return OIDCProviderInfo{Entity: entityOf(row), ClientIDs: detail.ClientIDs, Thumbprints: detail.Thumbprints}, err
}

// findProvider returns the row of an account's OIDC provider, or refuses with
// NoSuchEntity, or InvalidInput for what is no ARN of one.
func findProvider(ctx context.Context, r reader, account, arn string) (store.Identity, error) {
	owner, kind, name, ok := ParseEntityARN(arn)
	if !ok || kind != OIDCProvider {
		return store.Identity{}, refuse(CodeInvalidInput, "Invalid ARN: %s", arn)
	}
	if owner != account {
		return store.Identity{}, notFound(OIDCProvider, arn)
	}
	row, err := find(ctx, r, account, OIDCProvider, name)
	if IsRefusal(err, CodeNoSuchEntity) || err == nil && entityOf(row).ARN() != arn {
		return store.Identity{}, notFound(OIDCProvider, arn)
	}
	return row, err
}

// OIDCProviders returns all OIDC providers of an account, in the order of their
// names: there are few.
func (s *Identities) OIDCProviders(ctx context.Context, account string) ([]Entity, error) {
	providers, _, err := s.entities(ctx, account, OIDCProvider, Page{MaxItems: kinds[OIDCProvider].limit})
	return providers, err
}

// AddClientID adds a client id to an OIDC provider that has it not. It refuses
// with NoSuchEntity or LimitExceeded.
func (s *Identities) AddClientID(ctx context.Context, account, arn, clientID string) error {
	return s.amendProvider(ctx, account, arn, func(detail *oidcDetail) {
		detail.ClientIDs = unique(append(detail.ClientIDs, clientID))
	})
}

// RemoveClientID takes a client id from an OIDC provider, if it has it. It
// refuses with NoSuchEntity.
func (s *Identities) RemoveClientID(ctx context.Context, account, arn, clientID string) error {
	return s.amendProvider(ctx, account, arn, func(detail *oidcDetail) {
		detail.ClientIDs = slices.DeleteFunc(detail.ClientIDs, func(id string) bool { return id == clientID })
	})
}

// SetThumbprints replaces the thumbprints of an OIDC provider. It refuses with
// NoSuchEntity or InvalidInput.
func (s *Identities) SetThumbprints(ctx context.Context, account, arn string, thumbprints []string) error {
	return s.amendProvider(ctx, account, arn, func(detail *oidcDetail) { detail.Thumbprints = unique(thumbprints) })
}

func (s *Identities) amendProvider(ctx context.Context, account, arn string, do func(*oidcDetail)) error {
	return s.change(ctx, account, func(ctx context.Context, tx *store.Tx) error {
		row, err := findProvider(ctx, tx, account, arn)
		if err != nil {
			return err
		}
		detail, err := decodeDetail[oidcDetail](row)
		if err != nil {
			return err
		}
		do(&detail)
		if err := detail.check(); err != nil {
			return err
		}
		if row.Detail, err = encodeDetail(detail); err != nil {
			return err
		}
		return tx.UpdateIdentity(ctx, row)
	})
}

// DeleteOIDCProvider deletes an OIDC provider; one that does not exist stays
// away. Sessions that its tokens began go on. It refuses with InvalidInput.
func (s *Identities) DeleteOIDCProvider(ctx context.Context, account, arn string) error {
	return s.change(ctx, account, func(ctx context.Context, tx *store.Tx) error {
		row, err := findProvider(ctx, tx, account, arn)
		if IsRefusal(err, CodeNoSuchEntity) {
			return nil // as IAM: the operation is idempotent
		}
		if err != nil {
			return err
		}
		return tx.DeleteIdentity(ctx, row.ID)
	})
}

// SetOIDCProviderTags adds tags to an OIDC provider or changes their values. It
// refuses with NoSuchEntity, InvalidInput or LimitExceeded.
func (s *Identities) SetOIDCProviderTags(ctx context.Context, account, arn string, tags []Tag) error {
	row, err := findProvider(ctx, s.store, account, arn)
	if err != nil {
		return err
	}
	return s.SetTags(ctx, account, OIDCProvider, row.Name, tags)
}

// RemoveOIDCProviderTags takes tags from an OIDC provider. It refuses with
// NoSuchEntity.
func (s *Identities) RemoveOIDCProviderTags(ctx context.Context, account, arn string, keys []string) error {
	row, err := findProvider(ctx, s.store, account, arn)
	if err != nil {
		return err
	}
	return s.RemoveTags(ctx, account, OIDCProvider, row.Name, keys)
}

// PageOfOIDCProviderTags returns a page of the tags of an OIDC provider. It
// refuses with NoSuchEntity.
func (s *Identities) PageOfOIDCProviderTags(ctx context.Context, account, arn string, p Page) (tags []Tag, next string, err error) {
	row, err := findProvider(ctx, s.store, account, arn)
	if err != nil {
		return nil, "", err
	}
	return s.PageOfTags(ctx, account, OIDCProvider, row.Name, p)
}
