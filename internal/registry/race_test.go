package registry_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
)

// refusedAs reports whether err is nil or one of the refusals that a race may end in.
func refusedAs(err error, codes ...registry.Code) bool {
	refusal, ok := errors.AsType[*registry.Error](err)
	return err == nil || ok && slices.Contains(codes, refusal.Code)
}

// TestConcurrentRetagsAndDeletesKeepTheUntaggedListRight: who removes an
// image's last tag, and who adds one, must not both believe the other did nothing.
func TestConcurrentRetagsAndDeletesKeepTheUntaggedListRight(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		var payloads [][]byte
		for i := range 3 {
			payloads = append(payloads, f.image(t, app, fmt.Sprint("image ", i)))
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 30 {
					tag, payload := fmt.Sprint("t", rand.IntN(3)), payloads[rand.IntN(3)]
					var err error
					switch rand.IntN(4) {
					case 0:
						err = f.DeleteTag(t.Context(), app, tag, actor)
					case 1:
						_, _, err = f.DeleteImages(t.Context(), app, []registry.ImageID{{Tag: tag}}, nil, actor)
					default:
						_, err = f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: payload, Tags: []string{tag}})
					}
					if !refusedAs(err, registry.CodeImageNotFound) {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		var want []string
		images, _, err := f.DescribeImages(t.Context(), app, registry.Any, registry.Cursor{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, image := range images {
			if image.Tags == nil {
				want = append(want, "@"+image.Digest)
			}
		}
		if diff := cmp.Diff(want, f.tagged(t, registry.Untagged)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestIndexPushAgainstChildDelete: an index never refers to an image that is gone.
func TestIndexPushAgainstChildDelete(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		child := f.image(t, app, "child")
		index := encode(t, imageText{MediaType: manifest.MediaTypeIndex, Manifests: []descriptor{describe(manifest.MediaTypeImage, child)}})
		for range 30 {
			f.push(t, app, child)
			var wg sync.WaitGroup
			wg.Go(func() {
				_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: index})
				if !refusedAs(err, registry.CodeReferencedImagesNotFound) {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if err := f.DeleteManifest(t.Context(), app, digestOf(child), nil, actor); !refusedAs(err, registry.CodeImageReferenced) {
					t.Error(err)
				}
			})
			wg.Wait()
			ids := f.tagged(t, registry.Any)
			if slices.Contains(ids, "@"+digestOf(index)) && !slices.Contains(ids, "@"+digestOf(child)) {
				t.Fatal("the index is there and its child is not")
			}
			if err := f.DeleteManifest(t.Context(), app, digestOf(index), nil, actor); !refusedAs(err, registry.CodeImageNotFound) {
				t.Fatal(err)
			}
		}
	})
}

// TestPushAgainstBlobDelete: an image never refers to a blob that is gone.
func TestPushAgainstBlobDelete(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		layer := describe(layerType, []byte("layer one"))
		for range 30 {
			payload := f.image(t, app, "one")
			var wg sync.WaitGroup
			wg.Go(func() {
				_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: payload})
				if !refusedAs(err, registry.CodeLayersNotFound) {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if err := f.DeleteBlob(t.Context(), app, layer.Digest.String()); !refusedAs(err, registry.CodeLayerReferenced) {
					t.Error(err)
				}
			})
			wg.Wait()
			_, errImage := f.Manifest(t.Context(), app, registry.ImageID{Digest: digestOf(payload)})
			_, errBlob := f.CheckBlob(t.Context(), app, layer.Digest.String())
			if errImage == nil && errBlob != nil {
				t.Fatal("the image is there and its layer is not")
			}
			if err := f.DeleteManifest(t.Context(), app, digestOf(payload), nil, actor); !refusedAs(err, registry.CodeImageNotFound) {
				t.Fatal(err)
			}
		}
	})
}

// TestPushAgainstBlobThatComesAndGoes: a push finds a layer, or is told that it
// is missing, however often it is deleted and uploaded meanwhile.
func TestPushAgainstBlobThatComesAndGoes(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		layer, payload := []byte("layer one"), f.image(t, app, "one")
		digest := describe(layerType, layer).Digest.String()
		done := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := f.DeleteBlob(t.Context(), app, digest); !refusedAs(err, registry.CodeLayerReferenced) {
					t.Error(err)
				}
				f.putBlob(t, app, layer)
			}
		})
		for range 50 {
			_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: payload})
			if !refusedAs(err, registry.CodeLayersNotFound) {
				t.Error(err)
				break
			}
			if err == nil {
				err = f.DeleteManifest(t.Context(), app, digestOf(payload), nil, actor)
			}
			if !refusedAs(err, registry.CodeLayersNotFound) {
				t.Error(err)
			}
		}
		close(done)
		wg.Wait()
	})
}

