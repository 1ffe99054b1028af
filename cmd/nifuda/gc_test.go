package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGCNowAsksUntilAllWasLookedAt(t *testing.T) {
	f := newFakeServer(t, map[string][]string{"StartCollection": {
		`{"Complete":false,"DurationMilliseconds":20001,"Collected":{"Images":2,"Repositories":1,"Links":9,"Layers":3,"Files":0,"Uploads":0,"Orphans":0,"Bytes":100}}`,
		`{"Complete":true,"DurationMilliseconds":1500,"Collected":{"Images":1,"Repositories":0,"Links":1,"Layers":2,"Files":4,"Uploads":1,"Orphans":0,"Bytes":3221225472}}`,
	}})
	configure(t, f.URL)
	out, err := run(t, "gc", "--now", "--profile", "nifuda")
	want := "Freed 3.0 GiB in 21.501s: images 3, repositories 1, layers 5, files 4, uploads 1.\n" +
		"Small layers were in the database; the files of others go after a short while, see nifuda gc --status.\n"
	if diff := cmp.Diff(want, out); err != nil || diff != "" {
		t.Errorf("%v, -want +got: %s", err, diff)
	}
}

func TestGCNowWithNothingToFree(t *testing.T) {
	f := newFakeServer(t, map[string][]string{"StartCollection": {
		`{"Complete":true,"DurationMilliseconds":3,"Collected":{"Images":0,"Repositories":0,"Links":0,"Layers":0,"Files":0,"Uploads":0,"Orphans":0,"Bytes":0}}`,
	}})
	configure(t, f.URL)
	if out, err := run(t, "gc", "--now", "--profile", "nifuda"); out != "There was nothing to free.\n" || err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestGCStatus(t *testing.T) {
	f := newFakeServer(t, map[string][]string{"DescribeCollection": {
		`{"GracePeriodSeconds":86400,"UndeleteWindowSeconds":604800,"TrashDelaySeconds":900,
			"LastPass":{"StartedAt":1795608000.000,"DurationMilliseconds":1234,"Collected":{"Images":1,"Repositories":2,"Links":3,"Layers":4,"Files":5,"Uploads":0,"Orphans":0,"Bytes":1536}},
			"Total":{"Images":10,"Repositories":20,"Links":30,"Layers":40,"Files":50,"Uploads":6,"Orphans":7,"Bytes":1048576},
			"Waiting":{"Links":1,"LinksLater":100000,"Layers":2,"Files":3,"Bytes":4,"DeletedImages":5,"DeletedRepositories":6}}`,
	}})
	configure(t, f.URL)
	out, err := run(t, "gc", "--status", "--profile", "nifuda")
	want := "Layers that no image uses are kept for 24h0m0s, files for 15m0s more; what was deleted can be restored for 168h0m0s.\n" +
		"The last pass that freed something began at 2026-11-25T12:00:00Z and took 1.234s.\n\n" +
		"                      LAST PASS  TOTAL    WAITING\n" +
		"Deleted images        1          10       5\n" +
		"Deleted repositories  2          20       6\n" +
		"Links                 3          30       1 now, over 99999 later\n" +
		"Layers                4          40       2\n" +
		"Files                 5          50       3\n" +
		"Bytes                 1.5 KiB    1.0 MiB  4 B\n" +
		"Uploads               0          6        -\n" +
		"Orphans               0          7        -\n"
	if diff := cmp.Diff(want, out); err != nil || diff != "" {
		t.Errorf("%v, -want +got: %s", err, diff)
	}
}

func TestGCNeedsToKnowWhatIsWanted(t *testing.T) {
	for _, args := range [][]string{{"gc"}, {"gc", "--now", "--status"}} {
		if out, err := run(t, args...); err == nil {
			t.Errorf("%q: %s", args, out)
		}
	}
}
