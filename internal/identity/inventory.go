package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nifuda/nifuda/internal/store"
)

// An InventoryKind says what an inventory of an account lists.
type InventoryKind string

// What there is, in the order of the list: users, groups, roles, the account's
// own managed policies, and those of AWS that it uses.
const (
	InventoryUsers       InventoryKind = InventoryKind(User)
	InventoryGroups      InventoryKind = InventoryKind(Group)
	InventoryRoles       InventoryKind = InventoryKind(Role)
	InventoryPolicies    InventoryKind = InventoryKind(Policy)
	InventoryAWSPolicies InventoryKind = "aws"
)

var inventoryOrder = []InventoryKind{InventoryUsers, InventoryGroups, InventoryRoles, InventoryPolicies, InventoryAWSPolicies}

// inventoryPage is how many entities a page has at most: each may come with a
// dozen of documents.
const inventoryPage = 100

// Inventory returns a page of all entities of an account of some kinds; none are
// all. A page may hold less than it could.
func (s *Identities) Inventory(ctx context.Context, account string, of []InventoryKind, p Page) (entities []Entity, next string, err error) {
	key := func(e Entity) string {
		if e.Account == awsAccount {
			return string(InventoryAWSPolicies) + " " + keyOf(e.Name)
		}
		return string(e.Kind) + " " + keyOf(e.Name)
	}
	p.MaxItems = min(p.size(), inventoryPage)
	all, next, err := paginate(p, key, func(after string, limit int) (found []Entity, err error) {
		from, name, _ := strings.Cut(after, " ")
		for _, kind := range inventoryOrder[max(0, slices.Index(inventoryOrder, InventoryKind(from))):] {
			if string(kind) != from {
				name = ""
			}
			if len(of) > 0 && !slices.Contains(of, kind) || len(found) == limit {
				continue
			}
			some, err := s.inventoryOf(ctx, account, kind, name, limit-len(found))
			if err != nil {
				return nil, err
			}
			found = append(found, some...)
		}
		return found, nil
	})
	if err != nil {
		return nil, "", err
	}
	for _, e := range all {
		used := true
		if e.Account == awsAccount {
			if used, err = s.isUsed(ctx, account, e.ARN()); err != nil {
				return nil, "", err
			}
		}
		if used {
			entities = append(entities, e)
		}
	}
	return entities, next, nil
}

func (s *Identities) inventoryOf(ctx context.Context, account string, kind InventoryKind, after string, limit int) (found []Entity, err error) {
	if kind == InventoryAWSPolicies {
		for _, p := range policiesOfAWS("", after, limit) {
			found = append(found, p.Entity)
		}
		return found, nil
	}
	rows, err := s.store.Identities(ctx, store.PageOfIdentities{Account: account, Kind: string(kind), After: after, PathTo: afterASCII, Limit: limit})
	for _, row := range rows {
		found = append(found, entityOf(row))
	}
	return found, err
}

func (s *Identities) isUsed(ctx context.Context, account, arn string) (bool, error) {
	for _, usage := range []PolicyUsage{PermissionsPolicy, PermissionsBoundary} {
		n, err := s.store.CountPolicyHolders(ctx, account, arn, usage, 1)
		if err != nil {
			return false, fmt.Errorf("count attachments: %w", err)
		}
		if n > 0 {
			return true, nil
		}
	}
	return false, nil
}

// An InlinePolicy is a policy that is part of a user, group or role.
type InlinePolicy = store.InlinePolicy

// A Grant is what a user, group or role was granted itself.
type Grant struct {
	Inline   []InlinePolicy
	Attached []AttachedPolicy
	Groups   []Entity // of a user
}

// GrantOf returns what a user, group or role was granted itself. Of one that is
// gone it is nothing.
func (s *Identities) GrantOf(ctx context.Context, e Entity) (g Grant, err error) {
	if g.Inline, err = s.store.InlinePolicies(ctx, e.ID, "", allInline); err != nil {
		return Grant{}, fmt.Errorf("read inline policies: %w", err)
	}
	g.Attached, _, err = s.AttachedPolicies(ctx, e.Account, e.Kind, e.Name, Page{})
	if err != nil && !IsRefusal(err, CodeNoSuchEntity) {
		return Grant{}, err
	}
	if e.Kind != User {
		return g, nil
	}
	groups, err := s.store.GroupsOf(ctx, e.ID, "", MaxGroups)
	if err != nil {
		return Grant{}, fmt.Errorf("read groups: %w", err)
	}
	for _, row := range groups {
		g.Groups = append(g.Groups, entityOf(row))
	}
	return g, nil
}
