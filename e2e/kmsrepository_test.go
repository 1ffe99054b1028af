package e2e_test

import (
	"bytes"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A keyWalk is a customer who manages a key by the AWS CLI.
type keyWalk struct {
	*server
	t     *testing.T
	keyID string
	arn   string
}

// newKeyWalk makes a key with the alias alias/app and the repository app under it.
func newKeyWalk(t *testing.T, s *server) keyWalk {
	t.Helper()
	type created struct{ KeyMetadata struct{ KeyID, Arn string } }
	key := decode[created](t, s.aws(t, "kms", "create-key", "--description", "images").run(t)).KeyMetadata
	w := keyWalk{server: s, t: t, keyID: key.KeyID, arn: key.Arn}
	w.kms("create-alias", "--alias-name", "alias/app", "--target-key-id", key.KeyID)
	s.aws(t, "ecr", "create-repository", "--repository-name", "app", "--encryption-configuration", "encryptionType=KMS,kmsKey=alias/app").run(t)
	type described struct {
		Repositories []struct {
			EncryptionConfiguration struct{ EncryptionType, KmsKey string }
		}
	}
	shown := decode[described](t, s.aws(t, "ecr", "describe-repositories").run(t)).Repositories[0].EncryptionConfiguration
	if shown.EncryptionType != "KMS" || shown.KmsKey != key.Arn {
		t.Errorf("describe-repositories shows %+v, want the key %s", shown, key.Arn)
	}
	return w
}

func (w keyWalk) kms(args ...string) string {
	w.t.Helper()
	return w.aws(w.t, append([]string{"kms"}, args...)...).run(w.t)
}

// grants returns how many grants the key has.
func (w keyWalk) grants() int {
	w.t.Helper()
	type list struct{ Grants []struct{ GrantID string } }
	return len(decode[list](w.t, w.kms("list-grants", "--key-id", w.keyID)).Grants)
}

// A step is something that happens to a key, and what clients of its repository
// are told then; "" is that all goes well.
type keyStep struct {
	do   []string
	told string
}

func (w keyWalk) steps() []keyStep {
	return []keyStep{
		{[]string{"disable-key"}, "is disabled"},
		{[]string{"enable-key"}, ""},
		{[]string{"schedule-key-deletion", "--pending-window-in-days", "7"}, "is pending deletion"},
		{[]string{"cancel-key-deletion"}, "is disabled"},
		{[]string{"enable-key"}, ""},
	}
}

// expect fails the test unless a client is denied in these words, or succeeds.
func (w keyWalk) expect(told string, c command) {
	w.t.Helper()
	if told == "" {
		c.run(w.t)
		return
	}
	if out := c.fail(w.t); !strings.Contains(out, told) || !strings.Contains(out, w.arn) && !strings.Contains(out, "KmsError") {
		w.t.Errorf("%s says\n%s\nwant the key %s and %q", c, out, w.arn, told)
	}
}

func TestKeyOfARepositoryWithDocker(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	w := newKeyWalk(t, s)
	docker.signIn(t, s)
	pushed, next := s.address+"/app:v1", s.address+"/app:v2"
	docker.build(t, pushed)
	docker.build(t, next)
	docker.docker("push", pushed).run(t)
	for _, step := range w.steps() {
		w.kms(append(step.do, "--key-id", w.keyID)...)
		docker.docker("image", "rm", "--force", pushed).run(t)
		pull, push := docker.docker("pull", pushed), docker.docker("push", next)
		if step.told == "" {
			pull.run(t)
			push.run(t)
			docker.build(t, next)
			continue
		}
		for _, c := range []command{pull, push} {
			if out := c.fail(t); !strings.Contains(out, "denied: KMS: "+w.arn+" "+step.told) {
				t.Errorf("after %s, %s says\n%s", step.do[0], c, out)
			}
		}
	}
	s.aws(t, "ecr", "delete-repository", "--repository-name", "app", "--force").run(t)
	if n := w.grants(); n != 0 {
		t.Errorf("the key has %d grants after its only repository is gone", n)
	}
}

func TestKeyOfARepository(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	w := newKeyWalk(t, s)
	if n := w.grants(); n != 2 {
		t.Errorf("the key has %d grants, want 2", n)
	}
	img := newImage(t, "amd64", 1000, 200<<10)
	layout := writeLayout(t, "v1", img.content, img.blobs()...)
	push := func() command {
		return s.skopeo(t, "copy", "--dest-tls-verify=false", "oci:"+layout+":v1", s.at("app", "v1"))
	}
	pull := func() command {
		return s.skopeo(t, "copy", "--src-tls-verify=false", s.at("app", "v1"), "dir:"+t.TempDir())
	}
	push().run(t)
	for _, step := range w.steps() {
		w.kms(append(step.do, "--key-id", w.keyID)...)
		w.expect(step.told, pull())
		w.expect(step.told, push())
		w.expect(step.told, s.aws(t, "ecr", "initiate-layer-upload", "--repository-name", "app"))
		got := s.aws(t, "ecr", "batch-get-image", "--repository-name", "app", "--image-ids", "imageTag=v1", "--query", "failures[].failureCode", "--output", "text").run(t)
		if want := map[bool]string{true: "KmsError"}[step.told != ""]; strings.TrimSpace(got) != want {
			t.Errorf("after %s, batch-get-image fails with %q, want %q", step.do[0], got, want)
		}
		s.aws(t, "ecr", "list-images", "--repository-name", "app").run(t)
	}
	s.stop()
	nowhereOnDisk(t, s.data(), img.Layers[0].Bytes, img.Layers[1].Bytes, img.Config.Bytes)
	s.start()
	pull().run(t)
	s.aws(t, "ecr", "delete-repository", "--repository-name", "app", "--force").run(t)
	if n := w.grants(); n != 0 {
		t.Errorf("the key has %d grants after its only repository is gone", n)
	}
}

// nowhereOnDisk fails the test if a part of what was pushed is in a file.
func nowhereOnDisk(t *testing.T, directory string, pushed ...[]byte) {
	t.Helper()
	err := filepath.WalkDir(directory, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, content := range pushed {
			if middle := len(content) / 2; bytes.Contains(text, content[middle:min(len(content), middle+32)]) {
				t.Errorf("%s has a part of what was pushed", path)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A server whose root of trust is a key of another one's KMS.
func TestKeyRingInTheKMSOfAnotherServer(t *testing.T) {
	if underAWSNames {
		t.Skip("two servers cannot have the same names")
	}
	keeper := startServer(t)
	type created struct{ KeyMetadata struct{ KeyID, Arn string } }
	key := decode[created](t, keeper.aws(t, "kms", "create-key").run(t)).KeyMetadata
	for _, setting := range keeper.awsEnvironment() {
		if name, value, _ := strings.Cut(setting, "="); name == "AWS_CONFIG_FILE" || name == "AWS_SHARED_CREDENTIALS_FILE" || name == "AWS_PROFILE" {
			t.Setenv(name, value)
		}
	}
	s := startServer(t, "--seal-keys", "kms:"+key.Arn+"?endpoint="+url.QueryEscape(keeper.url()))
	createRepository(t, s, "app")
	img := newImage(t, "amd64", 1000, 200<<10)
	layout := writeLayout(t, "v1", img.content, img.blobs()...)
	s.skopeo(t, "copy", "--dest-tls-verify=false", "oci:"+layout+":v1", s.at("app", "v1")).run(t)
	nowhereOnDisk(t, s.data(), img.Layers[0].Bytes, img.Layers[1].Bytes, img.Config.Bytes)
	s.stop()

	keeper.aws(t, "kms", "disable-key", "--key-id", key.KeyID).run(t)
	s.refuses(t, "DisabledException: "+key.Arn+" is disabled.")
	keeper.aws(t, "kms", "enable-key", "--key-id", key.KeyID).run(t)
	s.start()
	s.skopeo(t, "copy", "--src-tls-verify=false", s.at("app", "v1"), "dir:"+t.TempDir()).run(t)
	s.stop()
	keeper.stop()
	s.refuses(t, keeper.url())
}

// refuses fails the test unless the server refuses to start in these words.
func (s *server) refuses(t *testing.T, told string) {
	t.Helper()
	serve := command{args: append([]string{binary(t), "serve", "--data", s.data(), "--listen", s.listen, "--admin-listen", "off"}, s.args...)}
	if out := serve.fail(t); !strings.Contains(out, told) {
		t.Errorf("the server says\n%s\nwant %q", out, told)
	}
}
