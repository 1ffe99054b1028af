package identity

import (
	"context"
	"fmt"

	"github.com/nifuda/nifuda/internal/store"
)

// MaxGroups is how many groups a user may be in.
const MaxGroups = 10

// CreateGroup creates a group. It refuses with EntityAlreadyExists or
// LimitExceeded.
func (s *Identities) CreateGroup(ctx context.Context, account, name, path string) (Entity, error) {
	return s.create(ctx, newEntity{account: account, kind: Group, name: name, path: path}, nil)
}

// Groups returns a page of an account's groups, in the order of their names
// without case.
func (s *Identities) Groups(ctx context.Context, account string, p Page) (groups []Entity, next string, err error) {
	return s.entities(ctx, account, Group, p)
}

// DeleteGroup deletes a group that has nothing any more, or refuses with
// NoSuchEntity or DeleteConflict.
func (s *Identities) DeleteGroup(ctx context.Context, account, name string) error {
	return s.remove(ctx, account, Group, name, func(ctx context.Context, tx *store.Tx, row store.Identity) error {
		members, err := tx.Members(ctx, row.ID, "", 1)
		if err != nil {
			return fmt.Errorf("read members: %w", err)
		}
		if len(members) > 0 {
			return deleteConflict("must remove users from group first.")
		}
		return checkNoPolicies(ctx, tx, row)
	})
}

// AddToGroup puts a user into a group. It refuses with NoSuchEntity or
// LimitExceeded.
func (s *Identities) AddToGroup(ctx context.Context, account, group, user string) error {
	return s.amend(ctx, account, Group, group, func(ctx context.Context, tx *store.Tx, row *store.Identity) error {
		member, err := find(ctx, tx, account, User, user)
		if err != nil {
			return err
		}
		if err := tx.AddMember(ctx, row.ID, member.ID); err != nil {
			return fmt.Errorf("add member: %w", err)
		}
		groups, err := tx.GroupsOf(ctx, member.ID, "", MaxGroups+1)
		if err != nil {
			return fmt.Errorf("read groups: %w", err)
		}
		if len(groups) > MaxGroups {
			return quotaExceeded("GroupsPerUser", MaxGroups)
		}
		return nil
	})
}

// RemoveFromGroup takes a user out of a group, or refuses with NoSuchEntity.
func (s *Identities) RemoveFromGroup(ctx context.Context, account, group, user string) error {
	return s.amend(ctx, account, Group, group, func(ctx context.Context, tx *store.Tx, row *store.Identity) error {
		member, err := find(ctx, tx, account, User, user)
		if err != nil {
			return err
		}
		was, err := tx.RemoveMember(ctx, row.ID, member.ID)
		if err != nil {
			return fmt.Errorf("remove member: %w", err)
		}
		if !was {
			return notFound(User, user)
		}
		return nil
	})
}

// Members returns a group and a page of its users.
func (s *Identities) Members(ctx context.Context, account, group string, p Page) (of Entity, members []Entity, next string, err error) {
	row, err := find(ctx, s.store, account, Group, group)
	if err != nil {
		return Entity{}, nil, "", err
	}
	members, next, err = entitiesByID(p, func(after string, limit int) ([]store.Identity, error) {
		return s.store.Members(ctx, row.ID, after, limit)
	})
	return entityOf(row), members, next, err
}

// GroupsOf returns a page of a user's groups.
func (s *Identities) GroupsOf(ctx context.Context, account, user string, p Page) (groups []Entity, next string, err error) {
	row, err := find(ctx, s.store, account, User, user)
	if err != nil {
		return nil, "", err
	}
	return entitiesByID(p, func(after string, limit int) ([]store.Identity, error) {
		return s.store.GroupsOf(ctx, row.ID, after, limit)
	})
}

func entitiesByID(p Page, read func(after string, limit int) ([]store.Identity, error)) (entities []Entity, next string, err error) {
	rows, next, err := paginate(p, func(row store.Identity) string { return row.ID }, read)
	for _, row := range rows {
		entities = append(entities, entityOf(row))
	}
	return entities, next, err
}
