package awsjson_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/httpx"
)

func TestRefusedRequestsAreRecordedWithTheirOperation(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	tests := []struct {
		name  string
		body  string
		spoil func(*http.Request)
		want  string
	}{
		{"answered", `{"name":"a"}`, header("X-Other", ""), "protocol=notes operation=Small"},
		{"wrong content type", `{"name":"a"}`, header("Content-Type", "text/plain"), "protocol=notes operation=Small"},
		{"too large", `{"name":"` + strings.Repeat("a", 40) + `"}`, header("X-Other", ""), "protocol=notes operation=Small"},
		{"no signature", `{"name":"a"}`, header("Authorization", ""), "protocol=notes operation=Small"},
		{"malformed", `{`, header("X-Other", ""), "protocol=notes operation=Small"},
		{"breaks a constraint", `{}`, header("X-Other", ""), "protocol=notes operation=Small"},
		{"unknown operation", `{"name":"a"}`, header("X-Amz-Target", "Notes_1.Else"), `protocol=notes operation=""`},
		{"unknown service", `{"name":"a"}`, header("X-Amz-Target", "Else.Small"), `protocol="" operation=""`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			h := httpx.NewHandler(handler(io.Discard), httpx.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
			r := request("Small", test.body)
			test.spoil(r)
			h.ServeHTTP(httptest.NewRecorder(), r)
			if !strings.Contains(log.String(), test.want) {
				t.Errorf("the log lacks %s: %s", test.want, &log)
			}
		})
	}
}
