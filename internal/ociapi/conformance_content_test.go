package ociapi_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A content is a blob or a manifest that the conformance scripts name.
type content struct {
	bytes     string
	mediaType string   // "" is a blob
	needs     []string // what a manifest refers to
	digest    string
	part      string // what the rest of the name asked for
}

const (
	dockerType  = "application/vnd.docker.distribution.manifest.v2+json"
	listType    = "application/vnd.docker.distribution.manifest.list.v2+json"
	sbomType    = "application/vnd.example.sbom"
	emptyType   = "application/vnd.oci.empty.v1+json"
	foreignType = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
)

// The blobs. large does not fit where small ones are kept; digits and absent
// are never pushed by what refers to them.
var blobContents = map[string]string{
	"empty":   "",
	"config":  "{}",
	"letters": "abcdefghijklmnopqrstuvwxyz",
	"digits":  "0123456789",
	"other":   "another layer",
	"large":   strings.Repeat("a layer of some size ", 20_000),
	"absent":  "nobody has this",
}

// The manifests. Members that hold {name} are descriptors of other contents.
var manifestContents = map[string]string{
	"image":    `{"schemaVersion":2,"mediaType":"` + imageType + `","config":{config},"layers":[{letters}]}`,
	"second":   `{"schemaVersion":2,"mediaType":"` + imageType + `","config":{config},"layers":[{letters},{other}]}`,
	"strong":   `{"schemaVersion":2,"mediaType":"` + imageType + `","config":{config.sha512},"layers":[{letters.sha512}]}`,
	"docker":   `{"schemaVersion":2,"mediaType":"` + dockerType + `","config":{config},"layers":[{letters}]}`,
	"spaced":   "\n{ \"schemaVersion\" : 2,\n\t\"layers\":[ ], \"config\":{config},  \"mediaType\":\"" + imageType + "\" }\r\n\n",
	"untyped":  `{"schemaVersion":2,"config":{config},"layers":[{letters}]}`,
	"bare":     `{"schemaVersion":2,"mediaType":"` + imageType + `","config":{config},"layers":[]}`,
	"custom":   `{"schemaVersion":2,"mediaType":"` + imageType + `","config":{config},"layers":[{letters}],"org.example.custom":{"a":[1,null]}}`,
	"long":     `{"schemaVersion":2,"mediaType":"` + imageType + `","config":{config},"layers":[],"annotations":{"long":"` + strings.Repeat("x", 4_000_000) + `"}}`,
	"foreign":  `{"schemaVersion":2,"mediaType":"` + imageType + `","config":{config},"layers":[{"mediaType":"` + foreignType + `","digest":"{absent.digest}","size":{absent.size},"urls":["https://example.com/layer"]}]}`,
	"embedded": `{"schemaVersion":2,"mediaType":"` + imageType + `","artifactType":"` + sbomType + `","config":{"mediaType":"` + emptyType + `","digest":"{config.digest}","size":2,"data":"e30="},"layers":[{letters}]}`,
	"sparse":   `{"schemaVersion":2,"mediaType":"` + imageType + `","config":{config},"layers":[{letters},{digits}]}`,

	"index":       `{"schemaVersion":2,"mediaType":"` + indexType + `","manifests":[{image},{second}]}`,
	"list":        `{"schemaVersion":2,"mediaType":"` + listType + `","manifests":[{docker}]}`,
	"nested":      `{"schemaVersion":2,"mediaType":"` + indexType + `","manifests":[{index},{second}]}`,
	"hollow":      `{"schemaVersion":2,"mediaType":"` + indexType + `","manifests":[]}`,
	"artifacts":   `{"schemaVersion":2,"mediaType":"` + indexType + `","artifactType":"` + sbomType + `","manifests":[{embedded}]}`,
	"sparseindex": `{"schemaVersion":2,"mediaType":"` + indexType + `","manifests":[{image},{bare}]}`,

	// Referrers: subjects need not exist, so nothing pushes them.
	"plain":    `{"schemaVersion":2,"mediaType":"` + imageType + `","config":{config},"layers":[],"subject":{image}}`,
	"sbom":     `{"schemaVersion":2,"mediaType":"` + imageType + `","artifactType":"` + sbomType + `","config":{config},"layers":[],"subject":{image},"annotations":{"org.example.a":"b"}}`,
	"listing":  `{"schemaVersion":2,"mediaType":"` + indexType + `","manifests":[],"subject":{image},"annotations":{"org.example.c":"d"}}`,
	"sboms":    `{"schemaVersion":2,"mediaType":"` + indexType + `","artifactType":"` + sbomType + `","manifests":[],"subject":{image}}`,
	"ofsha512": `{"schemaVersion":2,"mediaType":"` + imageType + `","config":{config},"layers":[],"subject":{image.sha512}}`,
	"ofindex":  `{"schemaVersion":2,"mediaType":"` + imageType + `","config":{config},"layers":[],"subject":{index}}`,
}

