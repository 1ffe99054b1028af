package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// A blob is bytes and their digest.
type blob struct {
	digest string
	bytes  []byte
}

func newBlob(bytes []byte) blob {
	sum := sha256.Sum256(bytes)
	return blob{"sha256:" + hex.EncodeToString(sum[:]), bytes}
}

// An image is a small image: four layers of 16 KiB, a config and a manifest.
type image struct {
	blobs    []blob // the config is the first
	manifest blob
}

const (
	smallLayers    = 4
	smallLayerSize = 16 << 10
)

// newImage makes an image that no other has a layer of.
func newImage(random *rand.ChaCha8) image {
	blobs := []blob{newBlob(fmt.Appendf(nil, `{"architecture":"amd64","os":"linux","created":"%d"}`, random.Uint64()))}
	for range smallLayers {
		bytes := make([]byte, smallLayerSize)
		_, _ = random.Read(bytes) // never fails
		blobs = append(blobs, newBlob(bytes))
	}
	return image{blobs, newBlob(newManifest(blobs))}
}

// newManifest is the manifest of a config and its layers.
func newManifest(blobs []blob) []byte {
	type descriptor struct {
		MediaType string `json:"mediaType"`
		Digest    string `json:"digest"`
		Size      int    `json:"size"`
	}
	manifest := struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Config        descriptor   `json:"config"`
		Layers        []descriptor `json:"layers"`
	}{SchemaVersion: 2, MediaType: manifestType, Config: descriptor{configType, blobs[0].digest, len(blobs[0].bytes)}}
	for _, b := range blobs[1:] {
		manifest.Layers = append(manifest.Layers, descriptor{layerType, b.digest, len(b.bytes)})
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		panic(err) // strings and numbers have JSON
	}
	return text
}

// newRandom returns random bytes that differ in each process and for each seed.
func newRandom(seed int) *rand.ChaCha8 {
	var key [32]byte
	for i := range 4 {
		for j, b := range fmt.Appendf(nil, "%016x", rand.Uint64()+uint64(seed))[:8] {
			key[8*i+j] = b
		}
	}
	return rand.NewChaCha8(key)
}

// pushBlob does what docker does: it asks for the blob, opens an upload, sends
// the bytes and ends the upload.
func (c *conn) pushBlob(repository string, b blob) error {
	a, err := c.do("HEAD", "/v2/"+repository+"/blobs/"+b.digest, "", nil)
	if err != nil || a.status == 200 {
		return err
	}
	if a, err = c.do("POST", "/v2/"+repository+"/blobs/uploads/", "", nil); err == nil {
		err = a.want(202)
	}
	if err != nil {
		return fmt.Errorf("start upload: %w", err)
	}
	if a, err = c.do("PATCH", a.path(), "Content-Type: application/octet-stream\r\n", b.bytes); err == nil {
		err = a.want(202)
	}
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	if a, err = c.do("PUT", withDigest(a.path(), b.digest), "", nil); err == nil {
		err = a.want(201)
	}
	if err != nil {
		return fmt.Errorf("end upload: %w", err)
	}
	return nil
}

func withDigest(path, digest string) string {
	for _, c := range path {
		if c == '?' {
			return path + "&digest=" + digest
		}
	}
	return path + "?digest=" + digest
}

func (c *conn) pushManifest(repository, tag string, manifest blob) error {
	a, err := c.do("PUT", "/v2/"+repository+"/manifests/"+tag, "Content-Type: "+manifestType+"\r\n", manifest.bytes)
	if err == nil {
		err = a.want(201)
	}
	if err != nil {
		return fmt.Errorf("push manifest: %w", err)
	}
	return nil
}

func (c *conn) pushImage(repository, tag string, i image) error {
	for _, b := range i.blobs {
		if err := c.pushBlob(repository, b); err != nil {
			return err
		}
	}
	return c.pushManifest(repository, tag, i.manifest)
}

// pull reads a path whose answer must be 200. The bare handler has to be told
// how long it would be.
func (c *conn) pull(path string, size int) (answer, error) {
	a, err := c.do("GET", path, fmt.Sprintf("Accept: %s\r\nBench-Size: %d\r\n", manifestType, size), nil)
	if err == nil {
		err = a.want(200)
	}
	return a, err
}

func (c *conn) pullImage(repository, tag string, i image) error {
	if _, err := c.pull("/v2/"+repository+"/manifests/"+tag, len(i.manifest.bytes)); err != nil {
		return fmt.Errorf("pull manifest: %w", err)
	}
	for _, b := range i.blobs {
		a, err := c.pull("/v2/"+repository+"/blobs/"+b.digest, len(b.bytes))
		if err != nil {
			return fmt.Errorf("pull blob: %w", err)
		}
		if a.length != int64(len(b.bytes)) {
			return fmt.Errorf("pull blob: %d bytes, want %d", a.length, len(b.bytes))
		}
	}
	return nil
}
