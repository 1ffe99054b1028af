package kms

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nifuda/nifuda/internal/iam"
)

// A Use is what somebody wants to do with a key.
type Use struct {
	Principal iam.Principal
	Action    string
	Key       Reference
	// Via is the service that makes the request for the principal, see
	// [ECRService]; empty is the principal itself.
	Via string
	// Context is the encryption context.
	Context map[string]string
	// Grant is what is to be granted, with [iam.CreateGrant].
	Grant *Terms
}

// Question is what an authorizer is to be asked before a key is used: the key's
// policy counts, the identity's where that leaves it to its account, and the
// key's grants.
func (s *Service) Question(u Use) iam.Request {
	return iam.Request{
		Principal: u.Principal, Action: u.Action, Resource: u.Key.Resource(), ResourceAccount: u.Key.Account,
		Keys:    u.conditions,
		Granted: func(ctx context.Context) (bool, error) { return s.granted(ctx, u) },
	}
}

// conditions are the condition keys of a use (service authorization reference,
// "Condition keys for AWS Key Management Service").
func (u Use) conditions() iam.Keys {
	keys := iam.Keys{}
	if u.Principal.Account != "" {
		keys["kms:calleraccount"] = []string{u.Principal.Account}
	}
	if u.Via != "" {
		keys["kms:viaservice"] = []string{u.Via}
		keys["aws:viaawsservice"] = []string{"true"}
	}
	if u.Key.Alias != "" {
		keys["kms:requestalias"] = []string{u.Key.Alias}
	}
	for key, value := range u.Context {
		keys.Add("kms:EncryptionContext:"+key, value)
	}
	if len(u.Context) > 0 {
		keys["kms:encryptioncontextkeys"] = slices.Sorted(maps.Keys(u.Context))
	}
	u.addGrantConditions(keys)
	return keys
}

func (u Use) addGrantConditions(keys iam.Keys) {
	switch u.Action {
	case iam.CreateGrant, iam.ListGrants, iam.RevokeGrant:
		keys["kms:grantisforawsresource"] = []string{strconv.FormatBool(u.Via != "")}
	}
	if u.Grant == nil {
		return
	}
	keys["kms:grantoperations"] = u.Grant.Operations
	keys["kms:granteeprincipal"] = []string{u.Grant.Grantee}
	if u.Grant.Retiring != "" {
		keys["kms:retiringprincipal"] = []string{u.Grant.Retiring}
	}
	if u.Grant.Equals != nil {
		keys.Add("kms:GrantConstraintType", "EncryptionContextEquals")
	}
	if u.Grant.Subset != nil {
		keys.Add("kms:GrantConstraintType", "EncryptionContextSubset")
	}
}

// granted reports whether a grant lets somebody use a key.
func (s *Service) granted(ctx context.Context, u Use) (bool, error) {
	operation := strings.TrimPrefix(u.Action, "kms:")
	if u.Key.IsMissing() || !slices.Contains(grantable, operation) {
		return false, nil
	}
	grantees, err := s.namesOf(ctx, u.Principal)
	if err != nil {
		return false, err
	}
	for _, grantee := range grantees {
		found, err := s.findGrant(ctx, u.Key.KeyID, grantee, func(g Grant) bool {
			return u.Principal.HasID(g.GranteeID) && g.allows(operation, u.Context) && (u.Grant == nil || g.allowsGrant(*u.Grant))
		})
		if err != nil || found {
			return found, err
		}
	}
	return false, nil
}

// namesOf returns what grants may call a principal: its ARN, and its role's.
func (s *Service) namesOf(ctx context.Context, p iam.Principal) ([]string, error) {
	role, err := s.roleOf(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("find role of %s: %w", p.ARN, err)
	}
	if role == "" || role == p.ARN {
		return []string{p.ARN}, nil
	}
	return []string{p.ARN, role}, nil
}

// findGrant reports whether a key has a grant to somebody that is wanted.
func (s *Service) findGrant(ctx context.Context, id KeyID, grantee string, wanted func(Grant) bool) (bool, error) {
	after := ""
	for {
		rows, err := s.store.KMSGrantsTo(ctx, id.ID, grantee, after, maxLimit)
		if err != nil {
			return false, fmt.Errorf("list grants: %w", err)
		}
		for _, row := range rows {
			grant, err := grantOf(id, row)
			if err != nil {
				return false, err
			}
			if wanted(grant) {
				return true, nil
			}
		}
		if len(rows) < maxLimit {
			return false, nil
		}
		after = rows[len(rows)-1].ID
	}
}

