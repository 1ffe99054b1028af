package registry_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/registry"
)

func TestDeletionIsHeldToTheTagsThatWereSeen(t *testing.T) {
	tests := []struct {
		name          string
		before, after []string // tags when they are seen, and when the image is deleted
		look          bool
		refused       bool
	}{
		{"the same", []string{"a", "b"}, []string{"a", "b"}, true, false},
		{"one more", []string{"a"}, []string{"a", "b"}, true, true},
		{"one less", []string{"a", "b"}, []string{"a"}, true, false},
		{"the last gone", []string{"a"}, nil, true, true},
		{"never any", nil, nil, true, false},
		{"the first", nil, []string{"a"}, true, true},
		{"nobody looked", []string{"a"}, []string{"a", "b"}, false, false},
	}
	each(t, func(t *testing.T, f fixture) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				payload := f.image(t, app, test.name)
				f.push(t, app, payload)
				retag := func(from, to []string) {
					for _, tag := range from {
						if err := f.DeleteTag(t.Context(), app, tag, actor); err != nil {
							t.Fatal(err)
						}
					}
					for _, tag := range to {
						f.push(t, app, payload, tag)
					}
				}
				retag(nil, test.before)
				seen := f.SeenTags(app, digestOf(payload))
				if test.look {
					got, err := seen.See(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(append([]string{}, test.before...), got); diff != "" {
						t.Error(diff)
					}
				}
				retag(test.before, test.after)
				err := f.DeleteManifest(t.Context(), app, digestOf(payload), seen, actor)
				if test.refused {
					wantCode(t, err, registry.CodeTagsChanged)
					retag(test.after, nil)
				} else if err != nil {
					t.Error(err)
				}
			})
		}
	})
}
