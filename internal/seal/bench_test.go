package seal_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/nifuda/nifuda/internal/seal"
)

func BenchmarkSeal(b *testing.B) {
	for name, layers := range map[string]int{"once": 1, "twice": 2} {
		b.Run(name, func(b *testing.B) {
			plain := content(4*seal.ChunkSize, 1)
			s, err := seal.NewSealer(newKey(layers))
			if err != nil {
				b.Fatal(err)
			}
			out := make([]byte, 0, seal.Size(5*seal.ChunkSize, layers))
			b.SetBytes(int64(len(plain)))
			b.ReportAllocs()
			for b.Loop() {
				s.Append(out, plain)
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for name, layers := range map[string]int{"once": 1, "twice": 2} {
		b.Run(name, func(b *testing.B) {
			k := newKey(layers)
			plain := content(64*seal.ChunkSize, 1)
			o, err := seal.NewOpener(bytes.NewReader(sealFile(b, k, plain, 1<<20)), k, int64(len(plain)))
			if err != nil {
				b.Fatal(err)
			}
			defer o.Close()
			b.SetBytes(int64(len(plain)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := o.Seek(0, io.SeekStart); err != nil {
					b.Fatal(err)
				}
				if _, err := o.CopyN(io.Discard, int64(len(plain))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSmall is what a blob costs that is kept in the database.
func BenchmarkSmall(b *testing.B) {
	plain := content(16<<10, 1)
	k := newKey(1)
	sealed, err := k.Seal(plain)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := k.Seal(plain); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := k.Open(bytes.Clone(sealed)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
