package authn

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"
)

const (
	// TokenLifetime is how long a login token is good (GetAuthorizationToken: 12 hours).
	TokenLifetime = 12 * time.Hour

	// MaxToken is the longest login token in bytes. Credential stores have
	// limits, and so has the Authorization header that we look at.
	MaxToken = 1023

	// TokenExpiredText is ECR's answer to a login token whose time is over.
	TokenExpiredText = "Your authorization token has expired. Reauthenticate and try again."
)

// A Token is what a login token says. Who its holder is, and whether that is
// still so, is asked of [Keys] with every request.
type Token struct {
	// AccessKeyID is the access key that asked for the token; empty for a token
	// of [Tokens.IssueAnonymous].
	AccessKeyID string
	// Account and Region are the registry that the token was issued for: what a
	// request means whose host names none.
	Account string
	Region  string
	// Expires is in whole seconds.
	Expires time.Time
}

// Tokens issues the login tokens of docker clients. A token carries its claims
// sealed (AES-256-GCM), so nothing is stored and any server with the same server
// key opens it; [Logins] does. It is safe for concurrent use.
type Tokens struct {
	aead cipher.AEAD
	now  func() time.Time
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
	return &Tokens{aead: aead, now: now}
}

// Issue returns a login token for a caller and the registry (account, region),
// and when it expires: [TokenLifetime] from now, or with the caller's session if
// that ends sooner. The token is the password of the user AWS; it is at most
// [MaxToken] bytes of unpadded base64url, so it holds neither colon nor white
// space. The only error is an access key id too long for that.
func (t *Tokens) Issue(who Identity, account, region string) (token string, expires time.Time, err error) {
	expires = t.now().Add(TokenLifetime)
	if !who.Expires.IsZero() && who.Expires.Before(expires) {
		expires = who.Expires
	}
	return t.issue(Token{AccessKeyID: who.AccessKeyID, Account: account, Region: region, Expires: expires.Truncate(time.Second)})
}

// AnonymousTokenLifetime is how long a token of nobody is good. It can be had
// again at any time.
const AnonymousTokenLifetime = 5 * time.Minute

// IssueAnonymous returns a login token that proves nothing about its holder.
func (t *Tokens) IssueAnonymous(account, region string) (token string, expires time.Time, err error) {
	return t.issue(Token{Account: account, Region: region, Expires: t.now().Add(AnonymousTokenLifetime).Truncate(time.Second)})
}

func (t *Tokens) issue(claims Token) (token string, expires time.Time, err error) {
	token = base64.RawURLEncoding.EncodeToString(t.aead.Seal(nil, nil, claims.encode(), nil))
	if len(token) > MaxToken {
		return "", time.Time{}, fmt.Errorf("login token of %d bytes, at most %d allowed: access key id is too long", len(token), MaxToken)
	}
	return token, claims.Expires, nil
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
	for _, text := range [...]string{t.AccessKeyID, t.Account, t.Region} {
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
	for _, text := range [...]*string{&t.AccessKeyID, &t.Account, &t.Region} {
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
