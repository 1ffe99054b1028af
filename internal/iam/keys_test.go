package iam_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/iam"
)

func TestTagsThatDifferInCaseAreOneKey(t *testing.T) {
	keys := iam.Keys{}
	keys.Add("aws:RequestTag/Team", "a")
	keys.Add("aws:RequestTag/team", "b")
	keys.Add("aws:TagKeys", "Team", "team")
	want := iam.Keys{"aws:requesttag/team": {"a", "b"}, "aws:tagkeys": {"Team", "team"}}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("-want +got: %s", diff)
	}
}
