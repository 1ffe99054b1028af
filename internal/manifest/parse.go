package manifest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/strictjson"
)

// Parse validates a manifest. The mediaType that the client declared wins;
// where it is empty or generic (application/json and the like) the payload's
// own mediaType counts, and without both the payload is [ErrInvalid], as is a
// payload that contradicts the declaration (OCI image-spec, manifest.md).
//
// Clients may read a payload differently from Parse, so whatever is ambiguous
// is refused: duplicate members, members that differ from a known one only in
// case, and members of the other kind (CVE-2021-41190). Other unknown members
// are allowed. Members that are null count as absent.
func Parse(payload []byte, mediaType string) (Manifest, error) {
	if len(payload) > MaxSize {
		return Manifest{}, ErrTooLarge
	}
	p := parser{Reader: strictjson.NewReader(string(payload))}
	p.document()
	if err := p.Close(); err != nil {
		return Manifest{}, invalid(err)
	}
	if err := p.settleMediaType(mediaType); err != nil {
		return Manifest{}, err
	}
	if err := p.checkKind(); err != nil {
		return Manifest{}, invalid(err)
	}
	return p.manifest, nil
}

func invalid(err error) error {
	if errors.Is(err, ErrSchema1) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrInvalid, err)
}

// A parser fills a manifest and notes which of the kinds' members it met.
type parser struct {
	*strictjson.Reader
	manifest                                        Manifest
	schemaVersion                                   int64
	hasConfig, hasLayers, hasManifests, hasFSLayers bool
}

// documentNames are the members that any client might give a meaning.
var documentNames = []string{"schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject", "annotations", "fsLayers"}

func (p *parser) document() {
	m := &p.manifest
	for name := range p.Members() {
		switch name {
		case "schemaVersion":
			p.schemaVersion = p.Int64()
		case "mediaType":
			m.MediaType = p.optionalString()
		case "artifactType":
			m.ArtifactType = p.mediaType(name)
		case "config":
			p.hasConfig = true
			m.Config = p.optionalDescriptor(name)
		case "layers":
			p.hasLayers = true
			m.Layers = p.descriptors(name)
		case "manifests":
			p.hasManifests = true
			m.Children = p.descriptors(name)
		case "subject":
			m.Subject = p.optionalDescriptor(name)
		case "annotations":
			m.Annotations = p.annotations()
		case "fsLayers":
			p.hasFSLayers = true
		default:
			p.refuseLookalike(name, documentNames)
		}
	}
}

func (p *parser) settleMediaType(declared string) error {
	declared = specific(declared)
	own := p.manifest.MediaType
	switch {
	case declared == "" && own == "" && (p.schemaVersion == 1 || p.hasFSLayers):
		return ErrSchema1
	case declared == "" && own == "":
		return fmt.Errorf("%w: %w", ErrInvalid, ErrNoMediaType)
	case declared == "":
		declared = own
	case own != "" && own != declared:
		return fmt.Errorf("%w: its mediaType %q contradicts the declared %q", ErrInvalid, own, declared)
	}
	kind, err := kindOf(declared)
	if err != nil {
		return fmt.Errorf("%w: %q", err, declared)
	}
	p.manifest.MediaType, p.manifest.Kind = declared, kind
	return nil
}

// specific returns a declared media type without its parameters, or nothing
// when it only says that the payload is some text.
func specific(mediaType string) string {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	switch mediaType = strings.ToLower(strings.TrimSpace(mediaType)); mediaType {
	case "application/json", "application/octet-stream", "application/x-www-form-urlencoded", "text/plain", "*/*":
		return ""
	}
	return mediaType
}

func (p *parser) checkKind() error {
	switch {
	case p.schemaVersion == 1, p.hasFSLayers:
		return ErrSchema1
	case p.schemaVersion != 2:
		return errors.New("schemaVersion is not 2")
	case p.hasManifests && (p.hasLayers || p.hasConfig):
		return errors.New("it has members of both an image and an index")
	case p.manifest.Kind == KindIndex && !p.hasManifests:
		return errors.New("an index needs manifests")
	case p.manifest.Kind == KindImage && p.manifest.Config == nil:
		return errors.New("an image needs a config")
	case p.manifest.Kind == KindImage && !p.hasLayers:
		return errors.New("an image needs layers")
	}
	return nil
}

