package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/nifuda/nifuda/internal/store"
)

// A LoginProfile is the password that a user signs in to the console with.
type LoginProfile struct {
	UserName string
	// ResetRequired says that the user must choose another at the next sign-in.
	ResetRequired bool
	CreatedAt     time.Time
}

// What a password costs to try (RFC 9106, OWASP's least: 19 MiB, two passes).
// A change takes a new prefix.
const (
	hashPrefix  = "argon2id-19456-2-1"
	hashMemory  = 19456 // KiB
	hashTime    = 2
	hashThreads = 1
	hashSize    = 32
	saltSize    = 16
)

// At most so many passwords are hashed at a time: each takes [hashMemory].
var hashing = make(chan struct{}, 4)

func hash(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case hashing <- struct{}{}:
		defer func() { <-hashing }()
		return argon2.IDKey([]byte(password), salt, hashTime, hashMemory, hashThreads, hashSize), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
}

// hashPassword returns what is stored of a password: how it was hashed, the
// salt and the hash.
func hashPassword(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	sum, err := hash(ctx, password, salt)
	if err != nil {
		return "", err
	}
	return hashPrefix + "$" + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(sum), nil
}

// matchesHash reports whether a password is the one that a hash was made of.
func matchesHash(ctx context.Context, password, stored string) (bool, error) {
	parts := strings.Split(stored, "$")
	if len(parts) != 3 || parts[0] != hashPrefix {
		return false, errors.New("a stored password has an unknown form")
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[1])
	if err != nil {
		return false, fmt.Errorf("decode salt: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[2])
	if err != nil {
		return false, fmt.Errorf("decode hash: %w", err)
	}
	sum, err := hash(ctx, password, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(sum, want) == 1, nil
}

// checkPassword refuses what IAM's default password policy does not allow:
// fewer than 8 characters, or fewer than three of capitals, small letters,
// digits and others.
func checkPassword(password string) error {
	var capital, small, digit, other int
	for _, r := range password {
		switch {
		case unicode.IsUpper(r):
			capital = 1
		case unicode.IsLower(r):
			small = 1
		case unicode.IsDigit(r):
			digit = 1
		default:
			other = 1
		}
	}
	if utf8.RuneCountInString(password) < 8 {
		return refuse(CodePasswordPolicyViolation, "Password should have a minimum length of 8")
	}
	if capital+small+digit+other < 3 {
		return refuse(CodePasswordPolicyViolation, "Password should have at least three of: uppercase letters, lowercase letters, numbers, symbols")
	}
	return nil
}

// CreateLoginProfile gives a user a password. It refuses with NoSuchEntity,
// EntityAlreadyExists or PasswordPolicyViolation.
func (s *Identities) CreateLoginProfile(ctx context.Context, account, user, password string, resetRequired bool) (LoginProfile, error) {
	hash, err := s.newHash(ctx, password)
	if err != nil {
		return LoginProfile{}, err
	}
	var profile LoginProfile
	err = s.amend(ctx, account, User, user, func(ctx context.Context, tx *store.Tx, row *store.Identity) error {
		if _, err := tx.LoginProfile(ctx, row.ID); err == nil {
			return refuse(CodeEntityAlreadyExists, "Login Profile for user %s already exists.", row.Name)
		} else if !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("read login profile: %w", err)
		}
		p := store.LoginProfile{UserID: row.ID, Hash: hash, ResetRequired: resetRequired, CreatedAt: s.millis() / 1000 * 1000}
		profile = LoginProfile{UserName: row.Name, ResetRequired: resetRequired, CreatedAt: fromMillis(p.CreatedAt)}
		return tx.InsertLoginProfile(ctx, p)
	})
	return profile, err
}

func (s *Identities) newHash(ctx context.Context, password string) (string, error) {
	if err := checkPassword(password); err != nil {
		return "", err
	}
	return hashPassword(ctx, password)
}

// LoginProfile returns what is known of a user's password, or refuses with
// NoSuchEntity.
func (s *Identities) LoginProfile(ctx context.Context, account, user string) (LoginProfile, error) {
	row, err := find(ctx, s.store, account, User, user)
	if err != nil {
		return LoginProfile{}, err
	}
	p, err := s.store.LoginProfile(ctx, row.ID)
	if err != nil {
		return LoginProfile{}, orNoProfile(err, row.Name)
	}
	return LoginProfile{UserName: row.Name, ResetRequired: p.ResetRequired, CreatedAt: fromMillis(p.CreatedAt)}, nil
}

func orNoProfile(err error, user string) error {
	if errors.Is(err, store.ErrNotFound) {
		return refuse(CodeNoSuchEntity, "Login Profile for User %s cannot be found.", user)
	}
	return fmt.Errorf("read login profile: %w", err)
}

// UpdateLoginProfile replaces a user's password, unless it is empty, and whether
// it must be changed, unless that is nil. It refuses with NoSuchEntity or
// PasswordPolicyViolation.
func (s *Identities) UpdateLoginProfile(ctx context.Context, account, user, password string, resetRequired *bool) error {
	hash := ""
	if password != "" {
		var err error
		if hash, err = s.newHash(ctx, password); err != nil {
			return err
		}
	}
	return s.amend(ctx, account, User, user, func(ctx context.Context, tx *store.Tx, row *store.Identity) error {
		p, err := tx.LoginProfile(ctx, row.ID)
		if err != nil {
			return orNoProfile(err, row.Name)
		}
		if hash != "" {
			p.Hash = hash
		}
		if resetRequired != nil {
			p.ResetRequired = *resetRequired
		}
		return tx.SetPassword(ctx, row.ID, p.Hash, p.ResetRequired)
	})
}

// ChangePassword replaces a user's password by one that the user chose, who
// knows the old one. It refuses with NoSuchEntity, AccessDenied or
// PasswordPolicyViolation.
func (s *Identities) ChangePassword(ctx context.Context, userID, old, password string) error {
	user, err := s.ByID(ctx, userID)
	if err != nil {
		return err
	}
	p, err := s.store.LoginProfile(ctx, userID)
	if err != nil {
		return orNoProfile(err, user.Name)
	}
	matches, err := matchesHash(ctx, old, p.Hash)
	if err != nil {
		return err
	}
	if !matches {
		return refuse(CodeAccessDenied, "The old password was incorrect.")
	}
	hash, err := s.newHash(ctx, password)
	if err != nil {
		return err
	}
	return s.amend(ctx, user.Account, User, user.Name, func(ctx context.Context, tx *store.Tx, row *store.Identity) error {
		now, err := tx.LoginProfile(ctx, row.ID)
		if err != nil {
			return orNoProfile(err, row.Name)
		}
		if row.ID != userID || now.Hash != p.Hash { // changed meanwhile: the old one is no longer known
			return refuse(CodeAccessDenied, "The old password was incorrect.")
		}
		return tx.SetPassword(ctx, row.ID, hash, false)
	})
}

// DeleteLoginProfile takes a user's password away, or refuses with NoSuchEntity.
func (s *Identities) DeleteLoginProfile(ctx context.Context, account, user string) error {
	return s.amend(ctx, account, User, user, func(ctx context.Context, tx *store.Tx, row *store.Identity) error {
		had, err := tx.DeleteLoginProfile(ctx, row.ID)
		if err != nil {
			return fmt.Errorf("delete login profile: %w", err)
		}
		if !had {
			return orNoProfile(store.ErrNotFound, row.Name)
		}
		return nil
	})
}
