package file_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob/file"
)

// random is bytes that neither a disk nor a kernel can make cheap.
func random(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return b
}

// benchmarkPut measures from Create to Commit. It reports the CPU time of the
// process beside the wall time, which says as much about the machine.
func benchmarkPut(b *testing.B, size int64, d digest.Digest, send func(io.Writer) error) {
	s := open(b, b.TempDir())
	b.SetBytes(size)
	var used time.Duration
	for b.Loop() {
		before := cpuTime()
		w, err := s.Create(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := send(w); err != nil {
			b.Fatal(err)
		}
		location, _, err := w.Commit(b.Context(), d)
		if err != nil {
			b.Fatal(err)
		}
		used += cpuTime() - before
		b.StopTimer()
		if err := s.Remove(b.Context(), location); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(used.Seconds()/float64(b.N)/float64(size)*(1<<30), "cpu-s/GiB")
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/op")
}

func BenchmarkWrite(b *testing.B) {
	const size = 512 << 20
	p := random(1 << 20)
	digester := digest.SHA256.Digester()
	for range size / len(p) {
		digester.Hash().Write(p)
	}
	b.Run("1 MiB buffers", func(b *testing.B) {
		benchmarkPut(b, size, digester.Digest(), func(w io.Writer) error {
			for range size / len(p) {
				if _, err := w.Write(p); err != nil {
					return err
				}
			}
			return nil
		})
	})
	b.Run("io.Copy", func(b *testing.B) {
		benchmarkPut(b, size, digester.Digest(), func(w io.Writer) error {
			_, err := io.Copy(w, io.LimitReader(&endless{b: p}, size))
			return err
		})
	})
}

// endless repeats its bytes in the pieces that a socket gives.
type endless struct {
	b  []byte
	at int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), 64<<10)], e.b[e.at:])
	e.at = (e.at + n) % len(e.b)
	return n, nil
}

func BenchmarkSmall(b *testing.B) {
	p := random(70 << 10)
	benchmarkPut(b, int64(len(p)), digest.FromBytes(p), func(w io.Writer) error {
		_, err := io.Copy(w, io.LimitReader(bytes.NewReader(p), int64(len(p))))
		return err
	})
}

func BenchmarkOpenStore(b *testing.B) {
	dir := b.TempDir()
	open(b, dir)
	for b.Loop() {
		s, err := file.Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
