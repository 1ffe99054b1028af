package verify_test

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/verify"
)

func TestNothingIsFoundWhereNothingIsWrong(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		one, two := f.push(t, "1", "latest"), f.push(t)
		f.push(t, "latest")
		f.index(t, one, "multi")
		if _, _, err := f.DeleteImages(t.Context(), app, []registry.ImageID{{Digest: two.digest}}, nil, actor); err != nil {
			t.Fatal(err)
		}
		report := f.verify(t)
		if len(report.Found) > 0 {
			t.Errorf("found %+v", report.Findings)
		}
		if report.Blobs != 6 || report.Manifests != 3 || report.Tags != 3 || report.Links != 6 || report.Files != 3 || report.Bytes < 600<<10 {
			t.Errorf("read %+v", report)
		}
	})
}

// What follows is what may happen to what is stored, and what is to be found:
// once, and with the name of the image that it is about.
func TestDamageIsFound(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(t *testing.T, f *fixture, i image)
		kind   verify.Kind
		// digest is what the finding is about, if not the image.
		digest func(i image) string
		// repaired says that a repair mends it.
		repaired bool
		// also are kinds that are found besides, on SQLite, which looks at itself.
		also verify.Kind
	}{
		"a byte of a file": {
			damage: func(t *testing.T, f *fixture, i image) { flip(t, f.path(t, i.layerDigest), 100<<10) },
			kind:   verify.BlobDamaged, digest: func(i image) string { return i.layerDigest },
		},
		"a file cut short": {
			damage: func(t *testing.T, f *fixture, i image) {
				if err := os.Truncate(f.path(t, i.layerDigest), 1000); err != nil {
					t.Fatal(err)
				}
			},
			kind: verify.BlobDamaged, digest: func(i image) string { return i.layerDigest },
		},
		"a file gone": {
			damage: func(t *testing.T, f *fixture, i image) {
				if err := os.Remove(f.path(t, i.layerDigest)); err != nil {
					t.Fatal(err)
				}
			},
			kind: verify.BlobMissing, digest: func(i image) string { return i.layerDigest },
		},
		"a small blob's bytes": {
			damage: func(t *testing.T, f *fixture, i image) {
				f.change(t, `UPDATE blobs SET content = $1 WHERE digest = $2`, []byte("x"), digest.FromBytes(i.config).String())
			},
			kind: verify.BlobDamaged, digest: func(i image) string { return digest.FromBytes(i.config).String() },
		},
		"a blob's size": {
			damage: func(t *testing.T, f *fixture, i image) {
				f.change(t, `UPDATE blobs SET size = 5 WHERE digest = $1`, i.layerDigest)
				f.change(t, `UPDATE repository_blobs SET size = 5 WHERE digest = $1`, i.layerDigest)
			},
			kind: verify.BlobDamaged, digest: func(i image) string { return i.layerDigest },
		},
		"a manifest's bytes": {
			damage: func(t *testing.T, f *fixture, i image) {
				f.change(t, `UPDATE manifests SET payload = $1 WHERE digest = $2`, []byte("{}"), i.digest)
			},
			kind: verify.ManifestDamaged,
		},
		"a link gone": {
			damage: func(t *testing.T, f *fixture, i image) {
				f.change(t, `DELETE FROM repository_blobs WHERE digest = $1`, i.layerDigest)
				f.change(t, `INSERT INTO blob_checks (blob_id) SELECT id FROM blobs WHERE digest = $1`, i.layerDigest)
			},
			kind: verify.ReferencesDamaged, repaired: true, also: verify.DatabaseDamaged,
		},
		"a reference gone": {
			damage: func(t *testing.T, f *fixture, i image) {
				f.change(t, `DELETE FROM manifest_blobs WHERE blob_digest = $1`, i.layerDigest)
			},
			kind: verify.ReferencesDamaged, repaired: true,
		},
		"a link and its reference gone": {
			damage: func(t *testing.T, f *fixture, i image) {
				f.change(t, `DELETE FROM manifest_blobs WHERE blob_digest = $1`, i.layerDigest)
				f.change(t, `DELETE FROM repository_blobs WHERE digest = $1`, i.layerDigest)
				f.change(t, `INSERT INTO blob_checks (blob_id) SELECT id FROM blobs WHERE digest = $1`, i.layerDigest)
			},
			kind: verify.ReferencesDamaged, repaired: true,
		},
		"a reference too many": {
			damage: func(t *testing.T, f *fixture, i image) {
				f.change(t, `INSERT INTO manifest_blobs (repository_id, manifest_digest, blob_digest, media_type)
					SELECT repository_id, $1, digest, '' FROM repository_blobs WHERE digest NOT IN (SELECT blob_digest FROM manifest_blobs WHERE manifest_digest = $1)`, i.digest)
			},
			kind: verify.ReferencesDamaged,
		},
		"a link to another blob": {
			damage: func(t *testing.T, f *fixture, i image) {
				f.change(t, `UPDATE repository_blobs SET blob_id = (SELECT id FROM blobs WHERE digest = $1) WHERE digest = $2`,
					digest.FromBytes(i.config).String(), i.layerDigest)
				f.change(t, `INSERT INTO blob_checks (blob_id) SELECT id FROM blobs WHERE digest = $1`, i.layerDigest)
			},
			kind: verify.LinkBroken, digest: func(i image) string { return i.layerDigest }, repaired: true,
		},
		"a tag's image": {
			damage: func(t *testing.T, f *fixture, i image) {
				f.change(t, `UPDATE tags SET digest = $1 WHERE name = 'hurt'`, "sha256:"+strings.Repeat("0", 64))
				f.change(t, `INSERT INTO untagged (repository_id, digest) SELECT repository_id, digest FROM manifests WHERE digest = $1`, i.digest)
			},
			kind: verify.TagWrong, digest: func(image) string { return "sha256:" + strings.Repeat("0", 64) }, also: verify.DatabaseDamaged,
		},
		"a tag's history": {
			damage: func(t *testing.T, f *fixture, i image) { f.change(t, `DELETE FROM tag_history WHERE name = 'hurt'`) },
			kind:   verify.TagWrong,
		},
		"a tag gone": {
			damage: func(t *testing.T, f *fixture, i image) {
				f.change(t, `DELETE FROM tags WHERE name = 'hurt'`)
				f.change(t, `INSERT INTO untagged (repository_id, digest) SELECT repository_id, digest FROM manifests WHERE digest = $1`, i.digest)
			},
			kind: verify.TagWrong, digest: func(image) string { return "" },
		},
		"a tagged image among the untagged": {
			damage: func(t *testing.T, f *fixture, i image) {
				f.change(t, `INSERT INTO untagged (repository_id, digest) SELECT repository_id, digest FROM manifests WHERE digest = $1`, i.digest)
			},
			kind: verify.ListingWrong, repaired: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, f *fixture) {
				f.push(t, "whole")
				i := f.push(t, "hurt")
				test.damage(t, f, i)
				about := i.digest
				if test.digest != nil {
					about = test.digest(i)
				}
				check := func(report verify.Report, repaired bool) {
					t.Helper()
					for kind, n := range report.Found {
						if kind == test.kind && n != 1 || kind != test.kind && kind != test.also {
							t.Errorf("found %d %s", n, kind)
						}
					}
					for _, found := range report.Findings {
						if found.Kind != test.kind {
							continue
						}
						if found.Digest != about || !strings.Contains(found.Where(), appARN) || found.Repaired != repaired {
							t.Errorf("found %+v", found)
						}
						if found.Kind != verify.LinkBroken && !strings.Contains(found.Where(), ":hurt") {
							t.Errorf("the image is not named: %s", found.Where())
						}
					}
					if report.Found[test.kind] != 1 {
						t.Errorf("found %+v", report.Findings)
					}
				}
				check(f.verify(t), false)
				check(f.verify(t), false) // the first one has changed nothing
				check(f.verify(t, repairing), test.repaired)
				if after := f.verify(t); test.repaired && len(after.Found) > 0 {
					t.Errorf("after the repair: %+v", after.Findings)
				}
				if !strings.Contains(f.log.String(), "stored data is damaged") {
					t.Errorf("the log has %s", f.log)
				}
			})
		})
	}
}

