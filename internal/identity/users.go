package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// A UserInfo is a user as it is shown.
type UserInfo struct {
	Entity
	// Boundary is the ARN of the permissions boundary; empty is none.
	Boundary string
	Tags     []Tag
	// PasswordUsedAt is when the password was last used; the zero time is never.
	PasswordUsedAt time.Time
}

// A NewUser is a user to create.
type NewUser struct {
	Account, Name string
	Path          string // empty is "/"
	Boundary      string // ARN of a managed policy; empty is none
	Tags          []Tag
}

// CreateUser creates a user. It refuses with EntityAlreadyExists,
// LimitExceeded, InvalidInput, or NoSuchEntity for the boundary.
func (s *Identities) CreateUser(ctx context.Context, n NewUser) (UserInfo, error) {
	user, err := s.create(ctx, newEntity{account: n.Account, kind: User, name: n.Name, path: n.Path, tags: n.Tags},
		func(ctx context.Context, tx *store.Tx, row store.Identity) error {
			if n.Boundary == "" {
				return nil
			}
			return putBoundary(ctx, tx, row, n.Boundary)
		})
	return UserInfo{Entity: user, Boundary: n.Boundary, Tags: n.Tags}, err
}

// UserInfo returns a user by name, or refuses with NoSuchEntity.
func (s *Identities) UserInfo(ctx context.Context, account, name string) (UserInfo, error) {
	row, err := find(ctx, s.store, account, User, name)
	if err != nil {
		return UserInfo{}, err
	}
	info := UserInfo{Entity: entityOf(row)}
	if info.Boundary, err = s.Boundary(ctx, row.ID); err != nil {
		return UserInfo{}, err
	}
	if info.Tags, err = s.store.IdentityTags(ctx, row.ID); err != nil {
		return UserInfo{}, fmt.Errorf("read tags: %w", err)
	}
	profile, err := s.store.LoginProfile(ctx, row.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return UserInfo{}, fmt.Errorf("read login profile: %w", err)
	}
	if profile.UsedAt > 0 {
		info.PasswordUsedAt = fromMillis(profile.UsedAt)
	}
	return info, nil
}

// ByID returns the entity of a unique id, or refuses with NoSuchEntity.
func (s *Identities) ByID(ctx context.Context, id string) (Entity, error) {
	row, err := s.store.IdentityByID(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Entity{}, refuse(CodeNoSuchEntity, "The entity with id %s cannot be found.", id)
	}
	return entityOf(row), err
}

// Users returns a page of an account's users, in the order of their names
// without case.
func (s *Identities) Users(ctx context.Context, account string, p Page) (users []Entity, next string, err error) {
	return s.entities(ctx, account, User, p)
}

func (s *Identities) entities(ctx context.Context, account string, kind Kind, p Page) (entities []Entity, next string, err error) {
	rows, next, err := s.rows(ctx, account, kind, p)
	for _, row := range rows {
		entities = append(entities, entityOf(row))
	}
	return entities, next, err
}

// Rename gives a user or group another name and path; empty ones stay. What it
// has, it keeps. It refuses with NoSuchEntity or EntityAlreadyExists.
func (s *Identities) Rename(ctx context.Context, account string, kind Kind, name, newName, newPath string) error {
	return s.amend(ctx, account, kind, name, func(_ context.Context, _ *store.Tx, row *store.Identity) error {
		if newName != "" {
			row.Name = newName
		}
		if newPath != "" {
			row.Path = newPath
		}
		return nil
	})
}

// DeleteUser deletes a user that has nothing any more, or refuses with
// NoSuchEntity or DeleteConflict. Its sessions end.
func (s *Identities) DeleteUser(ctx context.Context, account, name string) error {
	return s.remove(ctx, account, User, name, func(ctx context.Context, tx *store.Tx, row store.Identity) error {
		keys, err := tx.AccessKeys(ctx, account, row.ID, "", 1)
		if err != nil {
			return fmt.Errorf("read access keys: %w", err)
		}
		if len(keys) > 0 {
			return deleteConflict("must delete access keys first.")
		}
		groups, err := tx.GroupsOf(ctx, row.ID, "", 1)
		if err != nil {
			return fmt.Errorf("read groups: %w", err)
		}
		if len(groups) > 0 {
			return deleteConflict("must remove users from group first.")
		}
		if _, err := tx.LoginProfile(ctx, row.ID); err == nil {
			return deleteConflict("must delete login profile first.")
		} else if !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("read login profile: %w", err)
		}
		return checkNoPolicies(ctx, tx, row)
	})
}

// SetBoundary makes a managed policy the permissions boundary of a user or role;
// an empty ARN removes it.
func (s *Identities) SetBoundary(ctx context.Context, account string, kind Kind, name, policyARN string) error {
	return s.amend(ctx, account, kind, name, func(ctx context.Context, tx *store.Tx, row *store.Identity) error {
		if err := checkModifiable(*row); err != nil {
			return err
		}
		if err := removeBoundary(ctx, tx, row.ID); err != nil || policyARN == "" {
			return err
		}
		return putBoundary(ctx, tx, *row, policyARN)
	})
}
