package nifudaapi_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/awsjson"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/nifudaapi"
	"github.com/nifuda/nifuda/internal/registry"
)

// A collector answers with what it has.
type collector struct {
	freed registry.Collected
	err   error
	state registry.Collection
}

func (c *collector) CollectNow(ctx context.Context) (registry.Collected, error) {
	if _, limited := ctx.Deadline(); !limited {
		return registry.Collected{}, errors.New("a call has no end")
	}
	return c.freed, c.err
}

func (c *collector) Collection(context.Context) (registry.Collection, error) { return c.state, nil }

func newCollectionFixture(c *collector) *fixture {
	service := nifudaapi.New(nifudaapi.Options{Collector: c, Authenticator: signedBy{}, Authorizer: new(authorizer), Home: home, Now: now})
	log := slog.New(slog.DiscardHandler)
	return &fixture{handler: httpx.NewHandler(awsjson.New(awsjson.Options{Log: log}, service), httpx.Options{Log: log})}
}

func TestStartCollectionSaysWhatItFreed(t *testing.T) {
	tests := []struct {
		name     string
		err      error
		complete bool
		status   int
	}{
		{"all of it", nil, true, 200},
		{"as much as there was time for", context.DeadlineExceeded, false, 200},
		{"a database that fails", errors.New("disk I/O error"), false, 500},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newCollectionFixture(&collector{freed: registry.Collected{Images: 1, Repositories: 2, Links: 3, Blobs: 4, Files: 5, Uploads: 6, Orphans: 7, Bytes: 8}, err: test.err})
			status, out := f.call(t, home, "StartCollection", `{}`)
			if status != test.status {
				t.Fatalf("got %d %v, want %d", status, out, test.status)
			}
			if status != 200 {
				return
			}
			delete(out, "DurationMilliseconds")
			want := map[string]any{"Complete": test.complete, "Collected": map[string]any{
				"Images": 1.0, "Repositories": 2.0, "Links": 3.0, "Layers": 4.0, "Files": 5.0, "Uploads": 6.0, "Orphans": 7.0, "Bytes": 8.0,
			}}
			if diff := cmp.Diff(want, out); diff != "" {
				t.Errorf("-want +got: %s", diff)
			}
		})
	}
}

func TestDescribeCollection(t *testing.T) {
	f := newCollectionFixture(&collector{state: registry.Collection{
		Grace: 24 * time.Hour, Window: time.Hour, TrashDelay: 15 * time.Minute,
		Last:    registry.Pass{At: now(), Took: 3 * time.Second, Collected: registry.Collected{Blobs: 1}},
		Total:   registry.Collected{Blobs: 2},
		Waiting: registry.Waiting{Links: 1, LinksLater: 2, Blobs: 3, Files: 4, Bytes: 5, Images: 6, Repositories: 7},
	}})
	counts := func(layers float64) map[string]any {
		return map[string]any{"Images": 0.0, "Repositories": 0.0, "Links": 0.0, "Layers": layers, "Files": 0.0, "Uploads": 0.0, "Orphans": 0.0, "Bytes": 0.0}
	}
	want := map[string]any{
		"GracePeriodSeconds": 86400.0, "UndeleteWindowSeconds": 3600.0, "TrashDelaySeconds": 900.0,
		"LastPass": map[string]any{"StartedAt": 1795608000.0, "DurationMilliseconds": 3000.0, "Collected": counts(1)},
		"Total":    counts(2),
		"Waiting":  map[string]any{"Links": 1.0, "LinksLater": 2.0, "Layers": 3.0, "Files": 4.0, "Bytes": 5.0, "DeletedImages": 6.0, "DeletedRepositories": 7.0},
	}
	status, out := f.call(t, home, "DescribeCollection", `{}`)
	if diff := cmp.Diff(want, out); status != 200 || diff != "" {
		t.Errorf("got %d, -want +got: %s", status, diff)
	}
}

func TestCollectionIsForTheHomeAccount(t *testing.T) {
	f := newCollectionFixture(new(collector))
	f.wantError(t, other, "StartCollection", `{}`, "AccessDeniedException")
	f.wantError(t, other, "DescribeCollection", `{}`, "AccessDeniedException")
}
