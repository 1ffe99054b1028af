package config

import (
	"log/slog"
	"net/url"
	"reflect"
	"strings"
)

// redacted stands for what must not be printed.
const redacted = "xxxxx"

// String returns the settings in a line, without the secrets in their URLs.
func (c Config) String() string {
	var settings []string
	for _, a := range c.attrs() {
		settings = append(settings, a.Key+"="+a.Value.String())
	}
	return strings.Join(settings, " ")
}

// GoString does the same for %#v.
func (c Config) GoString() string { return c.String() }

// LogValue does the same for a log, an attribute a setting.
func (c Config) LogValue() slog.Value { return slog.GroupValue(c.attrs()...) }

// attrs are the settings that are not empty, by flag name.
func (c Config) attrs() []slog.Attr {
	c.Database = Redact(c.Database)
	c.Blobs = Redact(c.Blobs)
	c.SealKeys, c.ServerKey = redactCommand(c.SealKeys), redactCommand(c.ServerKey)
	c.OTLP = Redact(c.OTLP)
	var attrs []slog.Attr
	for field, value := range reflect.ValueOf(c).Fields() {
		if text := value.String(); text != "" {
			attrs = append(attrs, slog.String(field.Tag.Get("name"), text))
		}
	}
	return attrs
}

// redactCommand hides a command that prints a secret: it may have a password in it.
func redactCommand(where string) string {
	if strings.HasPrefix(where, schemeCommand) {
		return schemeCommand + redacted
	}
	return where
}

// Redact returns a storage URL fit to be printed: the password and every query
// parameter that may hold a secret are replaced. A URL that cannot be parsed,
// or whose password may have slipped into its path for want of encoding, is cut
// behind its scheme.
func Redact(storage string) string {
	scheme, _, ok := strings.Cut(storage, "://")
	if !ok {
		return storage // sqlite: and file: hold paths
	}
	u, err := url.Parse(storage)
	if err != nil || strings.Contains(afterHost(u), "@") {
		return scheme + "://" + redacted
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		u.RawQuery = redacted
		return u.Redacted()
	}
	for name := range query {
		if isSecret(name) {
			query[name] = []string{redacted}
		}
	}
	u.RawQuery = query.Encode()
	return u.Redacted()
}

// afterHost is all that follows the host of a URL, as it was written.
func afterHost(u *url.URL) string {
	rest := url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery, Fragment: u.Fragment, RawFragment: u.RawFragment}
	return rest.String()
}

func isSecret(name string) bool {
	name = strings.ToLower(name)
	for _, word := range [...]string{"password", "passphrase", "secret", "token", "key"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
