package registry_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

func benchmark(b *testing.B) fixture {
	c := newClock()
	s := storetest.SQLite(b)
	f := fixture{open(b, s, b.TempDir(), c), s, c}
	f.create(b, app, registry.TagMutability{})
	return f
}

func BenchmarkManifestByTag(b *testing.B) {
	f := benchmark(b)
	f.push(b, app, f.image(b, app, "one"), "v1")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := f.Manifest(context.Background(), app, registry.ImageID{Tag: "v1"}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkOpenSmallBlob(b *testing.B) {
	f := benchmark(b)
	d := f.putBlob(b, app, random(b, 16<<10)).String()
	b.ReportAllocs()
	for b.Loop() {
		c, err := f.OpenBlob(context.Background(), app, d)
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

// BenchmarkPushSmallImage pushes a config, four layers of 16 KiB and their
// manifest, all of them new.
func BenchmarkPushSmallImage(b *testing.B) {
	f := benchmark(b)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		config := describe(configType, fmt.Append(nil, `{"n":`, n, `}`))
		f.putBlob(b, app, fmt.Append(nil, `{"n":`, n, `}`))
		var layers []descriptor
		for range 4 {
			content := random(b, 16<<10)
			f.putBlob(b, app, content)
			layers = append(layers, descriptor{layerType, digest.FromBytes(content), int64(len(content))})
		}
		payload := encode(b, imageText{MediaType: "application/vnd.oci.image.manifest.v1+json", Config: &config, Layers: layers})
		f.push(b, app, payload, fmt.Sprint("t", n))
	}
}
