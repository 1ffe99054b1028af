package httpx_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/nifuda/nifuda/internal/httpx"
)

func TestBodiesAreReadWhole(t *testing.T) {
	directory := t.TempDir()
	bodies := httpx.NewBodies(directory, 1<<20)
	for _, size := range []int{0, 1, httpx.SmallBody - 1, httpx.SmallBody, httpx.SmallBody + 1, 5 << 20} {
		want := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		var got bytes.Buffer
		release, err := bodies.Read(t.Context(), &got, iotest.HalfReader(strings.NewReader(want)), 2)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != want {
			t.Errorf("a body of %d bytes arrived with %d, or with others", size, got.Len())
		}
		release()
		release() // once more does no harm
	}
	if left, err := os.ReadDir(directory); err != nil || len(left) > 0 {
		t.Errorf("files are left behind: %v, %v", left, err)
	}
}

// What has not arrived takes no memory from what has.
func TestLargeBodyWaitsForMemoryOnceItIsThere(t *testing.T) {
	bodies := httpx.NewBodies(t.TempDir(), 1<<20)
	large := func() io.Reader { return strings.NewReader(strings.Repeat("x", 1<<20)) }
	arriving, arrive := io.Pipe()
	go bodies.Read(t.Context(), new(bytes.Buffer), arriving, 1) //nolint:errcheck // the test ends it
	defer arrive.Close()
	if _, err := arrive.Write(make([]byte, httpx.SmallBody+1)); err != nil {
		t.Fatal(err)
	}
	release, err := bodies.Read(t.Context(), new(bytes.Buffer), large(), 1)
	if err != nil {
		t.Fatal(err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := bodies.Read(gone, new(bytes.Buffer), large(), 1); !errors.Is(err, httpx.ErrCrowded) {
		t.Errorf("a second large body got %v", err)
	}
	if _, err := bodies.Read(gone, new(bytes.Buffer), strings.NewReader("small"), 1); err != nil {
		t.Errorf("a small body got %v", err)
	}
	release()
	if _, err := bodies.Read(t.Context(), new(bytes.Buffer), large(), 1); err != nil {
		t.Errorf("after the first one: %v", err)
	}
}

func TestBodiesReturnTheErrorOfTheBody(t *testing.T) {
	broken := errors.New("broken")
	for _, size := range []int{10, httpx.SmallBody, 1 << 20} {
		body := io.MultiReader(strings.NewReader(strings.Repeat("x", size)), iotest.ErrReader(broken))
		if _, err := httpx.NewBodies(t.TempDir(), 1<<20).Read(t.Context(), new(bytes.Buffer), body, 1); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", size, err)
		}
	}
}
