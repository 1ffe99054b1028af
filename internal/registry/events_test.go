package registry_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// eachNow is eachRestorable with a clock that goes: ids of events have the time.
func eachNow(t *testing.T, test func(t *testing.T, f fixture)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := openWith(t, s, t.TempDir(), newClock(), func(o *registry.Options) { o.UndeleteWindow, o.Now = window, time.Now })
		f := fixture{r, s, nil}
		f.create(t, app, registry.TagMutability{})
		test(t, f)
	})
}

// events returns all events, newest first, in pages of a size.
func (f fixture) events(t *testing.T, id registry.ID, filter registry.EventFilter, limit int) (all []registry.RegistryEvent) {
	t.Helper()
	var at registry.Cursor
	for {
		page, next, err := f.Events(t.Context(), id, filter, at, limit)
		if err != nil || len(page) > limit {
			t.Fatal(len(page), err)
		}
		all = append(all, page...)
		if at = next; at == (registry.Cursor{}) {
			return all
		}
	}
}

func names(events []registry.RegistryEvent) (all []string) {
	for _, e := range events {
		all = append(all, strings.TrimSuffix(e.Name+" "+e.Repository+":"+e.Tag, ":"))
	}
	return all
}

// TestWhateverIsDoneIsAnEventWithItsActor: each thing that can be done to a
// registry, by somebody, is listed as that one's.
func TestWhateverIsDoneIsAnEventWithItsActor(t *testing.T) {
	eachNow(t, func(t *testing.T, f fixture) {
		ctx, who := t.Context(), "arn:aws:iam::123456789012:user/who"
		n := registry.RepositoryName{Registry: registry.ID{Account: "210987654321", Region: "eu-west-1"}, Name: "team/app"}
		check := func(context.Context, *iam.Document) (iam.Pins, error) { return nil, nil }
		first, second := []byte(nil), []byte(nil)
		put := func(payload []byte, tags ...string) error {
			_, err := f.PutImage(ctx, registry.NewImage{Repository: n, Payload: payload, Tags: tags, Actor: who})
			return err
		}
		remove := func(id registry.ImageID) error {
			_, failures, err := f.DeleteImages(ctx, n, []registry.ImageID{id}, nil, who)
			if len(failures) > 0 {
				return fmt.Errorf("%v", failures)
			}
			return err
		}
		const policy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"ecr:*"}}`
		const registryPolicy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"ecr:*","Resource":"*"}}`
		const lifecycle = `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}`
		steps := []struct {
			do   func() error
			want []string // newest first
		}{
			{func() error {
				_, err := f.CreateRepository(ctx, registry.NewRepository{RepositoryName: n, Actor: who})
				first, second = f.image(t, n, "first"), f.image(t, n, "second")
				return err
			}, []string{"RepositoryCreated team/app"}},
			{func() error { return put(first, "v1", "latest") }, []string{"ImagePushed team/app:latest", "ImagePushed team/app:v1"}},
			{func() error { return put(second) }, []string{"ImagePushed team/app"}},
			{func() error { return put(second, "v2") }, []string{"TagAdded team/app:v2"}},
			{func() error { return put(second, "latest") }, []string{"TagMoved team/app:latest"}},
			{func() error { return put(second, "latest") }, nil},
			{func() error { return f.DeleteTag(ctx, n, "v2", who) }, []string{"TagDeleted team/app:v2"}},
			{func() error {
				_, err := f.RestoreTag(ctx, registry.TagRestoration{Repository: n, Tag: "latest", Sequence: 1, Actor: who})
				return err
			}, []string{"TagRestored team/app:latest"}},
			{func() error { return remove(registry.ImageID{Digest: digestOf(first)}) }, []string{"ImageDeleted team/app:v1", "ImageDeleted team/app:latest"}},
			{func() error {
				_, err := f.RestoreImage(ctx, registry.ImageRestoration{Repository: n, Digest: digestOf(first), Actor: who})
				return err
			}, []string{"ImageRestored team/app:v1", "ImageRestored team/app:latest"}},
			{func() error { return f.DeleteManifest(ctx, n, digestOf(second), nil, who) }, []string{"ImageDeleted team/app"}},
			{func() error { return f.SetTagMutability(ctx, n, registry.TagMutability{Mode: registry.Immutable}, who) }, []string{"TagMutabilityChanged team/app"}},
			{func() error { return f.SetScanOnPush(ctx, n, true, who) }, []string{"ScanningChanged team/app"}},
			{func() error { return f.SetRepositoryPolicy(ctx, n, policy, check, who) }, []string{"RepositoryPolicySet team/app"}},
			{func() error { _, err := f.DeleteRepositoryPolicy(ctx, n, who); return err }, []string{"RepositoryPolicyDeleted team/app"}},
			{func() error { return f.PutLifecyclePolicy(ctx, n, lifecycle, who) }, []string{"LifecyclePolicySet team/app"}},
			{func() error { _, err := f.DeleteLifecyclePolicy(ctx, n, who); return err }, []string{"LifecyclePolicyDeleted team/app"}},
			{func() error { return f.PutRegistryPolicy(ctx, n.Registry, registryPolicy, check, who) }, []string{"RegistryPolicySet "}},
			{func() error { _, err := f.DeleteRegistryPolicy(ctx, n.Registry, who); return err }, []string{"RegistryPolicyDeleted "}},
			{func() error {
				return f.PutAccountSetting(ctx, n.Registry, registry.BlobMounting, registry.Disabled, who)
			}, []string{"AccountSettingChanged "}},
			{func() error { _, err := f.DeleteRepository(ctx, n, true, who); return err }, []string{"RepositoryDeleted team/app"}},
			{func() error {
				_, err := f.RestoreRepository(ctx, registry.RepositoryRestoration{RepositoryName: n, NewName: "app", Actor: who})
				return err
			}, []string{"RepositoryRestored app"}},
		}
		newest := ""
		for i, step := range steps {
			if err := step.do(); err != nil {
				t.Fatal(i, err)
			}
			got := f.events(t, n.Registry, registry.EventFilter{NewerThan: newest, Actor: who}, 100)
			if diff := cmp.Diff(step.want, names(got)); diff != "" {
				t.Errorf("step %d: %s", i, diff)
			}
			if len(got) > 0 {
				newest = got[0].ID
			}
		}
		// What was refused is none.
		_, err := f.CreateRepository(ctx, registry.NewRepository{RepositoryName: registry.RepositoryName{Registry: n.Registry, Name: "app"}, Actor: who})
		wantCode(t, err, registry.CodeRepositoryAlreadyExists)
		wantCode(t, f.SetScanOnPush(ctx, n, true, who), registry.CodeRepositoryNotFound)
		if got := f.events(t, n.Registry, registry.EventFilter{NewerThan: newest}, 100); got != nil {
			t.Errorf("after refusals: %v", names(got))
		}
	})
}

