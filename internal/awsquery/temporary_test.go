package awsquery_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/awsquery"
)

type away struct{}

func (away) Error() string             { return "connect to db.internal: refused" }
func (away) RetryAfter() time.Duration { return 2 * time.Second }

func TestWhatIsAwayForAWhileIsToldAsSuch(t *testing.T) {
	s := service()
	s.Operations["Away"] = func() (awsquery.Request, awsquery.Call) {
		return new(note), func(context.Context) (any, error) { return nil, fmt.Errorf("find it: %w", away{}) }
	}
	var log bytes.Buffer
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("Action=Away&Version="+version))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "ann")
	w := httptest.NewRecorder()
	awsquery.New(options(&log), s).ServeHTTP(w, r)
	body := w.Body.String()
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(body, "<Code>ServiceUnavailable</Code>") || w.Header().Get("Retry-After") != "2" {
		t.Errorf("got %d %s, Retry-After %q", w.Code, body, w.Header().Get("Retry-After"))
	}
	if strings.Contains(body, "db.internal") || log.Len() > 0 {
		t.Errorf("told %s, logged %s", body, &log)
	}
}
