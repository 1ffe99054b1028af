package config_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/config"
)

// parse reads settings the way that the serve command does.
func parse(t *testing.T, args ...string) (config.Config, error) {
	t.Helper()
	var commands struct {
		Serve struct{ config.Config } `cmd:""`
		Other struct{}                `cmd:""`
	}
	parser, err := kong.New(&commands, kong.Name("nifuda"), kong.Exit(func(int) { t.Error("kong exits") }))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(append([]string{"serve"}, args...))
	return commands.Serve.Config, err
}

func settingsFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nifuda.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultsAreTheDocumentedOnes(t *testing.T) {
	want := config.Config{
		Listen: "127.0.0.1:5050", AdminListen: "127.0.0.1:5051", Data: "./data",
		Database: "sqlite:" + filepath.Join("data", "nifuda.db"), Blobs: "file:" + filepath.Join("data", "blobs"), Audit: "file:" + filepath.Join("data", "audit", "audit.log"),
		Account: "123456789012", Region: "us-east-1", Role: "all", DrainDelay: "0s", LogFormat: "text", LogLevel: "info",
		Grace: "24h", Undelete: "168h", Seal: "on", SealKeys: "file:" + filepath.Join("data", "seal-keys"), ServerKey: "file:" + filepath.Join("data", "keys", "server.key"), Scrub: "4MiB", Reserve: "256MiB", ReadOnly: "off", Quotas: "off", RateLimits: "off", PerSource: "0",
	}
	if diff := cmp.Diff(want, config.Default()); diff != "" {
		t.Error(diff)
	}
	got, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEveryFlagHasItsEnvironmentVariable(t *testing.T) {
	for field := range reflect.TypeFor[config.Config]().Fields() {
		name := field.Tag.Get("name")
		want := "NIFUDA_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		if got := field.Tag.Get("env"); got != want {
			t.Errorf("--%s has %s, want %s", name, got, want)
		}
		if field.Tag.Get("help") == "" {
			t.Errorf("--%s has no help", name)
		}
	}
}

