package kms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// maxAliases is how many aliases a key may have.
const maxAliases = 50

// An Alias is a name of a key.
type Alias struct {
	Place
	Name                 string // alias/…
	Key                  KeyID
	CreatedAt, UpdatedAt time.Time
}

// ARN names the alias.
func (a Alias) ARN() string { return a.AliasARN(a.Name) }

func aliasOf(row store.KMSAlias) Alias {
	at := Place{row.Account, row.Region}
	return Alias{at, row.Name, KeyID{at, row.KeyID}, fromMillis(row.CreatedAt), fromMillis(row.UpdatedAt)}
}

// CheckAliasName refuses, with [CodeInvalidAliasName] or [CodeNotAuthorized],
// names that customers may not give.
func CheckAliasName(name string) error {
	switch {
	case strings.HasPrefix(name, reservedPrefix) || name == strings.TrimSuffix(reservedPrefix, "/"):
		return refuse(CodeNotAuthorized, "The alias prefix %s is reserved for AWS managed keys.", reservedPrefix)
	case !aliasName.MatchString(name):
		return refuse(CodeInvalidAliasName, "Invalid alias name '%s': it must begin with %s.", name, aliasPrefix)
	}
	return nil
}

// CreateAlias gives a key another name. It refuses with [CodeAlreadyExists],
// [CodeLimitExceeded] or as [Service.SetDescription] does.
func (s *Service) CreateAlias(ctx context.Context, id KeyID, name string) error {
	if err := CheckAliasName(name); err != nil {
		return err
	}
	_, err := s.manage(ctx, id, func(ctx context.Context, tx *store.Tx, _ *store.KMSKey) error {
		if err := checkAliases(ctx, tx, id); err != nil {
			return err
		}
		now := s.millis()
		row := store.KMSAlias{Account: id.Account, Region: id.Region, Name: name, KeyID: id.ID, CreatedAt: now, UpdatedAt: now}
		isNew, err := tx.InsertKMSAlias(ctx, row)
		if err == nil && !isNew {
			return refuse(CodeAlreadyExists, "An alias with the name %s already exists", id.AliasARN(name))
		}
		return err
	})
	return err
}

func checkAliases(ctx context.Context, tx *store.Tx, id KeyID) error {
	aliases, err := tx.KMSAliasesOf(ctx, id.ID, "", maxAliases)
	if err != nil {
		return fmt.Errorf("list aliases: %w", err)
	}
	if len(aliases) >= maxAliases {
		return refuse(CodeLimitExceeded, "%s has %d aliases, which is the limit.", id.ARN(), maxAliases)
	}
	return nil
}

// Alias returns an alias, or refuses with [CodeNotFound].
func (s *Service) Alias(ctx context.Context, at Place, name string) (Alias, error) {
	row, err := s.store.KMSAlias(ctx, at.Account, at.Region, name)
	if errors.Is(err, store.ErrNotFound) {
		return Alias{}, Reference{KeyID{Place: at}, name}.Missing()
	}
	if err != nil {
		return Alias{}, fmt.Errorf("read alias: %w", err)
	}
	return aliasOf(row), nil
}

// MoveAlias lets an alias mean another key of the same place. It refuses with
// [CodeNotFound] when the alias no longer means what is given.
func (s *Service) MoveAlias(ctx context.Context, alias Alias, to KeyID) error {
	if to.Place != alias.Place {
		return keyNotFound(to)
	}
	defer s.states.change(alias.Key.ID)()
	_, err := s.manage(ctx, to, func(ctx context.Context, tx *store.Tx, _ *store.KMSKey) error {
		if to != alias.Key {
			if err := checkAliases(ctx, tx, to); err != nil {
				return err
			}
		}
		row := store.KMSAlias{Account: alias.Account, Region: alias.Region, Name: alias.Name, KeyID: to.ID, UpdatedAt: s.millis()}
		moved, err := tx.MoveKMSAlias(ctx, row, alias.Key.ID)
		if err != nil {
			return fmt.Errorf("move alias: %w", err)
		}
		if !moved {
			return Reference{KeyID{Place: alias.Place}, alias.Name}.Missing()
		}
		return tx.CountKMSKeyChange(ctx, alias.Key.ID)
	})
	return err
}

// DeleteAlias takes a name from its key. It refuses with [CodeNotFound] when the
// alias no longer means what is given.
func (s *Service) DeleteAlias(ctx context.Context, alias Alias) error {
	_, err := s.change(ctx, alias.Key, func(ctx context.Context, tx *store.Tx, _ *store.KMSKey) error {
		was, err := tx.DeleteKMSAlias(ctx, store.KMSAlias{Account: alias.Account, Region: alias.Region, Name: alias.Name, KeyID: alias.Key.ID})
		if err != nil {
			return fmt.Errorf("delete alias: %w", err)
		}
		if !was {
			return Reference{KeyID{Place: alias.Place}, alias.Name}.Missing()
		}
		return nil
	})
	return err
}

// Aliases returns a page of the aliases at a place.
func (s *Service) Aliases(ctx context.Context, at Place, p Page) (aliases []Alias, next string, err error) {
	return s.pageOfAliases(p, func(after string, limit int) ([]store.KMSAlias, error) {
		return s.store.KMSAliases(ctx, at.Account, at.Region, after, limit)
	})
}

// AliasesOf returns a page of a key's aliases.
func (s *Service) AliasesOf(ctx context.Context, id KeyID, p Page) (aliases []Alias, next string, err error) {
	if _, err := s.state(ctx, id); err != nil {
		return nil, "", err
	}
	return s.pageOfAliases(p, func(after string, limit int) ([]store.KMSAlias, error) {
		return s.store.KMSAliasesOf(ctx, id.ID, after, limit)
	})
}

func (s *Service) pageOfAliases(p Page, read func(after string, limit int) ([]store.KMSAlias, error)) (aliases []Alias, next string, err error) {
	rows, next, err := paginate(p, func(row store.KMSAlias) string { return row.Name }, read)
	for _, row := range rows {
		aliases = append(aliases, aliasOf(row))
	}
	return aliases, next, err
}
