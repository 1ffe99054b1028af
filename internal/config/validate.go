package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nifuda/nifuda/internal/bucket"
)

const (
	schemeSQLite = "sqlite:"
	schemeFile   = "file:"
)

// Validate returns every mistake in the settings, one a line, each beginning
// with the flag that it is about. It touches neither files nor network. Kong
// calls it at the end of parsing.
func (c *Config) Validate() error {
	var adminErr error
	if c.AdminListen != AdminOff {
		adminErr = checkAddress(c.AdminListen)
	}
	return errors.Join(
		about("listen", checkAddress(c.Listen)),
		about("admin-listen", adminErr),
		about("data", checkGiven(c.Data)),
		about("database", checkDatabase(c.Database)),
		about("blobs", checkBlobs(c.Blobs)),
		about("account", checkPattern(c.Account, accountPattern, "12 digits")),
		about("region", checkPattern(c.Region, regionPattern, "the name of a region, for example us-east-1")),
		about("domain", checkDomain(c.Domain)),
		checkTLS(c.TLSCert, c.TLSKey),
		about("trusted-proxies", checkProxies(c.Proxies)),
		about("oidc-hosts", checkHosts(c.OIDCHosts)),
		about("role", checkRole(c.Role, c.Database)),
		about("drain-delay", checkDuration(c.DrainDelay)),
		about("audit", checkAudit(c.Audit)),
		about("gc-grace", checkDuration(c.Grace)),
		about("undelete-window", checkDuration(c.Undelete)),
		about("seal", checkSeal(c.Seal)),
		about("seal-keys", checkSealKeys(c.SealKeys)),
		about("server-key", checkServerKey(c.ServerKey)),
		about("scrub-rate", checkSize(c.Scrub)),
		about("disk-reserve", checkSize(c.Reserve)),
		about("otlp-endpoint", checkEndpoint(c.OTLP)),
		about("quotas", checkOneOf(c.Quotas, "off", "ecr")),
		about("rate-limits", checkOneOf(c.RateLimits, "off", "ecr")),
		about("source-connections", checkCount(c.PerSource)),
		about("read-only", checkOneOf(c.ReadOnly, "on", "off")),
		about("log-format", checkOneOf(c.LogFormat, "text", "json")),
		about("log-level", checkOneOf(c.LogLevel, "debug", "info", "warn", "error")),
	)
}

// Level returns LogLevel as slog has it.
func (c *Config) Level() slog.Level {
	var level slog.Level
	if level.UnmarshalText([]byte(c.LogLevel)) != nil {
		return slog.LevelInfo
	}
	return level
}

// ProviderHosts returns OIDCHosts as a list.
func (c *Config) ProviderHosts() []string { return splitList(c.OIDCHosts) }

// TrustedProxies returns Proxies as address ranges. Validate has found no
// mistake in it.
func (c *Config) TrustedProxies() []netip.Prefix {
	proxies, _ := parseProxies(c.Proxies)
	return proxies
}

const (
	accountPattern = `^[0-9]{12}$`
	// regionPattern names every region that exists; a name must fit a host label.
	regionPattern = `^[a-z]{2}(-[a-z]+)+-[0-9]$`
	labelPattern  = `^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`
	maxLabel      = 63
	maxDomain     = 190 // leaves room for <account>.dkr.ecr.<region>. in a name of 253
)

func about(flag string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("--%s: %w", flag, err)
}

func checkGiven(value string) error {
	if value == "" {
		return errors.New("must not be empty")
	}
	return nil
}

// checkEndpoint never repeats the URL: it may hold a password.
func checkEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("must be the http:// or https:// address of an OTLP collector, for example http://localhost:4318")
	}
	return nil
}

func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not an address of the form host:port", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return fmt.Errorf("%q has no port from 0 to 65535", address)
	}
	if host != "" && net.ParseIP(strings.SplitN(host, "%", 2)[0]) == nil && !isHostName(host) {
		return fmt.Errorf("%q has no host name or IP address before the port", address)
	}
	return nil
}

