package kms

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

// A Manager says whose a key is.
type Manager string

// The managers, in the words of the API.
const (
	// Customer keys are made and managed by those who use them.
	Customer Manager = "CUSTOMER"
	// AWS keys are made when a service first needs them, and managed by nobody.
	AWS Manager = "AWS"
)

// A State says what a key can be used for.
type State string

// The states, in the words of the API.
const (
	Enabled         State = "Enabled"
	Disabled        State = "Disabled"
	PendingDeletion State = "PendingDeletion"
)

// A Key is what the API calls a key's metadata, and its rotation.
type Key struct {
	KeyID
	Manager     Manager
	State       State
	Description string
	// MaterialID names what the key encrypts with now.
	MaterialID string
	CreatedAt  time.Time
	// DeletesAt is when it will be deleted; zero is never.
	DeletesAt      time.Time
	DeletionWindow int // days
	// RotatesAt is when it gets new material; zero is never.
	RotatesAt    time.Time
	RotationDays int
}

func keyOf(row store.KMSKey) Key {
	return Key{
		KeyID:   KeyID{Place{row.Account, row.Region}, row.ID},
		Manager: Manager(row.Manager), State: State(row.State), Description: row.Description,
		MaterialID: materialID{row.ID, row.Version}.text(), CreatedAt: fromMillis(row.CreatedAt),
		DeletesAt: fromMillis(row.DeletesAt), DeletionWindow: int(row.DeletionWindow),
		RotatesAt: fromMillis(row.RotatesAt), RotationDays: int(row.RotationDays),
	}
}

// The periods of automatic rotation, in days.
const (
	DefaultRotationDays = 365
	minRotationDays     = 90
	maxRotationDays     = 2560
)

const day = 24 * time.Hour

// A NewKey is a key to create.
type NewKey struct {
	Place
	Description string
	// Policy is a valid one; empty is the default policy.
	Policy string
	// Principals are the ids of those whom it names.
	Principals iam.Pins
	Tags       []Tag
}

// CreateKey makes a key of a customer. It refuses with [CodeTag],
// [CodeMalformedPolicy] or [CodeLimitExceeded].
func (s *Service) CreateKey(ctx context.Context, n NewKey) (Key, error) {
	if n.Policy == "" {
		n.Policy = DefaultPolicy(n.Place)
	} else if _, err := ParsePolicy(n.Policy); err != nil {
		return Key{}, err
	}
	tags, err := mergeTags(nil, n.Tags)
	if err != nil {
		return Key{}, err
	}
	row := store.KMSKey{
		Account: n.Account, Region: n.Region, Manager: string(Customer), State: string(Enabled),
		Description: n.Description, Policy: n.Policy, Principals: n.Principals.Text(), RotationDays: DefaultRotationDays,
	}
	return s.insert(ctx, row, func(ctx context.Context, tx *store.Tx, row store.KMSKey) error {
		for _, tag := range tags {
			if err := tx.PutKMSTag(ctx, row.ID, tag); err != nil {
				return fmt.Errorf("put tag: %w", err)
			}
		}
		return nil
	})
}

// insert adds a key with its first material, and what also adds.
func (s *Service) insert(ctx context.Context, row store.KMSKey, also func(context.Context, *store.Tx, store.KMSKey) error) (Key, error) {
	row.ID, row.Version, row.CreatedAt = uuid.NewString(), 1, s.millis()
	material, err := s.newMaterial(ctx, materialID{row.ID, row.Version})
	if err != nil {
		return Key{}, err
	}
	err = s.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.InsertKMSKey(ctx, row); err != nil {
			return fmt.Errorf("insert key: %w", err)
		}
		if err := tx.InsertKMSMaterial(ctx, material); err != nil {
			return fmt.Errorf("insert key material: %w", err)
		}
		return also(ctx, tx, row)
	})
	return keyOf(row), err
}

// Describe returns a key, or refuses with [CodeNotFound].
func (s *Service) Describe(ctx context.Context, id KeyID) (Key, error) {
	state, err := s.state(ctx, id)
	if err != nil {
		return Key{}, err
	}
	return keyOf(state.row), nil
}

