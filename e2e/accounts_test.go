package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// nifuda is a command of ours that asks the server.
func (s *server) nifuda(t *testing.T, args ...string) command {
	t.Helper()
	return command{args: append([]string{binary(t)}, args...), env: s.awsEnvironment()}
}

func TestAccountsAreMadeAndKeptApart(t *testing.T) {
	s := startServer(t)
	printed := s.nifuda(t, "account", "create", "--name", "Team A", "--id", "111122223333").run(t)
	asTeam := withLines(t, printed)
	if list := s.nifuda(t, "account", "list").run(t); !strings.Contains(list, "111122223333  Team A") {
		t.Errorf("account list says\n%s", list)
	}
	type identity struct{ Account, Arn string }
	if got := decode[identity](t, asTeam(s.aws(t, "sts", "get-caller-identity")).run(t)); got != (identity{"111122223333", "arn:aws:iam::111122223333:root"}) {
		t.Errorf("the key is of %+v", got)
	}
	createRepository(t, s, "app")
	if list := asTeam(s.aws(t, "ecr", "describe-repositories")).run(t); strings.Contains(list, "app") {
		t.Errorf("another account sees %s", list)
	}
	if said := asTeam(s.nifuda(t, "account", "list")).fail(t); !strings.Contains(said, "AccessDeniedException") {
		t.Errorf("another account's root is told %s", said)
	}
}

// withLines returns what makes a command act under the lines that account create
// tells to add to ~/.aws.
func withLines(t *testing.T, printed string) func(command) command {
	t.Helper()
	_, credentials, _ := strings.Cut(printed, "~/.aws/credentials:\n")
	credentials, config, _ := strings.Cut(credentials, "Add to ~/.aws/config:\n")
	config, _, ok := strings.Cut(config, "Then: ")
	if !ok {
		t.Fatalf("account create says\n%s", printed)
	}
	home := t.TempDir()
	var env []string
	for name, content := range map[string]string{"AWS_SHARED_CREDENTIALS_FILE": credentials, "AWS_CONFIG_FILE": config} {
		file := filepath.Join(home, name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+file)
	}
	return func(c command) command {
		c.env = append(env, "AWS_PROFILE=nifuda-111122223333")
		return c
	}
}

func TestPolicyExplainSaysWhichStatementDecides(t *testing.T) {
	s := startServer(t)
	createRepository(t, s, "app")
	s.aws(t, "iam", "create-user", "--user-name", "ann").run(t)
	s.aws(t, "iam", "put-user-policy", "--user-name", "ann", "--policy-name", "push", "--policy-document",
		`{"Version":"2012-10-17","Statement":[{"Sid":"Dev","Effect":"Allow","Action":"ecr:PutImage","Resource":"*","Condition":{"StringLike":{"nifuda:ImageTag":"dev-*"}}}]}`).run(t)
	ask := func(tag string) command {
		return s.nifuda(t, "policy", "explain", "--principal", "arn:aws:iam::123456789012:user/ann", "--action", "ecr:PutImage",
			"--resource", "arn:aws:ecr:us-east-1:123456789012:repository/app", "--context", "nifuda:ImageTag="+tag)
	}
	if said := ask("dev-1").run(t); !strings.HasPrefix(said, "Allowed: ") || !strings.Contains(said, "- push, statement 1 (Dev), identity-based policy:") {
		t.Errorf("of dev-1 it says\n%s", said)
	}
	if said := ask("prod-1").fail(t); !strings.HasPrefix(said, "Denied: ") || !strings.Contains(said, "because no identity-based policy allows the ecr:PutImage action") {
		t.Errorf("of prod-1 it says\n%s", said)
	}
}

func TestTheCLILearnsOurOperationsFromTheModel(t *testing.T) {
	s := startServer(t)
	list := s.ownAPI(t)("list-accounts")
	type accounts struct{ Accounts []struct{ AccountID string } }
	if got := decode[accounts](t, list.run(t)); len(got.Accounts) != 1 || got.Accounts[0].AccountID != "123456789012" {
		t.Errorf("list-accounts: %+v", got)
	}
}
