package kms

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// maxGrants is how many grants a key may have.
const maxGrants = 50_000

// Terms are what a grant grants.
type Terms struct {
	// Grantee may take the operations: an ARN, or the host name of a service.
	Grantee string `json:"-"`
	// Name tells grants apart; empty is none.
	Name string `json:"-"`
	// Retiring may retire the grant; empty is nobody.
	Retiring string `json:",omitempty"`
	// GranteeID and RetiringID are their unique ids; empty where they have none.
	GranteeID, RetiringID string `json:",omitempty"`
	// Operations are the names of the actions without their prefix.
	Operations []string
	// Equals and Subset are what the encryption context of cryptographic
	// operations must be or contain; nil asks for nothing.
	Equals map[string]string `json:",omitempty"`
	Subset map[string]string `json:",omitempty"`
	// Issuer is who made the grant.
	Issuer string `json:",omitempty"`
}

// A Grant lets somebody use a key whatever its policy says, except for what it
// denies.
type Grant struct {
	Key KeyID
	ID  string // 64 hexadecimal digits
	Terms
	CreatedAt time.Time
}

// Token is what stands for the grant in a request before everyone knows of it,
// which is at once here.
func (g Grant) Token() string {
	return base64.RawURLEncoding.EncodeToString([]byte(tokenPrefix + g.ID))
}

const tokenPrefix = "nifuda grant 1 "

func grantOf(id KeyID, row store.KMSGrant) (Grant, error) {
	g := Grant{Key: id, ID: row.ID, CreatedAt: fromMillis(row.CreatedAt)}
	if err := json.Unmarshal([]byte(row.Detail), &g.Terms); err != nil {
		return Grant{}, fmt.Errorf("decode grant %s: %w", row.ID, err)
	}
	g.Grantee, g.Name = row.Grantee, row.Name
	return g, nil
}

// grantable are the operations of grants that a symmetric key has.
var grantable = []string{
	"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo",
	"CreateGrant", "RetireGrant", "DescribeKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
}

// unconstrained are those of them that have no encryption context.
var unconstrained = []string{"CreateGrant", "RetireGrant", "DescribeKey"}

// CheckTerms refuses, with [CodeValidation], what no grant of a symmetric key can
// say.
func CheckTerms(t Terms) error {
	if len(t.Operations) == 0 {
		return refuse(CodeValidation, "1 validation error detected: Value '[]' at 'operations' failed to satisfy constraint: Member must not be empty")
	}
	for _, operation := range t.Operations {
		if !slices.Contains(grantable, operation) {
			return refuse(CodeValidation, "Grant operation %s is not supported for keys with the usage ENCRYPT_DECRYPT.", operation)
		}
	}
	return nil
}

// CreateGrant lets somebody use a key. A grant of the same name and terms is
// returned instead of a second one. It refuses with [CodeValidation],
// [CodeLimitExceeded], [CodeNotFound], [CodeDisabled] or [CodeInvalidState].
func (s *Service) CreateGrant(ctx context.Context, id KeyID, terms Terms) (Grant, error) {
	if err := CheckTerms(terms); err != nil {
		return Grant{}, err
	}
	detail, err := json.Marshal(terms)
	if err != nil {
		return Grant{}, fmt.Errorf("encode grant: %w", err)
	}
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	row := store.KMSGrant{
		ID: hex.EncodeToString(random), KeyID: id.ID, Grantee: terms.Grantee, Name: terms.Name, Detail: string(detail), CreatedAt: s.millis(),
	}
	var grant Grant
	err = s.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		key, err := s.lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := checkUsable(key, id); err != nil {
			return err
		}
		same, found, err := sameGrant(ctx, tx, id, terms)
		if err != nil || found {
			grant = same
			return err
		}
		if key.Grants >= maxGrants {
			return refuse(CodeLimitExceeded, "%s has %d grants, which is the limit.", id.ARN(), maxGrants)
		}
		grant = Grant{Key: id, ID: row.ID, Terms: terms, CreatedAt: fromMillis(row.CreatedAt)}
		return tx.InsertKMSGrant(ctx, row)
	})
	return grant, err
}

// sameGrant returns the grant of the same name and terms, if there is a name and
// a grant.
func sameGrant(ctx context.Context, tx *store.Tx, id KeyID, terms Terms) (g Grant, found bool, err error) {
	if terms.Name == "" {
		return g, false, nil
	}
	after := ""
	for {
		rows, err := tx.KMSGrantsNamed(ctx, id.ID, terms.Name, after, maxLimit)
		if err != nil {
			return g, false, fmt.Errorf("list grants: %w", err)
		}
		for _, row := range rows {
			if g, err = grantOf(id, row); err != nil {
				return g, false, err
			}
			if g.Terms.same(terms) {
				return g, true, nil
			}
		}
		if len(rows) < maxLimit {
			return g, false, nil
		}
		after = rows[len(rows)-1].ID
	}
}

// same reports whether two grants grant the same, whoever made them.
func (t Terms) same(other Terms) bool {
	t.Issuer, other.Issuer = "", ""
	t.Operations, other.Operations = slices.Sorted(slices.Values(t.Operations)), slices.Sorted(slices.Values(other.Operations))
	return reflect.DeepEqual(t, other)
}

// allows reports whether the terms cover an operation under an encryption
// context.
func (t Terms) allows(operation string, encryptionContext map[string]string) bool {
	if !slices.Contains(t.Operations, operation) {
		return false
	}
	if slices.Contains(unconstrained, operation) {
		return true
	}
	return (t.Equals == nil || maps.Equal(t.Equals, encryptionContext)) && contains(encryptionContext, t.Subset)
}

