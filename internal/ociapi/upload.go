package ociapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/registry"
)

// Locations are paths without scheme and host, which the specification allows
// and every client resolves: they stay true behind whatever proxy ends TLS.

// startUpload answers end-4 and end-11: it mounts a blob, takes a whole blob,
// or opens an upload.
func (a *api) startUpload(w http.ResponseWriter, r *http.Request, c call) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &refusal{status: http.StatusBadRequest, code: codeBlobUploadInvalid, message: "The query is malformed"}
	}
	if err := checkAlgorithm(query); err != nil {
		return err
	}
	if query.Has("mount") {
		mounted, err := a.mountBlob(r.Context(), c, query)
		if err != nil {
			return err
		}
		if mounted {
			blobCreated(w, c, query.Get("mount"))
			return nil
		}
	} else if query.Has("digest") {
		return a.putBlob(w, r, c, query.Get("digest"))
	}
	id, err := a.registry.StartUpload(r.Context(), c.repository)
	if err != nil {
		return err
	}
	c.Reference = id
	setUploadHeaders(w.Header(), c, 0)
	if least := a.registry.MinChunk(); least > 0 {
		w.Header().Set("OCI-Chunk-Min-Length", strconv.FormatInt(least, 10))
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// checkAlgorithm reads the announcement of end-4c. The digest that ends the
// upload says the same again, so nothing else follows from it.
func checkAlgorithm(query url.Values) error {
	switch digest.Algorithm(query.Get("digest-algorithm")) {
	case "", digest.SHA256, digest.SHA512:
		return nil
	}
	return &refusal{status: http.StatusBadRequest, code: codeDigestInvalid, message: "The digest algorithm must be sha256 or sha512"}
}

// mountBlob answers end-11. Whatever keeps the blob from being mounted, and be
// it a source that the caller may not read, the client is to upload it instead.
func (a *api) mountBlob(ctx context.Context, c call, query url.Values) (bool, error) {
	blob := query.Get("mount")
	if err := checkDigest(blob); err != nil {
		return false, err
	}
	mounting, err := a.registry.AccountSetting(ctx, c.repository.Registry, registry.BlobMounting)
	if err != nil || mounting != registry.Enabled {
		return false, err
	}
	sources := query["from"]
	if len(sources) == 0 {
		if sources, err = a.registry.BlobSources(ctx, c.repository.Registry, blob); err != nil {
			return false, err
		}
	}
	for _, source := range sources {
		if err := checkName(source); err != nil {
			return false, err
		}
		from := registry.RepositoryName{Registry: c.repository.Registry, Name: source}
		if err := a.authorize(ctx, &c, iam.MountSource, from); isDenied(err) {
			continue
		} else if err != nil {
			return false, err
		}
		mounted, err := a.registry.MountBlob(ctx, c.repository, source, blob)
		if mounted || err != nil {
			return mounted, err
		}
	}
	return false, nil
}

func isDenied(err error) bool {
	_, ok := errors.AsType[*iam.DeniedError](err)
	return ok
}

// putBlob answers end-4b: the whole blob in one request. A request without a
// body means the empty blob, which it has to name.
func (a *api) putBlob(w http.ResponseWriter, r *http.Request, c call, blob string) error {
	completion, err := a.completion(r, c, blob)
	if err != nil {
		return err
	}
	if err := a.authorize(r.Context(), &c, iam.FinishUpload, c.repository); err != nil {
		return err
	}
	completed, err := a.registry.PutBlob(r.Context(), c.repository, completion)
	if err != nil {
		return err
	}
	blobCreated(w, c, completed.Digest)
	return nil
}

// appendUpload answers end-5. Docker's one PATCH names no range and is appended
// at the end; a Content-Range is a precondition on where the end is.
func (a *api) appendUpload(w http.ResponseWriter, r *http.Request, c call) error {
	part, err := partOf(r)
	if err != nil {
		return err
	}
	size, err := a.registry.AppendUpload(r.Context(), c.repository, c.Reference, part)
	if err != nil {
		return wrongOffset(w, c, err)
	}
	setUploadHeaders(w.Header(), c, size)
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// completeUpload answers end-6, with the last chunk or without.
func (a *api) completeUpload(w http.ResponseWriter, r *http.Request, c call) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &refusal{status: http.StatusBadRequest, code: codeBlobUploadInvalid, message: "The query is malformed"}
	}
	completion, err := a.completion(r, c, query.Get("digest"))
	if err != nil {
		return err
	}
	completed, err := a.registry.CompleteUpload(r.Context(), c.repository, c.Reference, completion)
	if err != nil {
		return wrongOffset(w, c, err)
	}
	blobCreated(w, c, completed.Digest)
	return nil
}

