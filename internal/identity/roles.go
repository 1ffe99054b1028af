package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

const (
	// DefaultMaxSession is how long sessions of a role may be that says nothing.
	DefaultMaxSession = time.Hour

	// maxTrustPolicy is how many characters other than white space a trust
	// policy may have (spec 2.8).
	maxTrustPolicy = 2048
)

// A RoleInfo is a role as it is shown.
type RoleInfo struct {
	Entity
	Description string
	// TrustPolicy is the document that says who may assume the role.
	TrustPolicy string
	// Trusted are the unique ids of the principals that it names.
	Trusted iam.Pins
	// MaxSession is how long a session may be: one to twelve hours.
	MaxSession time.Duration
	// Boundary is the ARN of the permissions boundary; empty is none. In lists
	// it is not read, nor are the tags and the last use.
	Boundary string
	Tags     []Tag
	LastUsed KeyUse
}

// roleDetail is what only roles have.
type roleDetail struct {
	Description string `json:",omitempty"`
	TrustPolicy string
	Trusted     iam.Pins `json:",omitempty"`
	MaxSession  int      // seconds
}

// A NewRole is a role to create.
type NewRole struct {
	Account, Name string
	Path          string // empty is "/"
	Description   string
	TrustPolicy   string
	MaxSession    time.Duration // zero is [DefaultMaxSession]
	Boundary      string        // ARN of a managed policy; empty is none
	Tags          []Tag
}

// CreateRole creates a role. It refuses with EntityAlreadyExists,
// LimitExceeded, InvalidInput, MalformedPolicyDocument, or NoSuchEntity for the
// boundary.
func (s *Identities) CreateRole(ctx context.Context, n NewRole) (RoleInfo, error) {
	if strings.HasPrefix(n.Path, serviceRolePath) {
		return RoleInfo{}, refuse(CodeInvalidInput, "The path %s is only for roles that are linked to a service.", serviceRolePath)
	}
	trusted, err := s.checkTrustPolicy(ctx, n.TrustPolicy)
	if err != nil {
		return RoleInfo{}, err
	}
	return s.createRole(ctx, n, trusted, func(ctx context.Context, tx *store.Tx, row store.Identity) error {
		if n.Boundary == "" {
			return nil
		}
		return putBoundary(ctx, tx, row, n.Boundary)
	})
}

func (s *Identities) createRole(ctx context.Context, n NewRole, trusted iam.Pins, also func(context.Context, *store.Tx, store.Identity) error) (RoleInfo, error) {
	if n.MaxSession == 0 {
		n.MaxSession = DefaultMaxSession
	}
	detail := roleDetail{Description: n.Description, TrustPolicy: n.TrustPolicy, Trusted: trusted, MaxSession: int(n.MaxSession / time.Second)}
	role, err := s.create(ctx, newEntity{account: n.Account, kind: Role, name: n.Name, path: n.Path, detail: detail, tags: n.Tags}, also)
	return RoleInfo{
		Entity: role, Description: n.Description, TrustPolicy: n.TrustPolicy, Trusted: trusted, MaxSession: n.MaxSession, Boundary: n.Boundary, Tags: n.Tags,
	}, err
}

// RoleInfo returns a role by name, or refuses with NoSuchEntity.
func (s *Identities) RoleInfo(ctx context.Context, account, name string) (RoleInfo, error) {
	row, err := find(ctx, s.store, account, Role, name)
	if err != nil {
		return RoleInfo{}, err
	}
	return s.fullRole(ctx, row)
}

func (s *Identities) fullRole(ctx context.Context, row store.Identity) (RoleInfo, error) {
	info, err := roleOf(row)
	if err != nil {
		return RoleInfo{}, err
	}
	if info.Boundary, err = s.Boundary(ctx, row.ID); err != nil {
		return RoleInfo{}, err
	}
	if info.Tags, err = s.store.IdentityTags(ctx, row.ID); err != nil {
		return RoleInfo{}, fmt.Errorf("read tags: %w", err)
	}
	use, err := s.store.RoleUse(ctx, row.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return RoleInfo{}, fmt.Errorf("read last use of role: %w", err)
	}
	if use.At > 0 {
		info.LastUsed = KeyUse{At: fromMillis(use.At), Region: use.Region}
	}
	return info, nil
}

