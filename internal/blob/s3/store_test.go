package s3

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/blob/blobtest"
	"github.com/nifuda/nifuda/internal/bucket"
	"github.com/nifuda/nifuda/internal/bucket/buckettest"
)

// small parts are the smallest that S3 takes.
var small = limits{least: 5 << 20, usual: 5 << 20, growth: 4000, parts: 10_000}

func openStore(t testing.TB, address string) *Store {
	t.Helper()
	a, err := bucket.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bucket.Open(t.Context(), a, bucket.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := New(b, slog.New(slog.DiscardHandler))
	s.limits = small
	return s
}

// prefixOf is a part of the bucket for one test.
func prefixOf(t testing.TB) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '/' {
			return r
		}
		return '-'
	}, t.Name())
}

func TestContract(t *testing.T) {
	server := buckettest.Start(t)
	for _, checksums := range []string{"on", "off"} {
		t.Run("checksums "+checksums, func(t *testing.T) {
			blobtest.Run(t, func(t *testing.T) blob.Store { return openStore(t, server.URL(prefixOf(t), "checksums", checksums)) })
		})
	}
}
