package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// An inspection reads what a registry remembers. Whatever it reads must be whole:
// bytes of the digest under which they are, and an image with all its blobs.
type inspection struct {
	docker registryClient
	api    *ecr.Client
	mu     sync.Mutex
	blobs  map[thing]bool // seen whole
}

// inspect looks the things up, several at once.
func (l *load) inspect(ctx context.Context, things []thing) (found map[thing]string, broken []error) {
	in := &inspection{docker: l.docker, api: l.api, blobs: map[thing]bool{}}
	found = map[thing]string{}
	queue := make(chan thing)
	var mu sync.Mutex
	var reading sync.WaitGroup
	for range 4 {
		reading.Go(func() {
			for one := range queue {
				value, err := in.look(ctx, one)
				mu.Lock()
				if err != nil {
					broken = append(broken, fmt.Errorf("%s %s in %s: %w", one.kind, one.name, one.repository, err))
				} else {
					found[one] = value
				}
				mu.Unlock()
			}
		})
	}
	for _, one := range things {
		queue <- one
	}
	close(queue)
	reading.Wait()
	for one, digest := range found {
		if one.kind != tagThing || digest == "" {
			continue
		}
		if image, looked := found[thing{imageThing, one.repository, digest}]; looked && image == "" {
			broken = append(broken, fmt.Errorf("tag %s in %s points to %s, which is not there", one.name, one.repository, digest))
		}
	}
	return found, broken
}

func (in *inspection) look(ctx context.Context, one thing) (string, error) {
	switch one.kind {
	case repositoryThing:
		_, _, err := in.docker.do(ctx, http.StatusOK, http.MethodGet, "/v2/"+one.repository+"/tags/list", nil, nil)
		if isGone(err) {
			return "", nil
		}
		return one.repository, err
	case tagThing, imageThing:
		return in.manifest(ctx, one)
	case blobThing:
		err := in.blob(ctx, one.repository, one.name)
		if isGone(err) {
			return "", nil
		}
		return one.name, err
	case policyThing:
		out, err := in.api.GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: &one.repository}, once)
		if _, none := errors.AsType[*types.LifecyclePolicyNotFoundException](err); none {
			return "", nil
		}
		if _, none := errors.AsType[*types.RepositoryNotFoundException](err); none {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		return aws.ToString(out.LifecyclePolicyText), nil
	}
	return in.upload(ctx, one)
}

func (in *inspection) manifest(ctx context.Context, one thing) (string, error) {
	header, document, err := in.docker.do(ctx, http.StatusOK, http.MethodGet, "/v2/"+one.repository+"/manifests/"+one.name, nil, nil)
	if isGone(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	digest := digestOf(document)
	if got := header.Get("Docker-Content-Digest"); got != digest || one.kind == imageThing && got != one.name {
		return "", fmt.Errorf("bytes of the digest %s are served as %s", digest, got)
	}
	var manifest struct {
		Config struct{ Digest string }
		Layers []struct{ Digest string }
	}
	if err := json.Unmarshal(document, &manifest); err != nil {
		return "", err
	}
	digests := []string{manifest.Config.Digest}
	for _, layer := range manifest.Layers {
		digests = append(digests, layer.Digest)
	}
	for _, blob := range digests {
		if err := in.blob(ctx, one.repository, blob); err != nil {
			return "", fmt.Errorf("the image has not its blob %s: %s", blob, err) //nolint:errorlint // a missing blob is not a missing image
		}
	}
	return digest, nil
}

func (in *inspection) blob(ctx context.Context, repository, digest string) error {
	key := thing{blobThing, repository, digest}
	in.mu.Lock()
	seen := in.blobs[key]
	in.mu.Unlock()
	if seen {
		return nil
	}
	if err := in.docker.verifyBlob(ctx, repository, content{Digest: digest}); err != nil {
		return err
	}
	in.mu.Lock()
	in.blobs[key] = true
	in.mu.Unlock()
	return nil
}

func (in *inspection) upload(ctx context.Context, one thing) (string, error) {
	size, _, err := in.docker.uploadSize(ctx, one.name)
	if isGone(err) {
		return uploadDone, nil
	}
	if size == 1 {
		size = 0 // an upload without bytes has no other range; no part of ours has one byte
	}
	return strconv.FormatInt(size, 10), err
}
