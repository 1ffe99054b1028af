// Package config holds the settings of the server.
//
// [Config] is the one place that knows them: the tags of its fields are the
// flags, their environment variables, their defaults and their help, and the
// flag names are the keys of the YAML file. A flag wins over the environment,
// that over the file, and that over the default. Package kong reads the tags:
// a command that embeds Config has the flags, and its Config is complete,
// checked and with every default filled in when kong's Parse returns.
//
// The root access key is a setting of the environment alone, see package
// credentials: a secret has no place in a command line or a settings file.
package config

import (
	"path/filepath"
	"reflect"
	"strings"

	"github.com/nifuda/nifuda/internal/bucket"
)

// The values of Audit that are no file.
const (
	AuditStdout = "stdout"
	AuditOff    = "off"
)

// AdminOff is the AdminListen that disables the admin listener.
const AdminOff = "off"

// Config is the settings of nifuda serve.
type Config struct {
	Listen      string `name:"listen" env:"NIFUDA_LISTEN" default:"127.0.0.1:5050" placeholder:"ADDR" help:"Address of the one port that serves the AWS API, /v2/ and health checks (default ${default})."`
	AdminListen string `name:"admin-listen" env:"NIFUDA_ADMIN_LISTEN" default:"127.0.0.1:5051" placeholder:"ADDR" help:"Address of /metrics and /debug/pprof, or off (default ${default})."`
	Data        string `name:"data" env:"NIFUDA_DATA" default:"./data" placeholder:"DIR" help:"Directory of the SQLite file, the blobs, the keys and the first credentials (default ${default})."`
	Database    string `name:"database" env:"NIFUDA_DATABASE" placeholder:"URL" help:"Where metadata lives: sqlite:PATH or postgres://… (default sqlite:<data>/nifuda.db)."`
	Blobs       string `name:"blobs" env:"NIFUDA_BLOBS" placeholder:"URL" help:"Where blobs live: file:PATH or s3://BUCKET/PREFIX?region=NAME&… (default file:<data>/blobs)."`
	Account     string `name:"account" env:"NIFUDA_ACCOUNT" default:"123456789012" placeholder:"ID" help:"Account that a request without a better hint means, and that the root user belongs to (default ${default})."`
	Region      string `name:"region" env:"NIFUDA_REGION" default:"us-east-1" placeholder:"NAME" help:"Region that a request without a better hint means (default ${default})."`
	Domain      string `name:"domain" env:"NIFUDA_DOMAIN" placeholder:"HOST" help:"Domain that the registry's host names end in: <account>.dkr.ecr.<region>.<domain>."`
	TLSCert     string `name:"tls-cert" env:"NIFUDA_TLS_CERT" placeholder:"FILE" help:"Certificate chain in PEM, reloaded when it changes."`
	TLSKey      string `name:"tls-key" env:"NIFUDA_TLS_KEY" placeholder:"FILE" help:"Private key in PEM, reloaded when it changes."`
	Proxies     string `name:"trusted-proxies" env:"NIFUDA_TRUSTED_PROXIES" placeholder:"ADDRS" help:"Addresses or CIDR ranges, separated by commas, of the proxies that are believed in X-Forwarded-For and X-Forwarded-Proto (default none)."`
	OIDCKeys    string `name:"oidc-keys" env:"NIFUDA_OIDC_KEYS" placeholder:"DIR" help:"Directory with the keys of OpenID Connect providers that cannot be asked over the network."`
	OIDCHosts   string `name:"oidc-hosts" env:"NIFUDA_OIDC_HOSTS" placeholder:"HOSTS" help:"Hosts, with stars, separated by commas, that OpenID Connect providers may be at (default all that are not on this machine)."`
	Role        string `name:"role" env:"NIFUDA_ROLE" default:"all" placeholder:"ROLE" help:"What this process does: api answers requests, worker does what is done in the background, all does both (default ${default})."`
	DrainDelay  string `name:"drain-delay" env:"NIFUDA_DRAIN_DELAY" default:"0s" placeholder:"TIME" help:"How long a server that is told to end still takes connections while /readyz says that it ends, for load balancers (default ${default})."`
	Audit       string `name:"audit" env:"NIFUDA_AUDIT" placeholder:"WHERE" help:"Where audit records go: file:PATH, stdout or off (default file:<data>/audit/audit.log)."`
	Grace       string `name:"gc-grace" env:"NIFUDA_GC_GRACE" default:"24h" placeholder:"TIME" help:"How long a blob that no image refers to is kept, such as 90m or 24h (default ${default})."`
	Undelete    string `name:"undelete-window" env:"NIFUDA_UNDELETE_WINDOW" default:"168h" placeholder:"TIME" help:"How long deleted images, tags and repositories can be restored; 0 is not at all (default ${default})."`
	Seal        string `name:"seal" env:"NIFUDA_SEAL" placeholder:"ON|OFF" help:"Whether blobs are encrypted before they are stored: on or off (default on, but off where --blobs has sse=, for the bucket encrypts them then)."`
	SealKeys    string `name:"seal-keys" env:"NIFUDA_SEAL_KEYS" placeholder:"WHERE" help:"Where the key ring is that seals them: file:PATH, env:NAME, command:COMMAND, database: (sealed with the server key), or kms:KEY-ARN?endpoint=URL (default file:<data>/seal-keys)."`
	ServerKey   string `name:"server-key" env:"NIFUDA_SERVER_KEY" placeholder:"WHERE" help:"Where the server key is, which several nodes share: file:PATH, env:NAME or command:COMMAND (default file:<data>/keys/server.key)."`
	Scrub       string `name:"scrub-rate" env:"NIFUDA_SCRUB_RATE" default:"4MiB" placeholder:"BYTES" help:"Bytes per second at which everything stored is read and checked, again and again; 0 is never (default ${default})."`
	Reserve     string `name:"disk-reserve" env:"NIFUDA_DISK_RESERVE" default:"256MiB" placeholder:"BYTES" help:"Free space that pushes leave on a disk, for the database and for deletions (default ${default})."`
	OTLP        string `name:"otlp-endpoint" env:"NIFUDA_OTLP_ENDPOINT" placeholder:"URL" help:"OTLP collector that traces go to, such as http://localhost:4318; OTEL_EXPORTER_OTLP_ENDPOINT and the other variables of OpenTelemetry count too (default none)."`
	Quotas      string `name:"quotas" env:"NIFUDA_QUOTAS" default:"off" placeholder:"OFF|ECR" help:"Whether accounts have ECR's service quotas on repositories, images and layers unless others are set: off or ecr (default ${default})."`
	RateLimits  string `name:"rate-limits" env:"NIFUDA_RATE_LIMITS" default:"off" placeholder:"OFF|ECR" help:"Whether accounts have ECR's quotas on requests per second unless others are set: off or ecr (default ${default})."`
	PerSource   string `name:"source-connections" env:"NIFUDA_SOURCE_CONNECTIONS" default:"0" placeholder:"COUNT" help:"Connections that one client address may have at once, trusted proxies excepted; 0 is any number (default ${default})."`
	ReadOnly    string `name:"read-only" env:"NIFUDA_READ_ONLY" default:"off" placeholder:"ON|OFF" help:"Whether everything that changes something is refused, as the last step of a move wants it: on or off (default ${default})."`
	LogFormat   string `name:"log-format" env:"NIFUDA_LOG_FORMAT" default:"text" placeholder:"FORMAT" help:"Form of the log: text or json (default ${default})."`
	LogLevel    string `name:"log-level" env:"NIFUDA_LOG_LEVEL" default:"info" placeholder:"LEVEL" help:"Least level that is logged: debug, info, warn or error (default ${default})."`
	File        File   `name:"config" env:"NIFUDA_CONFIG" placeholder:"FILE" help:"YAML file of these settings, its keys being the flags' names."`
}

