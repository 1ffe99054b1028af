// Package bucket opens buckets of S3, and of what speaks its protocol, from one
// URL: the client that the blob store and backups share, its patience, its
// retries, and what its failures mean in words.
package bucket

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Scheme begins the URL of a bucket.
const Scheme = "s3://"

// An Address is where a bucket is and how it is spoken to:
//
//	s3://BUCKET/PREFIX?endpoint=URL&region=NAME&path-style=true&…
type Address struct {
	Bucket string
	Prefix string // of all keys: "" or with a slash at its end

	Endpoint       string // "" is AWS's
	PublicEndpoint string // that clients reach; "" is Endpoint
	Region         string // "" is what the environment says, or us-east-1
	PathStyle      bool   // the bucket's name is in the path, not in the host

	// Checksums has every request carry a checksum, and the server verify it.
	Checksums bool
	// Redirect sends clients to the bucket for what they pull.
	Redirect bool
	// SSE is how the server encrypts what it stores: "" as the bucket says,
	// AES256 or aws:kms.
	SSE    string
	SSEKey string // the key of aws:kms; "" is AWS's own

	// Timeout is how long a connection may be silent while something is awaited.
	Timeout time.Duration
}

// The values of SSE.
const (
	SSES3  = "AES256"
	SSEKMS = "aws:kms"
)

const defaultTimeout = time.Minute

// bucketPattern takes what S3 has taken at any time, and what servers of other
// kinds take.
var (
	bucketPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$`)
	regionPattern = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

// A parameter of the URL sets a field.
type parameter struct {
	name string
	set  func(*Address, string) error
}

// parameters are in the order of the documentation.
var parameters = []parameter{
	{"endpoint", func(a *Address, v string) (err error) { a.Endpoint, err = endpoint(v); return err }},
	{"region", setRegion},
	{"path-style", func(a *Address, v string) (err error) { a.PathStyle, err = boolean(v); return err }},
	{"redirect", func(a *Address, v string) (err error) { a.Redirect, err = onOff(v); return err }},
	{"public-endpoint", func(a *Address, v string) (err error) { a.PublicEndpoint, err = endpoint(v); return err }},
	{"sse", setSSE},
	{"sse-kms-key", func(a *Address, v string) error { a.SSEKey = v; return nil }},
	{"checksums", func(a *Address, v string) (err error) { a.Checksums, err = onOff(v); return err }},
	{"timeout", setTimeout},
}

// ParseAddress reads the URL of a bucket. What it does not know is an error: a
// mistyped parameter must not be one that is not set.
func ParseAddress(text string) (Address, error) {
	a := Address{Checksums: true, Redirect: true, Timeout: defaultTimeout}
	u, err := url.Parse(text)
	if err != nil || u.Scheme+"://" != Scheme {
		return Address{}, errors.New("want s3://BUCKET/PREFIX?endpoint=URL&region=NAME&path-style=true")
	}
	if u.User != nil {
		return Address{}, errors.New("s3: credentials do not belong into the URL: give them in the environment, a profile or a role")
	}
	if u.Host == "" {
		return Address{}, errors.New("s3: the name of the bucket is missing: want s3://BUCKET/PREFIX")
	}
	if !bucketPattern.MatchString(u.Host) {
		return Address{}, fmt.Errorf("s3: %q is not the name of a bucket; an endpoint goes into ?endpoint=URL", u.Host)
	}
	if u.Fragment != "" {
		return Address{}, errors.New("s3: # has no meaning here; write it as %23")
	}
	a.Bucket = u.Host
	if a.Prefix, err = prefix(u.Path); err != nil {
		return Address{}, err
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Address{}, errors.New("s3: the parameters after ? are malformed")
	}
	return a, a.setAll(query)
}

func (a *Address) setAll(query url.Values) error {
	for name, values := range query {
		i := slices.IndexFunc(parameters, func(p parameter) bool { return p.name == name })
		if i < 0 {
			return fmt.Errorf("s3: unknown parameter %q: want %s", name, parameterNames())
		}
		if len(values) != 1 || values[0] == "" {
			return fmt.Errorf("s3: %s: give one value", name)
		}
		if err := parameters[i].set(a, values[0]); err != nil {
			return fmt.Errorf("s3: %s: %w", name, err)
		}
	}
	if a.SSEKey != "" && a.SSE != SSEKMS {
		return errors.New("s3: sse-kms-key: goes with sse=aws:kms")
	}
	return nil
}

func parameterNames() string {
	names := make([]string, len(parameters))
	for i, p := range parameters {
		names[i] = p.name
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// prefix returns what keys begin with. S3 takes any text; a file system behind a
// gateway does not.
func prefix(path string) (string, error) {
	path = strings.Trim(path, "/")
	if path == "" {
		return "", nil
	}
	if len(path) > 512 {
		return "", errors.New("s3: the prefix is longer than 512 bytes")
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." {
			return "", fmt.Errorf("s3: the prefix %q has an empty part, or one of dots", path)
		}
	}
	return path + "/", nil
}

func endpoint(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%q is not http://HOST:PORT or https://HOST:PORT", text)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("has more than scheme, host, port and path")
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

func setRegion(a *Address, name string) error {
	if !regionPattern.MatchString(name) {
		return fmt.Errorf("%q is not the name of a region", name)
	}
	a.Region = name
	return nil
}

func setSSE(a *Address, kind string) error {
	if kind != SSES3 && kind != SSEKMS {
		return fmt.Errorf("%q is not %s or %s", kind, SSES3, SSEKMS)
	}
	a.SSE = kind
	return nil
}

func setTimeout(a *Address, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > time.Hour {
		return fmt.Errorf("%q is not a time from 1s to 1h, such as 60s", text)
	}
	a.Timeout = d
	return nil
}

func boolean(text string) (bool, error) {
	b, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("%q is not true or false", text)
	}
	return b, nil
}

func onOff(text string) (bool, error) {
	switch text {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, fmt.Errorf("%q is not on or off", text)
}
