package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The annotations of the OCI specification.
const (
	referenceName = "org.opencontainers.image.ref.name"
	annotation    = "org.opencontainers.image."
)

// Whom the server runs as. The number is what other images without a shell use,
// and no user of a usual system has it.
const owner = 65532

// about is what an image tells of itself.
type about struct {
	version, revision string
	created           time.Time
}

// labels are the image's, as labels and as annotations.
func (a about) labels() map[string]string {
	labels := map[string]string{
		annotation + "title":       "nifuda",
		annotation + "description": "A container registry that teams run themselves and drive exactly as they drive Amazon ECR.",
		annotation + "source":      "https://github.com/nifuda/nifuda",
		annotation + "licenses":    "Apache-2.0",
		annotation + "version":     a.version,
		annotation + "created":     a.created.Format(time.RFC3339),
	}
	if a.revision != "" {
		labels[annotation+"revision"] = a.revision
	}
	return labels
}

// configuration is how the image runs unless told otherwise.
func configuration(a about) v1.Config {
	return v1.Config{
		Entrypoint:   []string{"/nifuda"},
		Cmd:          []string{"serve"},
		Env:          []string{"NIFUDA_LISTEN=0.0.0.0:5050", "NIFUDA_DATA=/data"},
		User:         fmt.Sprintf("%d:%d", owner, owner),
		WorkingDir:   "/",
		Volumes:      map[string]struct{}{"/data": {}},
		ExposedPorts: map[string]struct{}{"5050/tcp": {}},
		StopSignal:   "SIGTERM",
		Labels:       a.labels(),
	}
}

// A platformImage is the image for one platform.
type platformImage struct {
	platform v1.Platform
	image    v1.Image
}

// newImage makes an image of two layers: what is the same for every version and
// platform, and the binary.
func newImage(b binary, a about) (v1.Image, error) {
	program, err := os.ReadFile(b.path)
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, files := range [][]entry{system(), {{path: "nifuda", mode: 0o755, data: program}}} {
		layer, err := newLayer(files)
		if err != nil {
			return nil, err
		}
		if image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{
			Created: v1.Time{Time: a.created}, CreatedBy: "make image",
		}}); err != nil {
			return nil, err
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = b.platform.OS, b.platform.Architecture, b.platform.Variant
	config.Created = v1.Time{Time: a.created}
	config.Config = configuration(a)
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return nil, err
	}
	annotated, ok := mutate.Annotations(image, a.labels()).(v1.Image)
	if !ok {
		return nil, errors.New("annotations made another thing of the image")
	}
	return annotated, nil
}

func emptyIndex() v1.ImageIndex { return mutate.IndexMediaType(empty.Index, types.OCIImageIndex) }

// newIndex makes the index of which every engine takes its own platform's image.
func newIndex(images []platformImage, a about) (v1.ImageIndex, error) {
	index := emptyIndex()
	for _, one := range images {
		platform := one.platform
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: one.image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	annotated, ok := mutate.Annotations(index, a.labels()).(v1.ImageIndex)
	if !ok {
		return nil, errors.New("annotations made another thing of the index")
	}
	return annotated, nil
}

// An entry is a file, or a directory if the path ends in a slash.
type entry struct {
	path  string
	mode  int64
	owner int
	data  []byte
}

// newLayer packs entries in their order, all of the year 1970.
func newLayer(entries []entry) (v1.Layer, error) {
	var packed bytes.Buffer
	archive := tar.NewWriter(&packed)
	for _, e := range entries {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: e.path, Mode: e.mode, Uid: e.owner, Gid: e.owner,
			Size: int64(len(e.data)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX,
		}
		if e.path[len(e.path)-1] == '/' {
			header.Typeflag = tar.TypeDir
		}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(e.data); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(packed.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer))
}
