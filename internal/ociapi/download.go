package ociapi

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/registry"
)

// DownloadPath is where the addresses point that GetDownloadUrlForLayer hands
// out. The query that [authn.Downloads] signs names the blob completely:
//
//	https://<host> + DownloadPath + "?" + downloads.Sign(what, authn.DownloadLifetime)
const DownloadPath = "/layers"

// Downloads opens the query of a signed address. [authn.Downloads] is one.
type Downloads interface {
	// Verify returns the blob that the query lets its holder fetch,
	// [authn.ErrURLExpired], or another error for a query that was not signed.
	Verify(query url.Values) (authn.Download, error)
}

// serveDownload serves a blob to whoever holds a signed address for it. The
// signature is the only credential: clients of ECR follow the address with a
// plain GET, to them it is an object store's.
func (a *api) serveDownload(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		told := &refusal{status: http.StatusMethodNotAllowed, code: codeUnsupported, message: "The method is not allowed here", allow: "GET, HEAD"}
		told.write(w)
		return
	}
	blob, err := a.downloads.Verify(r.URL.Query())
	if err != nil {
		downloadRefusal(err).write(w)
		return
	}
	repository := registry.RepositoryName{Registry: registry.ID{Account: blob.Account, Region: blob.Region}, Name: blob.Repository}
	content, err := a.openBlob(r, repository, blob.Digest)
	if err != nil {
		a.fail(w, r, OpDownload, err)
		return
	}
	serveBlob(w, r, content)
}

func downloadRefusal(err error) *refusal {
	told := &refusal{status: http.StatusForbidden, code: codeDenied, message: "The signature of this address is not valid"}
	if errors.Is(err, authn.ErrURLExpired) {
		told.message = "Request has expired"
	}
	return told
}
