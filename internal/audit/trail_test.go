package audit_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/audit"
)

// line is a record of which only the time, who called and a text matter.
func line(n int, arn, text string) string {
	at := start.Add(time.Duration(n) * time.Minute).Format(time.RFC3339)
	return fmt.Sprintf(`{"userIdentity":{"type":"IAMUser","arn":%q},"eventTime":%q,"requestParameters":{"n":"%d","text":%q}}`, arn, at, n, text)
}

// all returns what a search finds in pages of a size, oldest first, as numbers.
func all(t *testing.T, trail *audit.Trail, s audit.Search, limit int) (found []string) {
	t.Helper()
	var at audit.Position
	for {
		records, next, err := trail.Search(t.Context(), s, at, limit)
		if err != nil || len(records) > limit {
			t.Fatal(len(records), err)
		}
		for _, r := range records {
			_, n, _ := strings.Cut(r, `"n":"`)
			n, _, _ = strings.Cut(n, `"`)
			found = append(found, n)
		}
		if at = next; at == (audit.Position{}) {
			slices.Reverse(found)
			return found
		}
	}
}

func numbers(from, to int) (all []string) {
	for n := from; n <= to; n++ {
		all = append(all, strconv.Itoa(n))
	}
	return all
}

func write(t *testing.T, f *audit.File, from, to int, arn, text string) {
	t.Helper()
	for n := from; n <= to; n++ {
		if _, err := f.Write([]byte(line(n, arn, text) + "\n")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTrailIsSearchedThroughItsFilesFromTheEnd(t *testing.T) {
	f, err := audit.OpenFile(filepath.Join(t.TempDir(), "audit.log"), 2000, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	trail := f.Trail()
	if got := all(t, trail, audit.Search{}, 10); got != nil {
		t.Errorf("of an empty trail: %v", got)
	}
	const alice, bob = "arn:aws:iam::123456789012:user/alice", "arn:aws:iam::123456789012:user/bob"
	write(t, f, 1, 10, alice, "one")
	write(t, f, 11, 20, bob, `Say "two" to `+alice)
	write(t, f, 21, 30, alice, "three")
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	for name, c := range map[string]struct {
		search audit.Search
		want   []string
	}{
		"all":        {audit.Search{}, numbers(1, 30)},
		"principal":  {audit.Search{Principal: bob}, numbers(11, 20)},
		"mentioned":  {audit.Search{Principal: alice}, append(numbers(1, 10), numbers(21, 30)...)},
		"text":       {audit.Search{Query: "THREE"}, numbers(21, 30)},
		"quoted":     {audit.Search{Query: `say "TWO"`}, numbers(11, 20)},
		"nothing":    {audit.Search{Query: "four"}, nil},
		"from":       {audit.Search{From: at(25)}, numbers(25, 30)},
		"to":         {audit.Search{To: at(5)}, numbers(1, 4)},
		"from to by": {audit.Search{From: at(8), To: at(12), Principal: alice}, numbers(8, 10)},
		"later":      {audit.Search{From: at(31)}, nil},
	} {
		for _, limit := range []int{1, 7, 100} {
			if diff := cmp.Diff(c.want, all(t, trail, c.search, limit)); diff != "" {
				t.Errorf("%s in pages of %d: %s", name, limit, diff)
			}
		}
	}
}

// TestAPageFollowsItsFileWhateverTheFileIsCalled: files get the next number between
// two pages, until the one that the page is in is gone.
func TestAPageFollowsItsFileWhateverTheFileIsCalled(t *testing.T) {
	f, err := audit.OpenFile(filepath.Join(t.TempDir(), "audit.log"), 2000, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write(t, f, 1, 15, "arn", "x")
	first, at, err := f.Trail().Search(t.Context(), audit.Search{}, audit.Position{}, 4)
	if err != nil || len(first) != 4 {
		t.Fatal(first, err)
	}
	write(t, f, 16, 25, "arn", "x") // one rotation
	second, next, err := f.Trail().Search(t.Context(), audit.Search{}, at, 4)
	if err != nil || len(second) != 4 || second[0] != line(11, "arn", "x") {
		t.Fatal(second, err)
	}
	write(t, f, 26, 80, "arn", "x")
	if _, _, err := f.Trail().Search(t.Context(), audit.Search{}, next, 4); !errors.Is(err, audit.ErrGone) {
		t.Errorf("after the file was replaced: %v", err)
	}
}

// TestTrailIsReadInBoundedPages: a page looks at 8 MiB, and lines cross blocks.
func TestTrailIsReadInBoundedPages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	text := strings.Repeat("x", 100_000)
	var b strings.Builder
	for n := range 400 {
		b.WriteString(line(n+1, "arn", text[:250*n]) + "\n")
	}
	b.WriteString(`{"half":`) // is being written
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := audit.OpenFile(path, 1<<30, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if diff := cmp.Diff(numbers(1, 400), all(t, f.Trail(), audit.Search{}, 30)); diff != "" {
		t.Error(diff)
	}
	records, next, err := f.Trail().Search(t.Context(), audit.Search{Query: "no such text"}, audit.Position{}, 30)
	if err != nil || len(records) != 0 || next == (audit.Position{}) {
		t.Errorf("a page of %d MiB is not bounded: %v", b.Len()>>20, err)
	}
}

func BenchmarkTrail(b *testing.B) {
	path := filepath.Join(b.TempDir(), "audit.log")
	var text strings.Builder
	for n := range 100_000 {
		text.WriteString(line(n, "arn:aws:iam::123456789012:user/"+strconv.Itoa(n%10), strings.Repeat("some text ", 60)) + "\n")
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	f, err := audit.OpenFile(path, 1<<30, 2)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for name, s := range map[string]audit.Search{
		"newest": {}, "rare text": {Query: "nothing has this"}, "rare principal": {Principal: "nobody"}, "long ago": {To: start},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := f.Trail().Search(b.Context(), s, audit.Position{}, 50); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