// MayRetire reports whether a grant lets somebody retire it: its retiring
// principal, its grantee if that is among the operations, and the root of the
// account of its key. Policies can deny that, but not allow it to others.
func (s *Service) MayRetire(ctx context.Context, p iam.Principal, g Grant) (bool, error) {
	if p.IsRoot() && p.Account == g.Key.Account {
		return true, nil
	}
	names, err := s.namesOf(ctx, p)
	if err != nil {
		return false, err
	}
	return slices.Contains(names, g.Retiring) && g.Retiring != "" && p.HasID(g.RetiringID) ||
		slices.Contains(names, g.Grantee) && p.HasID(g.GranteeID) && slices.Contains(g.Operations, "RetireGrant"), nil
}

// A Delegate is a service that uses a key in its own name, by grants.
type Delegate struct {
	keys      *Service
	principal iam.Principal
	grants    []string
}

// AsService returns the delegate of a service, given as [ECRService] names it,
// by grants that it has, given by their ids.
func (s *Service) AsService(host string, grants ...string) *Delegate {
	return &Delegate{s, iam.ServicePrincipal(host), grants}
}

// GenerateDataKey is [Service.GenerateDataKey] for the delegate. It also refuses
// with [CodeAccessDenied].
func (d *Delegate) GenerateDataKey(ctx context.Context, id KeyID, size int, encryptionContext map[string]string) (DataKey, error) {
	key, err := d.usable(ctx, id, encryptionContext, iam.GenerateDataKey)
	if err != nil {
		return DataKey{}, err
	}
	return d.keys.dataKey(ctx, key, size, encryptionContext)
}

// Decrypt is [Service.Decrypt] for the delegate. It also refuses with
// [CodeAccessDenied].
func (d *Delegate) Decrypt(ctx context.Context, id KeyID, ciphertext []byte, encryptionContext map[string]string) (Opened, error) {
	key, err := d.usable(ctx, id, encryptionContext, iam.Decrypt)
	if err != nil {
		return Opened{}, err
	}
	return d.keys.decrypt(ctx, key, ciphertext, encryptionContext)
}

// Check refuses what would keep the delegate from making data keys and from
// decrypting now.
func (d *Delegate) Check(ctx context.Context, id KeyID, encryptionContext map[string]string) error {
	_, err := d.usable(ctx, id, encryptionContext, iam.GenerateDataKey, iam.Decrypt)
	return err
}

// Version counts what could take from anyone the use of a key that they had: two
// equal ones say that nothing did between them. While such a change is under way
// it is not settled, and says nothing. It refuses with [CodeNotFound].
func (s *Service) Version(ctx context.Context, id KeyID) (version int64, settled bool, err error) {
	version, settled, err = s.states.version(ctx, id.ID)
	return version, settled, orKeyNotFound(err, id)
}

// usable returns a key that is enabled and with which the delegate may take
// actions.
func (d *Delegate) usable(ctx context.Context, id KeyID, encryptionContext map[string]string, actions ...string) (*state, error) {
	key, err := d.keys.usable(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, action := range actions {
		use := Use{Principal: d.principal, Action: action, Key: Reference{KeyID: id}, Via: d.principal.ARN, Context: encryptionContext}
		if err := d.authorize(ctx, key, use); err != nil {
			return nil, err
		}
	}
	return key, nil
}

// authorize decides by the key's policy and grants alone, which are all that
// count for a service.
func (d *Delegate) authorize(ctx context.Context, key *state, u Use) error {
	granted, err := d.granted(ctx, key, u)
	if err != nil {
		return err
	}
	request := iam.Request{Principal: d.principal, Action: u.Action, Resource: u.Key.ARN(), ResourceAccount: u.Key.Account}
	decision := iam.Evaluate(iam.Query{
		Caller: &iam.Caller{Principal: d.principal}, Action: u.Action, Resource: request.Resource, ResourceAccount: u.Key.Account,
		ResourcePolicies: key.target.Policies, Trust: true, Granted: granted, ResourceKeys: key.target.Keys, RequestKeys: u.conditions(),
	})
	if decision.Outcome != iam.Allowed {
		return refuse(CodeAccessDenied, "%s", (&iam.DeniedError{Request: request, Reason: decision.Reason}).Error())
	}
	return nil
}

// granted reports whether one of the delegate's grants allows a use.
func (d *Delegate) granted(ctx context.Context, key *state, u Use) (bool, error) {
	for _, id := range d.grants {
		grant, err := d.keys.heldGrant(ctx, key, u.Key.KeyID, id)
		if IsRefusal(err, CodeInvalidGrantID) {
			continue // revoked
		}
		if err != nil {
			return false, err
		}
		if grant.Grantee == d.principal.ARN && grant.allows(strings.TrimPrefix(u.Action, "kms:"), u.Context) {
			return true, nil
		}
	}
	return false, nil
}
