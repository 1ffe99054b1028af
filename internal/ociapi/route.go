package ociapi

import (
	"net/http"
	"strings"

	"github.com/nifuda/nifuda/internal/manifest"
)

// An Op names one operation of the distribution protocol. There are few of
// them and none comes from a client, so that they can label metrics.
type Op string

// The operations, with the ids that the specification's table of endpoints
// gives them.
const (
	OpPing           Op = "Ping"           // end-1
	OpGetBlob        Op = "GetBlob"        // end-2
	OpHeadBlob       Op = "HeadBlob"       // end-2
	OpGetManifest    Op = "GetManifest"    // end-3
	OpHeadManifest   Op = "HeadManifest"   // end-3
	OpStartUpload    Op = "StartUpload"    // end-4, end-11
	OpAppendUpload   Op = "AppendUpload"   // end-5
	OpCompleteUpload Op = "CompleteUpload" // end-6
	OpPutManifest    Op = "PutManifest"    // end-7
	OpListTags       Op = "ListTags"       // end-8
	OpDeleteManifest Op = "DeleteManifest" // end-9
	OpDeleteBlob     Op = "DeleteBlob"     // end-10
	OpListReferrers  Op = "ListReferrers"  // end-12
	OpGetUpload      Op = "GetUpload"      // end-13
	OpCancelUpload   Op = "CancelUpload"   // end-14
	OpListCatalog    Op = "ListCatalog"    // docker's /v2/_catalog
	OpDownload       Op = "Download"       // a signed address outside /v2/
	OpToken          Op = "Token"          // the bearer token's address outside /v2/
	OpUnknown        Op = "Unknown"        // no endpoint, or a malformed one
)

// A Request is what a method and a path ask for.
type Request struct {
	Op Op
	// Name is the repository's, "" where the operation touches none.
	Name string
	// Reference is a manifest's tag or digest, a blob's or a subject's digest,
	// or an upload's id.
	Reference string
}

// byDigest reports whether the reference is a digest; else it is a tag.
func (q Request) byDigest() bool { return isDigest(q.Reference) }

// An endpoint is what a kind of address does for one method.
type endpoint struct {
	method string
	op     Op
}

// pathLimit keeps hostile addresses out of messages and logs. The longest
// honest one, a manifest by SHA-512 in a repository of 256 characters, takes
// less than a quarter of it.
const pathLimit = 2048

// Parse reads a request's method and path: the only place that knows the
// protocol's addresses. path is unescaped; escaped is the path as it was sent,
// or "" where both are the same.
//
// A repository's name may itself contain words like manifests, so the path is
// read from its end.
func Parse(method, path, escaped string) (Request, error) {
	if len(path) > pathLimit || len(escaped) > pathLimit {
		return Request{Op: OpUnknown}, &refusal{status: http.StatusRequestURITooLong, code: codeNameInvalid, message: "The path is too long"}
	}
	if containsEscapedSlash(escaped) {
		return Request{Op: OpUnknown}, &refusal{status: http.StatusBadRequest, code: codeNameInvalid, message: "The path must not contain an escaped slash"}
	}
	rest, ok := strings.CutPrefix(path, "/v2/")
	switch {
	case rest == "" && ok, path == "/v2":
		return Request{}.on(method, endpoint{http.MethodGet, OpPing}, endpoint{http.MethodHead, OpPing})
	case rest == "_catalog" && ok:
		return Request{}.on(method, endpoint{http.MethodGet, OpListCatalog}, endpoint{http.MethodHead, OpListCatalog})
	case !ok:
		return unknownEndpoint()
	}
	rest, last := cutLast(rest)
	name, kind := cutLast(rest)
	switch {
	case kind == "manifests":
		return parseManifest(method, name, last)
	case kind == "blobs" && last == "uploads":
		return parseUpload(method, name, "")
	case kind == "uploads" && strings.HasSuffix(name, "/blobs"):
		return parseUpload(method, strings.TrimSuffix(name, "/blobs"), last)
	case kind == "blobs":
		return parseBlob(method, name, last)
	case kind == "tags" && last == "list":
		return Request{Name: name}.in(method, endpoint{http.MethodGet, OpListTags}, endpoint{http.MethodHead, OpListTags})
	case kind == "referrers":
		return parseReferrers(method, name, last)
	}
	return unknownEndpoint()
}