// TestPushAgainstMutabilityChange: once a repository is acknowledged to be
// immutable, none of its tags moves.
func TestPushAgainstMutabilityChange(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		f.racePushAgainst(t, registry.TagMutability{Mode: registry.Mutable}, registry.TagMutability{Mode: registry.Immutable})
	})
}

// TestPushAgainstExclusionFilterChange: once a filter is acknowledged to be gone
// or there, no tag moves that it let move or that it holds.
func TestPushAgainstExclusionFilterChange(t *testing.T) {
	free, held := "v*", "unrelated"
	tests := map[string]struct{ before, after registry.TagMutability }{
		"filter replaced": {
			registry.TagMutability{Mode: registry.ImmutableWithExclusion, Exclusions: []string{free}},
			registry.TagMutability{Mode: registry.ImmutableWithExclusion, Exclusions: []string{held}},
		},
		"filter dropped": {
			registry.TagMutability{Mode: registry.ImmutableWithExclusion, Exclusions: []string{free}},
			registry.TagMutability{Mode: registry.Immutable},
		},
		"filter added": {
			registry.TagMutability{Mode: registry.MutableWithExclusion, Exclusions: []string{held}},
			registry.TagMutability{Mode: registry.MutableWithExclusion, Exclusions: []string{held, free}},
		},
		"meaning turned round": {
			registry.TagMutability{Mode: registry.ImmutableWithExclusion, Exclusions: []string{free}},
			registry.TagMutability{Mode: registry.MutableWithExclusion, Exclusions: []string{free}},
		},
	}
	each(t, func(t *testing.T, f fixture) {
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) { f.racePushAgainst(t, tt.before, tt.after) })
		}
	})
}

// racePushAgainst races pushes that move tags named v* against a change of the
// settings, from some that let them move to some that hold them.
func (f fixture) racePushAgainst(t *testing.T, before, after registry.TagMutability) {
	t.Helper()
	one, two, three := f.image(t, app, "one"), f.image(t, app, "two"), f.image(t, app, "three")
	set := func(m registry.TagMutability) {
		if err := f.SetTagMutability(t.Context(), app, m, actor); err != nil {
			t.Error(err)
		}
	}
	pointsAt := func(tag string) string {
		m, err := f.Manifest(t.Context(), app, registry.ImageID{Tag: tag})
		if err != nil {
			t.Error(err)
		}
		return m.Digest
	}
	for round := range 20 {
		tag := fmt.Sprint("v", round)
		set(before)
		f.push(t, app, one, tag)
		var pushed error
		acknowledged := ""
		var wg sync.WaitGroup
		wg.Go(func() {
			_, pushed = f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: two, Tags: []string{tag}})
		})
		wg.Go(func() {
			set(after)
			acknowledged = pointsAt(tag)
		})
		wg.Wait()
		if !refusedAs(pushed, registry.CodeImageTagAlreadyExists) {
			t.Fatal(pushed)
		}
		now := pointsAt(tag)
		if (pushed == nil) != (now == digestOf(two)) || now != acknowledged {
			t.Errorf("the push ended in %v; %s pointed at %s after the change and points at %s", pushed, tag, acknowledged, now)
		}
		_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: three, Tags: []string{tag}})
		wantCode(t, err, registry.CodeImageTagAlreadyExists)
		if err := f.DeleteTag(t.Context(), app, tag, actor); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDeleteAgainstRetag: a tag moves to another image while it, or the image,