// unpushed are what a manifest refers to and push leaves out on purpose.
var unpushed = map[string]bool{"sparse digits": true, "sparseindex bare": true}

// found remembers what findContent made: some contents are large.
var found sync.Map

// contentOf finds the content of a name: CONTENT[.sha512][.PART], where PART is
// digest, size, type or hex, the digest without its algorithm.
func contentOf(tb testing.TB, named string) content {
	tb.Helper()
	c, ok := found.Load(named)
	if !ok {
		c = findContent(tb, named)
		found.Store(named, c)
	}
	return c.(content)
}

func findContent(tb testing.TB, named string) content {
	tb.Helper()
	base, rest, _ := strings.Cut(named, ".")
	var c content
	if blob, ok := blobContents[base]; ok {
		c.bytes = blob
	} else if template, ok := manifestContents[base]; ok {
		c.bytes, c.needs = fill(tb, base, template)
		c.mediaType = mediaTypeOf(tb, c.bytes)
	} else {
		tb.Fatalf("what is %q?", named)
	}
	c.digest = sha256Of(c.bytes)
	if rest == "sha512" || strings.HasPrefix(rest, "sha512.") {
		c.digest = sha512Of(c.bytes)
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, "sha512"), ".")
	}
	switch rest {
	case "", "digest":
		c.part = c.digest
	case "size":
		c.part = strconv.Itoa(len(c.bytes))
	case "type":
		c.part = c.mediaType
	case "hex":
		_, c.part, _ = strings.Cut(c.digest, ":")
	default:
		tb.Fatalf("what is %q?", named)
	}
	return c
}

// fill puts descriptors and their parts into a manifest's template.
func fill(tb testing.TB, base, template string) (text string, needs []string) {
	beforeSubject, _, _ := strings.Cut(template, `"subject"`)
	text = braced.ReplaceAllStringFunc(template, func(placeholder string) string {
		named := strings.Trim(placeholder, "{}")
		c := contentOf(tb, named)
		if strings.HasSuffix(named, ".digest") || strings.HasSuffix(named, ".size") {
			return c.part
		}
		if strings.Contains(beforeSubject, placeholder) && !unpushed[base+" "+named] {
			needs = append(needs, named)
		}
		return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, descriptorType(named, c), c.digest, len(c.bytes))
	})
	if strings.Contains(beforeSubject, "{config.digest}") {
		needs = append(needs, "config")
	}
	return text, needs
}

func descriptorType(named string, c content) string {
	switch {
	case c.mediaType != "":
		return c.mediaType
	case strings.HasPrefix(named, "config"):
		return configType
	default:
		return layerType
	}
}

func mediaTypeOf(tb testing.TB, text string) string {
	tb.Helper()
	var document struct{ MediaType string }
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	if document.MediaType == "" {
		return imageType
	}
	return document.MediaType
}

// referrer is the descriptor that the specification's "Listing Referrers" wants
// of a manifest with a subject.
func (c content) referrer() map[string]any {
	var document struct {
		ArtifactType string
		Config       struct{ MediaType string }
		Annotations  map[string]any
	}
	if err := json.Unmarshal([]byte(c.bytes), &document); err != nil {
		panic(err)
	}
	descriptor := map[string]any{"mediaType": c.mediaType, "digest": c.digest, "size": float64(len(c.bytes))}
	if document.ArtifactType != "" {
		descriptor["artifactType"] = document.ArtifactType
	} else if document.Config.MediaType != "" {
		descriptor["artifactType"] = document.Config.MediaType
	}
	if document.Annotations != nil {
		descriptor["annotations"] = document.Annotations
	}
	return descriptor
}

// sliceOf returns the bytes of "CONTENT [FIRST-LAST]".
func sliceOf(tb testing.TB, what string) string {
	tb.Helper()
	named, bounds, isSlice := strings.Cut(what, " ")
	text := contentOf(tb, named).bytes
	if !isSlice {
		return text
	}
	var first, last int
	if _, err := fmt.Sscanf(bounds, "%d-%d", &first, &last); err != nil {
		tb.Fatalf("what is %q?", what)
	}
	return text[first : last+1]
}
