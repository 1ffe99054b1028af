package authn

import (
	"net/http"
	"strconv"
	"time"

	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
)

// maxUserAgent is how much of aws:UserAgent policies see, in bytes: matching a
// pattern takes time that grows with it, and anyone may send as much as fits
// into a header.
const maxUserAgent = 1 << 10

// Conditions returns the condition keys that every request has: where it comes
// from, how and when, and the region that it is for.
func Conditions(r *http.Request, region string, now time.Time) iam.Keys {
	record := httpx.RecordOf(r.Context())
	keys := iam.Keys{
		"aws:securetransport": {strconv.FormatBool(record.Secure)},
		"aws:currenttime":     {now.UTC().Format(time.RFC3339)},
		"aws:epochtime":       {strconv.FormatInt(now.Unix(), 10)},
		"aws:requestedregion": {region},
	}
	if record.Source.IsValid() {
		keys["aws:sourceip"] = []string{record.Source.String()}
	}
	if agent := r.UserAgent(); agent != "" {
		keys["aws:useragent"] = []string{agent[:min(len(agent), maxUserAgent)]}
	}
	return keys
}
