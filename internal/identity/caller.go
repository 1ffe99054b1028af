package identity

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

// Caller returns what counts for a principal that an access key resolved to:
// its policies and condition keys. It returns [ErrUnknownPrincipal] when the
// user, role or session exists no more. The result is shared and must not be
// changed; what was true before a change that is acknowledged is never
// returned after it.
func (s *Identities) Caller(ctx context.Context, p iam.Principal) (*iam.Caller, error) {
	if p.IsAnonymous() {
		return &iam.Caller{Principal: p}, nil
	}
	kept, fresh, err := recall(ctx, s, s.callers, p)
	if fresh {
		return kept.value, nil
	}
	if err != nil {
		return nil, fmt.Errorf("count the changes of %s: %w", p.Account, err)
	}
	caller, err := keep(ctx, s, s.callers, p, p.Account, func() (*iam.Caller, error) { return s.readCaller(ctx, p) })
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, ErrUnknownKey) {
		return nil, ErrUnknownPrincipal
	}
	if err != nil {
		return nil, fmt.Errorf("read the policies of %s: %w", p.ARN, err)
	}
	return caller, nil
}

func (s *Identities) readCaller(ctx context.Context, p iam.Principal) (*iam.Caller, error) {
	caller := &iam.Caller{Principal: p, Keys: iam.Keys{}}
	setKey(caller.Keys, "aws:PrincipalAccount", p.Account)
	setKey(caller.Keys, "aws:userid", p.UserID)
	setKey(caller.Keys, "aws:PrincipalArn", p.ARN)
	setKey(caller.Keys, "aws:PrincipalIsAWSService", "false")
	if strings.HasPrefix(p.AccessKeyID, temporaryPrefix) {
		return caller, s.readSession(ctx, caller)
	}
	return caller, s.readOwner(ctx, caller, p.UserID)
}

// setKey sets a condition key, which is looked up in lower case.
func setKey(keys iam.Keys, name string, values ...string) { keys[strings.ToLower(name)] = values }

// readSession reads what counts for a session: what counts for its role or
// user, narrowed by the session's policies.
func (s *Identities) readSession(ctx context.Context, caller *iam.Caller) error {
	session, err := s.Session(ctx, caller.Principal.AccessKeyID)
	if err != nil {
		return err
	}
	if session.Account != caller.Principal.Account {
		return ErrUnknownKey
	}
	if err := s.readOwner(ctx, caller, session.OwnerID); err != nil {
		return err
	}
	scope := session.Scope
	for name, values := range scope.Keys { // which say nothing of what is known otherwise
		if _, known := caller.Keys[strings.ToLower(name)]; !known {
			setKey(caller.Keys, name, values...)
		}
	}
	for _, tag := range scope.Tags {
		setKey(caller.Keys, "aws:PrincipalTag/"+tag.Key, tag.Value)
	}
	setKey(caller.Keys, "aws:TokenIssueTime", session.CreatedAt.Format(time.RFC3339))
	setKey(caller.Keys, "aws:MultiFactorAuthPresent", "false")
	if scope.SourceIdentity != "" {
		setKey(caller.Keys, "aws:SourceIdentity", scope.SourceIdentity)
	}
	if scope.Provider != "" {
		setKey(caller.Keys, "aws:FederatedProvider", scope.Provider)
	}
	for i, document := range scope.Policies {
		if err := addPolicy(&caller.Session, "session policy "+strconv.Itoa(i+1), document); err != nil {
			return err
		}
	}
	for _, arn := range scope.PolicyARNs {
		document, err := managedDocument(ctx, s.store, session.Account, arn)
		if IsRefusal(err, CodeNoSuchEntity) {
			// A policy that is gone allows nothing any more, but it still narrows.
			caller.Session = append(caller.Session, iam.NamedPolicy{Name: arn, Document: &iam.Document{Version: iam.Version2012}})
			continue
		}
		if err != nil {
			return err
		}
		if err := addPolicy(&caller.Session, arn, document); err != nil {
			return err
		}
	}
	return nil
}

// readOwner reads what counts for a user, a role, or an account's root.
func (s *Identities) readOwner(ctx context.Context, caller *iam.Caller, id string) error {
	if id == caller.Principal.Account {
		setKey(caller.Keys, "aws:PrincipalType", "Account")
		return nil
	}
	row, err := s.store.IdentityByID(ctx, id)
	if err != nil {
		return err
	}
	if row.Account != caller.Principal.Account {
		return ErrUnknownKey
	}
	switch Kind(row.Kind) {
	case User:
		setKey(caller.Keys, "aws:PrincipalType", "User")
		setKey(caller.Keys, "aws:username", row.Name)
	case Role:
		caller.Role = entityOf(row).ARN()
		setKey(caller.Keys, "aws:PrincipalType", "AssumedRole")
		setKey(caller.Keys, "aws:PrincipalArn", caller.Role)
	}
	return s.readGrants(ctx, caller, row)
}

// PoliciesOf returns what a user, group or role was granted, for its
// simulation: as [Identities.Caller] returns it for its access keys.
func (s *Identities) PoliciesOf(ctx context.Context, e Entity) (*iam.Caller, error) {
	return readUnchanged(ctx, s.store, e.Account, func() (*iam.Caller, error) {
		p := iam.Principal{ARN: e.ARN(), Account: e.Account, UserID: e.ID}
		return s.readCaller(ctx, p)
	})
}

// readGrants reads the policies of a user with those of its groups, or of a
// role; the permissions boundary; and the tags.
func (s *Identities) readGrants(ctx context.Context, caller *iam.Caller, row store.Identity) error {
	holders := []store.Identity{row}
	if Kind(row.Kind) == User {
		groups, err := s.store.GroupsOf(ctx, row.ID, "", MaxGroups)
		if err != nil {
			return err
		}
		holders = append(holders, groups...)
	}
	for _, holder := range holders {
		if err := s.readPolicies(ctx, caller, holder); err != nil {
			return err
		}
	}
	tags, err := s.store.IdentityTags(ctx, row.ID)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		setKey(caller.Keys, "aws:PrincipalTag/"+tag.Key, tag.Value)
	}
	arn, err := s.Boundary(ctx, row.ID)
	if err != nil || arn == "" {
		return err
	}
	document, err := managedDocument(ctx, s.store, row.Account, arn)
	if err != nil {
		return err
	}
	var boundary []iam.NamedPolicy
	if err := addPolicy(&boundary, arn, document); err != nil {
		return err
	}
	caller.Boundary = &boundary[0]
	return nil
}

func (s *Identities) readPolicies(ctx context.Context, caller *iam.Caller, holder store.Identity) error {
	inline, err := s.store.InlinePolicies(ctx, holder.ID, "", allInline)
	if err != nil {
		return err
	}
	for _, p := range inline {
		if err := addPolicy(&caller.Identity, p.Name, p.Document); err != nil {
			return err
		}
	}
	attached, err := s.store.AttachedPolicies(ctx, holder.ID, store.AttachedPolicy, "", MaxAttachedPolicies)
	if err != nil {
		return err
	}
	for _, arn := range attached {
		document, err := managedDocument(ctx, s.store, holder.Account, arn)
		if err != nil {
			return err
		}
		if err := addPolicy(&caller.Identity, arn, document); err != nil {
			return err
		}
	}
	return nil
}

func addPolicy(policies *[]iam.NamedPolicy, name, document string) error {
	parsed, err := parseIdentityPolicy(document)
	if err != nil {
		return fmt.Errorf("policy %s: %w", name, err)
	}
	*policies = append(*policies, iam.NamedPolicy{Name: name, Document: parsed})
	return nil
}
