package audit

import (
	"context"

	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
)

// maxTouched is how many resources a record names at most.
const maxTouched = 100

// Note puts a question to an [iam.Authorizer] and its answer into the record of
// the request: every one of the calls of an API, and the refusals of the
// distribution API, whose other requests are not recorded.
func Note(ctx context.Context, r iam.Request, answer error) {
	record := httpx.RecordOf(ctx)
	if (answer != nil || record.Protocol != protocolOCI) && len(record.Touched) < maxTouched {
		record.Touched = append(record.Touched, httpx.Touched{Action: r.Action, Resource: r.Resource, Account: r.ResourceAccount})
	}
}