func TestFlagOverEnvironmentOverFileOverDefault(t *testing.T) {
	file := settingsFile(t, "region: eu-west-1\naccount: 012345678901\nlisten: :8080\nadmin-listen: off\ndomain:\nlog-format: null\n")
	t.Setenv("NIFUDA_REGION", "eu-west-2")
	t.Setenv("NIFUDA_LISTEN", ":9090")
	got, err := parse(t, "--config", file, "--region", "eu-west-3", "--data", "d")
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.File = config.File(file)
	want.Region = "eu-west-3"
	want.Listen = ":9090"
	want.Account = "012345678901"
	want.AdminListen = "off"
	want.Data = "d"
	want.Database = "sqlite:" + filepath.Join("d", "nifuda.db")
	want.Blobs = "file:" + filepath.Join("d", "blobs")
	want.Audit = "file:" + filepath.Join("d", "audit", "audit.log")
	want.SealKeys = "file:" + filepath.Join("d", "seal-keys")
	want.ServerKey = "file:" + filepath.Join("d", "keys", "server.key")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFileMayComeFromTheEnvironment(t *testing.T) {
	t.Setenv("NIFUDA_CONFIG", settingsFile(t, "region: eu-west-1\ndatabase: sqlite:x.db\n"))
	got, err := parse(t)
	if err != nil || got.Region != "eu-west-1" || got.Database != "sqlite:x.db" {
		t.Errorf("got %v, %v", got, err)
	}
	got, err = parse(t, "--config", settingsFile(t, "region: eu-west-2\n"))
	if err != nil || got.Region != "eu-west-2" || got.Database == "sqlite:x.db" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestFileIsStrict(t *testing.T) {
	tests := []struct{ name, content, want string }{
		{"unknown key", "region: us-east-1\nlistn: :80\n", `line 2: unknown setting "listn"`},
		{"itself", "config: other.yaml\n", `line 1: unknown setting "config"`},
		{"same key twice", "region: us-east-1\nregion: us-east-2\n", `line 2: setting "region" is there twice`},
		{"list", "listen: [a, b]\n", `line 1: setting "listen" must be a single value`},
		{"nested", "tls:\n  cert: x\n", `line 1: unknown setting "tls"`},
		{"no mapping", "- listen\n", `is not a mapping from settings to values`},
		{"two documents", "region: us-east-1\n---\nregoin: us-east-2\n", `has more than one document`},
		{"no YAML", "listen: \"x\n", `unexpected end of stream`},
		{"bad value", "account: 12\n", `--account: "12" is not 12 digits`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(t, "--config", settingsFile(t, test.content))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := parse(t, "--config", filepath.Join(t.TempDir(), "none.yaml")); err == nil || !strings.Contains(err.Error(), "none.yaml: ") {
		t.Errorf("missing file: %v", err)
	}
	for _, content := range []string{"", "\n", "# nothing\n", "---\n"} {
		if _, err := parse(t, "--config", settingsFile(t, content)); err != nil {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestABucketThatEncryptsNeedsNoSealing(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--blobs", "s3://bucket"}, "on"},
		{[]string{"--blobs", "s3://bucket?sse=AES256"}, "off"},
		{[]string{"--blobs", "s3://bucket?sse=aws:kms&sse-kms-key=alias/nifuda"}, "off"},
		{[]string{"--blobs", "s3://bucket?sse=AES256", "--seal", "on"}, "on"},
	} {
		c, err := parse(t, test.args...)
		if err != nil || c.Seal != test.want {
			t.Errorf("%q: --seal is %q, %v, want %q", test.args, c.Seal, err, test.want)
		}
	}
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*config.Config)
		want   string // empty: valid
	}{
		{"every interface", func(c *config.Config) { c.Listen = ":5050" }, ""},
		{"any port", func(c *config.Config) { c.Listen = "127.0.0.1:0" }, ""},
		{"IPv6", func(c *config.Config) { c.Listen = "[::1]:5050" }, ""},
		{"IPv6 with zone", func(c *config.Config) { c.Listen = "[fe80::1%eth0]:5050" }, ""},
		{"name", func(c *config.Config) { c.Listen = "localhost:5050" }, ""},
		{"no port", func(c *config.Config) { c.Listen = "127.0.0.1" }, `--listen: "127.0.0.1" is not an address of the form host:port`},
		{"port too high", func(c *config.Config) { c.Listen = ":65536" }, `--listen: ":65536" has no port from 0 to 65535`},
		{"port by name", func(c *config.Config) { c.Listen = ":http" }, `--listen: ":http" has no port from 0 to 65535`},
		{"no host", func(c *config.Config) { c.Listen = "a b:80" }, `--listen: "a b:80" has no host name or IP address before the port`},
		{"admin off", func(c *config.Config) { c.AdminListen = "off" }, ""},
		{"admin", func(c *config.Config) { c.AdminListen = "no" }, `--admin-listen: "no" is not an address of the form host:port`},
		{"no data", func(c *config.Config) { c.Data = "" }, `--data: must not be empty`},
		{"not yet derived", func(c *config.Config) { c.Database, c.Blobs, c.Audit = "", "", "" }, ""},
		{"postgres", func(c *config.Config) { c.Database = "postgres://u:p@db/nifuda?sslmode=require" }, ""},
		{"postgresql", func(c *config.Config) { c.Database = "postgresql:///nifuda" }, ""},
		{"mysql", func(c *config.Config) { c.Database = "mysql://u:hunter2@db" }, `--database: must begin with sqlite:, postgres:// or postgresql://`},
		{"sqlite without path", func(c *config.Config) { c.Database = "sqlite:" }, `--database: sqlite: needs a path, for example sqlite:data/nifuda.db`},
		{
			"postgres that does not parse", func(c *config.Config) { c.Database = "postgres://u:hunter2%zz@db" },
			`--database: is not a valid URL; percent-encode special characters in user name and password`,
		},
		{"s3", func(c *config.Config) { c.Blobs = "s3://bucket/prefix?region=eu-west-1" }, ""},
		{"s3 without bucket", func(c *config.Config) { c.Blobs = "s3:///prefix" }, `--blobs: s3: the name of the bucket is missing: want s3://BUCKET/PREFIX`},
		{"other blobs", func(c *config.Config) { c.Blobs = "/blobs" }, `--blobs: must be file:PATH or s3://BUCKET/PREFIX`},
		{"seal", func(c *config.Config) { c.Seal = "maybe" }, `--seal: "maybe" is not on or off`},
		{"other audit", func(c *config.Config) { c.Audit = "stderr" }, `--audit: must be file:PATH, stdout or off`},
		{"audit without path", func(c *config.Config) { c.Audit = "file:" }, `--audit: file: needs a path, for example file:data/audit/audit.log`},
		{"blobs without path", func(c *config.Config) { c.Blobs = "file:" }, `--blobs: file: needs a path, for example file:data/blobs`},
		{"account", func(c *config.Config) { c.Account = "1234" }, `--account: "1234" is not 12 digits`},
		{"account with letter", func(c *config.Config) { c.Account = "12345678901a" }, `--account: "12345678901a" is not 12 digits`},
		{"gov region", func(c *config.Config) { c.Region = "us-gov-west-1" }, ""},
		{"region", func(c *config.Config) { c.Region = "moon" }, `--region: "moon" is not the name of a region, for example us-east-1`},
		{"domain", func(c *config.Config) { c.Domain = "registry.example.com" }, ""},
		{"one label", func(c *config.Config) { c.Domain = "localhost" }, ""},
		{
			"domain with port", func(c *config.Config) { c.Domain = "example.com:443" },
			`--domain: "example.com:443" is not a host name: labels of letters, digits and hyphens between dots, no port`,
		},
		{
			"domain with empty label", func(c *config.Config) { c.Domain = ".example.com" },
			`--domain: ".example.com" is not a host name: labels of letters, digits and hyphens between dots, no port`,
		},
		{"TLS", func(c *config.Config) { c.TLSCert, c.TLSKey = "c.pem", "k.pem" }, ""},
		{"certificate alone", func(c *config.Config) { c.TLSCert = "c.pem" }, `--tls-cert and --tls-key: give both or neither`},
		{"key alone", func(c *config.Config) { c.TLSKey = "k.pem" }, `--tls-cert and --tls-key: give both or neither`},
		{"proxy without an address", func(c *config.Config) { c.Proxies = "10.0.0.0/8,lb.example" }, `--trusted-proxies: "lb.example" is neither an IP address nor a range such as 10.0.0.0/8`},
		{"proxy with a zone", func(c *config.Config) { c.Proxies = "fe80::1%eth0" }, `--trusted-proxies: "fe80::1%eth0" is neither an IP address nor a range such as 10.0.0.0/8`},
		{"hosts of providers", func(c *config.Config) { c.OIDCHosts = "gitlab.example.com, *.ci.example, 127.0.0.1, ::1" }, ""},
		{"host with port", func(c *config.Config) { c.OIDCHosts = "localhost,gitlab.example.com:8443" }, `--oidc-hosts: "gitlab.example.com:8443" is neither a host name, which may have stars, nor an IP address`},
		{"api", func(c *config.Config) { c.Role, c.Database = "api", "postgres://db/nifuda" }, ""},
		{"worker", func(c *config.Config) { c.Role, c.Database = "worker", "postgres://db/nifuda" }, ""},
		{"api with SQLite", func(c *config.Config) { c.Role = "api" }, `--role: api needs a database that several processes can use, --database postgres://…; with SQLite one process does all`},
		{"worker with SQLite", func(c *config.Config) { c.Role, c.Database = "worker", "sqlite:x" }, `--role: worker needs a database that several processes can use, --database postgres://…; with SQLite one process does all`},
		{"other role", func(c *config.Config) { c.Role = "none" }, `--role: "none" is not api or worker or all`},
		{"endless drain", func(c *config.Config) { c.DrainDelay = "long" }, `--drain-delay: "long" is not a time such as 0, 90m or 168h`},
		{"log format", func(c *config.Config) { c.LogFormat = "xml" }, `--log-format: "xml" is not text or json`},
		{"log level", func(c *config.Config) { c.LogLevel = "loud" }, `--log-level: "loud" is not debug or info or warn or error`},
		{"two mistakes", func(c *config.Config) { c.Account, c.Role = "1", "" }, "--account: \"1\" is not 12 digits\n--role: \"\" is not api or worker or all"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := config.Default()
			test.change(&c)
			got := ""
			if err := c.Validate(); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParsingValidates(t *testing.T) {
	_, err := parse(t, "--account", "1", "--role", "api")
	if err == nil || !strings.Contains(err.Error(), "--account:") || !strings.Contains(err.Error(), "--role:") {
		t.Errorf("got %v", err)
	}
}

func TestLevel(t *testing.T) {
	for name, want := range map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError} {
		c := config.Config{LogLevel: name}
		if got := c.Level(); got != want {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	c := config.Default()
	c.Database = "postgres://user:hunter2@db:5432/nifuda?sslmode=require&sslpassword=hunter2"
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", c, "pointer", &c)
	texts := []string{log.String(), c.String()}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		texts = append(texts, fmt.Sprintf(format, c), fmt.Sprintf(format, &c))
	}
	for _, text := range texts {
		if strings.Contains(text, "hunter2") || !strings.Contains(text, "user:xxxxx@db:5432") {
			t.Errorf("prints %s", text)
		}
	}
}

func TestRedact(t *testing.T) {
	tests := map[string]string{
		"sqlite:data/nifuda.db":                      "sqlite:data/nifuda.db",
		"file:data/blobs":                            "file:data/blobs",
		"postgres://db/nifuda":                       "postgres://db/nifuda",
		"postgres://u:hunter2@db/n":                  "postgres://u:xxxxx@db/n",
		"postgres://u:12/hunter2@db":                 "postgres://xxxxx",
		"postgres://u:12?hunter2@db":                 "postgres://xxxxx",
		"postgres:///n?host=/run&password=hunter2":   "postgres:///n?host=%2Frun&password=xxxxx",
		"postgres://u:hunter2%zz@db":                 "postgres://xxxxx",
		"postgres://db/n?password=hunter2%zz":        "postgres://db/n?xxxxx",
		"s3://bucket/p?secret-access-key=x&region=y": "s3://bucket/p?region=y&secret-access-key=xxxxx",
	}
	for storage, want := range tests {
		if got := config.Redact(storage); got != want {
			t.Errorf("%s: got %s, want %s", storage, got, want)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("hunter2secret", "db", "nifuda")
	f.Add("p@ss:/word", "db:5432", "n?x=y")
	f.Add("#", "db", "")
	f.Fuzz(func(t *testing.T, password, host, rest string) {
		const marker = "31415926" // a password of digits first passes for a port
		if strings.Contains(host+rest, marker) {
			t.Skip()
		}
		got := config.Redact("postgres://user:" + marker + password + "@" + host + "/" + rest)
		if strings.Contains(got, marker) {
			t.Errorf("prints %s", got)
		}
	})
}