func TestTwoFilesThatChangedPlacesAreFound(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		one, two := f.push(t, "1"), f.push(t, "2")
		a, b := f.path(t, one.layerDigest), f.path(t, two.layerDigest)
		for _, move := range [][2]string{{a, a + "x"}, {b, a}, {a + "x", b}} {
			if err := os.Rename(move[0], move[1]); err != nil {
				t.Fatal(err)
			}
		}
		if report := f.verify(t); report.Found[verify.BlobDamaged] != 2 || len(report.Found) != 1 {
			t.Errorf("found %+v", report.Findings)
		}
	})
}

func TestMissingChildOfAnIndexIsFound(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		i := f.push(t, "child")
		parent := f.index(t, i, "multi")
		f.change(t, `DELETE FROM manifest_children WHERE parent_digest = $1`, parent)
		report := f.verify(t, repairing)
		if report.Found[verify.ReferencesDamaged] != 1 || report.Findings[0].Digest != parent || !report.Findings[0].Repaired {
			t.Errorf("found %+v", report.Findings)
		}
		if report := f.verify(t); len(report.Found) > 0 {
			t.Errorf("after the repair: %+v", report.Findings)
		}
	})
}

// wantDamaged checks that a pull is refused with a text that says what to do.
func wantDamaged(t testing.TB, err error) {
	t.Helper()
	refused, ok := errors.AsType[*registry.Error](err)
	if !ok || refused.Code != registry.CodeDamaged || !strings.Contains(refused.Message, "again") {
		t.Errorf("got %v", err)
	}
}

