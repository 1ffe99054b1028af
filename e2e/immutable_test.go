package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// TestOnePushOfManyTakesAnImmutableTag: pushers of both planes race for a tag
// that may not move.
func TestOnePushOfManyTakesAnImmutableTag(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, args ...string) {
		s := startServer(t, args...)
		api, docker := ecrClient(t, s), newRegistryClient(t, s)
		name := "immutable-repo"
		_, err := api.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: &name, ImageTagMutability: types.ImageTagMutabilityImmutable})
		if err != nil {
			t.Fatal(err)
		}
		const rounds, pushers = 5, 12
		for round := range rounds {
			tag := fmt.Sprint("v", round)
			images := make([]image, pushers)
			for i := range images {
				images[i] = newImage(t, "amd64", 100)
				for _, blob := range images[i].blobs() {
					if err := docker.pushBlob(t.Context(), name, blob); err != nil {
						t.Fatal(err)
					}
				}
			}
			errs := make([]error, pushers)
			var pushing sync.WaitGroup
			for i, img := range images {
				pushing.Go(func() {
					if i%2 == 0 {
						errs[i] = docker.pushManifest(t.Context(), name, tag, img.content)
						return
					}
					_, errs[i] = api.PutImage(t.Context(), putImage(name, tag, img.content), once)
				})
			}
			pushing.Wait()
			var won []int
			for i, err := range errs {
				if err == nil {
					won = append(won, i)
				} else {
					wantImmutable(t, err)
				}
			}
			if len(won) != 1 {
				t.Fatalf("%s was taken by the pushers %v, want one", tag, won)
			}
			if err := docker.verify(t.Context(), name, tag, images[won[0]]); err != nil {
				t.Errorf("the winner of %s: %v", tag, err)
			}
			if err := docker.pushManifest(t.Context(), name, tag, images[won[0]].content); err != nil {
				t.Errorf("the identical manifest again: %v", err)
			}
		}
	})
}

// TestOneImagePushedThroughBothPlanes: PutImage meets docker's push of the same
// manifest and tag. Every push succeeds or is told that the image exists, at
// most one PutImage made it, and there is one image.
func TestOneImagePushedThroughBothPlanes(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, args ...string) {
		s := startServer(t, args...)
		api, docker := ecrClient(t, s), newRegistryClient(t, s)
		name := "both-planes"
		createRepository(t, s, name)
		const rounds, pushers = 5, 8
		for round := range rounds {
			tag, img := fmt.Sprint("v", round), newImage(t, "amd64", 100)
			for _, blob := range img.blobs() {
				if err := docker.pushBlob(t.Context(), name, blob); err != nil {
					t.Fatal(err)
				}
			}
			errs := make([]error, pushers) // of PutImage
			var pushing sync.WaitGroup
			for i := range errs {
				pushing.Go(func() {
					if err := docker.pushManifest(t.Context(), name, tag, img.content); err != nil {
						t.Error(err)
					}
				})
				pushing.Go(func() { _, errs[i] = api.PutImage(t.Context(), putImage(name, tag, img.content), once) })
			}
			pushing.Wait()
			made := 0
			for _, err := range errs {
				if _, exists := errors.AsType[*types.ImageAlreadyExistsException](err); err == nil {
					made++
				} else if !exists {
					t.Error(err)
				}
			}
			if made > 1 {
				t.Errorf("%d calls of PutImage made %s", made, tag)
			}
			if err := docker.verify(t.Context(), name, tag, img); err != nil {
				t.Errorf("%s: %v", tag, err)
			}
		}
		images, err := api.DescribeImages(t.Context(), &ecr.DescribeImagesInput{RepositoryName: &name})
		if err != nil || len(images.ImageDetails) != rounds {
			t.Errorf("%d images, %v, want %d", len(images.ImageDetails), err, rounds)
		}
	})
}

// wantImmutable fails the test unless err is the refusal of either plane.
func wantImmutable(t *testing.T, err error) {
	t.Helper()
	api, ok := errors.AsType[*types.ImageTagAlreadyExistsException](err)
	if ok && strings.HasSuffix(api.ErrorMessage(), "because the tag is immutable.") {
		return
	}
	docker, ok := errors.AsType[*statusError](err)
	if ok && docker.status == http.StatusBadRequest && strings.Contains(docker.body, "TAG_INVALID") {
		return
	}
	t.Errorf("got %v, want the tag to be refused", err)
}