// refuseLookalike fails on a name that a client whose parser ignores case,
// like Go's, takes for a known one.
func (p *parser) refuseLookalike(name string, known []string) {
	for _, k := range known {
		if strings.EqualFold(name, k) {
			p.Fail(fmt.Errorf("member %q is not %q", name, k))
		}
	}
}

func (p *parser) descriptors(where string) []Descriptor {
	if p.Null() {
		return nil
	}
	list := make([]Descriptor, 0, 8)
	for i := range p.Elements() {
		d := p.descriptor()
		if p.Err() == nil {
			if err := d.check(); err != nil {
				p.Fail(fmt.Errorf("%s[%d]: %w", where, i, err))
			}
		}
		list = append(list, d)
	}
	return list
}

func (p *parser) optionalDescriptor(where string) *Descriptor {
	if p.Null() {
		return nil
	}
	d := p.descriptor()
	if p.Err() == nil {
		if err := d.check(); err != nil {
			p.Fail(fmt.Errorf("%s: %w", where, err))
		}
	}
	return &d
}

var descriptorNames = []string{"mediaType", "digest", "size", "artifactType", "annotations", "platform", "urls", "data"}

func (p *parser) descriptor() Descriptor {
	d := Descriptor{Size: -1}
	for name := range p.Members() {
		switch name {
		case "mediaType":
			d.MediaType = p.String()
		case "digest":
			d.Digest = digest.Digest(p.String())
		case "size":
			d.Size = p.Int64()
		case "artifactType":
			d.ArtifactType = p.mediaType(name)
		case "annotations":
			d.Annotations = p.annotations()
		case "platform":
			d.Platform = p.platform()
		case "urls":
			d.URLs = p.strings()
		case "data":
			d.Data = p.data()
		default:
			p.refuseLookalike(name, descriptorNames)
		}
	}
	return d
}

func (d Descriptor) check() error {
	switch {
	case !validMediaType(d.MediaType):
		return errors.New("missing or invalid mediaType")
	case !ValidDigest(string(d.Digest)):
		return errors.New("missing or invalid digest")
	case d.Size < 0:
		return errors.New("missing or negative size")
	case d.Data == nil:
		return nil
	case int64(len(d.Data)) != d.Size:
		return errors.New("data has another size than the descriptor")
	case d.Digest.Algorithm().FromBytes(d.Data) != d.Digest:
		return errors.New("data has another digest than the descriptor")
	}
	return nil
}

var platformNames = []string{"architecture", "os", "os.version", "os.features", "variant"}

func (p *parser) platform() *Platform {
	if p.Null() {
		return nil
	}
	var platform Platform
	for name := range p.Members() {
		switch name {
		case "architecture":
			platform.Architecture = p.optionalString()
		case "os":
			platform.OS = p.optionalString()
		case "os.version":
			platform.OSVersion = p.optionalString()
		case "os.features":
			platform.OSFeatures = p.strings()
		case "variant":
			platform.Variant = p.optionalString()
		default:
			p.refuseLookalike(name, platformNames)
		}
	}
	return &platform
}

func (p *parser) annotations() map[string]string {
	if p.Null() {
		return nil
	}
	annotations := map[string]string{}
	for name := range p.Members() {
		annotations[name] = p.String()
	}
	return annotations
}

func (p *parser) strings() []string {
	if p.Null() {
		return nil
	}
	var list []string
	for range p.Elements() {
		list = append(list, p.String())
	}
	return list
}

func (p *parser) data() []byte {
	if p.Null() {
		return nil
	}
	data, err := base64.StdEncoding.Strict().DecodeString(p.String())
	if err != nil {
		p.Fail(fmt.Errorf("data: %w", err))
	}
	return data
}

func (p *parser) optionalString() string {
	if p.Null() {
		return ""
	}
	return p.String()
}

func (p *parser) mediaType(where string) string {
	mediaType := p.optionalString()
	if mediaType != "" && !validMediaType(mediaType) {
		p.Fail(fmt.Errorf("invalid %s", where))
	}
	return mediaType
}
