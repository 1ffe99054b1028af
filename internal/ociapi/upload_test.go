package ociapi_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/ociapi"
)

// The ways to push a blob, as the specification has them. Each takes an upload
// apart as clients do and returns the last answer.
var pushes = map[string]func(f *fixture, content, digest string) answer{
	"one POST": func(f *fixture, content, digest string) answer {
		return f.send("POST", "/v2/app/blobs/uploads/?digest="+digest, content)
	},
	"POST and PUT": func(f *fixture, content, digest string) answer {
		return f.send("PUT", withQuery(f.startUpload("app"), "digest="+digest), content)
	},
	"POST for an algorithm": func(f *fixture, content, digest string) answer {
		algorithm, _, _ := strings.Cut(digest, ":")
		started := f.want(http.StatusAccepted, f.send("POST", "/v2/app/blobs/uploads/?digest-algorithm="+algorithm, ""))
		return f.send("PUT", withQuery(started.Header.Get("Location"), "digest="+digest), content)
	},
	"stream": func(f *fixture, content, digest string) answer {
		patched := f.want(http.StatusAccepted, f.send("PATCH", f.startUpload("app"), content, "Transfer-Encoding", "chunked"))
		return f.send("PUT", withQuery(patched.Header.Get("Location"), "digest="+digest), "")
	},
	"one chunk": func(f *fixture, content, digest string) answer {
		location := patchChunks(f, content, len(content))
		return f.send("PUT", withQuery(location, "digest="+digest), "")
	},
	"three chunks": func(f *fixture, content, digest string) answer {
		location := patchChunks(f, content, len(content)/3+1)
		return f.send("PUT", withQuery(location, "digest="+digest), "")
	},
	"last chunk in the PUT": func(f *fixture, content, digest string) answer {
		half := len(content) / 2
		location := patchChunks(f, content[:half], half)
		return f.send("PUT", withQuery(location, "digest="+digest), content[half:], "Content-Range", rangeOf(half, content[half:]))
	},
	"ranges in HTTP's form": func(f *fixture, content, digest string) answer {
		patched := f.want(http.StatusAccepted, f.send("PATCH", f.startUpload("app"), content, "Content-Range", "bytes "+rangeOf(0, content)+"/*"))
		return f.send("PUT", withQuery(patched.Header.Get("Location"), "digest="+digest), "")
	},
	"chunked encoding with a range": func(f *fixture, content, digest string) answer {
		patched := f.want(http.StatusAccepted, f.send("PATCH", f.startUpload("app"), content, "Content-Range", rangeOf(0, content), "Transfer-Encoding", "chunked"))
		return f.send("PUT", withQuery(patched.Header.Get("Location"), "digest="+digest), "")
	},
}

// patchChunks sends a content in chunks of a size and returns the last address.
func patchChunks(f *fixture, content string, size int) string {
	f.tb.Helper()
	location := f.startUpload("app")
	for first := 0; first < len(content); first += size {
		chunk := content[first:min(first+size, len(content))]
		got := f.want(http.StatusAccepted, f.send("PATCH", location, chunk, "Content-Range", rangeOf(first, chunk)))
		if want := "0-" + strconv.Itoa(first+len(chunk)-1); got.Header.Get("Range") != want {
			f.tb.Fatalf("Range %q, want %q", got.Header.Get("Range"), want)
		}
		location = got.Header.Get("Location")
	}
	return location
}

func rangeOf(first int, chunk string) string {
	return strconv.Itoa(first) + "-" + strconv.Itoa(first+len(chunk)-1)
}

var contents = map[string]string{
	"small":      strings.Repeat("small ", 100),
	"empty JSON": "{}",
	"large":      strings.Repeat("large enough for a file ", 10_000),
}

var algorithms = map[string]func(string) string{"sha256": sha256Of, "sha512": sha512Of}

