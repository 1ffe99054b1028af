package manifest_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/manifest"
)

const (
	configType = "application/vnd.oci.image.config.v1+json"
	layerType  = "application/vnd.oci.image.layer.v1.tar+gzip"
	emptyType  = "application/vnd.oci.empty.v1+json"
	emptyHash  = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	hashA      = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	hashB      = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

var hash512 = "sha512:" + strings.Repeat("0123456789abcdef", 8)

// descriptor prints the three required members and others.
func descriptor(mediaType, hash string, more ...string) string {
	members := append([]string{`"mediaType":"` + mediaType + `"`, `"digest":"` + hash + `"`, `"size":2`}, more...)
	return "{" + strings.Join(members, ",") + "}"
}

func image(more ...string) string {
	return object(append([]string{`"config":` + descriptor(configType, hashA), `"layers":[` + descriptor(layerType, hashB) + `]`}, more...)...)
}

func object(more ...string) string {
	return "{" + strings.Join(append([]string{`"schemaVersion":2`}, more...), ",") + "}"
}

func TestParseReads(t *testing.T) {
	config := &manifest.Descriptor{MediaType: configType, Digest: hashA, Size: 2}
	layers := []manifest.Descriptor{{MediaType: layerType, Digest: hashB, Size: 2}}
	tests := map[string]struct {
		payload, declared string
		want              manifest.Manifest
	}{
		"OCI image by declaration": {
			image(), manifest.MediaTypeImage,
			manifest.Manifest{MediaType: manifest.MediaTypeImage, Kind: manifest.KindImage, Config: config, Layers: layers},
		},
		"declaration with parameters": {
			image(), "Application/vnd.oci.image.manifest.v1+json; charset=utf-8",
			manifest.Manifest{MediaType: manifest.MediaTypeImage, Kind: manifest.KindImage, Config: config, Layers: layers},
		},
		"docker image by its own media type": {
			image(`"mediaType":"` + manifest.MediaTypeDockerImage + `"`), "",
			manifest.Manifest{MediaType: manifest.MediaTypeDockerImage, Kind: manifest.KindImage, Config: config, Layers: layers},
		},
		"generic declaration": {
			image(`"mediaType":"` + manifest.MediaTypeImage + `"`), "application/json",
			manifest.Manifest{MediaType: manifest.MediaTypeImage, Kind: manifest.KindImage, Config: config, Layers: layers},
		},
		"artifact with embedded empty config": {
			object(`"mediaType":"`+manifest.MediaTypeImage+`"`, `"artifactType":"application/vnd.example+type"`,
				`"config":`+descriptor(emptyType, emptyHash, `"data":"e30="`), `"layers":[]`,
				`"subject":`+descriptor(manifest.MediaTypeImage, hashA), `"annotations":{"A":"1","a":"2"}`), "",
			manifest.Manifest{
				MediaType: manifest.MediaTypeImage, Kind: manifest.KindImage, ArtifactType: "application/vnd.example+type",
				Config:      &manifest.Descriptor{MediaType: emptyType, Digest: emptyHash, Size: 2, Data: []byte("{}")},
				Layers:      []manifest.Descriptor{},
				Subject:     &manifest.Descriptor{MediaType: manifest.MediaTypeImage, Digest: hashA, Size: 2},
				Annotations: map[string]string{"A": "1", "a": "2"},
			},
		},
		"nulls of a Go client": {
			object(`"config":`+descriptor(configType, hashA), `"layers":null`, `"subject":null`, `"annotations":null`, `"artifactType":null`, `"mediaType":null`), manifest.MediaTypeImage,
			manifest.Manifest{MediaType: manifest.MediaTypeImage, Kind: manifest.KindImage, Config: config},
		},
		"custom members": {
			image(`"x":{"layers":[{"Layers":1}],"manifests":{}}`, `"y":[[]]`), manifest.MediaTypeImage,
			manifest.Manifest{MediaType: manifest.MediaTypeImage, Kind: manifest.KindImage, Config: config, Layers: layers},
		},
		"foreign layer": {
			object(`"config":`+descriptor(configType, hashA), `"layers":[`+descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", hashB, `"urls":["https://example.com/l"]`)+`]`), manifest.MediaTypeDockerImage,
			manifest.Manifest{
				MediaType: manifest.MediaTypeDockerImage, Kind: manifest.KindImage, Config: config,
				Layers: []manifest.Descriptor{{MediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Digest: hashB, Size: 2, URLs: []string{"https://example.com/l"}}},
			},
		},
		"OCI index of images and indexes": {
			object(`"artifactType":"application/vnd.example"`, `"manifests":[`+
				descriptor(manifest.MediaTypeImage, hash512, `"platform":{"architecture":"arm64","os":"windows","os.version":"10","os.features":["win32k"],"variant":"v8","features":["sse4"]}`)+`,`+
				descriptor(manifest.MediaTypeIndex, hashB, `"artifactType":"text/x"`, `"annotations":{"k":"v"}`)+`]`), manifest.MediaTypeIndex,
			manifest.Manifest{
				MediaType: manifest.MediaTypeIndex, Kind: manifest.KindIndex, ArtifactType: "application/vnd.example",
				Children: []manifest.Descriptor{
					{
						MediaType: manifest.MediaTypeImage, Digest: digest.Digest(hash512), Size: 2,
						Platform: &manifest.Platform{Architecture: "arm64", OS: "windows", OSVersion: "10", OSFeatures: []string{"win32k"}, Variant: "v8"},
					},
					{MediaType: manifest.MediaTypeIndex, Digest: hashB, Size: 2, ArtifactType: "text/x", Annotations: map[string]string{"k": "v"}},
				},
			},
		},
		"empty docker list": {
			object(`"manifests":[]`), manifest.MediaTypeDockerList,
			manifest.Manifest{MediaType: manifest.MediaTypeDockerList, Kind: manifest.KindIndex, Children: []manifest.Descriptor{}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := manifest.Parse([]byte(tt.payload), tt.declared)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	const oci, index = manifest.MediaTypeImage, manifest.MediaTypeIndex
	config, layer := descriptor(configType, hashA), descriptor(layerType, hashB)
	layers := func(d string) string { return object(`"config":`+config, `"layers":[`+d+`]`) }
	tests := map[string]struct {
		payload, declared string
		want              error
		reason            string
	}{
		"nothing":                      {"", oci, manifest.ErrInvalid, "object expected"},
		"not JSON":                     {"{", oci, manifest.ErrInvalid, "offset"},
		"not an object":                {"[]", oci, manifest.ErrInvalid, "object expected, not array"},
		"text after it":                {image() + "x", oci, manifest.ErrInvalid, "text after the value"},
		"invalid UTF-8":                {image("\"\xff\":1"), oci, manifest.ErrInvalid, "UTF-8"},
		"too large":                    {image() + strings.Repeat(" ", manifest.MaxSize), oci, manifest.ErrTooLarge, "4 MiB"},
		"too deep":                     {image(`"x":` + strings.Repeat("[", 1e5)), oci, manifest.ErrInvalid, "too deeply"},
		"no media type":                {image(), "", manifest.ErrInvalid, "none was declared"},
		"only a generic media type":    {image(), "text/plain", manifest.ErrInvalid, "none was declared"},
		"contradicting media type":     {image(`"mediaType":"` + oci + `"`), manifest.MediaTypeDockerImage, manifest.ErrInvalid, "contradicts"},
		"unknown media type":           {image(), "application/vnd.oci.artifact.manifest.v1+json", manifest.ErrUnsupported, "artifact.manifest"},
		"unknown own media type":       {image(`"mediaType":"x/y"`), "", manifest.ErrUnsupported, "x/y"},
		"schema 1 declared":            {`{}`, "application/vnd.docker.distribution.manifest.v1+json", manifest.ErrSchema1, "schema 1"},
		"signed schema 1 declared":     {`{}`, "application/vnd.docker.distribution.manifest.v1+prettyjws", manifest.ErrSchema1, "schema 1"},
		"schema 1 by version":          {`{"schemaVersion":1,"name":"a"}`, "", manifest.ErrSchema1, "schema 1"},
		"schema 1 by layers":           {`{"fsLayers":[]}`, "application/json", manifest.ErrSchema1, "schema 1"},
		"schema 1 under another type":  {`{"schemaVersion":1,"fsLayers":[]}`, oci, manifest.ErrSchema1, "schema 1"},
		"schema 1 inside schema 2":     {image(`"fsLayers":[]`), oci, manifest.ErrSchema1, "schema 1"},
		"no schema version":            {`{"config":` + config + `,"layers":[]}`, oci, manifest.ErrInvalid, "schemaVersion"},
		"schema version as text":       {`{"schemaVersion":"2"}`, oci, manifest.ErrInvalid, "number expected"},
		"schema version 3":             {`{"schemaVersion":3}`, oci, manifest.ErrInvalid, "schemaVersion"},
		"no config":                    {object(`"layers":[]`), oci, manifest.ErrInvalid, "needs a config"},
		"null config":                  {object(`"config":null`, `"layers":[]`), oci, manifest.ErrInvalid, "needs a config"},
		"no layers":                    {object(`"config":` + config), oci, manifest.ErrInvalid, "needs layers"},
		"no manifests":                 {object(), index, manifest.ErrInvalid, "needs manifests"},
		"layers and manifests, image":  {image(`"manifests":[]`), oci, manifest.ErrInvalid, "both"},
		"layers and manifests, index":  {object(`"manifests":[]`, `"layers":[]`), index, manifest.ErrInvalid, "both"},
		"null manifests in an image":   {image(`"manifests":null`), oci, manifest.ErrInvalid, "both"},
		"config in an index":           {object(`"manifests":[]`, `"config":`+config), index, manifest.ErrInvalid, "both"},
		"image declared as index":      {image(), index, manifest.ErrInvalid, "needs manifests"},
		"index declared as image":      {object(`"manifests":[]`), oci, manifest.ErrInvalid, "needs a config"},
		"duplicate layers":             {image(`"layers":[]`), oci, manifest.ErrInvalid, `duplicate name "layers"`},
		"duplicate in a descriptor":    {layers(descriptor(layerType, hashB, `"size":3`)), oci, manifest.ErrInvalid, `duplicate name "size"`},
		"duplicate in a custom member": {image(`"x":[{"a":1,"a":2}]`), oci, manifest.ErrInvalid, `duplicate name "a"`},
		"duplicate annotation":         {image(`"annotations":{"a":"","a":""}`), oci, manifest.ErrInvalid, `duplicate name "a"`},
		"Layers beside layers":         {image(`"Layers":[]`), oci, manifest.ErrInvalid, `"Layers" is not "layers"`},
		"long s in a name":             {image(`"layerſ":[]`), oci, manifest.ErrInvalid, `is not "layers"`},
		"Digest in a descriptor":       {layers(descriptor(layerType, hashB, `"Digest":"x"`)), oci, manifest.ErrInvalid, `"Digest" is not "digest"`},
		"OS in a platform":             {layers(descriptor(layerType, hashB, `"platform":{"OS":"x"}`)), oci, manifest.ErrInvalid, `"OS" is not "os"`},
		"layers not an array":          {object(`"config":`+config, `"layers":{}`), oci, manifest.ErrInvalid, "array expected, not object"},
		"layer not an object":          {layers(`"x"`), oci, manifest.ErrInvalid, "object expected, not string"},
		"null layer":                   {layers(`null`), oci, manifest.ErrInvalid, "object expected, not null"},
		"annotation not a string":      {image(`"annotations":{"a":1}`), oci, manifest.ErrInvalid, "string expected, not number"},
		"negative size":                {layers(`{"mediaType":"a/b","digest":"` + hashB + `","size":-1}`), oci, manifest.ErrInvalid, "layers[0]: missing or negative size"},
		"no size":                      {layers(`{"mediaType":"a/b","digest":"` + hashB + `"}`), oci, manifest.ErrInvalid, "layers[0]: missing or negative size"},
		"huge size":                    {layers(`{"mediaType":"a/b","digest":"` + hashB + `","size":9223372036854775808}`), oci, manifest.ErrInvalid, "64-bit"},
		"fractional size":              {layers(`{"mediaType":"a/b","digest":"` + hashB + `","size":1.5}`), oci, manifest.ErrInvalid, "64-bit"},
		"no layer media type":          {layers(`{"digest":"` + hashB + `","size":1}`), oci, manifest.ErrInvalid, "mediaType"},
		"unprintable media type":       {layers(descriptor(`a/\n`, hashB)), oci, manifest.ErrInvalid, "mediaType"},
		"short digest":                 {layers(descriptor(layerType, hashB[:70])), oci, manifest.ErrInvalid, "digest"},
		"upper-case digest":            {layers(descriptor(layerType, "sha256:"+strings.Repeat("A", 64))), oci, manifest.ErrInvalid, "digest"},
		"unknown digest algorithm":     {layers(descriptor(layerType, "md5:"+strings.Repeat("a", 32))), oci, manifest.ErrInvalid, "digest"},
		"second layer":                 {layers(layer + "," + descriptor(layerType, "x")), oci, manifest.ErrInvalid, "layers[1]: missing or invalid digest"},
		"bad subject":                  {image(`"subject":{}`), oci, manifest.ErrInvalid, "subject: "},
		"bad child":                    {object(`"manifests":[{}]`), index, manifest.ErrInvalid, "manifests[0]: "},
		"artifact type without slash":  {image(`"artifactType":"x"`), oci, manifest.ErrInvalid, "invalid artifactType"},
		"data of another size":         {layers(descriptor(layerType, hashB, `"data":"e30Kew=="`)), oci, manifest.ErrInvalid, "another size"},
		"data of another digest":       {layers(descriptor(layerType, hashB, `"data":"e30="`)), oci, manifest.ErrInvalid, "another digest"},
		"data not base64":              {layers(descriptor(layerType, hashB, `"data":"{}"`)), oci, manifest.ErrInvalid, "base64"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := manifest.Parse([]byte(tt.payload), tt.declared)
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("got %q, want it to say %q", err, tt.reason)
			}
		})
	}
}

func TestSchema1IsNotCalledInvalid(t *testing.T) {
	_, err := manifest.Parse([]byte(`{"schemaVersion":1}`), manifest.MediaTypeImage)
	if errors.Is(err, manifest.ErrInvalid) {
		t.Errorf("got %v, want only %v", err, manifest.ErrSchema1)
	}
}

func TestBlobsAreDistinctAndDistributable(t *testing.T) {
	payload := object(`"config":`+descriptor(configType, hashA), `"layers":[`+strings.Join([]string{
		descriptor(layerType, hashB),
		descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", emptyHash),
		descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar", emptyHash),
		descriptor(layerType, hashB),
		descriptor(layerType, hash512),
		descriptor(layerType, hashA),
	}, ",")+"]")
	m, err := manifest.Parse([]byte(payload), manifest.MediaTypeImage)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range m.Blobs() {
		got = append(got, d.Digest.String())
	}
	if diff := cmp.Diff([]string{hashA, hashB, hash512}, got); diff != "" {
		t.Error(diff)
	}
}

func TestArtifactMediaType(t *testing.T) {
	tests := map[string]struct{ payload, declared, want string }{
		"image":                 {image(), manifest.MediaTypeImage, configType},
		"artifact":              {image(`"artifactType":"a/b"`), manifest.MediaTypeImage, "a/b"},
		"index":                 {object(`"manifests":[]`), manifest.MediaTypeIndex, ""},
		"index of an artifact":  {object(`"manifests":[]`, `"artifactType":"a/b"`), manifest.MediaTypeIndex, "a/b"},
		"empty artifact type":   {image(`"artifactType":""`), manifest.MediaTypeImage, configType},
		"docker image's config": {object(`"config":`+descriptor("application/vnd.docker.container.image.v1+json", hashA), `"layers":[]`), manifest.MediaTypeDockerImage, "application/vnd.docker.container.image.v1+json"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m, err := manifest.Parse([]byte(tt.payload), tt.declared)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.ArtifactMediaType(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if m.Kind == manifest.KindIndex && m.Blobs() != nil {
				t.Error("an index has no blobs")
			}
		})
	}
}

// FuzzParse holds that what is accepted reads the same to a client that uses
// encoding/json.
func FuzzParse(f *testing.F) {
	f.Add([]byte(image(`"Layers":[]`)), manifest.MediaTypeImage)
	f.Add([]byte(image(`"mediaType":"`+manifest.MediaTypeImage+`"`, `"annotations":{"a":"b"}`)), "")
	f.Add([]byte(object(`"manifests":[`+descriptor(manifest.MediaTypeImage, hashA)+`]`)), manifest.MediaTypeIndex)
	f.Add([]byte(object(`"config":`+descriptor(emptyType, emptyHash, `"data":"e30="`), `"layers":null`)), manifest.MediaTypeDockerImage)
	f.Add([]byte(`{"schemaVersion":1,"fsLayers":[]}`), "")
	type pointer struct {
		MediaType string
		Digest    digest.Digest
		Size      int64
	}
	f.Fuzz(func(t *testing.T, payload []byte, declared string) {
		m, err := manifest.Parse(payload, declared)
		if err != nil {
			return
		}
		var client struct {
			SchemaVersion     int
			MediaType         string
			Config, Subject   *pointer
			Layers, Manifests []pointer
			FSLayers          []any
		}
		if err := json.Unmarshal(payload, &client); err != nil {
			t.Fatalf("accepted, but a client says %v", err)
		}
		if client.SchemaVersion != 2 || client.FSLayers != nil || client.MediaType != "" && client.MediaType != m.MediaType {
			t.Fatalf("accepted %+v", client)
		}
		point := func(d manifest.Descriptor) pointer { return pointer{d.MediaType, d.Digest, d.Size} }
		same := func(name string, got []manifest.Descriptor, want []pointer) {
			t.Helper()
			if len(got) != len(want) {
				t.Fatalf("%s: got %d, want %d", name, len(got), len(want))
			}
			for i := range got {
				if point(got[i]) != want[i] {
					t.Fatalf("%s[%d]: got %v, want %v", name, i, got[i], want[i])
				}
			}
		}
		same("layers", m.Layers, client.Layers)
		same("manifests", m.Children, client.Manifests)
		for _, pair := range []struct {
			got  *manifest.Descriptor
			want *pointer
		}{{m.Config, client.Config}, {m.Subject, client.Subject}} {
			if (pair.got == nil) != (pair.want == nil) || pair.got != nil && point(*pair.got) != *pair.want {
				t.Fatalf("got %v, want %v", pair.got, pair.want)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	payload, err := os.ReadFile(filepath.Join("testdata", "five-layers.json"))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		m, err := manifest.Parse(payload, manifest.MediaTypeImage)
		if err != nil {
			b.Fatal(err)
		}
		if len(m.Blobs()) != 6 {
			b.Fatal("blobs are missing")
		}
	}
}
