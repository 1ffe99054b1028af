package e2e_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	ociIndex    = "application/vnd.oci.image.index.v1+json"
	ociConfig   = "application/vnd.oci.image.config.v1+json"
	ociLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// A content is bytes under their digest: a blob or a manifest.
type content struct {
	MediaType string
	Digest    string
	Bytes     []byte
}

func newContent(mediaType string, data []byte) content {
	return content{MediaType: mediaType, Digest: digestOf(data), Bytes: data}
}

// descriptor is how a manifest refers to the content.
func (c content) descriptor() map[string]any {
	return map[string]any{"mediaType": c.MediaType, "digest": c.Digest, "size": len(c.Bytes)}
}

// An image is a manifest and the blobs that it refers to.
type image struct {
	content
	Config content
	Layers []content
}

// newImage makes an image that no other image is equal to, with one layer of
// about each size. Its bytes are those of a real image: clients unpack it.
func newImage(t *testing.T, architecture string, layerSizes ...int) image {
	t.Helper()
	var img image
	var diffIDs []string
	for _, size := range layerSizes {
		unpacked := tarFile(t, "file", randomBytes(size))
		diffIDs = append(diffIDs, digestOf(unpacked))
		img.Layers = append(img.Layers, newContent(ociLayer, gzipped(t, unpacked)))
	}
	img.Config = newContent(ociConfig, marshal(t, map[string]any{
		"architecture": architecture, "os": "linux",
		"config": map[string]any{"Labels": map[string]string{"unique": hex.EncodeToString(randomBytes(8))}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs},
	}))
	var layers []any
	for _, layer := range img.Layers {
		layers = append(layers, layer.descriptor())
	}
	img.content = newContent(ociManifest, marshal(t, map[string]any{
		"schemaVersion": 2, "mediaType": ociManifest, "config": img.Config.descriptor(), "layers": layers,
	}))
	return img
}

// packImage makes the manifest of blobs whose bytes nobody will unpack.
func packImage(config content, layers ...content) image {
	var descriptors []any
	for _, layer := range layers {
		descriptors = append(descriptors, layer.descriptor())
	}
	document, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": ociManifest, "config": config.descriptor(), "layers": descriptors,
	})
	if err != nil {
		panic(err) // it is all text and numbers
	}
	return image{content: newContent(ociManifest, document), Config: config, Layers: layers}
}

// blobs are all that must be stored before the manifest.
func (img image) blobs() []content { return append([]content{img.Config}, img.Layers...) }

// newIndex makes the index of one image per architecture.
func newIndex(t *testing.T, images map[string]image) content {
	t.Helper()
	var manifests []any
	for architecture, img := range images {
		descriptor := img.descriptor()
		descriptor["platform"] = map[string]string{"architecture": architecture, "os": "linux"}
		manifests = append(manifests, descriptor)
	}
	return newContent(ociIndex, marshal(t, map[string]any{
		"schemaVersion": 2, "mediaType": ociIndex, "manifests": manifests,
	}))
}

// writeLayout writes an OCI image layout that names root by the tag and holds
// the contents.
func writeLayout(t *testing.T, tag string, root content, contents ...content) (directory string) {
	t.Helper()
	directory = t.TempDir()
	blobs := filepath.Join(directory, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range append(contents, root) {
		writeFile(t, filepath.Join(blobs, strings.TrimPrefix(c.Digest, "sha256:")), c.Bytes)
	}
	descriptor := root.descriptor()
	descriptor["annotations"] = map[string]string{"org.opencontainers.image.ref.name": tag}
	writeFile(t, filepath.Join(directory, "index.json"), marshal(t, map[string]any{
		"schemaVersion": 2, "manifests": []any{descriptor},
	}))
	writeFile(t, filepath.Join(directory, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`))
	return directory
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func tarFile(t *testing.T, name string, data []byte) []byte {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return compressed.Bytes()
}

// randomBytes returns bytes that occur nowhere else and do not compress.
func randomBytes(size int) []byte {
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(rand.Uint32())
	}
	data := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(data) // never fails
	return data
}

func marshal(t *testing.T, value any) []byte {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
