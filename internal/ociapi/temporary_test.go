package ociapi_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
)

type away struct{}

func (away) Error() string             { return "connect to db.internal: refused" }
func (away) RetryAfter() time.Duration { return 2 * time.Second }

func (away) Authorize(context.Context, iam.Request) error {
	return fmt.Errorf("find policies: %w", away{})
}

func TestWhatIsAwayForAWhileIsToldAsSuch(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.rebuild(away{})
	got := f.send("GET", "/v2/app/manifests/latest", "")
	refused := f.wantError(http.StatusServiceUnavailable, "UNAVAILABLE", got)
	if after := got.Header.Get("Retry-After"); after != "2" || strings.Contains(refused.Message, "db.internal") {
		t.Errorf("told %q, Retry-After %q", refused.Message, after)
	}
}