func TestPushedBlobCanBeRead(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	for way, push := range pushes {
		for algorithm, digestOf := range algorithms {
			for size, content := range contents {
				t.Run(way+"/"+algorithm+"/"+size, func(t *testing.T) {
					f := f.in(t)
					digest := digestOf(content)
					address := "/v2/app/blobs/" + digest
					got := f.want(http.StatusCreated, push(f, content, digest))
					if got.Header.Get("Location") != address || got.Header.Get("Docker-Content-Digest") != digest {
						t.Errorf("answer of the push: %v", got.Header)
					}
					head := f.want(http.StatusOK, f.send("HEAD", address, ""))
					if head.Header.Get("Content-Length") != strconv.Itoa(len(content)) || head.Header.Get("Docker-Content-Digest") != digest || head.Body != "" {
						t.Errorf("HEAD: %v, body %q", head.Header, head.Body)
					}
					get := f.want(http.StatusOK, f.send("GET", address, ""))
					if get.Header.Get("Content-Length") != strconv.Itoa(len(content)) || get.Header.Get("Docker-Content-Digest") != digest || get.Body != content {
						t.Errorf("GET: %v, %d bytes", get.Header, len(get.Body))
					}
					f.want(http.StatusAccepted, f.send("DELETE", address, ""))
					f.wantError(http.StatusNotFound, "BLOB_UNKNOWN", f.send("GET", address, ""))
					f.want(http.StatusNotFound, f.send("HEAD", address, ""))
					f.wantError(http.StatusNotFound, "BLOB_UNKNOWN", f.send("DELETE", address, ""))
				})
			}
		}
	}
}

func TestPushWithAnotherDigestIsRefused(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	for way, push := range pushes {
		for algorithm, digestOf := range algorithms {
			t.Run(way+"/"+algorithm, func(t *testing.T) {
				f := f.in(t)
				digest := digestOf("what was meant")
				refused := f.wantError(http.StatusBadRequest, "DIGEST_INVALID", push(f, "what came", digest))
				if want := "None of the provided layer digests match the calculated layer digest"; refused.Message != want {
					t.Errorf("message %q, want %q", refused.Message, want)
				}
				f.want(http.StatusNotFound, f.send("HEAD", "/v2/app/blobs/"+digest, ""))
			})
		}
	}
}

func TestEmptyBlob(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	for algorithm, digestOf := range algorithms {
		digest := digestOf("")
		for _, way := range []string{"one POST", "POST and PUT"} {
			t.Run(way+"/"+algorithm, func(t *testing.T) {
				f := f.in(t)
				f.want(http.StatusCreated, pushes[way](f, "", digest))
				if got := f.want(http.StatusOK, f.send("GET", "/v2/app/blobs/"+digest, "")); got.Body != "" || got.Header.Get("Content-Length") != "0" {
					t.Errorf("body %q, headers %v", got.Body, got.Header)
				}
				f.want(http.StatusAccepted, f.send("DELETE", "/v2/app/blobs/"+digest, ""))
			})
		}
	}
}

func TestChunkOutOfOrderIsRefusedWithTheTrueRange(t *testing.T) {
	content := strings.Repeat("0123456789", 30)
	digest := sha256Of(content)
	tests := []struct {
		name, method string
		before       int // bytes that were sent in order
		first, last  int // of the chunk out of order
		wantRange    string
	}{
		{"first chunk skips ahead", "PATCH", 0, 100, 199, "0-0"},
		{"gap", "PATCH", 100, 200, 299, "0-99"},
		{"again from the start", "PATCH", 100, 0, 99, "0-99"},
		{"overlap", "PATCH", 100, 50, 149, "0-99"},
		{"last chunk skips ahead", "PUT", 100, 200, 299, "0-99"},
		{"last chunk from the start", "PUT", 100, 0, 299, "0-99"},
	}
	f := newFixture(t)
	f.create("app")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := f.in(t)
			location := patchChunks(f, content[:tt.before], max(tt.before, 1))
			address := location
			if tt.method == "PUT" {
				address = withQuery(location, "digest="+digest)
			}
			chunk := content[tt.first : tt.last+1]
			got := f.send(tt.method, address, chunk, "Content-Range", rangeOf(tt.first, chunk))
			refused := f.wantError(http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID", got)
			if want := "First byte of the layer part is " + strconv.Itoa(tt.first) + " instead of " + strconv.Itoa(tt.before); refused.Message != want {
				t.Errorf("message %q, want %q", refused.Message, want)
			}
			status := f.want(http.StatusNoContent, f.send("GET", location, ""))
			for name, got := range map[string]answer{"refusal": got, "status": status} {
				if got.Header.Get("Range") != tt.wantRange || got.Header.Get("Location") != location {
					t.Errorf("%s: Range %q, Location %q; want %q, %q", name, got.Header.Get("Range"), got.Header.Get("Location"), tt.wantRange, location)
				}
			}
			rest := content[tt.before:]
			f.want(http.StatusCreated, f.send("PUT", withQuery(location, "digest="+digest), rest, "Content-Range", rangeOf(tt.before, rest)))
		})
	}
}