func TestADamagedBlobIsRefusedAndAPushHealsIt(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, f *fixture, i image){
		"a byte": func(t *testing.T, f *fixture, i image) { flip(t, f.path(t, i.layerDigest), 7) },
		"gone": func(t *testing.T, f *fixture, i image) {
			if err := os.Remove(f.path(t, i.layerDigest)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, f *fixture) {
				i := f.push(t, "v1")
				damage(t, f, i)
				f.verify(t, marking)
				_, err := f.read(t, i.layerDigest)
				wantDamaged(t, err)
				wantDamaged(t, f.BlobReferenced(t.Context(), app, i.layerDigest))
				if _, err := f.CheckBlob(t.Context(), app, i.layerDigest); err == nil {
					t.Error("a push is told that the blob is there")
				}
				if found, err := f.CheckBlobs(t.Context(), app, []string{i.layerDigest}); err != nil || len(found) > 0 {
					t.Errorf("available: %v, %v", found, err)
				}
				if mounted, err := f.MountBlob(t.Context(), app, "app", i.layerDigest); err != nil || mounted {
					t.Errorf("mounted: %v, %v", mounted, err)
				}
				n, err := f.store.DamagedBlobs(t.Context())
				if err != nil || n != 1 {
					t.Errorf("%d are damaged, %v", n, err)
				}
				before := f.log.Len()
				if report := f.verify(t, marking); report.Damage() != 1 || f.log.Len() != before {
					t.Errorf("the second time: %+v, the log has %s", report.Findings, f.log)
				}

				f.putBlob(t, i.layer)
				f.putImage(t, i.payload, "v1")
				content, err := f.read(t, i.layerDigest)
				if err != nil || digest.FromBytes(content).String() != i.layerDigest {
					t.Errorf("read %d bytes, %v", len(content), err)
				}
				if report := f.verify(t, marking); len(report.Found) > 0 {
					t.Errorf("after the push: %+v", report.Findings)
				}
			})
		})
	}
}

func TestASmallBlobHeals(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		i := f.push(t, "v1")
		f.change(t, `UPDATE blobs SET content = $1 WHERE digest = $2`, []byte("x"), digest.FromBytes(i.config).String())
		f.verify(t, marking)
		_, err := f.read(t, digest.FromBytes(i.config).String())
		wantDamaged(t, err)
		f.putBlob(t, i.config)
		if report := f.verify(t); len(report.Found) > 0 {
			t.Errorf("found %+v", report.Findings)
		}
	})
}

func TestADamagedManifestIsRefusedAndAPushHealsIt(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		i := f.push(t, "v1")
		f.change(t, `UPDATE manifests SET payload = $1 WHERE digest = $2`, []byte("{}"), i.digest)
		_, err := f.Manifest(t.Context(), app, registry.ImageID{Tag: "v1"})
		wantDamaged(t, err)
		if f.putImage(t, i.payload, "v1") != i.digest {
			t.Error("the image has another digest")
		}
		m, err := f.Manifest(t.Context(), app, registry.ImageID{Tag: "v1"})
		if err != nil || m.Digest != i.digest {
			t.Errorf("got %v, %v", m, err)
		}
		if report := f.verify(t); len(report.Found) > 0 {
			t.Errorf("found %+v", report.Findings)
		}
	})
}

