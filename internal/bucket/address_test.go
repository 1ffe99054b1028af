package bucket

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAnAddressIsWhatItsURLSays(t *testing.T) {
	plain := Address{Bucket: "b-1", Checksums: true, Redirect: true, Timeout: time.Minute}
	with := func(change func(*Address)) Address {
		a := plain
		change(&a)
		return a
	}
	for text, want := range map[string]Address{
		"s3://b-1":            plain,
		"s3://b-1/":           plain,
		"s3://b-1/p":          with(func(a *Address) { a.Prefix = "p/" }),
		"s3://b-1/p/q/":       with(func(a *Address) { a.Prefix = "p/q/" }),
		"s3://b-1/a%20b?":     with(func(a *Address) { a.Prefix = "a b/" }),
		"s3://b-1?timeout=5s": with(func(a *Address) { a.Timeout = 5 * time.Second }),
		"s3://b-1?endpoint=https://minio.example:9000/&region=eu-west-1&path-style=true": with(func(a *Address) {
			a.Endpoint, a.Region, a.PathStyle = "https://minio.example:9000", "eu-west-1", true
		}),
		"s3://b-1?redirect=off&checksums=off&public-endpoint=http://s3.example": with(func(a *Address) {
			a.Redirect, a.Checksums, a.PublicEndpoint = false, false, "http://s3.example"
		}),
		"s3://b-1?sse=aws:kms&sse-kms-key=arn:aws:kms:eu-west-1:123456789012:key/1": with(func(a *Address) {
			a.SSE, a.SSEKey = "aws:kms", "arn:aws:kms:eu-west-1:123456789012:key/1"
		}),
	} {
		got, err := ParseAddress(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", text, diff)
		}
	}
}

func TestAMistakeInAnAddressIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "want s3://BUCKET/PREFIX",
		"http://b":                          "want s3://BUCKET/PREFIX",
		"s3:b":                              "name of the bucket is missing",
		"s3://":                             "name of the bucket is missing",
		"s3:///p":                           "name of the bucket is missing",
		"s3://localhost:9000/b":             "an endpoint goes into ?endpoint=URL",
		"s3://b":                            "is not the name of a bucket",
		"s3://key:secret@b-1":               "credentials do not belong into the URL",
		"s3://b-1/p//q":                     "has an empty part",
		"s3://b-1/../q":                     "or one of dots",
		"s3://b-1#x":                        "%23",
		"s3://b-1?%zz":                      "malformed",
		"s3://b-1?Region=x":                 `unknown parameter "Region": want endpoint, region`,
		"s3://b-1?region=a&region=b":        "region: give one value",
		"s3://b-1?region=":                  "region: give one value",
		"s3://b-1?region=a/b":               "is not the name of a region",
		"s3://b-1?endpoint=minio:9000":      "is not http://HOST:PORT",
		"s3://b-1?endpoint=ftp://minio":     "is not http://HOST:PORT",
		"s3://b-1?endpoint=http://a:b@c":    "more than scheme",
		"s3://b-1?path-style=on":            "is not true or false",
		"s3://b-1?redirect=false":           "is not on or off",
		"s3://b-1?sse=AES-256":              "is not AES256 or aws:kms",
		"s3://b-1?sse-kms-key=x":            "goes with sse=aws:kms",
		"s3://b-1?sse=AES256&sse-kms-key=x": "goes with sse=aws:kms",
		"s3://b-1?timeout=1ms":              "is not a time from 1s to 1h",
	} {
		if _, err := ParseAddress(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add("s3://b-1/p/q?endpoint=https://minio.example:9000/&region=eu-west-1&path-style=true")
	f.Add("s3://b-1/%2e%2e/q?sse=aws:kms&sse-kms-key=x")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAddress(text)
		if err != nil {
			return
		}
		if a.Bucket == "" || strings.Contains("/"+a.Prefix, "/../") || a.Prefix != "" && !strings.HasSuffix(a.Prefix, "/") || a.Timeout <= 0 {
			t.Errorf("%q is %+v", text, a)
		}
	})
}