func TestStartedUpload(t *testing.T) {
	f := newFixture(t)
	f.create("team/app")
	for _, path := range []string{"/v2/team/app/blobs/uploads/", "/v2/team/app/blobs/uploads"} {
		got := f.want(http.StatusAccepted, f.send("POST", path, ""))
		id := got.Header.Get("Docker-Upload-Uuid")
		if id == "" || got.Header.Get("Location") != "/v2/team/app/blobs/uploads/"+id || got.Header.Get("Range") != "0-0" {
			t.Errorf("headers %v", got.Header)
		}
	}
}

func TestCancelledUploadIsGone(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	for name, location := range map[string]string{"before any byte": f.startUpload("app"), "with bytes": patchChunks(f, "bytes", 5)} {
		t.Run(name, func(t *testing.T) {
			f := f.in(t)
			f.want(http.StatusNoContent, f.send("DELETE", location, ""))
			f.wantError(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", f.send("GET", location, ""))
			f.wantError(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", f.send("DELETE", location, ""))
			f.wantError(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", f.send("PATCH", location, "more"))
			f.wantError(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", f.send("PUT", withQuery(location, "digest="+sha256Of("bytes")), ""))
		})
	}
}

func TestUploadBelongsToItsRepository(t *testing.T) {
	f := newFixture(t)
	f.create("app", "other")
	location := strings.Replace(f.startUpload("app"), "/v2/app/", "/v2/other/", 1)
	f.wantError(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", f.send("GET", location, ""))
	f.wantError(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", f.send("PATCH", location, "x"))
}

func TestMountedBlobNeedsNoUpload(t *testing.T) {
	f := newFixture(t)
	f.create("app", "base")
	for algorithm, digestOf := range algorithms {
		for from, query := range map[string]string{"named source": "&from=base", "any source": ""} {
			t.Run(algorithm+"/"+from, func(t *testing.T) {
				f := f.in(t)
				content := algorithm + from
				digest := digestOf(content)
				f.want(http.StatusCreated, f.send("POST", "/v2/base/blobs/uploads/?digest="+digest, content))
				got := f.want(http.StatusCreated, f.send("POST", "/v2/app/blobs/uploads/?mount="+digest+query, ""))
				if got.Header.Get("Location") != "/v2/app/blobs/"+digest || got.Header.Get("Docker-Content-Digest") != digest {
					t.Errorf("headers %v", got.Header)
				}
				if got := f.want(http.StatusOK, f.send("GET", "/v2/app/blobs/"+digest, "")); got.Body != content {
					t.Errorf("body %q", got.Body)
				}
			})
		}
	}
}

func TestMountFallsBackToAnUpload(t *testing.T) {
	f := newFixture(t)
	f.create("app", "base", "secret")
	missing := sha256Of("nowhere")
	hidden := f.pushBlob("secret", "hidden")
	f.authorizer.denied["ecr:GetDownloadUrlForLayer "+home.ARN("secret")] = true
	tests := map[string]string{
		"source lacks the blob":              "?mount=" + missing + "&from=base",
		"source does not exist":              "?mount=" + missing + "&from=missing",
		"nobody has the blob":                "?mount=" + missing,
		"caller may not read the source":     "?mount=" + hidden + "&from=secret",
		"caller may not read the one source": "?mount=" + hidden,
	}
	for name, query := range tests {
		t.Run(name, func(t *testing.T) {
			f := f.in(t)
			got := f.want(http.StatusAccepted, f.send("POST", "/v2/app/blobs/uploads/"+query, ""))
			content := "uploaded instead: " + name
			f.want(http.StatusCreated, f.send("PUT", withQuery(got.Header.Get("Location"), "digest="+sha256Of(content)), content))
		})
	}
}

func TestMissingRepositoryIsToldBeforeTheBodyIsRead(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	location := strings.Replace(f.startUpload("app"), "/v2/app/", "/v2/missing/", 1)
	tests := []struct{ method, path string }{
		{"POST", "/v2/missing/blobs/uploads/"},
		{"POST", "/v2/missing/blobs/uploads/?digest=" + sha256Of("x")},
		{"POST", "/v2/missing/blobs/uploads/?from=app&mount=" + sha256Of("x")},
		{"PATCH", location},
		{"PUT", withQuery(location, "digest="+sha256Of("x"))},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			request := httptest.NewRequest(tt.method, tt.path, untouched{t})
			request.ContentLength = 1 << 30
			request.Header.Set("Authorization", f.login)
			refused := f.wantError(http.StatusNotFound, "NAME_UNKNOWN", f.serve(request))
			if want := "The repository with name 'missing' does not exist in the registry with id '123456789012'"; refused.Message != want {
				t.Errorf("message %q, want %q", refused.Message, want)
			}
		})
	}
}

// An untouched is a body that nobody may read.
type untouched struct{ t *testing.T }

func (u untouched) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestBrokenBodyKeepsWhatArrived(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	location := f.startUpload("app")
	request := httptest.NewRequest(http.MethodPatch, location, io.MultiReader(strings.NewReader("first half, "), failing{}))
	request.ContentLength = 23
	request.Header.Set("Authorization", f.login)
	f.wantError(http.StatusBadRequest, "BLOB_UPLOAD_INVALID", f.serve(request))
	status := f.want(http.StatusNoContent, f.send("GET", location, ""))
	if got := status.Header.Get("Range"); got != "0-11" {
		t.Fatalf("Range %q, want 0-11", got)
	}
	f.want(http.StatusCreated, f.send("PUT", withQuery(location, "digest="+sha256Of("first half, second half")), "second half"))
}

// A failing is a connection that broke.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestStalledBodyIsToldSo(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	for target, code := range map[string]string{"/v2/app/manifests/v1": "MANIFEST_INVALID", withQuery(f.startUpload("app"), "digest="+sha256Of("x")): "BLOB_UPLOAD_INVALID"} {
		request := httptest.NewRequest(http.MethodPut, target, stalled{})
		request.Header.Set("Authorization", f.login)
		f.wantError(http.StatusRequestTimeout, code, f.serve(request))
	}
}

// A stalled is a client that stopped sending.
type stalled struct{}

func (stalled) Read([]byte) (int, error) { return 0, httpx.ErrStalled }

func FuzzParseContentRange(f *testing.F) {
	for _, seed := range []string{"0-0", "0-1023", "bytes 5-9/*", "bytes 5-9/10", "bytes 0-0/+", "9-5", "-5", "5-", "+1-2", "0x1-2", "1 - 2", "", "bytes=0-1", "9223372036854775807-9223372036854775807", "0-99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, last, ok := ociapi.ParseContentRange(text)
		if !ok {
			return
		}
		if first < 0 || last < first || last-first+1 <= 0 {
			t.Fatalf("%q gives %d to %d", text, first, last)
		}
		if strings.ContainsAny(text, "+_") {
			t.Fatalf("%q was accepted", text)
		}
	})
}
