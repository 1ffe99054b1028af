package main

import (
	"archive/tar"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// write makes an image of two files that are no programs and returns its index.
func write(t *testing.T, s settings) v1.ImageIndex {
	t.Helper()
	directory := t.TempDir()
	var arguments []string
	for _, platform := range []string{"linux/arm64", "linux/amd64"} {
		file := filepath.Join(directory, filepath.Base(platform))
		if err := os.WriteFile(file, []byte("the program for "+platform), 0o600); err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, platform+"="+file)
	}
	s.out = filepath.Join(directory, "image")
	if err := s.write(arguments); err != nil {
		t.Fatal(err)
	}
	written, err := layout.ImageIndexFromPath(filepath.Join(s.out, "oci"))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := written.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 1 || manifest.Manifests[0].Annotations[referenceName] != s.about.version {
		t.Fatalf("the layout has %+v, want one index under the version's name", manifest.Manifests)
	}
	index, err := written.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	for _, archive := range []string{"nifuda-linux-amd64.tar", "nifuda-linux-arm64.tar"} {
		if _, err := os.Stat(filepath.Join(s.out, archive)); err != nil {
			t.Error(err)
		}
	}
	return index
}

func version(text string) settings {
	return settings{about: about{version: text, revision: "abc"}, created: 1_795_000_000}
}

func TestTheSameInputGivesTheSameDigests(t *testing.T) {
	digest := func(s settings) string {
		hash, err := write(t, s).Digest()
		if err != nil {
			t.Fatal(err)
		}
		return hash.String()
	}
	first := digest(version("v1"))
	if second := digest(version("v1")); second != first {
		t.Errorf("the second time the digest is %s, the first time it was %s", second, first)
	}
	if other := digest(version("v2")); other == first {
		t.Error("another version has the same digest")
	}
}

func TestIndexHasAnImageForEachPlatform(t *testing.T) {
	index := write(t, version("v1"))
	if err := validate.Index(index); err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if got := manifest.Annotations[annotation+"version"]; got != "v1" {
		t.Errorf("the index is annotated with the version %q", got)
	}
	for at, want := range []string{"linux/amd64", "linux/arm64"} {
		if got := manifest.Manifests[at].Platform.String(); got != want {
			t.Errorf("image %d is for %s, want %s", at, got, want)
		}
		image, err := index.Image(manifest.Manifests[at].Digest)
		if err != nil {
			t.Fatal(err)
		}
		config, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if got := config.Platform().String(); got != want {
			t.Errorf("the configuration for %s says %s", want, got)
		}
		files := unpack(t, image)
		if got := string(files["nifuda"].data); got != "the program for "+want {
			t.Errorf("the program for %s is %q", want, got)
		}
	}
}

func TestImageRunsWithoutRootAndTrustsTheWeb(t *testing.T) {
	index := write(t, version("v1"))
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := config.Config.Volumes["/data"]; config.Config.User != "65532:65532" || !ok {
		t.Errorf("the image runs as %q with the volumes %v", config.Config.User, config.Config.Volumes)
	}
	files := unpack(t, image)
	if data := files["data/"]; data.owner != owner || data.mode != 0o700 {
		t.Errorf("/data is of %d with the mode %o", data.owner, data.mode)
	}
	names := map[string]bool{}
	for rest := files["etc/ssl/certs/ca-certificates.crt"].data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		root, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		names[root.Subject.CommonName] = true
	}
	for _, name := range []string{"Amazon Root CA 1", "ISRG Root X1", "GTS Root R1"} {
		if !names[name] {
			t.Errorf("%s is not among the %d authorities", name, len(names))
		}
	}
}

func TestArgumentsAreBinariesForPlatforms(t *testing.T) {
	for _, arguments := range [][]string{nil, {"bin/nifuda"}, {"linux=bin/nifuda"}, {"=bin/nifuda"}} {
		if got, err := parseBinaries(arguments); err == nil {
			t.Errorf("%q means %v, want an error", arguments, got)
		}
	}
}

// unpack returns the files of all layers by path.
func unpack(t *testing.T, image v1.Image) map[string]entry {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]entry{}
	for _, layer := range layers {
		packed, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		defer packed.Close()
		archive := tar.NewReader(packed)
		for {
			header, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(archive)
			if err != nil {
				t.Fatal(err)
			}
			files[header.Name] = entry{header.Name, header.Mode, header.Uid, data}
		}
	}
	return files
}
