package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNodeListShowsWhoDoesWhat(t *testing.T) {
	f := newFakeServer(t, map[string][]string{"ListNodes": {`{"Nodes":[` +
		`{"NodeId":"1","Host":"one","Role":"all","Version":"1.0","StartedAt":1795608000.000,"SeenAt":1795608002.000,"Works":["collector","sweeps"]},` +
		`{"NodeId":"2","Host":"two","Role":"api","StartedAt":1795608001.000,"SeenAt":1795608003.000}]}`}})
	configure(t, f.URL)
	out, err := run(t, "node", "list", "--profile", "nifuda")
	want := "HOST  ROLE  VERSION  STARTED               SEEN                  DOES ALONE\n" +
		"one   all   1.0      2026-11-25T12:00:00Z  2026-11-25T12:00:02Z  collector, sweeps\n" +
		"two   api   -        2026-11-25T12:00:01Z  2026-11-25T12:00:03Z  -\n"
	if diff := cmp.Diff(want, out); err != nil || diff != "" {
		t.Errorf("%v, -want +got: %s", err, diff)
	}
}
