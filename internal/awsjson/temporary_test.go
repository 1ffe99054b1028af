package awsjson_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/awsjson"
)

type away struct{}

func (away) Error() string             { return "connect to db.internal: refused" }
func (away) RetryAfter() time.Duration { return 2 * time.Second }

// SDKs repeat what gets a 503; the reason is for the log of who met it.
func TestWhatIsAwayForAWhileIsToldAsSuch(t *testing.T) {
	s := service()
	s.Operations["Away"] = operation(func(context.Context, *note) (any, error) { return nil, fmt.Errorf("find it: %w", away{}) })
	var log bytes.Buffer
	w := httptest.NewRecorder()
	awsjson.New(awsjson.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, s).ServeHTTP(w, request("Away", `{"name":"a"}`))
	got := object(t, w.Body.Bytes())
	if w.Code != http.StatusServiceUnavailable || got["__type"] != "ServiceUnavailableException" || w.Header().Get("Retry-After") != "2" {
		t.Errorf("got %d %v, Retry-After %q", w.Code, got, w.Header().Get("Retry-After"))
	}
	if bytes.Contains(w.Body.Bytes(), []byte("db.internal")) || log.Len() > 0 {
		t.Errorf("told %s, logged %s", w.Body, &log)
	}
}