// checkDatabase never repeats the URL: it may hold a password.
func checkDatabase(database string) error {
	if database == "" { // derived from Data
		return nil
	}
	if path, ok := strings.CutPrefix(database, schemeSQLite); ok {
		if path == "" {
			return errors.New("sqlite: needs a path, for example sqlite:data/nifuda.db")
		}
		if strings.HasPrefix(path, ":memory:") {
			return errors.New("sqlite: needs a file: what is in memory is lost with the process")
		}
		return nil
	}
	if !strings.HasPrefix(database, "postgres://") && !strings.HasPrefix(database, "postgresql://") {
		return errors.New("must begin with sqlite:, postgres:// or postgresql://")
	}
	if _, err := url.Parse(database); err != nil {
		return errors.New("is not a valid URL; percent-encode special characters in user name and password")
	}
	return nil
}

func checkBlobs(blobs string) error {
	if blobs == "" { // derived from Data
		return nil
	}
	if strings.HasPrefix(blobs, bucket.Scheme) {
		_, err := bucket.ParseAddress(blobs)
		return err
	}
	path, ok := strings.CutPrefix(blobs, schemeFile)
	if !ok {
		return errors.New("must be file:PATH or s3://BUCKET/PREFIX")
	}
	if path == "" {
		return errors.New("file: needs a path, for example file:data/blobs")
	}
	return nil
}

func checkSeal(seal string) error {
	if seal == "" { // derived from Blobs
		return nil
	}
	return checkOneOf(seal, "on", "off")
}

func checkAudit(audit string) error {
	if audit == "" || audit == AuditStdout || audit == AuditOff { // derived from Data, or no file
		return nil
	}
	path, ok := strings.CutPrefix(audit, schemeFile)
	if !ok {
		return errors.New("must be file:PATH, stdout or off")
	}
	if path == "" {
		return errors.New("file: needs a path, for example file:data/audit/audit.log")
	}
	return nil
}

func checkPattern(value, pattern, want string) error {
	if len(value) > maxLabel || !regexp.MustCompile(pattern).MatchString(value) {
		return fmt.Errorf("%q is not %s", value, want)
	}
	return nil
}

func checkDomain(domain string) error {
	if domain == "" {
		return nil
	}
	if len(domain) > maxDomain || !isHostName(domain) {
		return fmt.Errorf("%q is not a host name: labels of letters, digits and hyphens between dots, no port", domain)
	}
	return nil
}

func isHostName(name string) bool {
	label := regexp.MustCompile(labelPattern)
	for part := range strings.SplitSeq(strings.ToLower(name), ".") {
		if !label.MatchString(part) {
			return false
		}
	}
	return true
}

func checkTLS(cert, key string) error {
	if (cert == "") != (key == "") {
		return errors.New("--tls-cert and --tls-key: give both or neither")
	}
	return nil
}

// splitList returns the elements of a list with commas; an empty one has none.
func splitList(list string) []string {
	if list == "" {
		return nil
	}
	elements := strings.Split(list, ",")
	for i := range elements {
		elements[i] = strings.TrimSpace(elements[i])
	}
	return elements
}

func checkHosts(list string) error {
	for _, host := range splitList(list) {
		if !isHostName(strings.ReplaceAll(host, "*", "x")) && net.ParseIP(host) == nil {
			return fmt.Errorf("%q is neither a host name, which may have stars, nor an IP address", host)
		}
	}
	return nil
}

func checkProxies(list string) error {
	_, err := parseProxies(list)
	return err
}

func parseProxies(list string) ([]netip.Prefix, error) {
	if list == "" {
		return nil, nil
	}
	var proxies []netip.Prefix
	for text := range strings.SplitSeq(list, ",") {
		text = strings.TrimSpace(text)
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, err := netip.ParseAddr(text)
			if err != nil || address.Zone() != "" {
				return nil, fmt.Errorf("%q is neither an IP address nor a range such as 10.0.0.0/8", text)
			}
			prefix = netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen())
		}
		proxies = append(proxies, prefix.Masked())
	}
	return proxies, nil
}

// checkRole refuses to take apart a server that has its database for itself.
func checkRole(role, database string) error {
	if role == "all" {
		return nil
	}
	if err := checkOneOf(role, "api", "worker", "all"); err != nil {
		return err
	}
	if database == "" || strings.HasPrefix(database, schemeSQLite) {
		return fmt.Errorf("%s needs a database that several processes can use, --database postgres://…; with SQLite one process does all", role)
	}
	return nil
}

func checkOneOf(value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%q is not %s", value, strings.Join(allowed, " or "))
}