// is deleted. Whichever comes second finds what the first one left.
func TestDeleteAgainstRetag(t *testing.T) {
	tests := map[string]struct {
		remove     func(f fixture, t *testing.T, one string) error
		mutability registry.Mutability
		want       []string // the repository when both are done, one of them
	}{
		"the tag": {
			func(f fixture, t *testing.T, _ string) error { return f.DeleteTag(t.Context(), app, "v", actor) },
			registry.Mutable,
			[]string{"@one v@two", "@one @two"},
		},
		"the immutable tag": {
			func(f fixture, t *testing.T, _ string) error { return f.DeleteTag(t.Context(), app, "v", actor) },
			registry.Immutable,
			[]string{"@one v@two", "@one"},
		},
		"the image by its last tag": {
			func(f fixture, t *testing.T, _ string) error {
				_, _, err := f.DeleteImages(t.Context(), app, []registry.ImageID{{Tag: "v"}}, nil, actor)
				return err
			},
			registry.Mutable,
			[]string{"v@two", "@one"},
		},
		"the image that has the tag": {
			func(f fixture, t *testing.T, one string) error {
				return f.DeleteManifest(t.Context(), app, one, nil, actor)
			},
			registry.Mutable,
			[]string{"v@two"},
		},
	}
	each(t, func(t *testing.T, f fixture) {
		one, two := f.image(t, app, "one"), f.image(t, app, "two")
		names := strings.NewReplacer(digestOf(one), "one", digestOf(two), "two")
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				for range 15 {
					if err := f.SetTagMutability(t.Context(), app, registry.TagMutability{Mode: tt.mutability}, actor); err != nil {
						t.Fatal(err)
					}
					f.push(t, app, one, "v")
					var wg sync.WaitGroup
					wg.Go(func() {
						_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: two, Tags: []string{"v"}})
						if err != nil && (tt.mutability == registry.Mutable || !refusedAs(err, registry.CodeImageTagAlreadyExists)) {
							t.Error(err)
						}
					})
					wg.Go(func() {
						if err := tt.remove(f, t, digestOf(one)); err != nil {
							t.Error(err)
						}
					})
					wg.Wait()
					tags := strings.Split(names.Replace(strings.Join(f.tagged(t, registry.Any), " ")), " ")
					slices.Sort(tags)
					if got := strings.Join(tags, " "); !slices.Contains(tt.want, got) {
						t.Errorf("the repository holds %s, want one of %q", got, tt.want)
					}
					for _, digest := range []string{digestOf(one), digestOf(two)} {
						if err := f.DeleteManifest(t.Context(), app, digest, nil, actor); !refusedAs(err, registry.CodeImageNotFound) {
							t.Fatal(err)
						}
					}
				}
			})
		}
	})
}

// TestTwoPushesOfOneImage: of many pushes of the same manifest and tag exactly
// one made it, which is what PutImage of the ECR API tells its caller.
func TestTwoPushesOfOneImage(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		for round := range 10 {
			tag := fmt.Sprint("v", round)
			var made atomic.Int32
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					result, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: payload, Tags: []string{tag}})
					if err != nil {
						t.Error(err)
					}
					if !result.Existed {
						made.Add(1)
					}
				})
			}
			wg.Wait()
			changes, _, err := f.TagHistory(t.Context(), app, tag, registry.Cursor{}, 10)
			if made.Load() != 1 || err != nil || len(changes) != 1 {
				t.Errorf("%d pushes made %s, and its history is %v, %v", made.Load(), tag, changes, err)
			}
		}
		events, err := f.store.Events(t.Context(), "", 100)
		if err != nil || len(events) != 11 {
			t.Errorf("%d events, %v, want one a tag and the creation", len(events), err)
		}
	})
}

// TestDeleteRepositoryAgainstPush: a repository that was deleted holds nothing,
// and one that holds an image was not deleted without force.
func TestDeleteRepositoryAgainstPush(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		for range 20 {
			payload := f.image(t, app, "one")
			var pushed, deleted error
			var wg sync.WaitGroup
			wg.Go(func() {
				_, pushed = f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: payload, Tags: []string{"v1"}})
			})
			wg.Go(func() { _, deleted = f.DeleteRepository(t.Context(), app, false, actor) })
			wg.Wait()
			if !refusedAs(pushed, registry.CodeRepositoryNotFound) || !refusedAs(deleted, registry.CodeRepositoryNotEmpty) {
				t.Fatal(pushed, deleted)
			}
			if (pushed == nil) == (deleted == nil) {
				t.Fatalf("push: %v, delete: %v; exactly one must win", pushed, deleted)
			}
			if deleted != nil {
				if _, err := f.DeleteRepository(t.Context(), app, true, actor); err != nil {
					t.Fatal(err)
				}
			}
			f.create(t, app, registry.TagMutability{})
		}
	})
}
