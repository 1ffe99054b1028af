package e2e_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ownAPI returns what makes commands of the AWS CLI for our own operations, which
// it learns from the model.
func (s *server) ownAPI(t *testing.T) func(operation string, args ...string) command {
	t.Helper()
	model, err := filepath.Abs("../models/nifuda-2026-11-22.json")
	if err != nil {
		t.Fatal(err)
	}
	home := "HOME=" + t.TempDir()
	learn := s.aws(t, "configure", "add-model", "--service-model", "file://"+model, "--service-name", "nifuda")
	learn.env = append(learn.env, home)
	learn.run(t)
	return func(operation string, args ...string) command {
		c := s.aws(t, append([]string{"nifuda", operation}, args...)...)
		c.env = append(c.env, home)
		return c
	}
}

// TestWhatWasDeletedCanBePulledAgain: an image for two architectures, its tag, and
// the repository are deleted, found and brought back with the CLI, and a client
// pulls what it pushed.
func TestWhatWasDeletedCanBePulledAgain(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--gc-grace", "0s")
	own := s.ownAPI(t)
	createRepository(t, s, "app")
	amd64, arm64 := newImage(t, "amd64", 100<<10), newImage(t, "arm64", 100<<10)
	index := newIndex(t, map[string]image{"amd64": amd64, "arm64": arm64})
	contents := slices.Concat(amd64.blobs(), arm64.blobs(), []content{amd64.content, arm64.content})
	layout := writeLayout(t, "v1", index, contents...)
	s.skopeo(t, "copy", "--all", "--dest-tls-verify=false", "oci:"+layout+":v1", s.at("app", "v1")).run(t)

	for _, digest := range []string{index.Digest, amd64.Digest, arm64.Digest} {
		s.aws(t, "ecr", "batch-delete-image", "--repository-name", "app", "--image-ids", "imageDigest="+digest).run(t)
	}
	s.skopeo(t, "inspect", "--raw", "--tls-verify=false", s.at("app", "v1")).fail(t)
	type deletions struct {
		DeletedImages []struct{ DeletionId, ImageDigest string } //nolint:staticcheck // as the CLI prints it
	}
	listed := decode[deletions](t, own("list-deleted-images", "--repository-name", "app").run(t)).DeletedImages
	if len(listed) != 3 || listed[2].ImageDigest != index.Digest {
		t.Errorf("deleted are %+v", listed)
	}

	type restored struct{ RestoredTags, RestoredChildren []string }
	got := decode[restored](t, own("restore-image", "--repository-name", "app", "--image-digest", index.Digest).run(t))
	if !slices.Equal(got.RestoredTags, []string{"v1"}) || len(got.RestoredChildren) != 2 {
		t.Errorf("restored are %+v", got)
	}
	out := t.TempDir()
	s.skopeo(t, "copy", "--all", "--src-tls-verify=false", s.at("app", "v1"), "dir:"+out).run(t)

	// The tag moves, and moves back.
	s.skopeo(t, "copy", "--src-tls-verify=false", "--dest-tls-verify=false", s.at("app", "@"+amd64.Digest), s.at("app", "v1")).run(t)
	type history struct {
		TagHistory []struct {
			Sequence    int
			ImageDigest string
		}
	}
	changes := decode[history](t, own("describe-tag-history", "--repository-name", "app", "--image-tag", "v1").run(t)).TagHistory
	if len(changes) != 4 || changes[0].ImageDigest != amd64.Digest || changes[1].ImageDigest != index.Digest {
		t.Fatalf("history is %+v", changes)
	}
	own("restore-tag", "--repository-name", "app", "--image-tag", "v1", "--sequence", "3").run(t)
	if raw := s.skopeo(t, "inspect", "--raw", "--tls-verify=false", s.at("app", "v1")).run(t); raw != string(index.Bytes) {
		t.Errorf("the tag is back at\n%s", raw)
	}

	s.aws(t, "ecr", "delete-repository", "--repository-name", "app", "--force").run(t)
	if found := own("list-deleted-repositories").run(t); !strings.Contains(found, `"RepositoryName": "app"`) {
		t.Errorf("deleted are %s", found)
	}
	own("restore-repository", "--repository-name", "app", "--new-repository-name", "back").run(t)
	s.skopeo(t, "copy", "--all", "--src-tls-verify=false", s.at("back", "v1"), "dir:"+t.TempDir()).run(t)
	if said := own("restore-repository", "--repository-name", "app").fail(t); !strings.Contains(said, "RepositoryNotFoundException") {
		t.Errorf("a second restoration says %s", said)
	}
}
