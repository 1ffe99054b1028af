package authn

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// MaxSkew is how far a caller's clock may be off in either direction.
	MaxSkew = 5 * time.Minute

	// unsignedPayload stands in a presigned request for a body that nobody knew
	// at the time of signing.
	unsignedPayload = "UNSIGNED-PAYLOAD"

	// maxSigningKeys bounds the cache of derived keys: one for each access key,
	// day, region and service in use.
	maxSigningKeys = 1024
)

// A Verifier checks AWS Signature Version 4 on requests, in the header form and
// in the query form (presigned). It is safe for concurrent use.
type Verifier struct {
	keys     Keys
	now      func() time.Time
	services []string
	signing  *lru.Cache[scope, [sha256.Size]byte]
}

// A scope is what a signing key depends on. The secret is part of it, so that
// a replaced secret never meets the key of its predecessor.
type scope struct{ accessKeyID, secret, date, region, service string }

// NewVerifier returns a verifier that finds keys in keys, reads the time from
// now, and accepts the given signing names, for example ecr.
func NewVerifier(keys Keys, now func() time.Time, services ...string) *Verifier {
	signing, err := lru.New[scope, [sha256.Size]byte](maxSigningKeys)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &Verifier{keys: keys, now: now, services: services, signing: signing}
}

// Verify returns who signed a request with the given body, which the caller has
// read whole. It returns an [*Error] that refuses the caller, or the error of
// [Keys].
//
// Signed must be the host and every x-amz-* header that is there, X-Amz-Target
// above all; the hash in the signature is that of body, whatever
// x-amz-content-sha256 says, except that a presigned request may declare
// UNSIGNED-PAYLOAD.
func (v *Verifier) Verify(ctx context.Context, r *http.Request, body []byte) (Identity, error) {
	s, key, err := v.open(ctx, r)
	if err != nil {
		return Identity{}, err
	}
	payload, err := payloadHash(&s, body)
	if err != nil {
		return Identity{}, err
	}
	if !v.matches(key, &s, stringToSign(r, &s, payload)) {
		return Identity{}, &guess{mismatch(), wrongSignature}
	}
	return Identity{Principal: key.Principal, AccessKeyID: s.accessKeyID, Region: s.region, Service: s.service, Expires: key.Expires}, nil
}

// Precheck returns what Verify would find wrong without looking at the body. A
// request that passes may still be forged, but by someone who knows the id of an
// access key: nobody else makes the server read a body.
func (v *Verifier) Precheck(ctx context.Context, r *http.Request) error {
	_, _, err := v.open(ctx, r)
	return err
}

// open reads a request's signature and finds the key that it must be of.
func (v *Verifier) open(ctx context.Context, r *http.Request) (signature, AccessKey, error) {
	s, err := parseSignature(r)
	if err != nil {
		return signature{}, AccessKey{}, err
	}
	if err := v.checkScope(&s); err != nil {
		return signature{}, AccessKey{}, err
	}
	if err := v.checkTime(&s); err != nil {
		return signature{}, AccessKey{}, err
	}
	if err := checkSignedHeaders(r, s.signedHeaders); err != nil {
		return signature{}, AccessKey{}, err
	}
	key, err := v.lookup(ctx, &s)
	return s, key, err
}

func (v *Verifier) checkScope(s *signature) error {
	if !slices.Contains(v.services, s.service) {
		return invalidSignature("Credential should be scoped to correct service: '" + strings.Join(v.services, "' or '") + "'.")
	}
	if !IsRegion(s.region) {
		return invalidSignature("Credential should be scoped to a valid region.")
	}
	if day := s.timestamp[:8]; s.date != day {
		return invalidSignature("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" +
			s.date + "' != '" + day + "', from '" + s.timestamp + "'.")
	}
	return nil
}

