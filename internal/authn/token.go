package authn

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/nifuda/nifuda/internal/iam"
)

const (
	// TokenLifetime is how long a login token is good (GetAuthorizationToken: 12 hours).
	TokenLifetime = 12 * time.Hour

	// MaxToken is the longest login token in bytes. Credential stores have
	// limits, and so has the Authorization header that we look at.
	MaxToken = 1023

	// TokenExpiredText is ECR's answer to a login token whose time is over.
	TokenExpiredText = "Your authorization token has expired. Reauthenticate and try again."

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
	// ErrBadCredentials reports a proof that is malformed, forged, or made under another key.
	ErrBadCredentials = errors.New("credentials are not valid")
	// ErrTokenExpired reports a login token whose time is over; [TokenExpiredText]
	// is what its holder is told.
	ErrTokenExpired = errors.New("login token has expired")
)

// A Token is what a login token says of its holder.
type Token struct {
	Principal iam.Principal
	// AccessKeyID is the access key that asked for the token.
	AccessKeyID string
	// Account and Region are the registry that the token was issued for: what a
	// request means whose host names none.
	Account string
	Region  string
	// Expires is in whole seconds.
	Expires time.Time
}

// Tokens issues and opens the login tokens of docker clients. A token carries
// its claims sealed (AES-256-GCM), so nothing is stored and any server with the
// same server key opens it. It is safe for concurrent use.
type Tokens struct {
	aead   cipher.AEAD
	now    func() time.Time
	opened *lru.Cache[[sha256.Size]byte, Token]
}

// NewTokens returns the tokens of a keyring.
func NewTokens(keys Keyring, now func() time.Time) *Tokens {
	block, err := aes.NewCipher(keys.DeriveKey(labelToken))
	if err != nil {
		panic(err) // only for a key size that KeySize excludes
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for a cipher other than AES
	}
	opened, err := lru.New[[sha256.Size]byte, Token](maxOpened)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &Tokens{aead: aead, now: now, opened: opened}
}

// Issue returns a login token for a caller and the registry (account, region),
// and when it expires: [TokenLifetime] from now. The token is the password of
// the user AWS; it is at most [MaxToken] bytes of unpadded base64url, so it
// holds neither colon nor white space. The only error is an identity too long
// for that.
func (t *Tokens) Issue(who Identity, account, region string) (token string, expires time.Time, err error) {
	expires = t.now().Add(TokenLifetime).Truncate(time.Second)
	plain := Token{Principal: who.Principal, AccessKeyID: who.AccessKeyID, Account: account, Region: region, Expires: expires}.encode()
	token = base64.RawURLEncoding.EncodeToString(t.aead.Seal(nil, nil, plain, nil))
	if len(token) > MaxToken {
		return "", time.Time{}, fmt.Errorf("login token of %d bytes, at most %d allowed: principal is too long", len(token), MaxToken)
	}
	return token, expires, nil
}

// Basic opens the token in a request's Authorization header, which is Basic
// with the user AWS. It returns [ErrNoCredentials], [ErrBadCredentials] or
// [ErrTokenExpired]; with the last the token is whose it was.
//
// Clients send the same header with every request, so opened headers are kept
// by their hash. Whether the time is over is looked at on each call.
func (t *Tokens) Basic(r *http.Request) (Token, error) {
	header := r.Header["Authorization"]
	if len(header) == 0 {
		return Token{}, ErrNoCredentials
	}
	if len(header) > 1 || len(header[0]) > maxAuthorization {
		return Token{}, ErrBadCredentials
	}
	key := sha256.Sum256([]byte(header[0]))
	token, ok := t.opened.Get(key)
	if !ok {
		user, password, _ := r.BasicAuth()
		if user != tokenUser {
			return Token{}, ErrBadCredentials
		}
		var err error
		if token, err = t.open(password); err != nil {
			return Token{}, err
		}
		t.opened.Add(key, token)
	}
	if !t.now().Before(token.Expires) {
		return token, ErrTokenExpired
	}
	return token, nil
}

func (t *Tokens) open(password string) (Token, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(password)
	if err != nil {
		return Token{}, ErrBadCredentials
	}
	plain, err := t.aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return Token{}, ErrBadCredentials
	}
	return decodeToken(plain)
}

// encode writes the expiry in Unix seconds and then each text behind its length.
func (t Token) encode() []byte {
	b := binary.AppendUvarint(make([]byte, 0, 256), uint64(t.Expires.Unix()))
	for _, text := range [...]string{t.Principal.ARN, t.Principal.Account, t.Principal.UserID, t.AccessKeyID, t.Account, t.Region} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return b
}

func decodeToken(b []byte) (Token, error) {
	var t Token
	seconds, n := binary.Uvarint(b)
	if n <= 0 {
		return Token{}, ErrBadCredentials
	}
	b = b[n:]
	t.Expires = time.Unix(int64(seconds), 0).UTC()
	for _, text := range [...]*string{&t.Principal.ARN, &t.Principal.Account, &t.Principal.UserID, &t.AccessKeyID, &t.Account, &t.Region} {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return Token{}, ErrBadCredentials
		}
		*text = string(b[n : n+int(size)])
		b = b[n+int(size):]
	}
	if len(b) > 0 {
		return Token{}, ErrBadCredentials
	}
	return t, nil
}
