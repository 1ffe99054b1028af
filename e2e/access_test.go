package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// A person is someone who uses the AWS tools against the server with credentials
// of their own.
type person struct {
	*server
	temporary
	file string // of the credentials
}

// temporary are an access key and, if STS has handed it out, what goes with it.
type temporary struct {
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
}

// withKey returns the person that a key stands for.
func (s *server) withKey(t *testing.T, c temporary) person {
	t.Helper()
	p := person{server: s, temporary: c, file: filepath.Join(t.TempDir(), "credentials")}
	text := fmt.Sprintf("[nifuda]\naws_access_key_id = %s\naws_secret_access_key = %s\n", c.AccessKeyID, c.SecretAccessKey)
	if c.SessionToken != "" {
		text += "aws_session_token = " + c.SessionToken + "\n"
	}
	writeFile(t, p.file, []byte(text))
	return p
}

// root returns the root of the server's own account.
func (s *server) root(t *testing.T) person {
	t.Helper()
	return s.withKey(t, temporary{AccessKeyID: accessKey(t, s), SecretAccessKey: secretKey(t, s)})
}

// aws is a command of the AWS CLI as the person.
func (p person) aws(t *testing.T, args ...string) command {
	t.Helper()
	c := p.server.aws(t, args...)
	c.env = append(c.env, "AWS_SHARED_CREDENTIALS_FILE="+p.file)
	return c
}

// sdk is the configuration of the SDK as the person.
func (p person) sdk() aws.Config {
	return aws.Config{
		Region:           region,
		BaseEndpoint:     aws.String(p.url()),
		Credentials:      credentials.NewStaticCredentialsProvider(p.AccessKeyID, p.SecretAccessKey, p.SessionToken),
		RetryMaxAttempts: 1,
	}
}

// password is what the person signs in to the registry with.
func (p person) password(t *testing.T) string {
	t.Helper()
	return passwordOf(t, ecr.NewFromConfig(p.sdk()))
}

// newUser has the root create a user with an inline policy, if it is not "", and
// an access key.
func (s *server) newUser(t *testing.T, name, policy string) person {
	t.Helper()
	return s.root(t).addUser(t, name, policy)
}

// addUser is newUser by an administrator of any account.
func (p person) addUser(t *testing.T, name, policy string) person {
	t.Helper()
	client := iam.NewFromConfig(p.sdk())
	_, err := client.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name})
	if err == nil && policy != "" {
		_, err = client.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("inline"), PolicyDocument: &policy})
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return p.withKey(t, temporary{AccessKeyID: *out.AccessKey.AccessKeyId, SecretAccessKey: *out.AccessKey.SecretAccessKey})
}

// assume returns the session of a role that the person takes on, narrowed by a
// policy if that is not "".
func (p person) assume(t *testing.T, role, policy string) person {
	t.Helper()
	in := &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("test")}
	if policy != "" {
		in.Policy = &policy
	}
	out, err := sts.NewFromConfig(p.sdk()).AssumeRole(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return p.withKey(t, temporary{*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken})
}

// signInDocker signs docker in as the person.
func (p person) signInDocker(t *testing.T, docker dockerClient) {
	t.Helper()
	docker.docker("login", "--username", "AWS", "--password-stdin", p.address).
		input(p.password(t)).prints(t, "Login Succeeded")
}

// statement is a policy of one statement.
func statement(effect, actions, resources, more string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":` + actions + `,"Resource":` + resources + more + `}]}`
}

