package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func openLog(t *testing.T, path string) *uploadLog {
	t.Helper()
	l, err := openUploadLog(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.close() }) // some tests do it before
	return l
}

// held returns all states of a log.
func (l *uploadLog) held(t *testing.T) map[string]Upload {
	t.Helper()
	all := map[string]Upload{}
	for id := range l.index {
		u, err := l.get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		all[id] = u
	}
	return all
}

// A process that crashes leaves what it wrote, up to some byte of the record
// that it was writing.
func TestACrashAtAnyByteKeepsWhatWasSavedBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := openLog(t, path)
	save := func(u Upload) {
		if err := putIn(l, u); err != nil {
			t.Fatal(err)
		}
	}
	save(Upload{ID: "a", RepositoryID: "r", Size: 1, UpdatedAt: 5})
	save(Upload{ID: "b", RepositoryID: "r", Size: 3, Content: []byte("abc")})
	before, start := l.held(t), l.size
	for name, step := range map[string]func() error{
		"a state": func() error { return putIn(l, Upload{ID: "a", RepositoryID: "r", Size: 2, UpdatedAt: 6}) },
		"an end":  func() error { return l.end("b") },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for end := start; end < int64(len(whole)); end++ {
			cut := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(cut, whole[:end], 0o600); err != nil {
				t.Fatal(err)
			}
			reopened := openLog(t, cut)
			if diff := cmp.Diff(before, reopened.held(t)); diff != "" {
				t.Fatalf("%s cut off at byte %d: %s", name, end-start, diff)
			}
			if err := putIn(reopened, Upload{ID: "c"}); err != nil {
				t.Fatal(err)
			}
			if again := openLog(t, cut).held(t); len(again) != len(before)+1 {
				t.Fatalf("%s cut off at byte %d: %d states after one more", name, end-start, len(again))
			}
		}
		before, start = l.held(t), l.size
	}
}

func TestDamageInTheMiddleIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := openLog(t, path)
	for _, id := range []string{"a", "b", "c"} {
		if err := putIn(l, Upload{ID: id, Content: []byte("content of " + id)}); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[l.index["b"].offset+8] ^= 1
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	held := openLog(t, path).held(t)
	if _, ok := held["a"]; !ok || len(held) != 1 {
		t.Errorf("got %v, want what is before the damage", held)
	}
}

func TestAWriteThatFailsIsWrittenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := openLog(t, path)
	if err := putIn(l, Upload{ID: "a"}); err != nil {
		t.Fatal(err)
	}
	working := l.file
	readOnly, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	l.file = readOnly
	if err := putIn(l, Upload{ID: "b"}); err == nil {
		t.Fatal("a write to a file that takes none succeeded")
	}
	l.forget("a")
	if _, err := l.get(t.Context(), "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an upload that has become a blob reads %v", err)
	}
	l.file = working
	if err := putIn(l, Upload{ID: "c"}); err != nil {
		t.Fatal(err)
	}
	held := openLog(t, path).held(t)
	if diff := cmp.Diff(map[string]Upload{"a": {ID: "a"}, "c": {ID: "c"}}, held); diff != "" {
		t.Error(diff)
	}
}

func TestLogOfManyUploadsStaysSmall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := openLog(t, path)
	kept := Upload{ID: "kept", RepositoryID: "r", Content: make([]byte, 64<<10)}
	if err := putIn(l, kept); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		u := Upload{ID: strconv.Itoa(i), Content: make([]byte, 64<<10)}
		if err := errors.Join(putIn(l, u), l.end(u.ID)); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > uploadLogSize+(64<<10) {
		t.Errorf("the log has %d bytes, %v", info.Size(), err)
	}
	if diff := cmp.Diff(map[string]Upload{"kept": kept}, openLog(t, path).held(t)); diff != "" {
		t.Error(diff)
	}
}

// TestLogMatchesAMap: whatever is saved, ended and reopened, the log has what a
// map would have.
func TestLogMatchesAMap(t *testing.T) {
	round := 0
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		round++
		path := filepath.Join(dir, strconv.Itoa(round))
		l := openLog(t, path)
		want := map[string]Upload{}
		id := rapid.SampledFrom([]string{"a", "b", "c"})
		rt.Repeat(map[string]func(*rapid.T){
			"": func(rt *rapid.T) {
				if diff := cmp.Diff(want, l.held(t)); diff != "" {
					rt.Fatal(diff)
				}
			},
			"save": func(rt *rapid.T) {
				u := Upload{
					ID: id.Draw(rt, "id"), RepositoryID: "r", Size: rapid.Int64().Draw(rt, "size"), SmallPart: rapid.Bool().Draw(rt, "small part"),
					Content: rapid.SliceOf(rapid.Byte()).Draw(rt, "content"), UpdatedAt: rapid.Int64().Draw(rt, "time"),
				}
				if err := putIn(l, u); err != nil {
					rt.Fatal(err)
				}
				want[u.ID] = u
			},
			"end": func(rt *rapid.T) {
				name := id.Draw(rt, "id")
				if err := l.end(name); err != nil {
					rt.Fatal(err)
				}
				delete(want, name)
			},
			"rewrite": func(rt *rapid.T) {
				if err := l.rewrite(); err != nil {
					rt.Fatal(err)
				}
			},
			"reopen": func(rt *rapid.T) {
				if err := l.close(); err != nil {
					rt.Fatal(err)
				}
				l = openLog(t, path)
			},
		})
	})
}

func FuzzDecodeUpload(f *testing.F) {
	f.Add(encodeUpload(Upload{}))
	f.Add(encodeEnd("id"))
	f.Add(encodeUpload(Upload{ID: "id", RepositoryID: "r", Size: 1 << 40, SmallPart: true, Content: []byte("abc"), WriterState: []byte{}, UpdatedAt: -1}))
	f.Fuzz(func(t *testing.T, text []byte) {
		u, ended, err := decodeUpload(text)
		if err != nil || ended {
			return
		}
		again, _, err := decodeUpload(encodeUpload(u))
		if err != nil || !cmp.Equal(u, again) {
			t.Errorf("%+v reads back as %+v, %v", u, again, err)
		}
	})
}

// putIn saves a state, which a log always does.
func putIn(l *uploadLog, u Upload) error {
	_, err := l.put(context.Background(), u)
	return err
}
