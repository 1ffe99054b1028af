package logs_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nifuda/nifuda/internal/logs"
)

// A counter counts writes and keeps what they wrote.
type counter struct {
	writes int
	lines  strings.Builder
}

func (c *counter) Write(p []byte) (int, error) {
	c.writes++
	return c.lines.Write(p)
}

func TestTheLinesOfAMomentGoOutTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counter
		w := logs.NewWriter(&c)
		for i := range 3 {
			write(t, w, fmt.Sprintf("line %d\n", i))
		}
		time.Sleep(time.Second) // of the bubble's clock
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if got, want := c.lines.String(), "line 0\nline 1\nline 2\n"; got != want || c.writes != 1 {
			t.Errorf("got %q in %d writes, want %q in one", got, c.writes, want)
		}
	})
}

func TestEveryLineIsWrittenWholeAndInOrder(t *testing.T) {
	var out bytes.Buffer
	w := logs.NewWriter(&out)
	const writers, lines = 8, 2000
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for n := range lines {
				write(t, w, fmt.Sprintf("%d %d %s\n", i, n, strings.Repeat("x", 100)))
			}
		})
	}
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	next := make([]int, writers)
	for line := range strings.Lines(out.String()) {
		var writer, n int
		var rest string
		if _, err := fmt.Sscanf(line, "%d %d %s", &writer, &n, &rest); err != nil || len(rest) != 100 {
			t.Fatalf("torn line %q: %v", line, err)
		}
		if n != next[writer] {
			t.Fatalf("writer %d: line %d after %d others", writer, n, next[writer])
		}
		next[writer]++
	}
	for i, n := range next {
		if n != lines {
			t.Errorf("writer %d has %d lines", i, n)
		}
	}
}

func TestAnErrorIsToldAtTheEnd(t *testing.T) {
	w := logs.NewWriter(failing{})
	write(t, w, "line\n")
	if err := w.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close: %v", err)
	}
	if _, err := w.Write([]byte("late\n")); err == nil {
		t.Error("a closed log takes lines")
	}
}

var errFull = errors.New("full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func write(t *testing.T, w *logs.Writer, line string) {
	t.Helper()
	if n, err := w.Write([]byte(line)); err != nil || n != len(line) {
		t.Errorf("Write: %d, %v", n, err)
	}
}
