package authn_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/authn"
)

func TestPoliciesSeeTheBeginningOfALongUserAgent(t *testing.T) {
	for _, length := range []int{0, 1, 1024, 1025, 100_000} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		agent := strings.Repeat("a", length)
		r.Header.Set("User-Agent", agent)
		got, ok := authn.Conditions(r, "us-east-1", time.Unix(0, 0))["aws:useragent"]
		if ok != (length > 0) || ok && got[0] != agent[:min(length, 1024)] {
			t.Errorf("of %d bytes policies see %d", length, len(strings.Join(got, "")))
		}
	}
}
