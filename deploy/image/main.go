// Command image packs nifuda's static binaries into a container image for
// several platforms, without a container engine.
//
//	go run . -out ../../bin/image -version v1.2.3 linux/amd64=PATH linux/arm64=PATH
//
// It writes an OCI layout with one index of all platforms, which crane and skopeo
// push, and beside it an archive for each platform, which docker load and podman
// load take. The same input gives the same digests: no time but -created is in
// the image.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// settings are the command's flags.
type settings struct {
	out     string
	about   about
	created int64
}

func main() {
	var s settings
	flag.StringVar(&s.out, "out", "image", "directory to write")
	flag.StringVar(&s.about.version, "version", "dev", "version of the binaries")
	flag.StringVar(&s.about.revision, "revision", "", "commit that they were built from")
	flag.Int64Var(&s.created, "created", 0, "time of the image in seconds since 1970")
	flag.Parse()
	if err := s.write(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// write makes the images of all platforms, and the directory from nothing.
func (s settings) write(arguments []string) error {
	s.about.created = time.Unix(s.created, 0).UTC()
	binaries, err := parseBinaries(arguments)
	if err != nil {
		return err
	}
	var images []platformImage
	for _, b := range binaries {
		img, err := newImage(b, s.about)
		if err != nil {
			return fmt.Errorf("make the image for %s: %w", b.platform, err)
		}
		images = append(images, platformImage{b.platform, img})
	}
	if err := os.RemoveAll(s.out); err != nil {
		return err
	}
	if err := s.writeLayout(images); err != nil {
		return fmt.Errorf("write the layout: %w", err)
	}
	for _, one := range images {
		if err := s.writeArchive(one); err != nil {
			return fmt.Errorf("write the archive for %s: %w", one.platform, err)
		}
	}
	return nil
}

// writeLayout writes the index of all platforms, under the version as its name.
func (s settings) writeLayout(images []platformImage) error {
	index, err := newIndex(images, s.about)
	if err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	path, err := layout.Write(filepath.Join(s.out, "oci"), emptyIndex())
	if err != nil {
		return err
	}
	if err := path.AppendIndex(index, layout.WithAnnotations(map[string]string{referenceName: s.about.version})); err != nil {
		return err
	}
	fmt.Printf("%s %s\n", filepath.Join(s.out, "oci"), digest)
	return nil
}

// writeArchive writes the image of one platform as docker save does, under its
// version and as the latest.
func (s settings) writeArchive(one platformImage) error {
	names := map[name.Tag]v1.Image{}
	for _, text := range []string{s.about.version, "latest"} {
		tag, err := name.NewTag("nifuda:" + text)
		if err != nil {
			return err
		}
		names[tag] = one.image
	}
	file := filepath.Join(s.out, "nifuda-"+strings.ReplaceAll(one.platform.String(), "/", "-")+".tar")
	if err := tarball.MultiWriteToFile(file, names); err != nil {
		return err
	}
	digest, err := one.image.Digest()
	fmt.Printf("%s %s\n", file, digest)
	return err
}

// A binary is a file for one platform.
type binary struct {
	platform v1.Platform
	path     string
}

func parseBinaries(arguments []string) ([]binary, error) {
	if len(arguments) == 0 {
		return nil, errors.New("no binary is named, for example linux/amd64=bin/nifuda")
	}
	var binaries []binary
	for _, argument := range arguments {
		text, path, ok := strings.Cut(argument, "=")
		platform, err := v1.ParsePlatform(text)
		if !ok || err != nil || platform.OS == "" || platform.Architecture == "" {
			return nil, fmt.Errorf("%q is not of the form linux/amd64=PATH", argument)
		}
		binaries = append(binaries, binary{*platform, path})
	}
	slices.SortFunc(binaries, func(a, b binary) int { return cmp.Compare(a.platform.String(), b.platform.String()) })
	return binaries, nil
}