// allowsGrant reports whether somebody who has the terms may grant others: no
// operation more, and under no fewer constraints.
func (t Terms) allowsGrant(other Terms) bool {
	for _, operation := range other.Operations {
		if !slices.Contains(t.Operations, operation) {
			return false
		}
	}
	if t.Equals != nil {
		return maps.Equal(t.Equals, other.Equals) && other.Equals != nil
	}
	return len(t.Subset) == 0 || contains(other.Subset, t.Subset) || contains(other.Equals, t.Subset)
}

// contains reports whether all pairs of part are in whole.
func contains(whole, part map[string]string) bool {
	for key, value := range part {
		if have, ok := whole[key]; !ok || have != value {
			return false
		}
	}
	return true
}

// Grant returns a grant of a key, or refuses with [CodeInvalidGrantID].
func (s *Service) Grant(ctx context.Context, id KeyID, grantID string) (Grant, error) {
	row, err := s.store.KMSGrant(ctx, grantID)
	if errors.Is(err, store.ErrNotFound) || err == nil && row.KeyID != id.ID {
		return Grant{}, invalidGrantID(grantID, id)
	}
	if err != nil {
		return Grant{}, fmt.Errorf("read grant: %w", err)
	}
	return grantOf(id, row)
}

func invalidGrantID(grantID string, id KeyID) *Error {
	return refuse(CodeInvalidGrantID, "Grant ID %s is not found for key %s", grantID, id.ARN())
}

// GrantOfToken returns the grant of a token, or refuses with
// [CodeInvalidGrantToken].
func (s *Service) GrantOfToken(ctx context.Context, token string) (Grant, error) {
	grantID, ok := parseToken(token)
	if !ok {
		return Grant{}, invalidGrantToken()
	}
	row, err := s.store.KMSGrant(ctx, grantID)
	if errors.Is(err, store.ErrNotFound) {
		return Grant{}, invalidGrantToken()
	}
	if err != nil {
		return Grant{}, fmt.Errorf("read grant: %w", err)
	}
	key, err := s.store.KMSKey(ctx, row.KeyID)
	if errors.Is(err, store.ErrNotFound) {
		return Grant{}, invalidGrantToken()
	}
	if err != nil {
		return Grant{}, fmt.Errorf("read key: %w", err)
	}
	return grantOf(keyOf(key).KeyID, row)
}

func invalidGrantToken() *Error { return refuse(CodeInvalidGrantToken, "Invalid grant token.") }

func parseToken(token string) (grantID string, ok bool) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(text) != len(tokenPrefix)+64 || string(text[:len(tokenPrefix)]) != tokenPrefix {
		return "", false
	}
	return string(text[len(tokenPrefix):]), true
}

// CheckTokens refuses, with [CodeInvalidGrantToken], what is no grant token. One
// of a grant that has ended is as good as none.
func CheckTokens(tokens []string) error {
	for _, token := range tokens {
		if _, ok := parseToken(token); !ok {
			return invalidGrantToken()
		}
	}
	return nil
}

// RemoveGrant ends a grant, for whoever revokes or retires it. It refuses with
// [CodeNotFound] or [CodeInvalidGrantID].
func (s *Service) RemoveGrant(ctx context.Context, id KeyID, grantID string) error {
	defer s.states.change(id.ID)()
	return s.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		if _, err := s.lock(ctx, tx, id); err != nil {
			return err
		}
		was, err := tx.DeleteKMSGrant(ctx, id.ID, grantID)
		if err != nil {
			return fmt.Errorf("delete grant: %w", err)
		}
		if !was {
			return invalidGrantID(grantID, id)
		}
		return tx.CountKMSKeyChange(ctx, id.ID)
	})
}

// heldGrant is Grant for who asks often: the answer is remembered for as long as
// no grant of the key ends.
func (s *Service) heldGrant(ctx context.Context, key *state, id KeyID, grantID string) (Grant, error) {
	if kept, ok := s.states.grants.Get(grantID); ok && kept.version == key.version && kept.grant.Key == id {
		return kept.grant, nil
	}
	grant, err := s.Grant(ctx, id, grantID)
	if err == nil && key.version != unsettled {
		s.states.grants.Add(grantID, keptGrant{key.version, grant})
	}
	return grant, err
}

// A GrantFilter narrows a list of grants; what is empty narrows nothing.
type GrantFilter struct{ ID, Grantee string }

// Grants returns a page of a key's grants. It refuses with [CodeNotFound], or
// [CodeInvalidGrantID] for the id of no grant.
func (s *Service) Grants(ctx context.Context, id KeyID, f GrantFilter, p Page) (grants []Grant, next string, err error) {
	if _, err := s.state(ctx, id); err != nil {
		return nil, "", err
	}
	if f.ID != "" {
		grant, err := s.Grant(ctx, id, f.ID)
		if err != nil || f.Grantee != "" && grant.Grantee != f.Grantee {
			return nil, "", err
		}
		return []Grant{grant}, "", nil
	}
	rows, next, err := paginate(p, func(row store.KMSGrant) string { return row.ID }, func(after string, limit int) ([]store.KMSGrant, error) {
		if f.Grantee != "" {
			return s.store.KMSGrantsTo(ctx, id.ID, f.Grantee, after, limit)
		}
		return s.store.KMSGrants(ctx, id.ID, after, limit)
	})
	if err != nil {
		return nil, "", err
	}
	for _, row := range rows {
		grant, err := grantOf(id, row)
		if err != nil {
			return nil, "", err
		}
		grants = append(grants, grant)
	}
	return grants, next, nil
}