func (v *Verifier) checkTime(s *signature) error {
	now := v.now().UTC()
	life, window := MaxSkew, "5 min."
	if s.presigned {
		life, window = s.lifetime, strconv.FormatInt(int64(s.lifetime/time.Second), 10)+" sec."
	}
	if oldest := now.Add(-life); s.time.Before(oldest) {
		return invalidSignature(fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %s)",
			s.timestamp, oldest.Format(dateLayout), now.Format(dateLayout), window))
	}
	if newest := now.Add(MaxSkew); s.time.After(newest) {
		return invalidSignature(fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + 5 min.)",
			s.timestamp, newest.Format(dateLayout), now.Format(dateLayout)))
	}
	return nil
}

// checkSignedHeaders refuses a list that is not canonical, and a request that
// carries something of meaning to us that its signature does not cover.
func checkSignedHeaders(r *http.Request, list string) error {
	previous := ""
	for name := range strings.SplitSeq(list, ";") {
		if name <= previous || !isHeaderName(name) {
			return incomplete("SignedHeaders must be lower-case header names in alphabetical order, separated by ';'.")
		}
		previous = name
	}
	if !isSigned(list, "host") {
		return invalidSignature("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	for name := range r.Header {
		if isAmz(name) && !isSigned(list, name) {
			return invalidSignature("'" + name + "' must be a 'SignedHeader' in the AWS Authorization.")
		}
	}
	return nil
}

func isAmz(name string) bool {
	const prefix = "x-amz-"
	return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

func isSigned(list, header string) bool {
	for name := range strings.SplitSeq(list, ";") {
		if strings.EqualFold(name, header) {
			return true
		}
	}
	return false
}

// isHeaderName reports whether a name is a token of RFC 9110 in lower case.
func isHeaderName(name string) bool {
	for i := range len(name) {
		if c := name[i]; !('a' <= c && c <= 'z' || isDigit(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return name != ""
}

// payloadHash returns the hash that the signature must have been made with.
func payloadHash(s *signature, body []byte) (string, error) {
	if s.presigned && s.contentSHA256 == unsignedPayload {
		return unsignedPayload, nil
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	if s.contentSHA256 != "" && s.contentSHA256 != hash {
		return "", invalidSignature("The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	return hash, nil
}

// lookup returns the key of a request once its session token is checked. The
// signature says nothing of that token: it is a proof of its own.
func (v *Verifier) lookup(ctx context.Context, s *signature) (AccessKey, error) {
	key, err := lookup(ctx, v.keys, s.accessKeyID)
	if errors.Is(err, ErrUnknownKey) {
		return AccessKey{}, &guess{unrecognizedClient(), unknownKey}
	}
	if err != nil {
		return AccessKey{}, err
	}
	if subtle.ConstantTimeCompare([]byte(key.SessionToken), []byte(s.sessionToken)) != 1 {
		return AccessKey{}, &guess{unrecognizedClient(), wrongSessionToken}
	}
	if !key.Expires.IsZero() && !v.now().Before(key.Expires) {
		return AccessKey{}, expiredToken()
	}
	return key, nil
}

// matches compares in constant time. Only a key that has proved itself enters
// the cache, so that strangers cannot wash it out.
func (v *Verifier) matches(key AccessKey, s *signature, toSign []byte) bool {
	sc := scope{s.accessKeyID, key.Secret, s.date, s.region, s.service}
	signing, cached := v.signing.Get(sc)
	if !cached {
		signing = sc.signingKey()
	}
	want := sum(signing[:], toSign)
	if subtle.ConstantTimeCompare(hex.AppendEncode(nil, want[:]), []byte(s.value)) != 1 {
		return false
	}
	if !cached {
		v.signing.Add(sc, signing)
	}
	return true
}

func (s scope) signingKey() [sha256.Size]byte {
	key := sum([]byte("AWS4"+s.secret), []byte(s.date))
	for _, part := range [...]string{s.region, s.service, terminator} {
		key = sum(key[:], []byte(part))
	}
	return key
}

func sum(key, message []byte) (mac [sha256.Size]byte) {
	h := hmac.New(sha256.New, key)
	h.Write(message)
	h.Sum(mac[:0])
	return mac
}