// completion reads what a request that ends an upload says. Bytes need the
// permission that PATCH needs.
func (a *api) completion(r *http.Request, c call, blob string) (registry.Completion, error) {
	if err := checkDigest(blob); err != nil {
		return registry.Completion{}, err
	}
	part, err := partOf(r)
	if err != nil {
		return registry.Completion{}, err
	}
	if part.Length != 0 {
		if err := a.authorize(r.Context(), &c, iam.WriteUpload, c.repository); err != nil {
			return registry.Completion{}, err
		}
	}
	return registry.Completion{Part: part, Digests: []string{blob}, AllowEmpty: true}, nil
}

// getUpload answers end-13.
func (a *api) getUpload(w http.ResponseWriter, r *http.Request, c call) error {
	size, err := a.registry.UploadSize(r.Context(), c.repository, c.Reference)
	if err != nil {
		return err
	}
	setUploadHeaders(w.Header(), c, size)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// cancelUpload answers end-14.
func (a *api) cancelUpload(w http.ResponseWriter, r *http.Request, c call) error {
	if err := a.registry.CancelUpload(r.Context(), c.repository, c.Reference); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// partOf reads what bytes a request carries and where they belong.
func partOf(r *http.Request) (registry.Part, error) {
	part := registry.Part{Length: r.ContentLength, Body: body{r.Body}}
	text := r.Header.Get("Content-Range")
	if text == "" || r.ContentLength == 0 {
		return part, nil
	}
	first, last, ok := parseContentRange(text)
	if !ok {
		return part, &refusal{
			status: http.StatusBadRequest, code: codeBlobUploadInvalid,
			message: "The Content-Range must be the first and the last byte's position, such as 0-1023",
		}
	}
	length := last - first + 1
	if r.ContentLength >= 0 && r.ContentLength != length {
		return part, &refusal{
			status: http.StatusBadRequest, code: codeSizeInvalid,
			message: "The Content-Range covers " + strconv.FormatInt(length, 10) + " bytes but the Content-Length is " + strconv.FormatInt(r.ContentLength, 10),
		}
	}
	part.First, part.Length = &first, length
	if r.ContentLength < 0 {
		part.Body = &exactBody{Reader: part.Body, left: length}
	}
	return part, nil
}

// An exactBody holds a body of unknown length to the one that its
// Content-Range announced.
type exactBody struct {
	io.Reader
	left int64
}

func (b *exactBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	taken := min(int64(n), b.left)
	b.left -= taken
	if int64(n) > taken || err == io.EOF && b.left > 0 {
		err = &refusal{status: http.StatusBadRequest, code: codeSizeInvalid, message: "The body has not the length that the Content-Range announces"}
	}
	return int(taken), err
}

// parseContentRange reads the specification's form, two positions with a dash
// between them, and HTTP's own form of it, "bytes 0-1023/*", which some clients
// send instead.
func parseContentRange(text string) (first, last int64, ok bool) {
	if rest, found := strings.CutPrefix(text, "bytes "); found {
		var total string
		text, total, _ = strings.Cut(rest, "/")
		if _, known := parsePosition(total); !known && total != "" && total != "*" {
			return 0, 0, false
		}
	}
	from, to, found := strings.Cut(text, "-")
	if !found {
		return 0, 0, false
	}
	first, ok = parsePosition(from)
	if !ok {
		return 0, 0, false
	}
	last, ok = parsePosition(to)
	return first, last, ok && first <= last
}

// positionLimit is beyond any blob, and far enough from overflowing a sum.
const positionLimit = 1 << 60

// parsePosition reads digits and nothing else: no sign, no space.
func parsePosition(text string) (int64, bool) {
	if text == "" || text[0] < '0' || text[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n < positionLimit
}

// wrongOffset adds to a 416 what the client needs to go on: where the upload
// really ends.
func wrongOffset(w http.ResponseWriter, c call, err error) error {
	if refused, ok := errors.AsType[*registry.Error](err); ok && refused.Code == registry.CodeInvalidLayerPart {
		setUploadHeaders(w.Header(), c, refused.LastValidByte+1)
	}
	return err
}

// setUploadHeaders tells where an upload is and how far it got. An upload
// without bytes has the range of one with a single byte: the form has no other
// way to say it, and clients expect it.
func setUploadHeaders(header http.Header, c call, size int64) {
	header["Location"] = []string{"/v2/" + c.Name + "/blobs/uploads/" + c.Reference}
	header["Range"] = []string{"0-" + strconv.FormatInt(max(size-1, 0), 10)}
	header["Docker-Upload-Uuid"] = []string{c.Reference}
}

func blobCreated(w http.ResponseWriter, c call, blob string) {
	header := w.Header()
	header["Location"] = []string{"/v2/" + c.Name + "/blobs/" + blob}
	header["Docker-Content-Digest"] = []string{blob}
	w.WriteHeader(http.StatusCreated)
}
