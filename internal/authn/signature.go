package authn

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	dateLayout = "20060102T150405Z"

	// maxPresign is the longest life of a presigned request.
	maxPresign = 7 * 24 * time.Hour

	// defaultPresign is the life of a presigned request that does not say, such
	// as the SDKs make of GetCallerIdentity.
	defaultPresign = "900"
)

// The query parameters of a presigned request, which are also header names.
const (
	paramAlgorithm     = "X-Amz-Algorithm"
	paramCredential    = "X-Amz-Credential"
	paramDate          = "X-Amz-Date"
	paramExpires       = "X-Amz-Expires"
	paramSignedHeaders = "X-Amz-SignedHeaders"
	paramSignature     = "X-Amz-Signature"
	paramToken         = "X-Amz-Security-Token"
	paramContentSHA256 = "X-Amz-Content-Sha256"
)

// A signature is what a request says about its own signing. None of it is true
// before [Verifier.Verify] has said so.
type signature struct {
	accessKeyID, date, region, service string
	signedHeaders                      string
	value                              string
	sessionToken                       string
	// contentSHA256 is the payload hash that the request declares, if any.
	contentSHA256 string
	// timestamp is the time of signing as it was sent.
	timestamp string
	time      time.Time
	presigned bool
	// lifetime is how long after time a presigned request is good.
	lifetime time.Duration
	// query holds the decoded query parameters.
	query []param
}

// parseSignature reads the signature of a request from its Authorization header
// or, for a presigned one, from its query.
func parseSignature(r *http.Request) (signature, error) {
	query, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return signature{}, err
	}
	s := signature{query: query}
	header := r.Header["Authorization"]
	switch presigned := has(query, paramAlgorithm) || has(query, paramSignature); {
	case presigned && len(header) > 0:
		return signature{}, incomplete("Only one authentication mechanism is allowed: the Authorization header or the query parameters.")
	case presigned:
		s.presigned = true
		err = s.parseQueryForm(r)
	case len(header) == 0:
		return signature{}, missingToken()
	case len(header) > 1:
		return signature{}, incomplete("The request has more than one Authorization header.")
	default:
		err = s.parseHeaderForm(r, header[0])
	}
	if err != nil {
		return signature{}, err
	}
	return s, nil
}

func (s *signature) parseHeaderForm(r *http.Request, authorization string) error {
	credential, err := s.parseAuthorization(authorization)
	if err != nil {
		return err
	}
	if s.timestamp, err = single(r, paramDate); err != nil {
		return err
	}
	if s.sessionToken, err = single(r, paramToken); err != nil {
		return err
	}
	if s.contentSHA256, err = single(r, paramContentSHA256); err != nil {
		return err
	}
	if s.timestamp == "" {
		return incomplete("Authorization header requires existence of a 'X-Amz-Date' header.")
	}
	return s.parseScope(credential)
}

// parseAuthorization reads an Authorization header and returns its credential.
func (s *signature) parseAuthorization(header string) (credential string, err error) {
	scheme, fields, _ := strings.Cut(header, " ")
	if scheme != algorithm {
		return "", incomplete("Authorization header requires the algorithm '" + algorithm + "'.")
	}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.Trim(field, " \t"), "=")
		target := &credential
		switch name {
		case "Credential":
		case "SignedHeaders":
			target = &s.signedHeaders
		case "Signature":
			target = &s.value
		default:
			return "", incomplete("Authorization header has a parameter other than 'Credential', 'SignedHeaders' and 'Signature'.")
		}
		if *target != "" {
			return "", incomplete("Authorization header has '" + name + "' more than once.")
		}
		*target = value
	}
	return credential, requireAll("Authorization header requires '", "' parameter.",
		"Credential", credential, "Signature", s.value, "SignedHeaders", s.signedHeaders)
}

func (s *signature) parseQueryForm(r *http.Request) error {
	var algo, credential, expires string
	fields := map[string]*string{
		paramAlgorithm:     &algo,
		paramCredential:    &credential,
		paramDate:          &s.timestamp,
		paramExpires:       &expires,
		paramSignedHeaders: &s.signedHeaders,
		paramSignature:     &s.value,
		paramToken:         &s.sessionToken,
		paramContentSHA256: &s.contentSHA256,
	}
	for _, p := range s.query {
		field := fields[p.key]
		if field == nil {
			continue
		}
		if *field != "" {
			return incomplete("AWS query-string parameters have '" + p.key + "' more than once.")
		}
		*field = p.value
	}
	err := requireAll("AWS query-string parameters must include '", "'.", paramAlgorithm, algo, paramCredential, credential,
		paramSignature, s.value, paramSignedHeaders, s.signedHeaders, paramDate, s.timestamp)
	if err != nil {
		return err
	}
	if algo != algorithm {
		return incomplete("AWS query-string parameters require the algorithm '" + algorithm + "'.")
	}
	declared, err := single(r, paramContentSHA256)
	if err != nil {
		return err
	}
	if declared != "" && s.contentSHA256 != "" {
		return incomplete("The request has '" + paramContentSHA256 + "' as a header and as a query parameter.")
	}
	s.contentSHA256 += declared
	seconds, err := strconv.ParseUint(cmp.Or(expires, defaultPresign), 10, 31)
	s.lifetime = time.Duration(seconds) * time.Second
	if err != nil || seconds == 0 || s.lifetime > maxPresign {
		return incomplete("X-Amz-Expires must be a number of seconds between 1 and 604800.")
	}
	return s.parseScope(credential)
}

// parseScope reads keyid/date/region/service/aws4_request and the time of signing.
func (s *signature) parseScope(credential string) error {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || parts[0] == "" {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.")
	}
	if parts[4] != terminator {
		return invalidSignature("Credential should be scoped with a valid terminator: '" + terminator + "'.")
	}
	s.accessKeyID, s.date, s.region, s.service = parts[0], parts[1], parts[2], parts[3]
	t, err := time.Parse(dateLayout, s.timestamp)
	if err != nil || len(s.timestamp) != len(dateLayout) {
		return incomplete("X-Amz-Date must be in the ISO-8601 basic format 'YYYYMMDDTHHMMSSZ'.")
	}
	s.time = t
	return nil
}

// single returns the value of a header that a request may have once.
func single(r *http.Request, name string) (string, error) {
	switch values := r.Header[name]; len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	default:
		return "", incomplete("The request has more than one '" + name + "' header.")
	}
}

// requireAll names every missing one of the pairs of name and value.
func requireAll(before, after string, pairs ...string) error {
	var missing []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			missing = append(missing, before+pairs[i]+after)
		}
	}
	if missing != nil {
		return incomplete(missing...)
	}
	return nil
}

// A param is one decoded query parameter.
type param struct{ key, value string }

// parseQuery decodes a query in the order that it was sent.
func parseQuery(raw string) ([]param, error) {
	if raw == "" {
		return nil, nil
	}
	var params []param
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key, errKey := url.QueryUnescape(key)
		value, errValue := url.QueryUnescape(value)
		if errKey != nil || errValue != nil {
			return nil, refuse(CodeMalformedRequest, "The query string is not valid percent-encoding.")
		}
		params = append(params, param{key, value})
	}
	return params, nil
}

// first returns the value of the first parameter of a name; "" is none.
func first(params []param, key string) string {
	for _, p := range params {
		if p.key == key {
			return p.value
		}
	}
	return ""
}

func has(params []param, key string) bool {
	for _, p := range params {
		if p.key == key {
			return true
		}
	}
	return false
}
