package ociapi

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
)

// tagsLimit is how many tags one push may set. The specification wants ten.
const tagsLimit = 100

// getManifest answers end-3, GET and HEAD. It always sends the bytes that were
// pushed, whatever the client accepts: a registry that rewrites a manifest
// changes its digest, and every client of today reads both docker's and OCI's
// types.
func (a *api) getManifest(w http.ResponseWriter, r *http.Request, c call) error {
	m, err := a.findManifest(r.Context(), c)
	if err != nil {
		return err
	}
	// The busiest path of a registry: one allocation holds all header values.
	values := []string{m.MediaType, m.Digest, `"` + m.Digest + `"`, strconv.Itoa(len(m.Payload))}
	header := w.Header()
	header["Docker-Content-Digest"] = values[1:2:2]
	header["Etag"] = values[2:3:3]
	if matches(r.Header["If-None-Match"], values[2]) {
		w.WriteHeader(http.StatusNotModified)
	} else {
		header["Content-Type"] = values[0:1:1]
		header["Content-Length"] = values[3:4:4]
		w.WriteHeader(http.StatusOK)
		if c.Op == OpGetManifest {
			_, _ = w.Write(m.Payload)
		}
	}
	if c.Op == OpGetManifest {
		tag := c.Reference
		if c.byDigest() {
			tag = ""
		}
		a.registry.RecordPull(c.repository, tag, m.Digest)
	}
	return nil
}

// findManifest looks a manifest up. A tag that does not exist may still be the
// name under which clients without the referrers API look for referrers.
func (a *api) findManifest(ctx context.Context, c call) (registry.Manifest, error) {
	if c.byDigest() {
		return a.registry.Manifest(ctx, c.repository, registry.ImageID{Digest: c.Reference})
	}
	m, err := a.registry.Manifest(ctx, c.repository, registry.ImageID{Tag: c.Reference})
	if !isCode(err, registry.CodeImageNotFound) {
		return m, err
	}
	index, found, fallbackErr := a.registry.ReferrersIndex(ctx, c.repository, c.Reference)
	if fallbackErr != nil {
		return registry.Manifest{}, fallbackErr
	}
	if !found {
		return registry.Manifest{}, err
	}
	return index, nil
}

// matches reports whether an If-None-Match header names the entity tag. Digests
// are quoted and have no prefix in common, so looking for the text is enough.
func matches(ifNoneMatch []string, etag string) bool {
	for _, value := range ifNoneMatch {
		if value == "*" || strings.Contains(value, etag) {
			return true
		}
	}
	return false
}

// putManifest answers end-7a and end-7b.
func (a *api) putManifest(w http.ResponseWriter, r *http.Request, c call) error {
	image := registry.NewImage{
		Repository: c.repository,
		MediaType:  mediaType(r.Header),
		Actor:      c.principal.ARN,
	}
	if c.byDigest() {
		image.Digest = c.Reference
	} else {
		image.Tags = []string{c.Reference}
	}
	extra, err := tagParameters(r)
	if err != nil {
		return err
	}
	for _, tag := range extra {
		if !slices.Contains(image.Tags, tag) {
			image.Tags = append(image.Tags, tag)
		}
	}
	payload, release, err := a.readManifest(w, r)
	if err != nil {
		return err
	}
	defer release()
	image.Payload = payload
	put, err := a.registry.PutImage(r.Context(), image)
	if err != nil {
		return err
	}
	header := w.Header()
	header["Location"] = []string{"/v2/" + c.Name + "/manifests/" + put.Digest}
	header["Docker-Content-Digest"] = []string{put.Digest}
	if put.Subject != "" {
		header["Oci-Subject"] = []string{put.Subject}
	}
	if len(extra) > 0 {
		header["Oci-Tag"] = image.Tags
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

// mediaType is the Content-Type without the parameters that the specification
// tells registries to ignore; "" without one, for the manifest's own.
func mediaType(header http.Header) string {
	text, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	return strings.TrimSpace(text)
}

// tagParameters are the tags of end-7b.
func tagParameters(r *http.Request) ([]string, error) {
	if r.URL.RawQuery == "" {
		return nil, nil
	}
	tags := r.URL.Query()["tag"]
	if len(tags) > tagsLimit {
		return nil, &refusal{
			status: http.StatusRequestURITooLong, code: codeTagInvalid,
			message: "One push can set at most " + strconv.Itoa(tagsLimit) + " tags",
		}
	}
	for _, tag := range tags {
		if err := checkTag(tag); err != nil {
			return nil, err
		}
	}
	return tags, nil
}

// manifestShare is how much memory a byte of a manifest takes: itself, what is
// parsed from it, and the database's copy.
const manifestShare = 3

// readManifest reads the body, trusting the announced length no further than
// what a usual manifest takes. The caller calls release once it is done with it.
func (a *api) readManifest(w http.ResponseWriter, r *http.Request) (payload []byte, release func(), err error) {
	tooLarge := &refusal{
		status: http.StatusRequestEntityTooLarge, code: codeManifestInvalid,
		message: "The manifest is larger than " + strconv.Itoa(manifest.MaxSize) + " bytes",
	}
	if r.ContentLength > manifest.MaxSize {
		return nil, nil, tooLarge
	}
	expected := min(max(r.ContentLength, 0), httpx.SmallBody)
	buffer := bytes.NewBuffer(make([]byte, 0, expected+bytes.MinRead))
	release, err = a.bodies.Read(r.Context(), buffer, body{http.MaxBytesReader(w, r.Body, manifest.MaxSize)}, manifestShare)
	if errors.Is(err, httpx.ErrCrowded) {
		return nil, nil, &refusal{
			status: http.StatusTooManyRequests, code: codeTooManyRequests,
			message: "There are too many large manifests at once. Try again",
		}
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, nil, tooLarge
	}
	return buffer.Bytes(), release, err
}

// deleteManifest answers end-9. By tag it removes the tag and leaves the image:
// the specification's meaning of it, where ECR's API would delete the image
// with its last tag.
func (a *api) deleteManifest(w http.ResponseWriter, r *http.Request, c call) error {
	var err error
	if c.byDigest() {
		err = a.registry.DeleteManifest(r.Context(), c.repository, c.Reference, c.seen, c.principal.ARN)
	} else {
		err = a.registry.DeleteTag(r.Context(), c.repository, c.Reference, c.principal.ARN)
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// isCode reports whether err is the registry's refusal with a code.
func isCode(err error, code registry.Code) bool {
	refused, ok := errors.AsType[*registry.Error](err)
	return ok && refused.Code == code
}
