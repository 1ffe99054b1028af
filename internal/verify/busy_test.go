package verify_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/verify"
)

// Whatever changes while everything is read is no damage: pushes, deletions,
// restorations, deleted repositories, and collections that keep nothing.
func TestNothingIsFoundInABusyRegistry(t *testing.T) {
	duration := 4 * time.Second
	each(t, func(t *testing.T, f *fixture) {
		f.Registry = f.open(func(o *registry.Options) { o.Grace, o.UndeleteWindow, o.Now = 0, 0, nil })
		ctx, cancel := context.WithTimeout(t.Context(), duration)
		defer cancel()
		var wg sync.WaitGroup
		for worker := range 3 {
			wg.Go(func() { f.churn(ctx, t, worker) })
		}
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := f.CollectNow(ctx); err != nil && ctx.Err() == nil {
					t.Errorf("collect: %v", err)
				}
			}
		})
		passes := 0
		for ctx.Err() == nil {
			o := f.options()
			o.Mark, o.Now, o.Grace = true, time.Now, 0
			report, err := verify.Run(ctx, o)
			if err != nil && ctx.Err() == nil {
				t.Errorf("verify: %v", err)
			}
			if len(report.Found) > 0 {
				t.Errorf("found %+v", report.Findings)
				break
			}
			passes++
		}
		cancel()
		wg.Wait()
		t.Logf("%d passes", passes)
		if report := f.verify(t); report.Damage() > 0 {
			t.Errorf("at the end: %+v", report.Findings)
		}
	})
}

// churn pushes, moves tags, deletes images and whole repositories.
func (f *fixture) churn(ctx context.Context, t *testing.T, worker int) {
	own := registry.RepositoryName{Registry: home, Name: fmt.Sprintf("own-%d", worker)}
	isRefusal := func(err error) bool {
		_, ok := errors.AsType[*registry.Error](err)
		return ok
	}
	for n := 0; ctx.Err() == nil; n++ {
		tag := fmt.Sprintf("t%d", rand.IntN(3))
		i, err := f.tryPush(ctx, app, tag)
		if err == nil && n%3 == 0 {
			_, _, err = f.DeleteImages(ctx, app, []registry.ImageID{{Digest: i.digest}}, nil, actor)
		}
		if err == nil && n%4 == 0 {
			err = f.DeleteTag(ctx, app, tag, actor)
		}
		if err == nil && n%5 == 0 {
			if _, err = f.CreateRepository(ctx, registry.NewRepository{RepositoryName: own}); err == nil {
				_, err = f.tryPush(ctx, own, "v1")
			}
			if err == nil {
				_, err = f.DeleteRepository(ctx, own, true, actor)
			}
		}
		if err != nil && ctx.Err() == nil && !isRefusal(err) {
			t.Errorf("churn: %v", err)
			return
		}
	}
}
