package file_test

import (
	"bytes"
	"io"
	"runtime"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob/file"
)

// Slow clients hold what they receive into for hours: it must not be as large
// for all of them as for the few.
func TestManyWritersShareFewLargeBuffers(t *testing.T) {
	const writers = 100
	s, err := file.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before := heap()
	var began, ended sync.WaitGroup
	content := bytes.Repeat([]byte("x"), 2<<20)
	rest := make(chan struct{})
	for range writers {
		r, w := io.Pipe()
		began.Add(1)
		ended.Go(func() {
			writer, err := s.Create(t.Context(), nil)
			if err == nil {
				_, err = writer.(io.ReaderFrom).ReadFrom(r)
			}
			if err == nil {
				_, _, err = writer.Commit(t.Context(), digest.FromBytes(content))
			}
			if err != nil {
				t.Error(err)
			}
			r.CloseWithError(err)
		})
		ended.Go(func() {
			_, _ = w.Write(content[:1<<20+1]) // its error is the reader's
			began.Done()
			<-rest
			_, _ = w.Write(content[1<<20+1:])
			w.Close()
		})
	}
	began.Wait()
	if used := heap() - before; used > 64<<20 {
		t.Errorf("%d uploads under way hold %d MiB", writers, used>>20)
	}
	close(rest)
	ended.Wait()
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
