package registry_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// A client that has no answer to the end of its upload asks again, and must not
// be told that anything failed which has happened.
func TestAnUploadWhoseAnswerGotLostIsCompletedByTheNextRequest(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.CutBefore, storetest.CutAfter} {
		for _, content := range []string{"a few bytes", strings.Repeat("many bytes ", 20_000)} {
			proxy, url := storetest.NewProxy(t, storetest.PostgresURL(t))
			r := openOver(t, url)
			name := registry.RepositoryName{Registry: registry.ID{Account: "123456789012", Region: "us-east-1"}, Name: "app"}
			if _, err := r.CreateRepository(t.Context(), registry.NewRepository{RepositoryName: name}); err != nil {
				t.Fatal(err)
			}
			id, err := r.StartUpload(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.AppendUpload(t.Context(), name, id, registry.Part{Body: strings.NewReader(content), Length: int64(len(content))}); err != nil {
				t.Fatal(err)
			}
			completion := registry.Completion{Digests: []string{digest.FromString(content).String()}, AllowEmpty: true}
			proxy.Break(fault)
			if _, err := r.CompleteUpload(t.Context(), name, id, completion); !errors.Is(err, store.ErrUnavailable) || proxy.Pending() {
				t.Fatalf("fault %d: got %v, want an outage", fault, err)
			}
			done, err := r.CompleteUpload(t.Context(), name, id, completion)
			if fault == storetest.CutBefore && len(content) > 64<<10 && isUploadNotFound(err) {
				continue // its file is not an upload any more: the client begins anew
			}
			if err != nil || done.Size != int64(len(content)) {
				t.Errorf("fault %d, %d bytes: asked again: %+v, %v", fault, len(content), done, err)
			}
			other := registry.Completion{Digests: []string{digest.FromString("other").String()}, AllowEmpty: true}
			if _, err := r.CompleteUpload(t.Context(), name, id, other); err == nil {
				t.Error("an upload was completed as a blob that is not there")
			}
		}
	}
}

func isUploadNotFound(err error) bool {
	refused, ok := errors.AsType[*registry.Error](err)
	return ok && refused.Code == registry.CodeUploadNotFound
}

// openOver opens a registry over a database.
func openOver(t *testing.T, database string) *registry.Registry {
	t.Helper()
	metadata, err := store.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { metadata.Close() })
	blobs, err := file.Open(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	return registry.New(metadata, blobs, registry.Options{UploadKey: []byte("key"), Log: slog.New(slog.DiscardHandler)})
}
