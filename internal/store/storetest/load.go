package storetest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/event"
	"github.com/nifuda/nifuda/internal/manifest"
)

// A Load is what many pushes have left in one registry. It is written in bulk,
// past the store, so that a million images take minutes; a test of the server
// holds its rows against those of real pushes. They are pushes whose blobs came
// in one request each: no trace of an upload is left.
type Load struct {
	Account, Region string
	Repository      string // has all the images
	Images          int
	Repositories    int    // further ones
	Each            int    // images that each of those has
	Users           int    // each with a group, a role, a policy, a key and a session
	Actor           string // ARN of who pushed
	At              int64  // of the first push, in Unix milliseconds; each takes one
	Collected       bool   // a collector has looked at all of it
}

// Everything in a Load follows from its position, so that whoever knows how
// many images there are knows each of them.
const (
	sharedLayers   = 100 // layers that many images have
	untaggedEvery  = 10  // the last of so many images has no tag
	referrersEvery = 20  // the seventh of so many images refers to the one before
)

// A LoadedImage is one image of a [Load].
type LoadedImage struct {
	Config, Layer, SharedLayer []byte // blobs
	Manifest                   []byte
	Digest                     string // of the manifest
	Tag                        string // "" is none

	parsed loadedManifest
}

type loadedManifest struct {
	SchemaVersion int                `json:"schemaVersion"`
	MediaType     string             `json:"mediaType"`
	ArtifactType  string             `json:"artifactType,omitempty"`
	Config        loadedDescriptor   `json:"config"`
	Layers        []loadedDescriptor `json:"layers"`
	Subject       *loadedDescriptor  `json:"subject,omitempty"`
	Annotations   map[string]string  `json:"annotations,omitempty"`
}

type loadedDescriptor struct {
	MediaType string        `json:"mediaType"`
	Digest    digest.Digest `json:"digest"`
	Size      int           `json:"size"`
}

func describe(mediaType string, content []byte) loadedDescriptor {
	return loadedDescriptor{mediaType, digest.FromBytes(content), len(content)}
}

// Image returns the image at a position, from 0.
func (l Load) Image(i int) LoadedImage {
	n := strconv.Itoa(i)
	image := LoadedImage{
		Config:      []byte(`{"architecture":"amd64","os":"linux","config":{"Labels":{"number":"` + n + `"}},"rootfs":{"type":"layers","diff_ids":[]}}`),
		Layer:       []byte("layer of image " + n),
		SharedLayer: []byte("shared layer " + strconv.Itoa(i%sharedLayers)),
	}
	const layerType = "application/vnd.oci.image.layer.v1.tar+gzip"
	m := loadedManifest{
		SchemaVersion: 2, MediaType: manifest.MediaTypeImage,
		Config: describe("application/vnd.oci.image.config.v1+json", image.Config),
		Layers: []loadedDescriptor{describe(layerType, image.SharedLayer), describe(layerType, image.Layer)},
	}
	switch {
	case i%referrersEvery == 7:
		subject := describe(manifest.MediaTypeImage, l.Image(i-1).Manifest)
		m.ArtifactType, m.Subject = "application/vnd.example.signature.v1", &subject
		m.Annotations = map[string]string{"number": n}
	case i%untaggedEvery != untaggedEvery-1:
		image.Tag = fmt.Sprintf("v%07d", i)
	}
	image.parsed, image.Manifest = m, encode(m)
	image.Digest = digest.FromBytes(image.Manifest).String()
	return image
}

// RepositoryName returns the name of one of the repositories without images.
func (l Load) RepositoryName(i int) string { return fmt.Sprintf("team-%03d/service-%06d", i%997, i) }

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // what this file makes has JSON
	}
	return text
}

// Into writes the load into a database that has none yet.
func (l Load) Into(ctx context.Context, database string) error {
	b, err := openBulk(ctx, database)
	if err != nil {
		return fmt.Errorf("load %s: %w", l.Repository, err)
	}
	l.into(b)
	if err := b.close(); err != nil {
		return fmt.Errorf("load %s: %w", l.Repository, err)
	}
	return nil
}

func (l Load) into(b *bulk) {
	shared := map[int]string{}
	id := l.addRepository(b, l.Repository)
	l.addImages(b, id, shared, 0, l.Images)
	for i := range l.Repositories {
		id := l.addRepository(b, l.RepositoryName(i))
		l.addImages(b, id, shared, l.Images+i*l.Each, l.Each)
	}
	if l.Users > 0 {
		b.insert("accounts", l.Account, "", nil, "{}", l.Users, l.At)
	}
	for i := range l.Users {
		l.addUser(b, i)
	}
}

