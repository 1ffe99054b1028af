package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAPasswordSignsIn: the CLI needs no credentials to sign in with a password,
// and what it is given are some.
func TestAPasswordSignsIn(t *testing.T) {
	const password = "correct-Horse 7"
	s := startServer(t)
	own := s.ownAPI(t)
	s.aws(t, "iam", "create-user", "--user-name", "ann").run(t)
	s.aws(t, "iam", "create-login-profile", "--user-name", "ann", "--password", password).run(t)
	s.aws(t, "iam", "create-account-alias", "--account-alias", "acme").run(t)

	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("[default]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// nobody makes a command forget the credentials that it has.
	nobody := func(c command) command {
		c.args = append(c.args, "--endpoint-url", s.url(), "--region", region)
		c.env = append(c.env, "AWS_CONFIG_FILE="+config, "AWS_SHARED_CREDENTIALS_FILE="+config, "AWS_PROFILE=default", "AWS_EC2_METADATA_DISABLED=true")
		return c
	}
	signIn := func(password string) command {
		return nobody(own("sign-in", "--account-id", "acme", "--user-name", "ann", "--password", password))
	}
	signedIn := decode[struct {
		Arn         string
		Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string } //nolint:staticcheck // as the CLI prints it
	}](t, signIn(password).run(t))
	who := nobody(s.aws(t, "sts", "get-caller-identity"))
	who.env = append(who.env, "AWS_ACCESS_KEY_ID="+signedIn.Credentials.AccessKeyId,
		"AWS_SECRET_ACCESS_KEY="+signedIn.Credentials.SecretAccessKey, "AWS_SESSION_TOKEN="+signedIn.Credentials.SessionToken)
	if got := who.run(t); !strings.Contains(got, signedIn.Arn) || !strings.HasSuffix(signedIn.Arn, ":user/ann") {
		t.Errorf("signed in as %s, and is %s", signedIn.Arn, got)
	}
	signIn("wrong").says(t, "SignInFailedException")
}