func TestEventsAreFilteredAndHavePages(t *testing.T) {
	eachNow(t, func(t *testing.T, f fixture) {
		begin := time.Now()
		other := registry.RepositoryName{Registry: home, Name: "other"}
		f.create(t, other, registry.TagMutability{})
		f.create(t, registry.RepositoryName{Registry: registry.ID{Account: home.Account, Region: "eu-west-1"}, Name: "app"}, registry.TagMutability{})
		for i := range 7 {
			f.push(t, app, f.image(t, app, strconv.Itoa(i)), fmt.Sprint("v", i))
			f.push(t, other, f.image(t, other, strconv.Itoa(i)), fmt.Sprint("v", i))
		}
		var want []string
		for i := range 7 {
			want = append(want, fmt.Sprint("ImagePushed app:v", i), fmt.Sprint("ImagePushed other:v", i))
		}
		want = append([]string{"RepositoryCreated app", "RepositoryCreated other"}, want...)
		slices.Reverse(want)
		of := func(repository string) (some []string) {
			for _, name := range want {
				if strings.Contains(name, " "+repository) {
					some = append(some, name)
				}
			}
			return some
		}
		all := f.events(t, home, registry.EventFilter{}, 100)
		for name, c := range map[string]struct {
			filter registry.EventFilter
			want   []string
		}{
			"all":          {registry.EventFilter{}, want},
			"repository":   {registry.EventFilter{Repository: "other"}, of("other")},
			"name":         {registry.EventFilter{Name: "RepositoryCreated"}, want[14:]},
			"actor":        {registry.EventFilter{Actor: actor}, want[:14]},
			"nobody":       {registry.EventFilter{Actor: "arn:aws:iam::123456789012:user/nobody"}, nil},
			"from":         {registry.EventFilter{From: begin.Add(-time.Hour)}, want},
			"from later":   {registry.EventFilter{From: time.Now().Add(time.Hour)}, nil},
			"to":           {registry.EventFilter{To: time.Now().Add(time.Hour)}, want},
			"to before":    {registry.EventFilter{To: begin.Add(-time.Hour)}, nil},
			"to an event":  {registry.EventFilter{To: all[3].At.Add(time.Millisecond)}, want[3-sameTime(all, 3):]},
			"newer":        {registry.EventFilter{NewerThan: all[5].ID}, want[:5]},
			"newer there":  {registry.EventFilter{NewerThan: all[5].ID, Repository: "app"}, slices.DeleteFunc(slices.Clone(want[:5]), func(s string) bool { return strings.Contains(s, "other") })},
			"nothing new":  {registry.EventFilter{NewerThan: all[0].ID}, nil},
			"no such name": {registry.EventFilter{Repository: "none"}, nil},
		} {
			for _, limit := range []int{1, 3, 100} {
				if diff := cmp.Diff(c.want, names(f.events(t, home, c.filter, limit))); diff != "" {
					t.Errorf("%s in pages of %d: %s", name, limit, diff)
				}
			}
		}
		_, _, err := f.Events(t.Context(), home, registry.EventFilter{}, registry.Cursor{Kind: "tag", Key: "x"}, 1)
		wantCode(t, err, registry.CodeInvalidParameter)
	})
}

// sameTime is how many events before one happened in the same millisecond.
func sameTime(events []registry.RegistryEvent, i int) (n int) {
	for i-n > 0 && events[i-n-1].At.Equal(events[i].At) {
		n++
	}
	return n
}

// TestAPageOfEventsLooksAtSoManyAtMost: what is rare takes several pages, which may
// be empty.
func TestAPageOfEventsLooksAtSoManyAtMost(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := fixture{open(t, s, t.TempDir(), newClock()), s, nil}
		f.create(t, app, registry.TagMutability{})
		err := s.Update(t.Context(), store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
			for i := range 11_000 {
				e := store.Event{ID: fmt.Sprintf("ff%06d-0000", i), Account: home.Account, Region: home.Region, Type: "Other", Resource: app.ARN(), Detail: "{}"}
				if err := tx.InsertEvent(ctx, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		pages, found := 0, 0
		var at registry.Cursor
		for pages == 0 || at != (registry.Cursor{}) {
			page, next, err := f.Events(t.Context(), home, registry.EventFilter{Name: "RepositoryCreated"}, at, 10)
			if err != nil {
				t.Fatal(err)
			}
			pages, found, at = pages+1, found+len(page), next
		}
		if pages != 3 || found != 1 {
			t.Errorf("%d events in %d pages", found, pages)
		}
	})
}
