package e2e_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// An issuer signs the tokens of an OpenID Connect provider whose keys the server
// has in a file, as where the provider cannot be asked.
type issuer struct{ key *rsa.PrivateKey }

const issuerHost = "gitlab.example.com"

// startServerTrusting starts a server that knows the keys of an issuer.
func startServerTrusting(t *testing.T) (*server, issuer) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	number := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	writeFile(t, filepath.Join(directory, issuerHost+".json"), marshal(t, map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": number(key.N), "e": number(big.NewInt(int64(key.E))),
	}}}))
	return startServer(t, "--oidc-keys", directory), issuer{key}
}

// token signs a token about a subject.
func (i issuer) token(t *testing.T, subject, audience string) string {
	t.Helper()
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString(marshal(t, v)) }
	now := time.Now()
	text := part(map[string]string{"alg": "RS256", "typ": "JWT", "kid": "one"}) + "." + part(map[string]any{
		"iss": "https://" + issuerHost, "sub": subject, "aud": audience, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// TestPipelineSignsInWithoutAKey: a token of the pipeline's own becomes a session
// of a role, by the variables that the AWS tools read, and docker pushes.
func TestPipelineSignsInWithoutAKey(t *testing.T) {
	docker := newDockerClient(t)
	s, gitlab := startServerTrusting(t)
	createRepository(t, s, "app")
	provider := "arn:aws:iam::" + account + ":oidc-provider/" + issuerHost
	s.aws(t, "iam", "create-open-id-connect-provider", "--url", "https://"+issuerHost, "--client-id-list", "nifuda").run(t)
	s.aws(t, "iam", "create-role", "--role-name", "deploy", "--assume-role-policy-document", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Federated":"`+provider+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{
			"StringEquals":{"`+issuerHost+`:aud":"nifuda"},"StringLike":{"`+issuerHost+`:sub":"project_path:team/app:*"}}}]}`).run(t)
	s.aws(t, "iam", "attach-role-policy", "--role-name", "deploy", "--policy-arn", powerUserPolicy).run(t)

	role := "arn:aws:iam::" + account + ":role/deploy"
	as := func(token string, args ...string) command {
		file := filepath.Join(t.TempDir(), "token")
		writeFile(t, file, []byte(token))
		c := s.aws(t, args...)
		c.env = append(c.env, "HOME="+t.TempDir(), // where the CLI keeps sessions
			"AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
			"AWS_ROLE_ARN="+role, "AWS_ROLE_SESSION_NAME=run-7", "AWS_WEB_IDENTITY_TOKEN_FILE="+file)
		return c
	}
	good := gitlab.token(t, "project_path:team/app:ref_type:branch:ref:main", "nifuda")
	as(good, "sts", "get-caller-identity").prints(t, `"Arn": "arn:aws:sts::`+account+`:assumed-role/deploy/run-7"`)
	docker.docker("login", "--username", "AWS", "--password-stdin", s.address).
		input(as(good, "ecr", "get-login-password").run(t)).prints(t, "Login Succeeded")
	name := s.address + "/app:v1"
	docker.build(t, name)
	docker.push(t, name)

	// By the SDK, because the CLI takes some seconds for each.
	nobody := sts.NewFromConfig(aws.Config{Region: region, BaseEndpoint: aws.String(s.url()), Credentials: aws.AnonymousCredentials{}, RetryMaxAttempts: 1})
	for _, bad := range []struct{ token, want string }{
		{gitlab.token(t, "project_path:team/other:ref_type:branch:ref:main", "nifuda"), "AccessDenied"},
		{gitlab.token(t, "project_path:team/app:ref_type:branch:ref:main", "elsewhere"), "InvalidIdentityToken"},
		{good[:len(good)-8] + "AAAAAAAA", "InvalidIdentityToken"},
	} {
		_, err := nobody.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: &role, RoleSessionName: aws.String("run-8"), WebIdentityToken: &bad.token,
		})
		if refused, ok := errors.AsType[smithy.APIError](err); !ok || refused.ErrorCode() != bad.want {
			t.Errorf("got %v, want %s", err, bad.want)
		}
	}
}