// roleOf returns what a row alone says of a role.
func roleOf(row store.Identity) (RoleInfo, error) {
	detail, err := decodeDetail[roleDetail](row)
	return RoleInfo{
		Entity: entityOf(row), Description: detail.Description, TrustPolicy: detail.TrustPolicy, Trusted: detail.Trusted,
		MaxSession: time.Duration(detail.MaxSession) * time.Second,
	}, err
}

// Roles returns a page of an account's roles, in the order of their names
// without case.
func (s *Identities) Roles(ctx context.Context, account string, p Page) (roles []RoleInfo, next string, err error) {
	rows, next, err := s.rows(ctx, account, Role, p)
	if err != nil {
		return nil, "", err
	}
	for _, row := range rows {
		role, err := roleOf(row)
		if err != nil {
			return nil, "", err
		}
		roles = append(roles, role)
	}
	return roles, next, nil
}

// A RoleChange is what [Identities.UpdateRole] changes; nil leaves as it is.
type RoleChange struct {
	Description *string
	MaxSession  *time.Duration
}

// UpdateRole changes a role. It refuses with NoSuchEntity or UnmodifiableEntity.
func (s *Identities) UpdateRole(ctx context.Context, account, name string, change RoleChange) error {
	return s.amendRole(ctx, account, name, func(row store.Identity, detail *roleDetail) error {
		// The description of a service's role is all that an account may change.
		if change.MaxSession != nil {
			if err := checkModifiable(row); err != nil {
				return err
			}
			detail.MaxSession = int(*change.MaxSession / time.Second)
		}
		if change.Description != nil {
			detail.Description = *change.Description
		}
		return nil
	})
}

// SetTrustPolicy replaces a role's trust policy. It refuses with NoSuchEntity,
// MalformedPolicyDocument, LimitExceeded or UnmodifiableEntity.
func (s *Identities) SetTrustPolicy(ctx context.Context, account, name, document string) error {
	trusted, err := s.checkTrustPolicy(ctx, document)
	if err != nil {
		return err
	}
	return s.amendRole(ctx, account, name, func(row store.Identity, detail *roleDetail) error {
		detail.TrustPolicy, detail.Trusted = document, trusted
		return checkModifiable(row)
	})
}

func (s *Identities) amendRole(ctx context.Context, account, name string, do func(row store.Identity, detail *roleDetail) error) error {
	return s.amend(ctx, account, Role, name, func(_ context.Context, _ *store.Tx, row *store.Identity) error {
		detail, err := decodeDetail[roleDetail](*row)
		if err != nil {
			return err
		}
		if err := do(*row, &detail); err != nil {
			return err
		}
		row.Detail, err = encodeDetail(detail)
		return err
	})
}

// DeleteRole deletes a role that has nothing any more, or refuses with
// NoSuchEntity, DeleteConflict or UnmodifiableEntity. Its sessions end.
func (s *Identities) DeleteRole(ctx context.Context, account, name string) error {
	return s.remove(ctx, account, Role, name, func(ctx context.Context, tx *store.Tx, row store.Identity) error {
		if err := checkModifiable(row); err != nil {
			return err
		}
		return checkNoPolicies(ctx, tx, row)
	})
}

// checkTrustPolicy refuses a document that is no trust policy, or one that
// trusts somebody who does not exist, and returns the ids of those whom it names.
func (s *Identities) checkTrustPolicy(ctx context.Context, document string) (iam.Pins, error) {
	parsed, err := iam.ParseTrustPolicy(document)
	if err != nil {
		return nil, malformedPolicy(err)
	}
	if iam.Size(document) > maxTrustPolicy || isBloated(document, maxTrustPolicy) {
		return nil, quotaExceeded("ACLSizePerRole", maxTrustPolicy)
	}
	return s.pin(ctx, parsed)
}
