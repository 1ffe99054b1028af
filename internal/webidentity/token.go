package webidentity

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// MaxToken is the longest token in bytes (AssumeRoleWithWebIdentity).
	MaxToken = 20000

	// skew is how much the clocks of a provider and ours may differ.
	skew = time.Minute

	// originalAudience is the claim, of AWS's making, that keeps aud where azp
	// takes its place.
	originalAudience = "oaud"

	malformed = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
)

// algorithms are those that IAM accepts (IAM user guide, "Create an OpenID
// Connect identity provider in IAM"). None of them takes a secret for a key.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512}

// A Token is what a verified token says.
type Token struct {
	// Subject is the claim sub.
	Subject string
	// Audience is the client id that the token was accepted for.
	Audience string
	// Claims are the values of the condition keys of the provider by the part
	// after the colon: sub, aud, amr, and every other claim whose values are
	// texts, numbers or booleans. As in AWS, aud is azp where the token has one,
	// and oaud what the token has as aud then.
	Claims map[string][]string
}

// Issuer returns the provider that a token claims to be of, without any check:
// it is for finding the [Provider] to verify the token with.
func Issuer(token string) (string, error) {
	_, claims, err := parse(token)
	if err != nil {
		return "", err
	}
	return claims.issuer, nil
}

// claims are the claims of a token, of the right types.
type claims struct {
	issuer, subject string
	audience        []string
	authorized      string // azp, empty if absent
	expires         time.Time
	issued, begins  time.Time // zero if absent
	all             map[string]json.RawMessage
}

func parse(token string) (*jose.JSONWebSignature, *claims, error) {
	if len(token) > MaxToken {
		return nil, nil, refuse(CodeInvalidIdentityToken, "The token is longer than %d characters.", MaxToken)
	}
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, nil, refuse(CodeInvalidIdentityToken, malformed)
	}
	// No extension of JWS that changes what is signed is of use in a token.
	if _, ok := signed.Signatures[0].Protected.ExtraHeaders["crit"]; ok {
		return nil, nil, refuse(CodeInvalidIdentityToken, malformed)
	}
	c, err := readClaims(signed.UnsafePayloadWithoutVerification())
	if err != nil {
		return nil, nil, err
	}
	return signed, c, nil
}

func readClaims(payload []byte) (*claims, error) {
	c := &claims{}
	if json.Unmarshal(payload, &c.all) != nil || c.all == nil {
		return nil, refuse(CodeInvalidIdentityToken, malformed)
	}
	if names := alike(c.all); names != "" {
		return nil, refuse(CodeInvalidIdentityToken, "The token has claims that differ in case only: %s", names)
	}
	var err error
	read := func(name string, required bool, into any) {
		raw, ok := c.all[name]
		switch {
		case err != nil:
		case !ok && required:
			err = refuse(CodeInvalidIdentityToken, "Missing a required claim: %s", name)
		case ok && !readClaim(raw, into):
			err = refuse(CodeInvalidIdentityToken, "The claim %s of the token is malformed.", name)
		}
	}
	read("iss", true, &c.issuer)
	read("sub", true, &c.subject)
	read("aud", true, &c.audience)
	read("azp", false, &c.authorized)
	read("exp", true, &c.expires)
	read("iat", false, &c.issued)
	read("nbf", false, &c.begins)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// alike returns the names of claims that a condition key cannot tell apart, for
// those are without case: who may choose the name of any claim of a token could
// have another subject by one that is called SUB.
func alike(claims map[string]json.RawMessage) string {
	seen := map[string]string{}
	for name := range claims {
		folded := strings.ToLower(name)
		if other, known := seen[folded]; known {
			return strconv.Quote(min(name, other)) + ", " + strconv.Quote(max(name, other))
		}
		seen[folded] = name
	}
	return ""
}

// readClaim reads a claim that must not be empty.
func readClaim(raw json.RawMessage, into any) bool {
	switch into := into.(type) {
	case *string:
		return json.Unmarshal(raw, into) == nil && *into != ""
	case *[]string:
		*into = texts(raw)
		return len(*into) > 0
	case *time.Time:
		return readTime(raw, into)
	}
	return false
}

// readTime reads a NumericDate, seconds that need not be whole (RFC 7519,
// section 2), up to the year 9999.
func readTime(raw json.RawMessage, into *time.Time) bool {
	const latest = 253402300799
	var seconds float64
	if json.Unmarshal(raw, &seconds) != nil || !(0 < seconds && seconds <= latest) {
		return false
	}
	*into = time.UnixMilli(int64(math.Round(seconds * 1e3)))
	return true
}

// texts returns the values of a claim that has texts, numbers or booleans, one
// or a list of them, as they are written; nil for another.
func texts(raw json.RawMessage) []string {
	if text, ok := scalar(raw); ok {
		return []string{text}
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	values := make([]string, 0, len(list))
	for _, element := range list {
		text, ok := scalar(element)
		if !ok {
			return nil
		}
		values = append(values, text)
	}
	return values
}

func scalar(raw json.RawMessage) (string, bool) {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return "", false
	}
	switch value := value.(type) {
	case string:
		return value, true
	case bool:
		return strconv.FormatBool(value), true
	case float64:
		return strings.TrimSpace(string(raw)), true
	}
	return "", false
}

func (c *claims) checkTime(now time.Time) error {
	switch {
	case !now.Before(c.expires.Add(skew)):
		return refuse(CodeExpiredToken, "Token expired: current date/time %d must be before the expiration date/time %d", now.Unix(), c.expires.Unix())
	case now.Add(skew).Before(c.begins):
		return refuse(CodeIDPRejectedClaim, "The token is not valid before %d; the current date/time is %d.", c.begins.Unix(), now.Unix())
	case now.Add(skew).Before(c.issued):
		return refuse(CodeIDPRejectedClaim, "The token was issued in the future, at %d; the current date/time is %d.", c.issued.Unix(), now.Unix())
	}
	return nil
}

// audiences are what a client id is looked for in: azp where there is one, as
// it names who the token was made for among the many of aud.
func (c *claims) audiences() []string {
	if c.authorized != "" {
		return []string{c.authorized}
	}
	return c.audience
}

func (c *claims) checkAudience(clientIDs []string) error {
	if slices.ContainsFunc(c.audiences(), func(a string) bool { return slices.Contains(clientIDs, a) }) {
		return nil
	}
	return refuse(CodeInvalidIdentityToken, "Incorrect token audience")
}

func (c *claims) token(clientIDs []string) *Token {
	t := &Token{Subject: c.subject, Claims: map[string][]string{}}
	for _, audience := range c.audiences() {
		if t.Audience == "" && slices.Contains(clientIDs, audience) {
			t.Audience = audience
		}
	}
	for name, raw := range c.all {
		if values := texts(raw); values != nil && strings.ToLower(name) != originalAudience {
			t.Claims[name] = values
		}
	}
	t.Claims["aud"] = c.audiences()
	if c.authorized != "" {
		t.Claims[originalAudience] = c.audience
	}
	return t
}

func trimSlash(url string) string { return strings.TrimSuffix(url, "/") }
