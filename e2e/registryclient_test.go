package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// A registryClient speaks /v2/ step by step, so that a test can stop between
// any two of them. It knows nothing that the OCI specification does not say.
type registryClient struct {
	base     string // scheme://host:port
	password string // of the user AWS
}

// A statusError is an answer with another status than the one due.
type statusError struct {
	method, url string
	status      int
	body        string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s %s: status %d: %s", e.method, e.url, e.status, e.body)
}

// do sends a request and fails unless the answer has the status. The answer's
// body is read and returned.
func (c registryClient) do(ctx context.Context, want int, method, path string, header http.Header, body io.Reader) (http.Header, []byte, error) {
	target, err := c.resolve(path)
	if err != nil {
		return nil, nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, nil, err
	}
	maps.Copy(request.Header, header)
	request.SetBasicAuth("AWS", c.password)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: read the answer: %w", method, target, err)
	}
	if response.StatusCode != want {
		return response.Header, answer, &statusError{method, target, response.StatusCode, string(answer)}
	}
	return response.Header, answer, nil
}

// resolve makes a path or a Location, which may be either, a URL.
func (c registryClient) resolve(path string) (string, error) {
	base, err := url.Parse(c.base)
	if err != nil {
		return "", err
	}
	target, err := base.Parse(path)
	if err != nil {
		return "", err
	}
	return target.String(), nil
}

// startUpload begins an upload and returns where its bytes go.
func (c registryClient) startUpload(ctx context.Context, repository string) (location string, err error) {
	header, _, err := c.do(ctx, http.StatusAccepted, http.MethodPost, "/v2/"+repository+"/blobs/uploads/", nil, nil)
	if err != nil {
		return "", err
	}
	return header.Get("Location"), nil
}

// uploadChunk appends the bytes at the offset and returns where the next go.
func (c registryClient) uploadChunk(ctx context.Context, location string, offset int64, chunk []byte) (next string, err error) {
	header, _, err := c.do(ctx, http.StatusAccepted, http.MethodPatch, location, http.Header{
		"Content-Type":  {"application/octet-stream"},
		"Content-Range": {fmt.Sprintf("%d-%d", offset, offset+int64(len(chunk))-1)},
	}, bytes.NewReader(chunk))
	if err != nil {
		return "", err
	}
	return header.Get("Location"), nil
}

// uploadSize asks how many bytes of an upload arrived, and where the next go.
func (c registryClient) uploadSize(ctx context.Context, location string) (size int64, next string, err error) {
	header, _, err := c.do(ctx, http.StatusNoContent, http.MethodGet, location, nil, nil)
	if err != nil {
		return 0, "", err
	}
	first, last, ok := strings.Cut(header.Get("Range"), "-")
	if !ok || first != "0" {
		return 0, "", fmt.Errorf("an upload's status has the range %q", header.Get("Range"))
	}
	n, err := strconv.ParseInt(last, 10, 64)
	if err != nil {
		return 0, "", fmt.Errorf("an upload's status has the range %q", header.Get("Range"))
	}
	return n + 1, header.Get("Location"), nil
}

// finishUpload turns what was uploaded into the blob.
func (c registryClient) finishUpload(ctx context.Context, location, digest string, rest []byte) error {
	target, err := url.Parse(location)
	if err != nil {
		return err
	}
	query := target.Query()
	query.Set("digest", digest)
	target.RawQuery = query.Encode()
	_, _, err = c.do(ctx, http.StatusCreated, http.MethodPut, target.String(), http.Header{
		"Content-Type": {"application/octet-stream"},
	}, bytes.NewReader(rest))
	return err
}

// pushBlob stores a blob as docker does: a start, one chunk, an end.
func (c registryClient) pushBlob(ctx context.Context, repository string, blob content) error {
	location, err := c.startUpload(ctx, repository)
	if err != nil {
		return err
	}
	header, _, err := c.do(ctx, http.StatusAccepted, http.MethodPatch, location, nil, bytes.NewReader(blob.Bytes))
	if err != nil {
		return err
	}
	return c.finishUpload(ctx, header.Get("Location"), blob.Digest, nil)
}

// pushManifest stores a manifest under a tag or its digest.
func (c registryClient) pushManifest(ctx context.Context, repository, reference string, manifest content) error {
	_, _, err := c.do(ctx, http.StatusCreated, http.MethodPut, "/v2/"+repository+"/manifests/"+reference,
		http.Header{"Content-Type": {manifest.MediaType}}, bytes.NewReader(manifest.Bytes))
	return err
}

// push stores an image under a tag. A nil error means that the server has
// acknowledged all of it.
func (c registryClient) push(ctx context.Context, repository, tag string, img image) error {
	for _, blob := range img.blobs() {
		if err := c.pushBlob(ctx, repository, blob); err != nil {
			return fmt.Errorf("push blob: %w", err)
		}
	}
	if err := c.pushManifest(ctx, repository, tag, img.content); err != nil {
		return fmt.Errorf("push manifest: %w", err)
	}
	return nil
}

// verify reads an image back by tag and by digest and compares every byte.
func (c registryClient) verify(ctx context.Context, repository, tag string, img image) error {
	accept := http.Header{"Accept": {img.MediaType}}
	for _, reference := range []string{tag, img.Digest} {
		header, manifest, err := c.do(ctx, http.StatusOK, http.MethodGet, "/v2/"+repository+"/manifests/"+reference, accept, nil)
		if err != nil {
			return err
		}
		if !bytes.Equal(manifest, img.Bytes) {
			return fmt.Errorf("manifest %s has other bytes than were pushed", reference)
		}
		if got := header.Get("Docker-Content-Digest"); got != img.Digest {
			return fmt.Errorf("manifest %s has the digest %s, want %s", reference, got, img.Digest)
		}
	}
	var broken []error
	for _, blob := range img.blobs() {
		broken = append(broken, c.verifyBlob(ctx, repository, blob))
	}
	return errors.Join(broken...)
}

// verifyBlob reads a blob back and compares every byte.
func (c registryClient) verifyBlob(ctx context.Context, repository string, blob content) error {
	_, data, err := c.do(ctx, http.StatusOK, http.MethodGet, "/v2/"+repository+"/blobs/"+blob.Digest, nil, nil)
	if err != nil {
		return err
	}
	if got := digestOf(data); got != blob.Digest {
		return fmt.Errorf("blob %s has %d bytes with the digest %s", blob.Digest, len(data), got)
	}
	return nil
}

// manifestStatus asks for the manifest v1 of a repository and returns the status.
func manifestStatus(t *testing.T, s *server, host, user, password, repository string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url()+"/v2/"+repository+"/manifests/v1", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	request.SetBasicAuth(user, password)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}
