package diskspace

import (
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A disk is what a test says of one.
type disk struct {
	free    int64
	unknown bool
	asked   int
	at      time.Time
}

func (d *disk) watch(reserve int64) (*Watch, *strings.Builder) {
	var log strings.Builder
	w := New([]Place{{"blobs", "/blobs"}}, reserve, slog.New(slog.NewTextHandler(&log, nil)))
	w.now = func() time.Time { return d.at }
	w.free = func(string) (int64, bool) {
		d.asked++
		return d.free, !d.unknown
	}
	return w, &log
}

func TestRoomEndsWhereTheReserveBegins(t *testing.T) {
	d := &disk{free: 1000, at: time.Unix(1, 0)}
	w, log := d.watch(1000)
	if err := w.Room(0); err != nil {
		t.Fatal(err)
	}
	d.free = 999
	if err := w.Room(0); err != nil || d.asked != 1 {
		t.Errorf("within a second it asks %d times and says %v", d.asked, err)
	}
	d.at = d.at.Add(time.Second)
	for range 3 {
		if err := w.Room(0); !errors.Is(err, ErrReserved) || !strings.Contains(err.Error(), "999 bytes are free for the blobs at /blobs") {
			t.Errorf("it says %v", err)
		}
	}
	d.free, d.at = 1000, d.at.Add(time.Second)
	if err := w.Room(0); err != nil {
		t.Errorf("with space again: %v", err)
	}
	if w.Refused() != 3 || strings.Count(log.String(), "\n") != 2 {
		t.Errorf("%d refused, the log says %s", w.Refused(), log)
	}
}

func TestRoomIsLookedForAfterAQuarterOfTheReserve(t *testing.T) {
	d := &disk{free: 1000, at: time.Unix(1, 0)}
	w, _ := d.watch(1000)
	for range 25 {
		if err := w.Room(100); err != nil {
			t.Fatal(err)
		}
	}
	if d.asked < 8 {
		t.Errorf("for 2500 bytes it asked %d times", d.asked)
	}
}

func TestRoomIsThereWhereNobodyKnows(t *testing.T) {
	d := &disk{unknown: true, at: time.Unix(1, 0)}
	w, _ := d.watch(1000)
	if err := w.Room(1 << 40); err != nil {
		t.Error(err)
	}
	d = &disk{at: time.Unix(1, 0)}
	w, _ = d.watch(0)
	if err := w.Room(1 << 40); err != nil || d.asked != 0 {
		t.Errorf("without a reserve: %v, asked %d times", err, d.asked)
	}
}

func TestFreeAsksTheSystem(t *testing.T) {
	w := New([]Place{{"data", t.TempDir()}}, 1, slog.New(slog.DiscardHandler))
	if free, known := w.Free(w.Places()[0]); runtime.GOOS == "linux" && (!known || free <= 0) {
		t.Errorf("%d bytes are free, %v", free, known)
	}
	if _, known := w.Free(Place{"none", "/no/such/directory"}); known {
		t.Error("the space of a directory is known that is none")
	}
}

func BenchmarkRoom(b *testing.B) {
	w := New([]Place{{"data", b.TempDir()}}, 1, slog.New(slog.DiscardHandler))
	for b.Loop() {
		if err := w.Room(0); err != nil {
			b.Fatal(err)
		}
	}
}
