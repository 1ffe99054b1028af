package authn

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/url"
	"strconv"
	"time"
)

// ErrURLExpired reports a signed URL whose time is over.
var ErrURLExpired = errors.New("request has expired")

// DownloadLifetime is how long a URL of GetDownloadUrlForLayer is good (ECR: about an hour).
const DownloadLifetime = time.Hour

// The query parameters of a signed download URL.
const (
	downloadAccount    = "account"
	downloadRegion     = "region"
	downloadRepository = "repository"
	downloadDigest     = "digest"
	downloadExpires    = "expires"
	downloadSignature  = "signature"
)

// A Download is the one thing that a signed URL lets its holder fetch: a blob
// of a repository of a registry.
type Download struct {
	Account    string
	Region     string
	Repository string
	Digest     string
}

// Downloads signs and verifies the queries of URLs that need no other
// credential (HMAC-SHA256). It is safe for concurrent use.
type Downloads struct {
	key []byte
	now func() time.Time
}

// NewDownloads returns the download URLs of a keyring.
func NewDownloads(keys Keyring, now func() time.Time) *Downloads {
	return &Downloads{key: keys.DeriveKey(labelDownload), now: now}
}

// Sign returns the query, without question mark, that lets whoever has it fetch
// a blob for lifetime, which is usually [DownloadLifetime]. The query names the
// blob completely: the path of the URL is the front's to choose.
func (d *Downloads) Sign(what Download, lifetime time.Duration) string {
	expires := strconv.FormatInt(d.now().Add(lifetime).Unix(), 10)
	return url.Values{
		downloadAccount:    {what.Account},
		downloadRegion:     {what.Region},
		downloadRepository: {what.Repository},
		downloadDigest:     {what.Digest},
		downloadExpires:    {expires},
		downloadSignature:  {d.signature(what, expires)},
	}.Encode()
}

// Verify returns the blob that a query lets its holder fetch. It returns
// [ErrNoCredentials] for a query without signature, [ErrBadCredentials] for one
// that [Downloads.Sign] did not make, and [ErrURLExpired] for one whose time is
// over. Parameters that are not ours are ignored and mean nothing.
func (d *Downloads) Verify(query url.Values) (Download, error) {
	if !query.Has(downloadSignature) {
		return Download{}, ErrNoCredentials
	}
	for _, name := range [...]string{downloadAccount, downloadRegion, downloadRepository, downloadDigest, downloadExpires, downloadSignature} {
		if len(query[name]) != 1 {
			return Download{}, ErrBadCredentials
		}
	}
	what := Download{
		Account:    query.Get(downloadAccount),
		Region:     query.Get(downloadRegion),
		Repository: query.Get(downloadRepository),
		Digest:     query.Get(downloadDigest),
	}
	expires := query.Get(downloadExpires)
	if subtle.ConstantTimeCompare([]byte(d.signature(what, expires)), []byte(query.Get(downloadSignature))) != 1 {
		return Download{}, ErrBadCredentials
	}
	seconds, err := strconv.ParseInt(expires, 10, 64)
	if err != nil {
		return Download{}, ErrBadCredentials
	}
	if !d.now().Before(time.Unix(seconds, 0)) {
		return Download{}, ErrURLExpired
	}
	return what, nil
}

// signature signs each text behind its length, so that no two claims sign the
// same bytes.
func (d *Downloads) signature(what Download, expires string) string {
	mac := hmac.New(sha256.New, d.key)
	var message []byte
	for _, text := range [...]string{what.Account, what.Region, what.Repository, what.Digest, expires} {
		message = binary.AppendUvarint(message, uint64(len(text)))
		message = append(message, text...)
	}
	mac.Write(message)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