func parseManifest(method, name, reference string) (Request, error) {
	q, err := Request{Name: name, Reference: reference}.in(method,
		endpoint{http.MethodGet, OpGetManifest},
		endpoint{http.MethodHead, OpHeadManifest},
		endpoint{http.MethodPut, OpPutManifest},
		endpoint{http.MethodDelete, OpDeleteManifest})
	if err != nil {
		return q, err
	}
	if q.byDigest() {
		return q, checkDigest(reference)
	}
	return q, checkTag(reference)
}

func parseBlob(method, name, reference string) (Request, error) {
	q, err := Request{Name: name, Reference: reference}.in(method,
		endpoint{http.MethodGet, OpGetBlob},
		endpoint{http.MethodHead, OpHeadBlob},
		endpoint{http.MethodDelete, OpDeleteBlob})
	if err != nil {
		return q, err
	}
	return q, checkDigest(reference)
}

func parseUpload(method, name, id string) (Request, error) {
	if id == "" {
		return Request{Name: name}.in(method, endpoint{http.MethodPost, OpStartUpload})
	}
	return Request{Name: name, Reference: id}.in(method,
		endpoint{http.MethodPatch, OpAppendUpload},
		endpoint{http.MethodPut, OpCompleteUpload},
		endpoint{http.MethodGet, OpGetUpload},
		endpoint{http.MethodHead, OpGetUpload},
		endpoint{http.MethodDelete, OpCancelUpload})
}

func parseReferrers(method, name, subject string) (Request, error) {
	q, err := Request{Name: name, Reference: subject}.in(method,
		endpoint{http.MethodGet, OpListReferrers},
		endpoint{http.MethodHead, OpListReferrers})
	if err != nil {
		return q, err
	}
	return q, checkDigest(subject)
}

// in is [Request.on] for an address inside a repository.
func (q Request) in(method string, endpoints ...endpoint) (Request, error) {
	q, err := q.on(method, endpoints...)
	if err != nil {
		return q, err
	}
	return q, checkName(q.Name)
}

// on sets the operation that the method means among the address's endpoints.
func (q Request) on(method string, endpoints ...endpoint) (Request, error) {
	for _, e := range endpoints {
		if e.method == method {
			q.Op = e.op
			return q, nil
		}
	}
	allowed := make([]string, len(endpoints))
	for i, e := range endpoints {
		allowed[i] = e.method
	}
	return Request{Op: OpUnknown}, &refusal{
		status:  http.StatusMethodNotAllowed,
		code:    codeUnsupported,
		message: "The method is not allowed here",
		allow:   strings.Join(allowed, ", "),
	}
}

func unknownEndpoint() (Request, error) {
	return Request{Op: OpUnknown}, &refusal{status: http.StatusNotFound, code: codeUnsupported, message: "There is no such endpoint"}
}

// The patterns that refusals quote (spec B.0, RepoName and Tag).
const (
	namePattern = `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`
	tagPattern  = `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`
)

func checkName(name string) error {
	if manifest.ValidRepositoryName(name) {
		return nil
	}
	constraint := "must satisfy regular expression '" + namePattern + "'"
	switch {
	case len(name) < 2:
		constraint = "Member must have length greater than or equal to 2"
	case len(name) > 256:
		constraint = "Member must have length less than or equal to 256"
	}
	return &refusal{status: http.StatusBadRequest, code: codeNameInvalid, message: invalidParameter("repositoryName", constraint)}
}

func checkTag(tag string) error {
	if manifest.ValidTag(tag) {
		return nil
	}
	return &refusal{
		status:  http.StatusBadRequest,
		code:    codeTagInvalid,
		message: invalidParameter("imageTag", "must satisfy regular expression '"+tagPattern+"'"),
	}
}

// checkDigest takes the algorithms that the registry can compute.
func checkDigest(text string) error {
	if manifest.ValidDigest(text) {
		return nil
	}
	return &refusal{
		status:  http.StatusBadRequest,
		code:    codeDigestInvalid,
		message: "The digest must be sha256: or sha512: and its value in lower-case hexadecimal",
	}
}

// isDigest tells a digest from a tag, which cannot contain a colon.
func isDigest(reference string) bool { return strings.IndexByte(reference, ':') >= 0 }

// containsEscapedSlash finds what would smuggle a slash past everything that
// reads the path as it was sent, such as a proxy's rules.
func containsEscapedSlash(escaped string) bool {
	return strings.Contains(escaped, "%2F") || strings.Contains(escaped, "%2f")
}

// cutLast splits a path before and after its last slash.
func cutLast(path string) (before, last string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}