// addUser adds a user and all that it can have. Its secrets open under no key.
func (l Load) addUser(b *bulk, i int) {
	const document = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"*"}]}`
	name := fmt.Sprintf("name-%06d", i)
	ids := map[string]string{}
	for kind, prefix := range map[string]string{"user": "AIDA", "group": "AGPA", "role": "AROA", "policy": "ANPA", "oidc-provider": "OIDC"} {
		ids[kind] = fmt.Sprintf("%s%017d", prefix, i)
		b.insert("identities", l.Account, kind, name, name, "/", ids[kind], "{}", l.At)
	}
	arn := "arn:aws:iam::" + l.Account + ":policy/" + name
	b.insert("identity_tags", ids["user"], "team", "Team", name)
	b.insert("inline_policies", ids["role"], "inline", document)
	b.insert("attached_policies", ids["user"], "policy", arn, l.Account)
	b.insert("memberships", ids["group"], ids["user"])
	b.insert("policy_versions", ids["policy"], 1, document, true, l.At)
	b.insert("login_profiles", ids["user"], "", false, 0, l.At)
	b.insert("access_keys", fmt.Sprintf("AKIA%016d", i), l.Account, ids["user"], []byte{}, true, l.At, 0, "", "")
	b.insert("sessions", fmt.Sprintf("ASIA%016d", i), l.Account, ids["role"], "{}", []byte{}, l.At, l.At+int64(i))
	b.insert("role_uses", ids["role"], l.At, l.Region)
}

func (l Load) addRepository(b *bulk, name string) (id string) {
	id = newID()
	b.insert("repositories", id, l.Account, l.Region, name, "MUTABLE", "null", false, "AES256", "", l.At)
	l.addEvent(b, event.Change{Result: event.Success, Kind: event.RepositoryCreated, Repository: name}, name, l.At)
	return id
}

// addImages adds to a repository the images from a position on. shared has the
// shared layers that are there already.
func (l Load) addImages(b *bulk, repositoryID string, shared map[int]string, first, count int) {
	for i := first; i < first+min(sharedLayers, count); i++ {
		at, content := l.At+int64(i), l.Image(i).SharedLayer
		if shared[i%sharedLayers] == "" {
			shared[i%sharedLayers] = l.addBlob(b, content, at)
		}
		l.link(b, repositoryID, shared[i%sharedLayers], content, at)
	}
	for i := first; i < first+count; i++ {
		l.addImage(b, repositoryID, l.Image(i), l.At+int64(i))
	}
}

func (l Load) addBlob(b *bulk, content []byte, at int64) (id string) {
	id = newID()
	b.insert("blobs", id, digest.FromBytes(content).String(), "", len(content), nil, at, content, nil)
	return id
}

func (l Load) link(b *bulk, repositoryID, blobID string, content []byte, at int64) {
	d := digest.FromBytes(content).String()
	b.insert("repository_blobs", repositoryID, d, blobID, len(content), at)
	if !l.Collected {
		// As if it was pushed just now: no collector looks at it yet.
		b.insert("link_checks", time.Now().Add(24*time.Hour).UnixMilli(), repositoryID, d)
	}
}

func (l Load) addImage(b *bulk, repositoryID string, image LoadedImage, at int64) {
	for _, content := range [][]byte{image.Config, image.Layer} {
		l.link(b, repositoryID, l.addBlob(b, content, at), content, at)
	}
	m := image.parsed
	artifactType := cmp.Or(m.ArtifactType, m.Config.MediaType)
	var subject, referrerType, annotations any
	if m.Subject != nil {
		subject, referrerType, annotations = m.Subject.Digest.String(), artifactType, string(encode(m.Annotations))
	}
	size := len(image.Config) + len(image.Layer) + len(image.SharedLayer)
	b.insert("manifests", repositoryID, image.Digest, m.MediaType, artifactType, subject, referrerType, annotations,
		size, at, len(image.Manifest), image.Manifest)
	for _, blob := range append(m.Layers, m.Config) {
		b.insert("manifest_blobs", repositoryID, image.Digest, blob.Digest.String(), blob.MediaType)
	}
	if image.Tag == "" {
		b.insert("untagged", repositoryID, image.Digest)
	} else {
		b.insert("tags", repositoryID, image.Tag, image.Digest, at)
		b.insert("tag_history", repositoryID, image.Tag, 1, image.Digest, l.Actor, at)
	}
	action := event.ImageAction{
		Result: event.Success, Repository: l.Repository, Digest: digest.Digest(image.Digest), Action: event.Push, Tag: image.Tag,
		ManifestMediaType: m.MediaType, ArtifactMediaType: artifactType,
	}
	l.addEvent(b, action, l.Repository, at)
}

func (l Load) addEvent(b *bulk, d event.Detail, repository string, at int64) {
	b.insert("events", newID(), l.Account, l.Region, d.DetailType(),
		"arn:aws:ecr:"+l.Region+":"+l.Account+":repository/"+repository, l.Actor, string(encode(d)), at)
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