// Default returns the settings of a server that nobody has configured.
func Default() Config {
	var c Config
	settings := reflect.ValueOf(&c).Elem()
	for i := range settings.NumField() {
		settings.Field(i).SetString(settings.Type().Field(i).Tag.Get("default"))
	}
	c.complete()
	return c
}

// AfterApply fills in what depends on Data; kong calls it at the end of parsing.
func (c *Config) AfterApply() error {
	c.complete()
	return nil
}

func (c *Config) complete() {
	if c.Database == "" {
		c.Database = schemeSQLite + filepath.Join(c.Data, "nifuda.db")
	}
	if c.Blobs == "" {
		c.Blobs = schemeFile + filepath.Join(c.Data, "blobs")
	}
	if c.Seal == "" {
		c.Seal = "on"
		if c.bucket().SSE != "" {
			c.Seal = "off"
		}
	}
	if c.SealKeys == "" {
		c.SealKeys = schemeFile + filepath.Join(c.Data, "seal-keys")
	}
	if c.ServerKey == "" {
		c.ServerKey = schemeFile + filepath.Join(c.Data, "keys", "server.key")
	}
	if c.Audit == "" {
		c.Audit = schemeFile + filepath.Join(c.Data, "audit", "audit.log")
	}
}

// bucket returns the bucket that the blobs are in, or none.
func (c *Config) bucket() bucket.Address {
	if !strings.HasPrefix(c.Blobs, bucket.Scheme) {
		return bucket.Address{}
	}
	address, _ := bucket.ParseAddress(c.Blobs) // Validate tells what is wrong with it
	return address
}

// RedirectsPulls reports whether clients are sent to a bucket for blobs.
func (c *Config) RedirectsPulls() bool { return c.bucket().Redirect }