// policyOf is a policy of statements.
func policyOf(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

const (
	allowLogin = `{"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}`
	pullActs   = `["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]`
	pushActs   = `["ecr:BatchCheckLayerAvailability","ecr:InitiateLayerUpload","ecr:UploadLayerPart","ecr:CompleteLayerUpload","ecr:PutImage","ecr:BatchGetImage"]`

	pullOnlyPolicy  = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
	powerUserPolicy = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"
)

// repositoryARN is the ARN of a repository of the server's own account.
func repositoryARN(name string) string {
	return "arn:aws:ecr:" + region + ":" + account + ":repository/" + name
}

// denied is what every client shows of an action that a user may not take.
func denied(user, action, repository string) string {
	return fmt.Sprintf("User: arn:aws:iam::%s:user/%s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action",
		account, user, action, repositoryARN(repository), action)
}

// seed pushes an image as root and returns its name.
func seed(t *testing.T, s *server, docker dockerClient, repository, tag string) string {
	t.Helper()
	docker.signIn(t, s)
	name := s.address + "/" + repository + ":" + tag
	docker.build(t, name)
	docker.push(t, name)
	docker.docker("image", "rm", name).run(t)
	return name
}

func TestUserKnowsWhoItIs(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	bob := s.newUser(t, "bob", "")
	bob.aws(t, "sts", "get-caller-identity").prints(t, `"Arn": "arn:aws:iam::`+account+`:user/bob"`)
	bob.aws(t, "iam", "create-user", "--user-name", "eve").says(t, "An error occurred (AccessDenied) when calling the CreateUser operation: "+
		"User: arn:aws:iam::"+account+":user/bob is not authorized to perform: iam:CreateUser on resource: arn:aws:iam::"+account+
		":user/eve because no identity-based policy allows the iam:CreateUser action")
	bob.aws(t, "ecr", "get-login-password").says(t, "is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the ecr:GetAuthorizationToken action")
}

func TestPullOnlyUserPullsAndNoMore(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	createRepository(t, s, "app")
	name := seed(t, s, docker, "app", "v1")

	bob := s.newUser(t, "bob", "")
	s.aws(t, "iam", "create-group", "--group-name", "pullers").run(t)
	s.aws(t, "iam", "attach-group-policy", "--group-name", "pullers", "--policy-arn", pullOnlyPolicy).run(t)
	s.aws(t, "iam", "add-user-to-group", "--group-name", "pullers", "--user-name", "bob").run(t)

	bob.signInDocker(t, docker)
	docker.docker("pull", name).run(t)
	docker.docker("push", name).says(t, "denied: "+denied("bob", "ecr:InitiateLayerUpload", "app"))
	bob.aws(t, "ecr", "batch-delete-image", "--repository-name", "app", "--image-ids", "imageTag=v1").
		says(t, "(AccessDeniedException) when calling the BatchDeleteImage operation: "+denied("bob", "ecr:BatchDeleteImage", "app"))
	// A repository that is there and one that is not look alike.
	for _, repository := range []string{"app", "none"} {
		bob.aws(t, "ecr", "describe-images", "--repository-name", repository).says(t, denied("bob", "ecr:DescribeImages", repository))
	}

	s.aws(t, "iam", "remove-user-from-group", "--group-name", "pullers", "--user-name", "bob").run(t)
	docker.docker("image", "rm", name).run(t)
	docker.docker("pull", name).says(t, denied("bob", "ecr:BatchGetImage", "app")) // with the token of before
}

func TestPullOnlyUserOfOtherClients(t *testing.T) {
	s := startServer(t)
	createRepository(t, s, "app")
	img := newImage(t, "amd64", 1000)
	layout := writeLayout(t, "v1", img.content, img.blobs()...)
	s.skopeo(t, "copy", "--dest-tls-verify=false", "oci:"+layout+":v1", s.at("app", "v1")).run(t)
	bob := s.newUser(t, "bob", policyOf(allowLogin, `{"Effect":"Allow","Action":`+pullActs+`,"Resource":"`+repositoryARN("app")+`"}`))
	password := bob.password(t)

	authfile := filepath.Join(t.TempDir(), "auth.json")
	skopeo := func(args ...string) command {
		return command{args: append([]string{"skopeo", "--insecure-policy"}, args...), env: []string{"REGISTRY_AUTH_FILE=" + authfile}}
	}
	skopeo("login", "--tls-verify=false", "--username", "AWS", "--password-stdin", s.address).input(password).run(t)
	skopeo("copy", "--src-tls-verify=false", s.at("app", "v1"), "dir:"+t.TempDir()).run(t)
	skopeo("copy", "--dest-tls-verify=false", "oci:"+layout+":v1", s.at("app", "v2")).says(t, "403 (Forbidden)") // it asks by HEAD, whose answer has no text
	skopeo("delete", "--tls-verify=false", s.at("app", "v1")).says(t, denied("bob", "ecr:BatchDeleteImage", "app"))
	skopeo("list-tags", "--tls-verify=false", "docker://"+s.address+"/app").says(t, "403 (Forbidden)")

	client := newGoClient(t, "helm")
	helm := func(args ...string) command {
		return command{args: append([]string{"helm"}, append(args, s.plain("--plain-http")...)...), env: client.env}
	}
	helm("registry", "login", s.address, "--username", "AWS", "--password-stdin").input(password).prints(t, "Login Succeeded")
	chart := filepath.Join(t.TempDir(), "chart")
	command{args: []string{"helm", "create", chart}, env: client.env}.run(t)
	command{args: []string{"helm", "package", chart, "--destination", filepath.Dir(chart)}, env: client.env}.run(t)
	createRepository(t, s, "charts/chart")
	helm("push", filepath.Join(filepath.Dir(chart), "chart-0.1.0.tgz"), "oci://"+s.address+"/charts").
		says(t, "403: Forbidden")
}

func TestUserPushesToOneRepository(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	for _, name := range []string{"team/app", "other"} {
		createRepository(t, s, name)
	}
	ci := s.newUser(t, "ci", policyOf(allowLogin, `{"Effect":"Allow","Action":`+pushActs+`,"Resource":"`+repositoryARN("team/*")+`"}`))
	ci.signInDocker(t, docker)
	name := s.address + "/team/app:v1"
	docker.build(t, name)
	docker.push(t, name)
	docker.docker("tag", name, s.address+"/other:v1").run(t)
	docker.docker("push", s.address+"/other:v1").says(t, "denied: User: arn:aws:iam::"+account+":user/ci is not authorized to perform: ecr:")
	docker.docker("tag", name, s.address+"/none:v1").run(t)
	docker.docker("push", s.address+"/none:v1").says(t, "denied: User: arn:aws:iam::"+account+":user/ci is not authorized to perform: ecr:")
}

// TestTagsAreGuardedByPolicy: only releases may be pushed as prod-*, and only
// those may be pulled in production.
func TestTagsAreGuardedByPolicy(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	createRepository(t, s, "app")
	developer := s.newUser(t, "developer", policyOf(allowLogin,
		`{"Effect":"Allow","Action":`+pushActs+`,"Resource":"`+repositoryARN("app")+`"}`,
		`{"Effect":"Deny","Action":["ecr:PutImage","ecr:BatchDeleteImage"],"Resource":"*","Condition":{"StringLike":{"nifuda:ImageTag":"prod-*"}}}`))
	production := s.newUser(t, "production", policyOf(allowLogin,
		`{"Effect":"Allow","Action":"ecr:GetDownloadUrlForLayer","Resource":"`+repositoryARN("app")+`"}`,
		`{"Effect":"Allow","Action":"ecr:BatchGetImage","Resource":"`+repositoryARN("app")+`","Condition":{"StringLike":{"nifuda:ImageTag":"prod-*"}}}`))

	dev, prod := s.address+"/app:dev-1", s.address+"/app:prod-1"
	developer.signInDocker(t, docker)
	docker.build(t, dev)
	docker.push(t, dev)
	docker.docker("tag", dev, prod).run(t)
	docker.docker("push", prod).says(t, "denied: User: arn:aws:iam::"+account+":user/developer is not authorized to perform: ecr:PutImage on resource: "+
		repositoryARN("app")+" with an explicit deny in an identity-based policy")
	manifest := developer.aws(t, "ecr", "batch-get-image", "--repository-name", "app", "--image-ids", "imageTag=dev-1",
		"--query", "images[].imageManifest", "--output", "text").run(t)
	retag := []string{"ecr", "put-image", "--repository-name", "app", "--image-tag", "prod-1", "--image-manifest", strings.TrimSuffix(manifest, "\n")}
	developer.aws(t, retag...).says(t, "is not authorized to perform: ecr:PutImage")
	s.aws(t, retag...).run(t)

	docker.docker("image", "rm", dev, prod).run(t)
	production.signInDocker(t, docker)
	docker.docker("pull", prod).run(t)
	docker.docker("pull", dev).says(t, denied("production", "ecr:BatchGetImage", "app"))
	production.aws(t, "ecr", "batch-get-image", "--repository-name", "app", "--image-ids", "imageTag=prod-1").prints(t, "imageManifest")
}

// newAccount creates an account with the product's own command and returns its root.
func (s *server) newAccount(t *testing.T, id string) person {
	t.Helper()
	out := command{args: []string{binary(t), "account", "create", "--name", "other", "--id", id, "--output", "json"}, env: s.awsEnvironment()}.run(t)
	return s.withKey(t, decode[struct{ AccessKey temporary }](t, strings.NewReplacer("accessKeyId", "AccessKeyId", "accessKey\"", "AccessKey\"").Replace(out)).AccessKey)
}

const otherAccount = "210987654321"

func TestPullAcrossAccountsNeedsBothPolicies(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	img := newImage(t, "amd64", 1000)
	layout := writeLayout(t, "v1", img.content, img.blobs()...)
	for _, name := range []string{"shared", "closed"} {
		createRepository(t, s, name)
		s.skopeo(t, "copy", "--dest-tls-verify=false", "oci:"+layout+":v1", s.at(name, "v1")).run(t)
	}
	other := s.newAccount(t, otherAccount)
	s.aws(t, "ecr", "set-repository-policy", "--repository-name", "shared", "--policy-text",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::`+otherAccount+`:root"},"Action":`+pullActs+`}]}`).run(t)
	other.aws(t, "sts", "get-caller-identity").prints(t, `"Arn": "arn:aws:iam::`+otherAccount+`:root"`)
	other.aws(t, "ecr", "describe-repositories").prints(t, `"repositories": []`)
	both := other.addUser(t, "both", policyOf(allowLogin, `{"Effect":"Allow","Action":`+pullActs+`,"Resource":"*"}`))
	without := other.addUser(t, "without", policyOf(allowLogin))

	get := func(p person, repository string) command {
		return p.aws(t, "ecr", "batch-get-image", "--registry-id", account, "--repository-name", repository, "--image-ids", "imageTag=v1", "--query", "images[].imageId")
	}
	get(both, "shared").prints(t, img.Digest)
	get(both, "closed").says(t, "User: arn:aws:iam::"+otherAccount+":user/both is not authorized to perform: ecr:BatchGetImage on resource: "+
		repositoryARN("closed")+" because no resource-based policy allows the ecr:BatchGetImage action")
	get(without, "shared").says(t, "User: arn:aws:iam::"+otherAccount+":user/without is not authorized to perform: ecr:BatchGetImage on resource: "+
		repositoryARN("shared")+" because no identity-based policy allows the ecr:BatchGetImage action")

	// By the data plane: the host says whose registry is meant.
	if s.secure {
		return // the name of the other account's registry has no certificate
	}
	host := map[string][]string{"Host": {account + ".dkr.ecr." + region + ".example.com"}}
	for _, c := range []struct {
		who        person
		repository string
		status     int
	}{{both, "shared", 200}, {both, "closed", 403}, {without, "shared", 403}} {
		password := c.who.password(t)
		if got := manifestStatus(t, s, host["Host"][0], "AWS", password, c.repository); got != c.status {
			t.Errorf("GET the manifest of %s: status %d, want %d", c.repository, got, c.status)
		}
	}
}

func TestRoleSessionIsNarrowedByItsPolicy(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for _, name := range []string{"app", "other"} {
		createRepository(t, s, name)
	}
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:user/bob"},"Action":"sts:AssumeRole"}]}`
	role := "arn:aws:iam::" + account + ":role/reader"
	bob := s.newUser(t, "bob", statement("Allow", `"sts:AssumeRole"`, `"`+role+`"`, ""))
	eve := s.newUser(t, "eve", statement("Allow", `"sts:AssumeRole"`, `"`+role+`"`, ""))
	s.aws(t, "iam", "create-role", "--role-name", "reader", "--assume-role-policy-document", trust).run(t)
	s.aws(t, "iam", "attach-role-policy", "--role-name", "reader", "--policy-arn", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly").run(t)

	whole := bob.assume(t, role, "")
	whole.aws(t, "sts", "get-caller-identity").prints(t, `"Arn": "arn:aws:sts::`+account+`:assumed-role/reader/test"`)
	for _, name := range []string{"app", "other"} {
		whole.aws(t, "ecr", "describe-images", "--repository-name", name).run(t)
	}
	narrow := bob.assume(t, role, statement("Allow", `"ecr:*"`, `"`+repositoryARN("app")+`"`, ""))
	narrow.aws(t, "ecr", "describe-images", "--repository-name", "app").run(t)
	narrow.aws(t, "ecr", "describe-images", "--repository-name", "other").says(t, "User: arn:aws:sts::"+account+
		":assumed-role/reader/test is not authorized to perform: ecr:DescribeImages on resource: "+repositoryARN("other")+
		" because no session policy allows the ecr:DescribeImages action")
	narrow.aws(t, "ecr", "delete-repository", "--repository-name", "app").says(t, "is not authorized to perform: ecr:DeleteRepository")
	eve.aws(t, "sts", "assume-role", "--role-arn", role, "--role-session-name", "test").says(t, "(AccessDenied) when calling the AssumeRole operation: User: arn:aws:iam::"+
		account+":user/eve is not authorized to perform: sts:AssumeRole on resource: "+role)

	// Its docker login ends with the rights of the role.
	docker := newDockerClient(t)
	name := seed(t, s, docker, "app", "v1")
	whole.signInDocker(t, docker)
	docker.docker("pull", name).run(t)
	s.aws(t, "iam", "detach-role-policy", "--role-name", "reader", "--policy-arn", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly").run(t)
	docker.docker("image", "rm", name).run(t)
	docker.docker("pull", name).says(t, "assumed-role/reader/test is not authorized to perform: ecr:BatchGetImage")
}

// TestAccessKeySignsDockerIn: for pull secrets that must not end every 12 hours.
func TestAccessKeySignsDockerIn(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	createRepository(t, s, "app")
	name := seed(t, s, docker, "app", "v1")
	bob := s.newUser(t, "bob", policyOf(`{"Effect":"Allow","Action":`+pullActs+`,"Resource":"*"}`))
	docker.docker("logout", s.address).run(t)
	docker.docker("login", "--username", bob.AccessKeyID, "--password-stdin", s.address).input(bob.SecretAccessKey).prints(t, "Login Succeeded")
	docker.docker("pull", name).run(t)
	docker.docker("push", name).says(t, denied("bob", "ecr:InitiateLayerUpload", "app"))

	s.aws(t, "iam", "update-access-key", "--user-name", "bob", "--access-key-id", bob.AccessKeyID, "--status", "Inactive").run(t)
	docker.docker("image", "rm", name).run(t)
	docker.docker("pull", name).says(t, "unauthorized")
	bob.aws(t, "sts", "get-caller-identity").says(t, "InvalidClientTokenId")
	s.aws(t, "iam", "update-access-key", "--user-name", "bob", "--access-key-id", bob.AccessKeyID, "--status", "Active").run(t)
	docker.docker("pull", name).run(t)
	docker.docker("login", "--username", bob.AccessKeyID, "--password-stdin", s.address).input(bob.SecretAccessKey+"x").says(t, "401 Unauthorized")
}

func TestAnyonePullsWhatIsOpenToAnyone(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	for _, name := range []string{"open", "closed"} {
		createRepository(t, s, name)
	}
	open, closed := seed(t, s, docker, "open", "v1"), seed(t, s, docker, "closed", "v1")
	s.aws(t, "ecr", "set-repository-policy", "--repository-name", "open", "--policy-text",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":`+pullActs+`}]}`).run(t)
	docker.docker("logout", s.address).run(t)
	docker.docker("pull", open).says(t, "no basic auth credentials") // off by default

	s.aws(t, "ecr", "put-account-setting", "--name", "ANONYMOUS_PULL", "--value", "ENABLED").run(t)
	docker.docker("pull", open).run(t)
	docker.docker("pull", closed).fail(t)
	docker.docker("push", open).fail(t)
	s.aws(t, "ecr", "put-account-setting", "--name", "ANONYMOUS_PULL", "--value", "DISABLED").run(t)
	docker.docker("image", "rm", open).run(t)
	docker.docker("pull", open).fail(t)
}

func TestExplainSaysWhichStatementDecides(t *testing.T) {
	s := startServer(t)
	s.newUser(t, "bob", `{"Version":"2012-10-17","Statement":[{"Sid":"Pull","Effect":"Allow","Action":`+pullActs+`,"Resource":"*"}]}`)
	explain := func(action string) command {
		return command{
			args: []string{
				binary(t), "policy", "explain", "--principal", "arn:aws:iam::" + account + ":user/bob",
				"--action", action, "--resource", repositoryARN("app"),
			},
			env: s.awsEnvironment(),
		}
	}
	explain("ecr:BatchGetImage").prints(t, "Pull")
	explain("ecr:PutImage").says(t, "because no identity-based policy allows the ecr:PutImage action")
	out := s.aws(t, "iam", "simulate-principal-policy", "--policy-source-arn", "arn:aws:iam::"+account+":user/bob",
		"--action-names", "ecr:BatchGetImage", "ecr:PutImage", "--resource-arns", repositoryARN("app"),
		"--query", "EvaluationResults[].EvalDecision", "--output", "text").run(t)
	if got := strings.Join(strings.Fields(out), " "); got != "allowed implicitDeny" {
		t.Errorf("simulate-principal-policy: %s", got)
	}
}

// TestEverySecretStaysOutOfTheRecords looks for what a day's work has shown into
// the audit records and the log.
func TestEverySecretStaysOutOfTheRecords(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	bob := s.newUser(t, "bob", policyOf(allowLogin))
	session := decode[struct{ Credentials temporary }](t, bob.aws(t, "sts", "get-session-token").run(t)).Credentials
	password := bob.password(t)
	s.aws(t, "iam", "create-login-profile", "--user-name", "bob", "--password", "Correct-Horse-7-Battery").run(t)
	s.aws(t, "iam", "update-login-profile", "--user-name", "bob", "--password", "short").fail(t)
	manifestStatus(t, s, s.address, "AWS", password, "app")
	manifestStatus(t, s, s.address, bob.AccessKeyID, bob.SecretAccessKey, "app")
	manifestStatus(t, s, s.address, bob.AccessKeyID, "Wrong-Guess-4711", "app")
	bob.aws(t, "ecr", "describe-repositories").fail(t)
	s.stop() // what is not yet written is

	records, err := os.ReadFile(filepath.Join(s.data(), "audit", "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	log := string(readFile(t, s.logFile()))
	for name, secret := range map[string]string{
		"the root's secret": secretKey(t, s), "a user's secret": bob.SecretAccessKey, "a session's secret": session.SecretAccessKey,
		"a session token": session.SessionToken, "a login token": password, "a console password": "Correct-Horse-7-Battery", "a wrong secret": "Wrong-Guess-4711",
	} {
		if strings.Contains(string(records), secret) {
			t.Errorf("the audit records have %s", name)
		}
		if strings.Contains(log, secret) {
			t.Errorf("the log has %s", name)
		}
	}
	for _, want := range []string{
		`"eventName":"CreateUser"`, `"eventName":"CreateAccessKey"`, `"accessKeyId":"` + session.AccessKeyID + `"`, `"eventName":"GetAuthorizationToken"`,
		`"userName":"bob"`, `"errorCode":"AccessDeniedException"`, `"eventName":"BatchGetImage"`, `"type":"Unknown","accessKeyId":"` + bob.AccessKeyID + `"`,
	} {
		if !strings.Contains(string(records), want) {
			t.Errorf("the audit records lack %s:\n%s", want, records)
		}
	}
	s.start()
}

// TestGuessingIsSlowedDown guesses at the root's secret until the registry does
// not listen any more; whoever has signed in goes on.
func TestGuessingIsSlowedDown(t *testing.T) {
	s := startServer(t)
	createRepository(t, s, "app")
	password := registryPassword(t, s)
	key := accessKey(t, s)
	var status int
	for range 21 {
		status = manifestStatus(t, s, s.address, "AKIASOMEBODYELSE", "guess", "app")
	}
	if status != 429 {
		t.Errorf("the 21st guess is answered with %d, want 429", status)
	}
	if got := manifestStatus(t, s, s.address, "AWS", password, "app"); got != 404 {
		t.Errorf("a good token from the same address is answered with %d, want 404", got)
	}
	if got := manifestStatus(t, s, s.address, key, secretKey(t, s), "app"); got != 404 {
		t.Errorf("the key that signed in before is answered with %d, want 404", got)
	}
	guesser := s.withKey(t, temporary{AccessKeyID: "AKIASOMEBODYELSE", SecretAccessKey: "guess"})
	_, err := sts.NewFromConfig(guesser.sdk()).GetCallerIdentity(t.Context(), nil)
	if refused, ok := errors.AsType[smithy.APIError](err); !ok || refused.ErrorCode() != "Throttling" {
		t.Errorf("the API says %v", err)
	}
}
