package e2e_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// newServerOn is a server whose blobs are in the bucket. Parameters such as
// "&redirect=off" are added to its URL.
func (b bucket) newServerOn(t *testing.T, parameters string, args ...string) *server {
	t.Helper()
	s := newServer(t, t.TempDir(), append([]string{"--blobs", b.target() + parameters}, args...)...)
	s.env = b.env
	return s
}

// fetched counts the requests that the bucket has seen of clients that were sent
// there.
func (b bucket) fetched(t *testing.T) int {
	t.Helper()
	return strings.Count(string(readFile(t, b.log)), "X-Amz-Signature=")
}

// objects counts what is below a name in the bucket.
func (b bucket) objects(t *testing.T, name string) (n int) {
	t.Helper()
	root := filepath.Join(filepath.Dir(b.log), "root", b.name, "nifuda", name)
	err := filepath.WalkDir(root, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			n++
		}
		return nil // the server removes directories meanwhile
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestClientsPullFromTheBucket(t *testing.T) {
	b := startBucket(t)
	// crane follows no redirect to a private address that is not a name.
	named := strings.Replace(b.address, "127.0.0.1", "localhost", 1)
	s := b.newServerOn(t, "&public-endpoint=http://"+named, "--seal", "off")
	s.start()
	createRepository(t, s, "app")
	img := newImage(t, "amd64", 1000, 21<<20, 300<<10)
	layout := writeLayout(t, "v1", img.content, img.blobs()...)

	s.skopeo(t, "copy", "--dest-tls-verify=false", "oci:"+layout+":v1", s.at("app", "v1")).run(t)
	if b.objects(t, "blobs") != 2 || b.objects(t, "tails") != 0 {
		t.Errorf("the bucket has %d blobs and %d rests, want the two large layers", b.objects(t, "blobs"), b.objects(t, "tails"))
	}
	s.skopeo(t, "copy", "--src-tls-verify=false", s.at("app", "v1"), "dir:"+t.TempDir()).run(t)
	if n := b.fetched(t); n != 2 {
		t.Errorf("skopeo has fetched %d blobs from the bucket, want 2", n)
	}

	crane := newGoClient(t, "crane").command
	crane("auth", "login", s.address, "--username", "AWS", "--password-stdin").input(registryPassword(t, s)).run(t)
	crane("push", layout, s.address+"/app:crane").run(t)
	crane("pull", s.address+"/app:crane", filepath.Join(t.TempDir(), "image.tar")).run(t)
	if n := b.fetched(t); n != 4 {
		t.Errorf("crane has fetched %d blobs from the bucket, want 2", n-2)
	}

	oci := newRegistryClient(t, s)
	if err := oci.verify(t.Context(), "app", "v1", img); err != nil {
		t.Error(err)
	}
	layer := img.Layers[1]
	path := "/v2/app/blobs/" + layer.Digest
	_, got, err := oci.do(t.Context(), http.StatusPartialContent, http.MethodGet, path, http.Header{"Range": {"bytes=20000000-20000099"}}, nil)
	if err != nil || !bytes.Equal(got, layer.Bytes[20_000_000:20_000_100]) {
		t.Errorf("a range: %d bytes, %v", len(got), err)
	}
	before := b.fetched(t)
	if _, _, err := oci.do(t.Context(), http.StatusOK, http.MethodHead, path, nil, nil); err != nil {
		t.Error(err)
	}
	if _, _, err := oci.do(t.Context(), http.StatusNotModified, http.MethodGet, path, http.Header{"If-None-Match": {`"` + layer.Digest + `"`}}, nil); err != nil {
		t.Error(err)
	}
	if n := b.fetched(t); n != before {
		t.Errorf("HEAD, or what has a condition, was answered by the bucket")
	}
	address := strings.TrimSpace(s.aws(t, "ecr", "get-download-url-for-layer", "--repository-name", "app", "--layer-digest", layer.Digest, "--query", "downloadUrl", "--output", "text").run(t))
	if out := (command{args: []string{"curl", "-sSfL", "-o", "/dev/null", "-w", "%{size_download} %{num_redirects}", address}}).run(t); out != "22020096 1" && !strings.HasSuffix(out, " 1") {
		t.Errorf("the layer's download address gave %s", out)
	}
}

func TestDockerOnABucket(t *testing.T) {
	docker := newDockerClient(t)
	b := startBucket(t)
	s := b.newServerOn(t, "", "--seal", "off")
	s.start()
	docker.signIn(t, s)
	createRepository(t, s, "app")
	name := s.address + "/app:v1"
	docker.build(t, name)
	docker.push(t, name)
	docker.docker("image", "rm", name).run(t)
	docker.docker("pull", name).run(t)
	if n := b.fetched(t); n != 1 {
		t.Errorf("docker has fetched %d blobs from the bucket, want the layer", n)
	}
}

// Sealed, or where clients cannot reach the bucket, pulls go through the server.
func TestPullsThroughTheServer(t *testing.T) {
	for name, args := range map[string][]string{"sealed": {""}, "redirect=off": {"&redirect=off", "--seal", "off"}} {
		t.Run(name, func(t *testing.T) {
			b := startBucket(t)
			s := b.newServerOn(t, args[0], args[1:]...)
			s.start()
			createRepository(t, s, "app")
			img := newImage(t, "amd64", 9<<20, 100<<10)
			oci := newRegistryClient(t, s)
			if err := oci.push(t.Context(), "app", "v1", img); err != nil {
				t.Fatal(err)
			}
			s.stop() // nothing is in the process alone
			s.start()
			oci = newRegistryClient(t, s)
			if err := oci.verify(t.Context(), "app", "v1", img); err != nil {
				t.Error(err)
			}
			s.skopeo(t, "copy", "--src-tls-verify=false", s.at("app", "v1"), "dir:"+t.TempDir()).run(t)
			if n := b.fetched(t); n != 0 {
				t.Errorf("%d blobs were fetched from the bucket", n)
			}
			if name != "redirect=off" {
				return
			}
			s.stop()
			s.args = append(s.args, "--gc-grace", "0s", "--undelete-window", "0s")
			s.start()
			s.aws(t, "ecr", "batch-delete-image", "--repository-name", "app", "--image-ids", "imageDigest="+img.Digest).run(t)
			await(t, "the collector", func() bool {
				s.nifuda(t, "gc", "--now").run(t)
				return b.objects(t, "blobs") == 0
			})
		})
	}
}

// Chunks of any size make a layer, though S3 takes no small parts.
func TestSmallChunksOnABucket(t *testing.T) {
	b := startBucket(t)
	s := b.newServerOn(t, "")
	s.start()
	createRepository(t, s, "app")
	oci := newRegistryClient(t, s)
	header, _, err := oci.do(t.Context(), http.StatusAccepted, http.MethodPost, "/v2/app/blobs/uploads/", nil, nil)
	if err != nil || header.Get("OCI-Chunk-Min-Length") != "5242880" {
		t.Errorf("the least length of a chunk is said to be %q, %v", header.Get("OCI-Chunk-Min-Length"), err)
	}
	layer := newContent("application/vnd.oci.image.layer.v1.tar", randomBytes(6<<20+1))
	location, err := oci.startUpload(t.Context(), "app")
	for at := 0; err == nil && at < len(layer.Bytes); at += 512 << 10 {
		location, err = oci.uploadChunk(t.Context(), location, int64(at), layer.Bytes[at:min(at+512<<10, len(layer.Bytes))])
	}
	if err == nil {
		err = oci.finishUpload(t.Context(), location, layer.Digest, nil)
	}
	if err == nil {
		err = oci.verifyBlob(t.Context(), "app", layer)
	}
	if err != nil {
		t.Error(err)
	}
	if n := b.objects(t, "tails"); n != 0 {
		t.Errorf("%d rests of the upload are left", n)
	}
}

func TestAnUploadGoesOnAtAnotherNode(t *testing.T) {
	b := startBucket(t)
	database := newDatabase(t)
	b.env = append(b.env, "NIFUDA_ROOT_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "NIFUDA_ROOT_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY") // of both
	first := b.newServerOn(t, "", "--database", database)
	first.start()
	createRepository(t, first, "app")
	second := b.newServerOn(t, "", "--database", database)
	copyKeys(t, second, first)
	second.start()
	layer := newContent("application/vnd.oci.image.layer.v1.tar", randomBytes(17<<20))
	here, there := newRegistryClient(t, first), newRegistryClient(t, first)
	there.base = second.url()
	location, err := here.startUpload(t.Context(), "app")
	if err != nil {
		t.Fatal(err)
	}
	path := func(location string) string { return location[strings.Index(location, "/v2/"):] }
	for i, at := range []int{0, 1 << 20, 8 << 20, 16 << 20} {
		client, end := []registryClient{here, there}[i%2], []int{1 << 20, 8 << 20, 16 << 20, 17 << 20}[i]
		if location, err = client.uploadChunk(t.Context(), path(location), int64(at), layer.Bytes[at:end]); err != nil {
			t.Fatal(err)
		}
	}
	if err := here.finishUpload(t.Context(), path(location), layer.Digest, nil); err != nil {
		t.Fatal(err)
	}
	for _, client := range []registryClient{here, there} {
		if err := client.verifyBlob(t.Context(), "app", layer); err != nil {
			t.Error(err)
		}
	}
}
