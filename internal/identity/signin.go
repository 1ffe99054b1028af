package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

// A SignIn is how a user signs in to the console.
type SignIn struct {
	Account        string // its number, see [Identities.SignInAccount]
	User, Password string
	// NewPassword takes the place of one that must be changed; "" is none.
	NewPassword string
}

// LogValue keeps the passwords out of a log.
func (in SignIn) LogValue() slog.Value { return slog.StringValue(in.Account + "/" + in.User) }

// A SignedIn is who has signed in. Where that was refused it says who was meant,
// which is nobody's business but the audit's.
type SignedIn struct {
	Principal   iam.Principal // zero is nobody
	Credentials Credentials
}

// signedInFor is how long a sign-in is good.
const signedInFor = time.Hour

// decoyHash is what a password is compared with that cannot be right, so that
// nobody learns from the time which accounts and users there are. No password has
// this hash.
var decoyHash = hashPrefix + "$" + strings.Repeat("A", 22) + "$" + strings.Repeat("A", 43)

// SignIn begins a session of a user who knows the password of its login profile.
// It refuses with SignInFailed, whatever of it is wrong; and, who knows the
// password, with PasswordChangeRequired, PasswordPolicyViolation or Throttling.
func (s *Identities) SignIn(ctx context.Context, in SignIn) (SignedIn, error) {
	user, profile, err := s.profileOf(ctx, in)
	if err != nil {
		return SignedIn{}, err
	}
	var meant SignedIn
	if user.ID != "" {
		meant.Principal = iam.Principal{ARN: entityOf(user).ARN(), Account: user.Account, UserID: user.ID}
	}
	hash := profile.Hash
	if hash == "" {
		hash = decoyHash
	}
	matches, err := matchesHash(ctx, in.Password, hash)
	if err != nil {
		return meant, err
	}
	if !matches || profile.Hash == "" {
		return meant, signInFailed()
	}
	if profile.ResetRequired {
		hash, err = s.renewPassword(ctx, user, profile, in)
	} else if in.NewPassword != "" {
		err = refuse(CodePasswordPolicyViolation, "The password need not be changed; ChangePassword changes it")
	}
	if err == nil {
		err = s.checkPace(user.ID)
	}
	if err != nil {
		return meant, err
	}
	session := NewSession{Account: user.Account, OwnerID: user.ID, Duration: signedInFor}
	meant.Credentials, err = s.startSession(ctx, session, func(ctx context.Context, tx *store.Tx) error {
		is, err := tx.UsePassword(ctx, user.ID, hash, s.millis())
		if err == nil && !is { // changed or taken away meanwhile
			return signInFailed()
		}
		return err
	})
	return meant, err
}

func signInFailed() error {
	return refuse(CodeSignInFailed, "The account, the user name or the password is wrong.")
}

// SignInAccount returns the number of the account that somebody names by number
// or alias, or what was said where there is none.
func (s *Identities) SignInAccount(ctx context.Context, account string) (string, error) {
	if validAccountID(account) {
		return account, nil
	}
	row, err := s.store.AccountByAlias(ctx, account)
	if errors.Is(err, store.ErrNotFound) {
		return account, nil
	}
	if err != nil {
		return "", fmt.Errorf("look up account: %w", err)
	}
	return row.ID, nil
}

// profileOf returns who is meant, and the login profile; both are empty where
// there is none.
func (s *Identities) profileOf(ctx context.Context, in SignIn) (user store.Identity, profile store.LoginProfile, err error) {
	user, err = s.store.Identity(ctx, in.Account, string(User), keyOf(in.User))
	if err == nil {
		profile, err = s.store.LoginProfile(ctx, user.ID)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return user, profile, fmt.Errorf("look up login profile: %w", err)
	}
	return user, profile, nil
}

// renewPassword replaces a password that must be changed, and returns the hash of
// the new one.
func (s *Identities) renewPassword(ctx context.Context, user store.Identity, old store.LoginProfile, in SignIn) (string, error) {
	if in.NewPassword == "" {
		return "", refuse(CodePasswordChangeRequired, "The password must be changed: sign in with a new one beside it.")
	}
	if in.NewPassword == in.Password {
		return "", refuse(CodePasswordPolicyViolation, "The new password must differ from the old one")
	}
	hash, err := s.newHash(ctx, in.NewPassword)
	if err != nil {
		return "", err
	}
	err = s.amend(ctx, user.Account, User, user.Name, func(ctx context.Context, tx *store.Tx, row *store.Identity) error {
		now, err := tx.LoginProfile(ctx, row.ID)
		if errors.Is(err, store.ErrNotFound) || err == nil && (row.ID != user.ID || now.Hash != old.Hash) {
			return signInFailed() // which was changed or taken away meanwhile
		}
		if err != nil {
			return fmt.Errorf("read login profile: %w", err)
		}
		return tx.SetPassword(ctx, row.ID, hash, false)
	})
	if IsRefusal(err, CodeNoSuchEntity) { // as is the user
		err = signInFailed()
	}
	return hash, err
}
