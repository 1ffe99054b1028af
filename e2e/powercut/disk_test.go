package powercut

import (
	"io/fs"
	"math/rand/v2"
	"syscall"
	"testing"
)

// newFile makes a file of the bytes in the directory "/d".
func newFile(t *testing.T, d *Disk, name, data string) nodeID {
	t.Helper()
	id, err := d.make(Create, rootID+1, name, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.write(id, 0, []byte(data)); err != nil {
		t.Fatal(err)
	}
	return id
}

func newDisk() *Disk { return New(Image{"/d": {Mode: fs.ModeDir | 0o700}}) }

func renamed(from, to string, id nodeID) step {
	return step{op: Rename, names: []change{{entry{rootID + 1, from}, 0}, {entry{rootID + 1, to}, id}}}
}

// outcomes are the bytes of files after many power cuts, "-" where one is missing.
func outcomes(d *Disk, loss Loss, names ...string) map[string]bool {
	seen := map[string]bool{}
	for seed := range uint64(500) {
		image := d.Cut(d.Steps(), loss, rand.New(rand.NewPCG(seed, 0)))
		text := ""
		for _, name := range names {
			if file, ok := image["/d/"+name]; ok {
				text += string(file.Data) + ";"
			} else {
				text += "-;"
			}
		}
		seen[text] = true
	}
	return seen
}

func wantOutcomes(t *testing.T, got map[string]bool, want ...string) {
	t.Helper()
	for _, text := range want {
		if !got[text] {
			t.Errorf("never leaves %q", text)
		}
		delete(got, text)
	}
	for text := range got {
		t.Errorf("leaves %q", text)
	}
}

func TestAPowerCutTakesWhatWasNotSynced(t *testing.T) {
	d := newDisk()
	id := newFile(t, d, "a", "x")
	wantOutcomes(t, outcomes(d, Unsynced, "a"), "-;")
	wantOutcomes(t, outcomes(d, Nothing, "a"), "x;")
	wantOutcomes(t, outcomes(d, Some, "a"), "-;", ";", "\x00;", "x;")
	if err := d.sync(Sync, id); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, outcomes(d, Some, "a"), "-;", "x;")
	if err := d.sync(SyncDir, rootID+1); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, outcomes(d, Some, "a"), "x;")
}

func TestARenameMayReachTheDiskBeforeTheBytesAndOtherRenames(t *testing.T) {
	d := newDisk()
	a, b := newFile(t, d, "a", "x"), newFile(t, d, "b", "y")
	for _, sync := range []error{d.sync(Sync, b), d.sync(SyncDir, rootID+1)} {
		if sync != nil {
			t.Fatal(sync)
		}
	}
	d.rename(renamed("a", "A", a))
	d.rename(renamed("b", "B", b))
	wantOutcomes(t, outcomes(d, Unsynced, "a", "A", "b", "B"), ";-;y;-;")
	wantOutcomes(t, outcomes(d, Some, "b", "B"), "y;-;", "-;y;") // never both, never none
	got := outcomes(d, Some, "A", "B")
	for _, text := range []string{";-;", "-;y;", ";y;"} {
		if !got[text] {
			t.Errorf("never leaves %q", text)
		}
	}
}

func TestAWriteTears(t *testing.T) {
	d := newDisk()
	old, changed := string(make([]byte, 3*sector)), make([]byte, 3*sector)
	for i := range changed {
		changed[i] = 'x'
	}
	id := newFile(t, d, "a", old)
	for _, err := range []error{d.sync(Sync, id), d.sync(SyncDir, rootID+1)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.write(id, 0, changed); err != nil {
		t.Fatal(err)
	}
	if got := len(outcomes(d, Some, "a")); got != 8 {
		t.Errorf("%d outcomes of a write of three sectors, want 8", got)
	}
}

func TestALaterSyncDoesNotBringBackWhatAFailedOneLost(t *testing.T) {
	d := newDisk()
	id := newFile(t, d, "a", "x")
	d.SetFault(func(op Op, _ string) error {
		if op == Sync {
			return syscall.EIO
		}
		return nil
	})
	if err := d.sync(Sync, id); err == nil {
		t.Fatal("the sync did not fail")
	}
	d.SetFault(nil)
	for _, err := range []error{d.sync(Sync, id), d.sync(SyncDir, rootID+1)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	wantOutcomes(t, outcomes(d, Some, "a"), ";", "\x00;", "x;")
}

func TestAFullDiskTakesHalfOfAWrite(t *testing.T) {
	for _, fault := range []error{syscall.ENOSPC, ErrShort} {
		d := newDisk()
		id := newFile(t, d, "a", "")
		d.SetFault(func(Op, string) error { return fault })
		n, err := d.write(id, 0, []byte("xyzt"))
		if n != 2 || (err == nil) != (fault == ErrShort) { //nolint:errorlint // the very value
			t.Errorf("%v: write: %d, %v", fault, n, err)
		}
		d.SetFault(nil)
		wantOutcomes(t, outcomes(d, Nothing, "a"), "xy;")
	}
}