// Check refuses a key that cannot be used now, with [CodeNotFound],
// [CodeDisabled] or [CodeInvalidState].
func (s *Service) Check(ctx context.Context, id KeyID) error {
	_, err := s.usable(ctx, id)
	return err
}

// Keys returns a page of the keys at a place.
func (s *Service) Keys(ctx context.Context, at Place, p Page) (keys []KeyID, next string, err error) {
	rows, next, err := paginate(p, func(row store.KMSKey) string { return row.ID }, func(after string, limit int) ([]store.KMSKey, error) {
		return s.store.KMSKeys(ctx, at.Account, at.Region, after, limit)
	})
	for _, row := range rows {
		keys = append(keys, KeyID{at, row.ID})
	}
	return keys, next, err
}

// manage is change for what customers do with their own keys. It refuses with
// [CodeAccessDenied] for the others, whose policies allow none of it either, and
// with [CodeInvalidState] while the key is pending deletion.
func (s *Service) manage(ctx context.Context, id KeyID, do func(ctx context.Context, tx *store.Tx, key *store.KMSKey) error) (Key, error) {
	return s.change(ctx, id, func(ctx context.Context, tx *store.Tx, key *store.KMSKey) error {
		if err := checkManageable(*key, id); err != nil {
			return err
		}
		return do(ctx, tx, key)
	})
}

func checkManageable(key store.KMSKey, id KeyID) error {
	if Manager(key.Manager) == AWS {
		return refuse(CodeAccessDenied, "%s is managed by AWS.", id.ARN())
	}
	if State(key.State) == PendingDeletion {
		return pendingDeletion(id)
	}
	return nil
}

// SetDescription replaces a key's description.
func (s *Service) SetDescription(ctx context.Context, id KeyID, description string) error {
	_, err := s.manage(ctx, id, func(_ context.Context, _ *store.Tx, key *store.KMSKey) error {
		key.Description = description
		return nil
	})
	return err
}

// Enable lets a key be used.
func (s *Service) Enable(ctx context.Context, id KeyID) error { return s.setState(ctx, id, Enabled) }

// Disable keeps a key from being used. Whoever asks after it has returned is
// refused.
func (s *Service) Disable(ctx context.Context, id KeyID) error { return s.setState(ctx, id, Disabled) }

func (s *Service) setState(ctx context.Context, id KeyID, to State) error {
	_, err := s.manage(ctx, id, func(_ context.Context, _ *store.Tx, key *store.KMSKey) error {
		key.State = string(to)
		return nil
	})
	return err
}

// The days between the schedule of a deletion and the deletion.
const (
	DefaultDeletionDays = 30
	minDeletionDays     = 7
	maxDeletionDays     = 30
)

// ScheduleDeletion keeps a key from being used and lets it be deleted, with all
// material, after so many days. What it encrypted is lost then.
func (s *Service) ScheduleDeletion(ctx context.Context, id KeyID, days int) (Key, error) {
	if days < minDeletionDays || days > maxDeletionDays {
		return Key{}, refuse(CodeValidation, "PendingWindowInDays must be between %d and %d days, inclusive", minDeletionDays, maxDeletionDays)
	}
	return s.manage(ctx, id, func(_ context.Context, _ *store.Tx, key *store.KMSKey) error {
		key.State, key.DeletionWindow = string(PendingDeletion), int64(days)
		key.DeletesAt = s.now().Add(time.Duration(days) * day).UnixMilli()
		return nil
	})
}

// CancelDeletion keeps a key that is pending deletion; it is disabled then.
func (s *Service) CancelDeletion(ctx context.Context, id KeyID) (Key, error) {
	return s.change(ctx, id, func(_ context.Context, _ *store.Tx, key *store.KMSKey) error {
		if State(key.State) != PendingDeletion {
			return refuse(CodeInvalidState, "%s is not pending deletion.", id.ARN())
		}
		key.State, key.DeletionWindow, key.DeletesAt = string(Disabled), 0, 0
		return nil
	})
}

