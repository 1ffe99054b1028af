package httpx_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/httpx"
)

func TestLinesSayWhichRequestTheyAreOf(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(httpx.WithRequests(slog.NewTextHandler(&out, nil)))
	var id string
	serve(t, httpx.Options{Log: log}, get("/"), func(_ http.ResponseWriter, r *http.Request) {
		id = httpx.RecordOf(r.Context()).ID
		log.InfoContext(r.Context(), "inside", "key", "value")
		log.With("part", "x").InfoContext(r.Context(), "of a part")
		log.InfoContext(context.WithoutCancel(r.Context()), "later")
	})
	log.InfoContext(t.Context(), "outside")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines:\n%s", len(lines), out.String())
	}
	for _, line := range lines[:3] {
		if strings.Count(line, "request_id="+id) != 1 {
			t.Errorf("not once the id %s: %s", id, line)
		}
	}
	if strings.Contains(lines[3], "request_id") {
		t.Errorf("a line outside of a request: %s", lines[3])
	}
}
