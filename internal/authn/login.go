package authn

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/nifuda/nifuda/internal/iam"
)

const (
	// tokenUser is the user name that goes with every token.
	tokenUser = "AWS"

	// maxAuthorization is the longest header that can hold a token of ours:
	// "Basic " and the base64 of "AWS:" and the token.
	maxAuthorization = len("Basic ") + (len(tokenUser)+1+MaxToken+2)/3*4

	// maxOpened bounds the cache of opened tokens, which is at most 1 MiB or so.
	maxOpened = 2048
)

var (
	// ErrNoCredentials reports a request that carries no proof at all.
	ErrNoCredentials = errors.New("no credentials")
	// ErrBadCredentials reports a proof that is malformed, forged, made under
	// another key, or of an access key that is not good any more.
	ErrBadCredentials = errors.New("credentials are not valid")
	// ErrTokenExpired reports a login token whose time is over, or whose session
	// has ended; [TokenExpiredText] is what its holder is told.
	ErrTokenExpired = errors.New("login token has expired")
)

// A Login is who sends a request of the distribution API.
type Login struct {
	// Principal is the caller, or [iam.Anonymous].
	Principal iam.Principal
	// Account and Region are the registry that a request means whose host names
	// none. Region is empty for a login that is good in every region.
	Account string
	Region  string
	// AccessKeyID is the access key behind the login; empty for nobody's.
	AccessKeyID string
	// Token is the login token that the request carried; empty if it carried an
	// access key.
	Token string
	// Expires ends the login; the zero time means never.
	Expires time.Time
}

// String keeps the token out of every print.
func (l Login) String() string { return "login of " + l.Principal.ARN }

// GoString does the same for %#v.
func (l Login) GoString() string { return l.String() }

// LogValue does the same for a log.
func (l Login) LogValue() slog.Value { return slog.StringValue(l.String()) }

// Logins find out who sends a request of the distribution API. Two things sign
// in: a login token, and the id and secret of a lasting access key. Both end in
// a look-up of the access key, so that a disabled key, a deleted user and an
// ended session are refused at once. It is safe for concurrent use.
type Logins struct {
	tokens *Tokens
	keys   Keys
	opened *lru.Cache[[sha256.Size]byte, openedToken]
}

// An openedToken is a login token and what it says.
type openedToken struct {
	Token
	text string
}

// NewLogins returns the logins by the tokens and the access keys.
func NewLogins(tokens *Tokens, keys Keys) *Logins {
	opened, err := lru.New[[sha256.Size]byte, openedToken](maxOpened)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &Logins{tokens: tokens, keys: keys, opened: opened}
}

// Login returns who sends a request: whom the Authorization header names, which
// is Basic with a token as the password of the user AWS, Basic with an access
// key, or Bearer with a token. It returns [ErrNoCredentials],
// [ErrBadCredentials], [ErrTokenExpired], or the error of [Keys].
//
// Clients send the same header with every request, so opened tokens are kept by
// the header's hash. Whether their time is over, and what has become of the
// access key, is looked at on each call.
func (l *Logins) Login(r *http.Request) (Login, error) {
	header := r.Header["Authorization"]
	if len(header) == 0 {
		return Login{}, ErrNoCredentials
	}
	if len(header) > 1 || len(header[0]) > maxAuthorization {
		return Login{}, ErrBadCredentials
	}
	hash := sha256.Sum256([]byte(header[0]))
	if token, ok := l.opened.Get(hash); ok {
		return l.holder(r.Context(), token)
	}
	text, isToken := bearer(header[0])
	if !isToken {
		user, password, ok := r.BasicAuth()
		if !ok {
			return Login{}, ErrBadCredentials
		}
		if user != tokenUser {
			return l.Password(r.Context(), user, password)
		}
		text = password
	}
	token, err := l.tokens.open(text)
	if err != nil {
		return Login{}, err
	}
	opened := openedToken{token, strings.Clone(text)}
	l.opened.Add(hash, opened)
	return l.holder(r.Context(), opened)
}

func bearer(header string) (token string, ok bool) {
	const scheme = "bearer "
	if len(header) < len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) {
		return "", false
	}
	return strings.TrimSpace(header[len(scheme):]), true
}

// Password is Login for a user name and a password that did not come in the
// Authorization header.
func (l *Logins) Password(ctx context.Context, user, password string) (Login, error) {
	if user != tokenUser {
		return l.accessKey(ctx, user, password)
	}
	token, err := l.tokens.open(password)
	if err != nil {
		return Login{}, err
	}
	return l.holder(ctx, openedToken{token, password})
}

// holder returns who holds a token by now.
func (l *Logins) holder(ctx context.Context, token openedToken) (Login, error) {
	login := Login{Account: token.Account, Region: token.Region, AccessKeyID: token.AccessKeyID, Token: token.text, Expires: token.Expires}
	now := l.tokens.now()
	if !now.Before(token.Expires) {
		return Login{}, ErrTokenExpired
	}
	if token.AccessKeyID == "" {
		login.Principal = iam.Anonymous()
		return login, nil
	}
	key, err := lookup(ctx, l.keys, token.AccessKeyID)
	if errors.Is(err, ErrUnknownKey) {
		return Login{}, ErrBadCredentials
	}
	if err != nil {
		return Login{}, err
	}
	if !key.Expires.IsZero() && !now.Before(key.Expires) {
		return Login{}, ErrTokenExpired
	}
	login.Principal = key.Principal
	return login, nil
}

// accessKey signs in with an access key. A temporary one cannot: it is nothing
// without its session token, for which there is no place.
func (l *Logins) accessKey(ctx context.Context, id, secret string) (Login, error) {
	key, err := lookup(ctx, l.keys, id)
	unknown := errors.Is(err, ErrUnknownKey)
	if err != nil && !unknown {
		return Login{}, err
	}
	// Hashes have one length, of which the comparison's time depends.
	want, got := sha256.Sum256([]byte(key.Secret)), sha256.Sum256([]byte(secret))
	same := subtle.ConstantTimeCompare(want[:], got[:]) == 1
	if unknown || !same || key.Secret == "" || key.SessionToken != "" || !key.Expires.IsZero() {
		return Login{}, ErrBadCredentials
	}
	return Login{Principal: key.Principal, Account: key.Principal.Account, AccessKeyID: id}, nil
}
