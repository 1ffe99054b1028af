package authn_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/authn"
)

func testDownload() authn.Download {
	return authn.Download{
		Account: "123456789012", Region: "us-east-1", Repository: "team/app",
		Digest: "sha256:" + strings.Repeat("a", 64),
	}
}

func TestDownloadNamesItsBlob(t *testing.T) {
	downloads := authn.NewDownloads(testKeyring(t, 1), testNow)
	query := mustQuery(t, downloads.Sign(testDownload(), authn.DownloadLifetime)+"&unrelated=1")
	got, err := downloads.Verify(query)
	if err != nil || got != testDownload() {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestDownloadExpires(t *testing.T) {
	now := testTime
	downloads := authn.NewDownloads(testKeyring(t, 1), func() time.Time { return now })
	query := mustQuery(t, downloads.Sign(testDownload(), time.Hour))
	now = testTime.Add(time.Hour - time.Second)
	if _, err := downloads.Verify(query); err != nil {
		t.Errorf("one second before: %v", err)
	}
	now = testTime.Add(time.Hour)
	if _, err := downloads.Verify(query); !errors.Is(err, authn.ErrURLExpired) {
		t.Errorf("got %v", err)
	}
}

func TestDownloadWithAnyParameterChangedIsForged(t *testing.T) {
	downloads := authn.NewDownloads(testKeyring(t, 1), testNow)
	signed := downloads.Sign(testDownload(), time.Hour)
	for name := range mustQuery(t, signed) {
		for change, apply := range map[string]func(string) []string{
			"longer":  func(v string) []string { return []string{v + "0"} },
			"shorter": func(v string) []string { return []string{v[:len(v)-1]} },
			"empty":   func(string) []string { return []string{""} },
			"twice":   func(v string) []string { return []string{v, v} },
		} {
			query := mustQuery(t, signed)
			query[name] = apply(query.Get(name))
			if _, err := downloads.Verify(query); !errors.Is(err, authn.ErrBadCredentials) {
				t.Errorf("%s %s: %v", name, change, err)
			}
		}
	}
}

func TestDownloadFieldsDoNotFlowIntoEachOther(t *testing.T) {
	downloads := authn.NewDownloads(testKeyring(t, 1), testNow)
	query := mustQuery(t, downloads.Sign(authn.Download{Repository: "ab", Digest: "c"}, time.Hour))
	query.Set("repository", "a")
	query.Set("digest", "bc")
	if _, err := downloads.Verify(query); !errors.Is(err, authn.ErrBadCredentials) {
		t.Errorf("got %v", err)
	}
}

func TestDownloadNeedsItsOwnServerAndASignature(t *testing.T) {
	query := mustQuery(t, authn.NewDownloads(testKeyring(t, 2), testNow).Sign(testDownload(), time.Hour))
	downloads := authn.NewDownloads(testKeyring(t, 1), testNow)
	if _, err := downloads.Verify(query); !errors.Is(err, authn.ErrBadCredentials) {
		t.Errorf("another server's: %v", err)
	}
	query.Del("signature")
	if _, err := downloads.Verify(query); !errors.Is(err, authn.ErrNoCredentials) {
		t.Errorf("unsigned: %v", err)
	}
}
