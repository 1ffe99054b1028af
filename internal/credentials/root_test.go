package credentials_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/credentials"
)

const (
	testEndpoint = "http://127.0.0.1:5050"
	testRegion   = "us-east-1"
)

func ensure(t *testing.T, files credentials.AWSFiles, fixed credentials.RootKey, endpoint, region string) credentials.RootKey {
	t.Helper()
	key, err := files.EnsureRoot(fixed, endpoint, region)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s: %s", path, diff)
	}
}

func TestRootKeyIsMadeOnce(t *testing.T) {
	files := credentials.FilesOf(t.TempDir())
	key := ensure(t, files, credentials.RootKey{}, testEndpoint, testRegion)
	if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(key.AccessKeyID) || len(key.SecretAccessKey) != 40 {
		t.Errorf("key id %s, secret of %d characters", key.AccessKeyID, len(key.SecretAccessKey))
	}
	wantPrivate(t, files.Credentials)
	wantPrivate(t, files.Config)
	wantContent(t, files.Credentials, "[nifuda]\naws_access_key_id = "+key.AccessKeyID+"\naws_secret_access_key = "+key.SecretAccessKey+"\n")
	wantContent(t, files.Config, "[profile nifuda]\nendpoint_url = http://127.0.0.1:5050\nregion = us-east-1\n")
	if again := ensure(t, files, credentials.RootKey{}, testEndpoint, testRegion); again != key {
		t.Error("the second start got another key")
	}
}

func TestRootKeyMayBeFixed(t *testing.T) {
	files := credentials.FilesOf(t.TempDir())
	made := ensure(t, files, credentials.RootKey{}, testEndpoint, testRegion)
	fixed := credentials.RootKey{AccessKeyID: "AKIAFIXED", SecretAccessKey: "fixed-secret"}
	if got := ensure(t, files, fixed, testEndpoint, testRegion); got != fixed || got == made {
		t.Errorf("got %v", got)
	}
	wantPrivate(t, files.Credentials)
	if got := ensure(t, files, credentials.RootKey{}, testEndpoint, testRegion); got != fixed {
		t.Errorf("the files hold %v", got)
	}
}

func TestConfigFollowsEndpointAndRegion(t *testing.T) {
	files := credentials.FilesOf(t.TempDir())
	key := ensure(t, files, credentials.RootKey{}, testEndpoint, testRegion)
	own := "[profile nifuda]\noutput = yaml\nregion=us-east-1\nendpoint_url =http://127.0.0.1:5050\n"
	write(t, files.Config, own, 0o600)
	ensure(t, files, credentials.RootKey{}, testEndpoint, testRegion)
	wantContent(t, files.Config, own)
	if got := ensure(t, files, credentials.RootKey{}, "https://registry.example:443", "eu-west-1"); got != key {
		t.Error("another endpoint got another key")
	}
	wantContent(t, files.Config, "[profile nifuda]\nendpoint_url = https://registry.example:443\nregion = eu-west-1\n")
}

func TestCredentialsFileThatCannotBeUsedIsAnError(t *testing.T) {
	tests := map[string]string{
		"empty":         "",
		"other profile": "[default]\naws_access_key_id = AKIAX\naws_secret_access_key = 12345678\n",
		"no secret":     "[nifuda]\naws_access_key_id = AKIAX\n# aws_secret_access_key = 12345678\n",
		"bad key id":    "[nifuda]\naws_access_key_id = A/B\naws_secret_access_key = 12345678\n",
	}
	for name, content := range tests {
		t.Run(name, func(t *testing.T) {
			files := credentials.FilesOf(t.TempDir())
			write(t, files.Credentials, content, 0o600)
			_, err := files.EnsureRoot(credentials.RootKey{}, testEndpoint, testRegion)
			if err == nil || !strings.Contains(err.Error(), files.Credentials) {
				t.Errorf("got %v", err)
			}
			wantContent(t, files.Credentials, content)
		})
	}
}

func TestFixedRootKey(t *testing.T) {
	tests := []struct {
		name, id, secret string
		want             string
	}{
		{"neither", "", "", ""},
		{"both", "AKIAX", "12345678", ""},
		{"id alone", "AKIAX", "", "set both NIFUDA_ROOT_ACCESS_KEY_ID and NIFUDA_ROOT_SECRET_ACCESS_KEY, or neither"},
		{"secret alone", "", "12345678", "set both NIFUDA_ROOT_ACCESS_KEY_ID and NIFUDA_ROOT_SECRET_ACCESS_KEY, or neither"},
		{"slash in id", "AK/IA", "12345678", "access key id must be"},
		{"short secret", "AKIAX", "1234567", "secret access key must be"},
		{"line break in secret", "AKIAX", "12345678\nregion = x", "secret access key must be"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			env := map[string]string{credentials.EnvRootAccessKeyID: test.id, credentials.EnvRootSecretAccessKey: test.secret}
			key, err := credentials.FixedRootKey(func(name string) string { return env[name] })
			if test.want == "" {
				if want := (credentials.RootKey{AccessKeyID: test.id, SecretAccessKey: test.secret}); err != nil || key != want {
					t.Errorf("got %v, %v", key, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || test.secret != "" && strings.Contains(err.Error(), test.secret) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestRootKeyDoesNotPrintItsSecret(t *testing.T) {
	key := credentials.RootKey{AccessKeyID: "AKIAX", SecretAccessKey: "top-secret"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, key); strings.Contains(text, "top-secret") {
			t.Errorf("%s prints %s", format, text)
		}
	}
}
