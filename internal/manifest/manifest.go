// Package manifest parses and validates manifests and checks the names that
// refer to them. It is pure: whether the blobs and manifests that a manifest
// names exist is for others to find out.
package manifest

import (
	"errors"
	"strings"

	"github.com/opencontainers/go-digest"
)

// MaxSize is the largest payload in bytes that [Parse] takes: ECR's limit for
// imageManifest, and the least that OCI distribution asks registries to take.
const MaxSize = 4 << 20

// The media types of the manifests that [Parse] takes.
const (
	MediaTypeImage         = "application/vnd.oci.image.manifest.v1+json"
	MediaTypeIndex         = "application/vnd.oci.image.index.v1+json"
	MediaTypeDockerImage   = "application/vnd.docker.distribution.manifest.v2+json"
	MediaTypeDockerList    = "application/vnd.docker.distribution.manifest.list.v2+json"
	mediaTypeSchema1       = "application/vnd.docker.distribution.manifest.v1+json"
	mediaTypeSignedSchema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
)

// The errors of [Parse]; each comes wrapped with the place and the reason.
var (
	// ErrInvalid reports a payload that is no manifest, or whose media type
	// cannot be told: ECR's Invalid JSON syntax of ImageManifest.
	ErrInvalid = errors.New("invalid manifest")
	// ErrNoMediaType is an [ErrInvalid] about a payload whose media type cannot be told.
	ErrNoMediaType = errors.New("it has no mediaType and none was declared")
	// ErrTooLarge reports a payload of more than [MaxSize] bytes.
	ErrTooLarge = errors.New("manifest is larger than 4 MiB")
	// ErrSchema1 reports an image manifest of version 2, schema 1.
	ErrSchema1 = errors.New("docker image manifest version 2, schema 1 is not supported, push schema 2 or OCI")
	// ErrUnsupported reports a media type that is none of the four.
	ErrUnsupported = errors.New("unsupported manifest media type")
)

// A Kind tells the two forms of manifests apart.
type Kind string

// The kinds of manifests.
const (
	// KindImage is a manifest with a config and layers: an image or an artifact.
	KindImage Kind = "image"
	// KindIndex is a manifest that lists manifests: an OCI index or a docker manifest list.
	KindIndex Kind = "index"
)

// A Manifest is a valid manifest. Its strings share the memory of one copy of
// the payload.
type Manifest struct {
	MediaType string
	Kind      Kind
	// ArtifactType is the member of that name; see [Manifest.ArtifactMediaType].
	ArtifactType string
	// Config is nil in an index and set in an image.
	Config *Descriptor
	// Layers is empty in an index.
	Layers []Descriptor
	// Children are the manifests of an index, empty in an image.
	Children []Descriptor
	// Subject is the manifest that this one refers to, or nil.
	Subject     *Descriptor
	Annotations map[string]string
}

// A Descriptor points at content (OCI image-spec, descriptor.md). Media type,
// digest and size are always set and valid.
type Descriptor struct {
	MediaType string
	Digest    digest.Digest
	// Size is in bytes and not negative.
	Size         int64
	ArtifactType string
	Annotations  map[string]string
	Platform     *Platform
	URLs         []string
	// Data is the content itself where it is embedded; it fits Digest and Size.
	Data []byte
}

// A Platform says what an image of an index runs on.
type Platform struct {
	Architecture string
	OS           string
	OSVersion    string
	OSFeatures   []string
	Variant      string
}

// Distributable reports whether a registry must hold the content before it
// takes the manifest. Foreign (docker) and non-distributable (OCI) layers stay
// at their URLs.
func (d Descriptor) Distributable() bool {
	return !strings.Contains(d.MediaType, ".foreign.") && !strings.Contains(d.MediaType, ".nondistributable.")
}

// Blobs returns the config and the layers that the registry must hold, each
// digest once, in the order of the manifest.
func (m Manifest) Blobs() []Descriptor {
	if m.Config == nil {
		return nil
	}
	blobs := make([]Descriptor, 0, 1+len(m.Layers))
	blobs = append(blobs, *m.Config)
	seen := make(map[digest.Digest]struct{}, 1+len(m.Layers))
	seen[m.Config.Digest] = struct{}{}
	for _, layer := range m.Layers {
		if _, ok := seen[layer.Digest]; ok || !layer.Distributable() {
			continue
		}
		seen[layer.Digest] = struct{}{}
		blobs = append(blobs, layer)
	}
	return blobs
}

// ArtifactMediaType returns what the manifest holds: its artifactType, else
// the media type of its config, else nothing (an index without artifactType).
// It is both artifactMediaType of DescribeImages and the artifactType of a
// referrer (OCI distribution-spec, listing referrers).
func (m Manifest) ArtifactMediaType() string {
	if m.ArtifactType != "" || m.Config == nil {
		return m.ArtifactType
	}
	return m.Config.MediaType
}

func kindOf(mediaType string) (Kind, error) {
	switch mediaType {
	case MediaTypeImage, MediaTypeDockerImage:
		return KindImage, nil
	case MediaTypeIndex, MediaTypeDockerList:
		return KindIndex, nil
	case mediaTypeSchema1, mediaTypeSignedSchema1:
		return "", ErrSchema1
	default:
		return "", ErrUnsupported
	}
}

// IsIndex reports whether a media type is that of manifests which list others.
func IsIndex(mediaType string) bool {
	kind, err := kindOf(mediaType)
	return err == nil && kind == KindIndex
}
