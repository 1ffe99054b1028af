package e2e_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// lanName is a host name of a local network, which the browser is told to find here.
const lanName = "registry.test"

// TestConsoleSessions: browser/sessions.mjs has the scenes.
func TestConsoleSessions(t *testing.T) {
	needBrowser(t)
	s, secure := startServer(t), startSecure(t)
	createRepository(t, s, "team/app")
	s.aws(t, "iam", "create-user", "--user-name", "ann").run(t)
	s.aws(t, "iam", "create-login-profile", "--user-name", "ann", "--password", "first-Password-1", "--password-reset-required").run(t)
	s.aws(t, "iam", "put-user-policy", "--user-name", "ann", "--policy-name", "all", "--policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`).run(t)
	s.aws(t, "iam", "create-role", "--role-name", "auditor", "--assume-role-policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}`).run(t)
	s.aws(t, "iam", "put-role-policy", "--role-name", "auditor", "--policy-name", "read", "--policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:*","nifuda:*"],"Resource":"*"}]}`).run(t)
	type created struct {
		AccessKey struct{ AccessKeyID, SecretAccessKey string }
	}
	key := decode[created](t, s.aws(t, "iam", "create-access-key", "--user-name", "ann").run(t)).AccessKey
	s.inBrowser(t, "sessions.mjs", "USER=ann", "USER_KEY_ID="+key.AccessKeyID, "USER_SECRET="+key.SecretAccessKey, "PASSWORD=first-Password-1", "ROLE=auditor",
		"LAN=http://"+strings.Replace(s.listen, "127.0.0.1", lanName, 1),
		"TLS=https://"+strings.Replace(secure.listen, "127.0.0.1", lanName, 1), "TLS_KEY_ID="+accessKey(t, secure), "TLS_SECRET="+secretKey(t, secure),
	).prints(t, "sessions began and ended")
}

// startSecure starts a server with a certificate that nobody trusts.
func startSecure(t *testing.T) *server {
	t.Helper()
	directory := t.TempDir()
	writeCertificates(t, directory, []string{lanName})
	s := newServer(t, directory, "--tls-cert", filepath.Join(directory, "tls.crt"), "--tls-key", filepath.Join(directory, "tls.key"))
	s.launch()
	await(t, "a server with TLS", func() bool {
		connection, err := net.Dial("tcp", s.listen)
		if err != nil {
			return false
		}
		return connection.Close() == nil
	})
	return s
}
