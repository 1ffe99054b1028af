package credentials

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// Profile is the name of the profile in the AWS files.
const Profile = "nifuda"

// The environment variables that fix the root access key.
const (
	EnvRootAccessKeyID     = "NIFUDA_ROOT_ACCESS_KEY_ID"
	EnvRootSecretAccessKey = "NIFUDA_ROOT_SECRET_ACCESS_KEY"
)

// minSecret is the shortest secret that a fixed root key may have.
const minSecret = 8

// A RootKey is the access key of the root user.
type RootKey struct {
	AccessKeyID     string
	SecretAccessKey string
}

// String keeps the secret out of every print.
func (k RootKey) String() string { return "root access key " + k.AccessKeyID }

// GoString does the same for %#v.
func (k RootKey) GoString() string { return k.String() }

// LogValue does the same for a log.
func (k RootKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// FixedRootKey returns the root key that the environment fixes, read through
// getenv. It is the zero key when neither variable is set; one without the
// other, or a value that cannot sign requests, is an error.
func FixedRootKey(getenv func(string) string) (RootKey, error) {
	key := RootKey{AccessKeyID: getenv(EnvRootAccessKeyID), SecretAccessKey: getenv(EnvRootSecretAccessKey)}
	if key == (RootKey{}) {
		return key, nil
	}
	if key.AccessKeyID == "" || key.SecretAccessKey == "" {
		return RootKey{}, errors.New("set both " + EnvRootAccessKeyID + " and " + EnvRootSecretAccessKey + ", or neither")
	}
	if err := key.check(); err != nil {
		return RootKey{}, fmt.Errorf("%s and %s: %w", EnvRootAccessKeyID, EnvRootSecretAccessKey, err)
	}
	return key, nil
}

// Check says what is wrong with a key that was kept elsewhere.
func (k RootKey) Check() error { return k.check() }

// check says what keeps a key from being written to a file or from signing.
func (k RootKey) check() error {
	if len(k.AccessKeyID) > 128 || strings.ContainsFunc(k.AccessKeyID, isNotKeyID) {
		return errors.New("the access key id must be 1 to 128 letters, digits, underscores or hyphens")
	}
	if len(k.SecretAccessKey) < minSecret || len(k.SecretAccessKey) > 256 || strings.ContainsFunc(k.SecretAccessKey, isNotGraphic) {
		return fmt.Errorf("the secret access key must be %d to 256 printable ASCII characters without spaces", minSecret)
	}
	return nil
}

func isNotKeyID(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-')
}

func isNotGraphic(c rune) bool { return c <= ' ' || c > '~' }

// AWSFiles are the two files that the AWS CLI and SDKs read, through
// AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE.
type AWSFiles struct {
	Credentials string
	Config      string
}

// FilesOf returns where the AWS files of a data directory are.
func FilesOf(data string) AWSFiles {
	return AWSFiles{
		Credentials: filepath.Join(data, "aws", "credentials"),
		Config:      filepath.Join(data, "aws", "config"),
	}
}

// EnsureRoot returns the root key and sees to it that the AWS files hold it,
// the endpoint (a URL) and the region under the profile [Profile]. The key is
// fixed, if that is not zero; else the one in the files; else a new one. A file
// that says all this already is left as it is, with whatever its owner added.
func (f AWSFiles) EnsureRoot(fixed RootKey, endpoint, region string) (RootKey, error) {
	key, err := f.ensureKey(fixed)
	if err != nil {
		return RootKey{}, err
	}
	if err := f.ensureConfig(endpoint, region); err != nil {
		return RootKey{}, err
	}
	return key, nil
}

// RootOrNew returns the root key that the files hold, or else a new one, which is
// kept nowhere yet.
func (f AWSFiles) RootOrNew() (RootKey, error) {
	key, err := f.readKey()
	if errors.Is(err, fs.ErrNotExist) {
		return newRootKey(), nil
	}
	return key, err
}

func (f AWSFiles) ensureKey(fixed RootKey) (RootKey, error) {
	stored, err := f.readKey()
	switch {
	case fixed == (RootKey{}) && errors.Is(err, fs.ErrNotExist):
		fixed = newRootKey()
	case fixed == (RootKey{}):
		return stored, err
	case fixed == stored:
		return stored, nil
	}
	content := "[" + Profile + "]\naws_access_key_id = " + fixed.AccessKeyID + "\naws_secret_access_key = " + fixed.SecretAccessKey + "\n"
	if err := ReplaceFile(f.Credentials, []byte(content)); err != nil {
		return RootKey{}, fmt.Errorf("write root access key: %w", err)
	}
	return fixed, nil
}

func (f AWSFiles) readKey() (RootKey, error) {
	text, err := os.ReadFile(f.Credentials)
	if err != nil {
		return RootKey{}, fmt.Errorf("read root access key: %w", err)
	}
	section := parseSection(string(text), Profile)
	key := RootKey{AccessKeyID: section["aws_access_key_id"], SecretAccessKey: section["aws_secret_access_key"]}
	if key.AccessKeyID == "" || key.SecretAccessKey == "" {
		return RootKey{}, fmt.Errorf("%s has no aws_access_key_id or no aws_secret_access_key in [%s]: complete it, or remove the file to get a new key",
			f.Credentials, Profile)
	}
	if err := key.check(); err != nil {
		return RootKey{}, fmt.Errorf("%s: %w", f.Credentials, err)
	}
	return key, nil
}

func (f AWSFiles) ensureConfig(endpoint, region string) error {
	text, err := os.ReadFile(f.Config)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read AWS configuration: %w", err)
	}
	section := parseSection(string(text), "profile "+Profile)
	if section["endpoint_url"] == endpoint && section["region"] == region {
		return nil
	}
	content := "[profile " + Profile + "]\nendpoint_url = " + endpoint + "\nregion = " + region + "\n"
	if err := ReplaceFile(f.Config, []byte(content)); err != nil {
		return fmt.Errorf("write AWS configuration: %w", err)
	}
	return nil
}

// newRootKey makes a key of the form that AWS gives: AKIA and 16 characters of
// base32, and a secret of 40 characters.
func newRootKey() RootKey {
	secret := make([]byte, 30)
	rand.Read(secret) // never fails
	return RootKey{
		AccessKeyID:     "AKIA" + rand.Text()[:16],
		SecretAccessKey: base64.StdEncoding.EncodeToString(secret),
	}
}

// parseSection returns the settings of one section of an INI file as the AWS
// tools write it; a line that it cannot read means nothing.
func parseSection(text, name string) map[string]string {
	settings := map[string]string{}
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			inside = strings.TrimSpace(strings.Trim(line, "[]")) == name
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if inside && ok && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ";") {
			settings[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return settings
}
