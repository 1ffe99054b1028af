package ociapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/registry"
)

// The protocol's error codes. Beside the specification's there are four that
// docker knows from before it: TAG_INVALID, which ECR uses for immutable tags,
// UNKNOWN, UNAVAILABLE, and UNSUPPORTED for what has no code of its own.
const (
	codeBlobUnknown         = "BLOB_UNKNOWN"
	codeBlobUploadInvalid   = "BLOB_UPLOAD_INVALID"
	codeBlobUploadUnknown   = "BLOB_UPLOAD_UNKNOWN"
	codeDenied              = "DENIED"
	codeDigestInvalid       = "DIGEST_INVALID"
	codeManifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN"
	codeManifestInvalid     = "MANIFEST_INVALID"
	codeManifestUnknown     = "MANIFEST_UNKNOWN"
	codeNameInvalid         = "NAME_INVALID"
	codeNameUnknown         = "NAME_UNKNOWN"
	codeSizeInvalid         = "SIZE_INVALID"
	codeTagInvalid          = "TAG_INVALID"
	codeTooManyRequests     = "TOOMANYREQUESTS"
	codeUnauthorized        = "UNAUTHORIZED"
	codeUnavailable         = "UNAVAILABLE"
	codeUnknown             = "UNKNOWN"
	codeUnsupported         = "UNSUPPORTED"
)

// statusClientClosed is what the log shows for a client that went away before
// its answer; nobody receives it.
const statusClientClosed = 499

// A refusal is an answer in the protocol's error form.
type refusal struct {
	status  int
	code    string
	message string
	allow   string // the Allow header of a 405
}

func (e *refusal) Error() string { return e.message }

// invalidParameter is ECR's sentence for a parameter that it does not accept.
func invalidParameter(parameter, constraint string) string {
	return registry.InvalidParameter(parameter, constraint).Message
}

// An outcome is how the protocol tells one of the registry's refusals.
type outcome struct {
	status int
	code   string
}

// outcomes follows ECR's own mapping (spec C.7), except where the OCI
// specification asks for something else: a manifest whose parts are missing is
// MANIFEST_BLOB_UNKNOWN, bytes with another digest than announced are
// DIGEST_INVALID, and an invalid manifest is 400 MANIFEST_INVALID. What is damaged
// is 409 UNSUPPORTED: docker shows no text of a 404 or a 5xx, and tries again
// after other codes.
var outcomes = map[registry.Code]outcome{
	registry.CodeDamaged:                  {http.StatusConflict, codeUnsupported},
	registry.CodeEmptyUpload:              {http.StatusBadRequest, codeBlobUploadInvalid},
	registry.CodeImageDigestDoesNotMatch:  {http.StatusBadRequest, codeDigestInvalid},
	registry.CodeImageNotFound:            {http.StatusNotFound, codeManifestUnknown},
	registry.CodeImageReferenced:          {http.StatusMethodNotAllowed, codeUnsupported},
	registry.CodeImageTagAlreadyExists:    {http.StatusBadRequest, codeTagInvalid},
	registry.CodeInvalidLayer:             {http.StatusBadRequest, codeDigestInvalid},
	registry.CodeInvalidLayerPart:         {http.StatusRequestedRangeNotSatisfiable, codeBlobUploadInvalid},
	registry.CodeInvalidParameter:         {http.StatusBadRequest, codeManifestInvalid},
	registry.CodeInvalidTagParameter:      {http.StatusBadRequest, codeTagInvalid},
	registry.CodeKms:                      {http.StatusForbidden, codeDenied},
	registry.CodeLayerInaccessible:        {http.StatusNotFound, codeBlobUnknown},
	registry.CodeLayerPartTooSmall:        {http.StatusBadRequest, codeBlobUploadInvalid},
	registry.CodeLayerReferenced:          {http.StatusMethodNotAllowed, codeUnsupported},
	registry.CodeLayersNotFound:           {http.StatusNotFound, codeBlobUnknown},
	registry.CodeLimitExceeded:            {http.StatusForbidden, codeDenied},
	registry.CodeManifestInvalid:          {http.StatusBadRequest, codeManifestInvalid},
	registry.CodeNotImplemented:           {http.StatusMethodNotAllowed, codeUnsupported},
	registry.CodeReferencedImagesNotFound: {http.StatusNotFound, codeManifestBlobUnknown},
	registry.CodeRepositoryNotFound:       {http.StatusNotFound, codeNameUnknown},
	registry.CodeTagsChanged:              {http.StatusConflict, codeUnsupported},
	registry.CodeTooManyTags:              {http.StatusBadRequest, codeTagInvalid},
	registry.CodeUploadInUse:              {http.StatusConflict, codeBlobUploadInvalid},
	registry.CodeUploadNotFound:           {http.StatusNotFound, codeBlobUploadUnknown},
}