// delete deletes a key that is due.
func (s *Service) delete(ctx context.Context, id string) error {
	defer s.states.change(id)()
	var deleted store.KMSKey
	err := s.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		row, err := tx.LockKMSKey(ctx, id)
		if err != nil {
			return err
		}
		deleted = store.KMSKey{}
		if row.DeletesAt == 0 || row.DeletesAt > s.millis() {
			return nil // the deletion was canceled in the meantime
		}
		deleted = row
		return tx.DeleteKMSKey(ctx, id)
	})
	if err != nil {
		return orGone(err, id)
	}
	if deleted.ID != "" {
		for version := range deleted.Version {
			s.materials.Remove(materialID{id, version + 1})
		}
		s.log.WarnContext(ctx, "key deleted: what it encrypted is lost", "key", keyOf(deleted).ARN(), "scheduled_days_before", deleted.DeletionWindow)
	}
	return nil
}

// SetRotation lets a key rotate every so many days; 0 ends that.
func (s *Service) SetRotation(ctx context.Context, id KeyID, days int) error {
	if days != 0 && (days < minRotationDays || days > maxRotationDays) {
		return refuse(CodeValidation, "RotationPeriodInDays must be between %d and %d days, inclusive", minRotationDays, maxRotationDays)
	}
	_, err := s.manage(ctx, id, func(_ context.Context, _ *store.Tx, key *store.KMSKey) error {
		if err := checkUsable(*key, id); err != nil {
			return err
		}
		if days == 0 {
			key.RotatesAt = 0
			return nil
		}
		if key.RotatesAt == 0 || key.RotationDays != int64(days) {
			key.RotatesAt = s.now().Add(time.Duration(days) * day).UnixMilli()
		}
		key.RotationDays = int64(days)
		return nil
	})
	return err
}

// maxRotations is how often a key may be rotated on demand.
const maxRotations = 25

// Rotate gives a key new material to encrypt with. The old stays for what it
// encrypted.
func (s *Service) Rotate(ctx context.Context, id KeyID) error {
	if err := s.Check(ctx, id); err != nil {
		return err
	}
	return s.rotate(ctx, id, func(key *store.KMSKey) (bool, error) {
		if err := checkManageable(*key, id); err != nil {
			return false, err
		}
		if err := checkUsable(*key, id); err != nil {
			return false, err
		}
		if key.Rotations >= maxRotations {
			return false, refuse(CodeLimitExceeded, "%s has been rotated on demand %d times, which is the limit.", id.ARN(), maxRotations)
		}
		key.Rotations++
		return true, nil
	})
}

// rotateIfDue rotates a key whose time has come, once, however late it is.
func (s *Service) rotateIfDue(ctx context.Context, id string) error {
	row, err := s.store.KMSKey(ctx, id)
	if err != nil {
		return orGone(err, id)
	}
	err = s.rotate(ctx, keyOf(row).KeyID, func(key *store.KMSKey) (bool, error) {
		now := s.now()
		if State(key.State) != Enabled || key.RotatesAt == 0 || key.RotatesAt > now.UnixMilli() {
			return false, nil // somebody was faster
		}
		key.RotatesAt = now.Add(time.Duration(key.RotationDays) * day).UnixMilli()
		return true, nil
	})
	if IsRefusal(err, CodeNotFound) {
		return nil
	}
	return err
}

// rotate gives a key a new version of its material if may says so, which may
// change more of the key.
func (s *Service) rotate(ctx context.Context, id KeyID, may func(key *store.KMSKey) (bool, error)) error {
	for {
		state, err := s.state(ctx, id)
		if err != nil {
			return err
		}
		// It is wrapped before the transaction, which waits for nothing.
		material, err := s.newMaterial(ctx, materialID{id.ID, state.row.Version + 1})
		if err != nil {
			return err
		}
		again := false
		_, err = s.change(ctx, id, func(ctx context.Context, tx *store.Tx, key *store.KMSKey) error {
			if again = key.Version != state.row.Version; again {
				return nil
			}
			due, err := may(key)
			if err != nil || !due {
				return err
			}
			key.Version = material.Version
			return tx.InsertKMSMaterial(ctx, material)
		})
		if err != nil || !again {
			return err
		}
	}
}