func TestAFileThatIsGoneIsRefusedAtThePullAlready(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		i := f.push(t, "v1")
		if err := os.Remove(f.path(t, i.layerDigest)); err != nil {
			t.Fatal(err)
		}
		_, err := f.read(t, i.layerDigest)
		wantDamaged(t, err)
		if _, err := f.CheckBlob(t.Context(), app, i.layerDigest); err == nil {
			t.Error("a push is told that the blob is there")
		}
	})
}

func TestABlobThatIsWholeAgainIsServedAgain(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		i := f.push(t, "v1")
		path := f.path(t, i.layerDigest)
		flip(t, path, 7)
		f.verify(t, marking)
		flip(t, path, 7)
		if report := f.verify(t); len(report.Found) > 0 {
			t.Errorf("found %+v", report.Findings)
		}
		_, err := f.read(t, i.layerDigest)
		wantDamaged(t, err) // only a pass that marks takes a mark away
		f.verify(t, marking)
		if _, err := f.read(t, i.layerDigest); err != nil {
			t.Error(err)
		}
	})
}

func TestLeftoversAreNoDamage(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.putBlob(t, []byte("never used"))
		f.putBlob(t, []byte("never linked"))
		f.change(t, `DELETE FROM link_checks`)
		f.change(t, `DELETE FROM repository_blobs WHERE digest = $1`, digest.FromBytes([]byte("never linked")).String())
		path := f.path(t, f.push(t, "v1").layerDigest)
		orphan := path[:len(path)-1] + "0"
		if orphan == path {
			orphan = path[:len(path)-1] + "1"
		}
		if err := os.WriteFile(orphan, []byte("?"), 0o600); err != nil {
			t.Fatal(err)
		}
		if report := f.verify(t); report.Found[verify.Orphan] != 0 || report.Found[verify.Forgotten] != 1 {
			t.Errorf("at once: %+v", report.Findings)
		}
		f.clock.advance(26 * time.Hour)
		report := f.verify(t)
		if report.Found[verify.Orphan] != 1 || report.Found[verify.Forgotten] != 2 || report.Damage() != 0 {
			t.Errorf("after a day: %+v", report.Findings)
		}
		f.verify(t, repairing)
		if report := f.verify(t); report.Found[verify.Forgotten] != 0 {
			t.Errorf("after the repair: %+v", report.Findings)
		}
	})
}

// The grace period was longer once, and much was pushed since.
func TestALinkThatWaitsBehindManyIsNotForgotten(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.putBlob(t, []byte("waits"))
		f.putBlob(t, []byte("forgotten"))
		waiting, forgotten := digest.FromBytes([]byte("waits")).String(), digest.FromBytes([]byte("forgotten")).String()
		f.change(t, `DELETE FROM link_checks WHERE digest = $1`, forgotten)
		f.change(t, `UPDATE link_checks SET due_at = $2 WHERE digest = $1`, waiting, f.clock.now().Add(1000*time.Hour).UnixMilli())
		for i := range 450 {
			f.change(t, `INSERT INTO link_checks (due_at, repository_id, digest) VALUES ($1, 'another', $2)`, f.clock.now().UnixMilli(), strconv.Itoa(i))
		}
		f.clock.advance(50 * time.Hour)
		report := f.verify(t)
		if report.Found[verify.Forgotten] != 1 || report.Findings[0].Digest != forgotten {
			t.Errorf("%+v", report.Findings)
		}
	})
}

func TestABlobStoreThatIsGoneDamagesNothing(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		var i image
		for range 10 {
			i = f.push(t, "v1")
		}
		if err := os.Rename(f.dir, f.dir+"-elsewhere"); err != nil {
			t.Fatal(err)
		}
		empty, err := file.Open(f.dir)
		if err != nil {
			t.Fatal(err)
		}
		defer empty.Close()
		f.blobs = empty
		f.Registry = f.open()
		o := f.options()
		o.Mark = true
		if report, err := verify.Run(t.Context(), o); err == nil {
			t.Errorf("found %+v", report.Findings)
		}
		if _, err := f.read(t, i.layerDigest); err == nil {
			t.Error("a blob was read")
		}
		if n, err := f.store.DamagedBlobs(t.Context()); err != nil || n != 0 {
			t.Errorf("%d are damaged, %v", n, err)
		}
	})
}