// refusalOf says how the protocol tells an error to a client, or nil for one
// that no client is told.
func refusalOf(op Op, err error) *refusal {
	if already, ok := errors.AsType[*refusal](err); ok {
		return already
	}
	if refused, ok := errors.AsType[*registry.Error](err); ok {
		return registryRefusal(op, refused)
	}
	if denied, ok := errors.AsType[*iam.DeniedError](err); ok {
		return &refusal{status: http.StatusForbidden, code: codeDenied, message: denied.Error()}
	}
	if throttled, ok := errors.AsType[*authn.Error](err); ok && throttled.Status == http.StatusTooManyRequests {
		return &refusal{status: throttled.Status, code: codeTooManyRequests, message: throttled.Message}
	}
	if _, ok := errors.AsType[*bodyError](err); !ok {
		return nil
	}
	if errors.Is(err, httpx.ErrStalled) {
		return &refusal{status: http.StatusRequestTimeout, code: bodyCode(op), message: "The body did not arrive in time"}
	}
	return &refusal{status: http.StatusBadRequest, code: bodyCode(op), message: "The body ended before its announced length"}
}

// bodyCode is the code for a body that is not what the operation takes.
func bodyCode(op Op) string {
	if op == OpPutManifest {
		return codeManifestInvalid
	}
	return codeBlobUploadInvalid
}

func registryRefusal(op Op, err *registry.Error) *refusal {
	out, known := outcomes[err.Code]
	if !known {
		return nil
	}
	message := err.Message
	switch {
	case err.Code == registry.CodeDamaged && op == OpHeadManifest: // who looks before a push has to push
		out = outcomes[registry.CodeImageNotFound]
	case err.Code == registry.CodeImageNotFound:
		message = "Requested image not found"
	case err.Code == registry.CodeKms:
		message = "KMS: " + message // whose words do not say whose they are
	case err.Code == registry.CodeLayersNotFound && op == OpPutManifest:
		out.code = codeManifestBlobUnknown
	}
	told := &refusal{status: out.status, code: out.code, message: message}
	if out.status == http.StatusMethodNotAllowed {
		told.allow = "GET, HEAD"
	}
	return told
}

// fail answers a request that did not succeed. It is the one place where a
// failure is logged.
func (a *api) fail(w http.ResponseWriter, r *http.Request, op Op, err error) {
	if told := refusalOf(op, err); told != nil {
		record := httpx.RecordOf(r.Context())
		record.ErrorCode, record.ErrorMessage = told.code, told.message
		told.write(w)
		return
	}
	if r.Context().Err() != nil {
		w.WriteHeader(statusClientClosed)
		return
	}
	if httpx.TellTemporary(w, err) {
		(&refusal{status: http.StatusServiceUnavailable, code: codeUnavailable, message: httpx.TemporaryWords(err)}).write(w)
		return
	}
	a.log.ErrorContext(r.Context(), "request failed", "request_id", httpx.RecordOf(r.Context()).ID, "operation", string(op), "error", err)
	internal := &refusal{status: http.StatusInternalServerError, code: codeUnknown, message: "An internal error occurred"}
	if errors.Is(err, context.DeadlineExceeded) {
		internal = &refusal{status: http.StatusServiceUnavailable, code: codeUnknown, message: "The registry did not answer in time"}
	}
	if registry.IsStorageFull(err) {
		internal = &refusal{status: http.StatusInsufficientStorage, code: codeUnknown, message: registry.StorageFullMessage}
	}
	if registry.IsStorageBroken(err) {
		internal = &refusal{status: http.StatusServiceUnavailable, code: codeUnknown, message: registry.StorageBrokenMessage}
	}
	internal.write(w)
}

// errorBody is the form that the specification gives to every error.
type errorBody struct {
	Errors []errorEntry `json:"errors"`
}

type errorEntry struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// write answers with the refusal. The server drops the body of an answer to HEAD.
func (e *refusal) write(w http.ResponseWriter) {
	if e.allow != "" {
		w.Header().Set("Allow", e.allow)
	}
	writeJSON(w, e.status, "application/json", errorBody{Errors: []errorEntry{{Code: e.code, Message: e.message}}})
}

// writeJSON answers with a document. A client that does not read it is its own loss.
func writeJSON(w http.ResponseWriter, status int, mediaType string, document any) {
	body, err := json.Marshal(document)
	if err != nil {
		panic("ociapi: unencodable document: " + err.Error())
	}
	header := w.Header()
	header.Set("Content-Type", mediaType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// A bodyError is a request's body that could not be read to its end: the
// client's doing, never the registry's.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "read the request's body: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// A body marks what goes wrong with reading it, so that it can be told from
// what goes wrong with storing it.
type body struct{ io.Reader }

func (b body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = &bodyError{err}
	}
	return n, err
}
