package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// How often the clients of a chaos try, and how long they wait after the first
// failure, as docker and crane do; it doubles.
const (
	chaosTries   = 5
	chaosBackoff = 500 * time.Millisecond
	chaosPart    = 2 << 20 // of a large blob: one request
)

// A chaos is clients that push, move tags, delete and pull through a front, and
// repeat what fails as clients do. What they cannot heal so is a violation.
type chaos struct {
	docker registryClient
	api    *ecr.Client
	agents []*chaosAgent

	mu         sync.Mutex
	violations []error
	done       []time.Time // when an operation was acknowledged
	repeated   int         // tries after a failure
	resumed    int         // uploads that went on after one
	pool       []chaosImage
}

// A chaosImage was acknowledged under a tag.
type chaosImage struct {
	tag   string
	image image
}

// A chaosAgent is one client, with the tags that it alone changes.
type chaosAgent struct {
	*chaos
	number  int
	luck    *rand.Rand
	made    int
	tags    map[string]image // acknowledged
	deleted map[string]bool  // digests, acknowledged
}

func newChaos(docker registryClient, api *ecr.Client, agents int, luck *rand.Rand) *chaos {
	c := &chaos{docker: docker, api: api}
	for number := range agents {
		c.agents = append(c.agents, &chaosAgent{
			chaos: c, number: number, luck: rand.New(rand.NewPCG(luck.Uint64(), 0)), tags: map[string]image{}, deleted: map[string]bool{},
		})
	}
	return c
}

// run lets the agents work until ctx is done, and each end what it is at.
func (c *chaos) run(ctx context.Context) {
	var working sync.WaitGroup
	for _, a := range c.agents {
		working.Go(func() {
			for ctx.Err() == nil {
				if err := a.act(context.WithoutCancel(ctx)); err != nil {
					c.violate(fmt.Errorf("client %d: %w", a.number, err))
					return
				}
			}
		})
	}
	working.Wait()
}

func (c *chaos) violate(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.violations = append(c.violations, err)
}

// acknowledged notes that an operation has ended well.
func (c *chaos) acknowledged() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = append(c.done, time.Now())
}

func (c *chaos) count(counter *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*counter++
}

// try does something until it succeeds, is refused, or has failed too often.
func (a *chaosAgent) try(ctx context.Context, do func(ctx context.Context) error) error {
	var failures []error
	for try := range chaosTries {
		if try > 0 {
			a.count(&a.repeated)
			wait := chaosBackoff << (try - 1)
			time.Sleep(wait + time.Duration(a.luck.Int64N(int64(wait)/2)))
		}
		err := do(ctx)
		if err == nil {
			return nil
		}
		failures = append(failures, err)
		if isRefusal(err) && !isThrottled(err) {
			break
		}
	}
	return errors.Join(failures...)
}

func isThrottled(err error) bool {
	answer, ok := errors.AsType[*statusError](err)
	return ok && answer.status == http.StatusTooManyRequests
}

func (a *chaosAgent) act(ctx context.Context) error {
	switch chance := a.luck.IntN(100); {
	case chance < 45:
		return a.push(ctx, looseRepository, fmt.Sprintf("t%d.%d", a.number, a.luck.IntN(20)))
	case chance < 55:
		a.made++
		return a.push(ctx, frozenRepository, fmt.Sprintf("v%d.%d", a.number, a.made))
	case chance < 65:
		return a.retag(ctx)
	case chance < 70:
		return a.remove(ctx)
	}
	return a.pull(ctx)
}

// newImage makes an image whose layers are small, of some size, or large enough to
// be sent in several requests.
func (a *chaosAgent) newImage() image {
	sizes := []int{200, 30 << 10, 200 << 10}
	layers := []content{newContent(ociLayer, randomBytes(1+a.luck.IntN(sizes[a.luck.IntN(len(sizes))])))}
	if a.luck.IntN(12) == 0 {
		layers = append(layers, newContent(ociLayer, randomBytes(5<<20+a.luck.IntN(4<<20))))
	}
	return packImage(newContent(ociConfig, randomBytes(200)), layers...)
}

// push stores a new image under a tag.
func (a *chaosAgent) push(ctx context.Context, repository, tag string) error {
	img := a.newImage()
	err := a.pushImage(ctx, repository, tag, img)
	for try := 1; lacksBlobs(err) && try < chaosTries; try++ {
		a.count(&a.repeated) // it took longer than blobs without an image are kept
		err = a.pushImage(ctx, repository, tag, img)
	}
	if err != nil {
		return fmt.Errorf("push %s as %s: %w", img.Digest, tag, err)
	}
	a.keep(repository, tag, img)
	return nil
}

func (a *chaosAgent) pushImage(ctx context.Context, repository, tag string, img image) error {
	for _, blob := range img.blobs() {
		if err := a.pushBlob(ctx, repository, blob); err != nil {
			return fmt.Errorf("push the blob %s: %w", blob.Digest, err)
		}
	}
	return a.try(ctx, func(ctx context.Context) error { return a.docker.pushManifest(ctx, repository, tag, img.content) })
}

// keep notes that the tag was given to the image.
func (a *chaosAgent) keep(repository, tag string, img image) {
	a.tags[repository+":"+tag] = img
	a.acknowledged()
	if repository == frozenRepository { // stays for others to pull
		a.mu.Lock()
		defer a.mu.Unlock()
		a.pool = append(a.pool, chaosImage{tag, img})
	}
}

// pushBlob stores a blob. After a failure one client in two begins anew, as docker
// does, and the other asks how far it came.
func (a *chaosAgent) pushBlob(ctx context.Context, repository string, blob content) error {
	return a.try(ctx, func(ctx context.Context) error {
		_, _, err := a.docker.do(ctx, http.StatusOK, http.MethodHead, "/v2/"+repository+"/blobs/"+blob.Digest, nil, nil)
		if !isGone(err) {
			return err // it is there, or a failure
		}
		location, err := a.docker.startUpload(ctx, repository)
		if err != nil {
			return err
		}
		for sent := 0; sent < len(blob.Bytes); {
			end := min(sent+chaosPart, len(blob.Bytes))
			next, err := a.docker.uploadChunk(ctx, location, int64(sent), blob.Bytes[sent:end])
			if err != nil && a.number%2 == 1 {
				end, next, err = a.resume(ctx, location)
			}
			if err != nil {
				return again(err)
			}
			sent, location = end, next
		}
		return again(a.docker.finishUpload(ctx, location, blob.Digest, nil))
	})
}

// again makes a refusal in the middle of an upload a failure: a client begins anew
// when an upload is not as it thinks, for want of the last answer.
func again(err error) error {
	if isRefusal(err) {
		return fmt.Errorf("the upload: %v", err) //nolint:errorlint // no refusal any more
	}
	return err
}

// resume asks how much of an upload has arrived.
func (a *chaosAgent) resume(ctx context.Context, location string) (size int, next string, err error) {
	err = a.try(ctx, func(ctx context.Context) error {
		var n int64
		n, next, err = a.docker.uploadSize(ctx, location)
		size = int(n)
		return err
	})
	if err == nil {
		a.count(&a.resumed)
	}
	if size == 1 {
		size = 0 // an upload without bytes has no other range
	}
	return size, next, err
}

// ownTag returns a tag of the loose repository that has an image.
func (a *chaosAgent) ownTag() (tag string, img image, ok bool) {
	var tags []string
	for name := range a.tags {
		if len(name) > len(looseRepository) && name[:len(looseRepository)+1] == looseRepository+":" {
			tags = append(tags, name[len(looseRepository)+1:])
		}
	}
	if len(tags) == 0 {
		return "", image{}, false
	}
	slices.Sort(tags)
	tag = tags[a.luck.IntN(len(tags))]
	return tag, a.tags[looseRepository+":"+tag], true
}

// retag gives an image one more tag through the API.
func (a *chaosAgent) retag(ctx context.Context) error {
	_, img, ok := a.ownTag()
	tag := fmt.Sprintf("t%d.%d", a.number, a.luck.IntN(20))
	if !ok || a.tags[looseRepository+":"+tag].Digest == img.Digest {
		return nil
	}
	err := a.try(ctx, func(ctx context.Context) error {
		_, err := a.api.PutImage(ctx, putImage(looseRepository, tag, img.content), once)
		if _, twice := errors.AsType[*types.ImageAlreadyExistsException](err); twice {
			return nil // the try before did it
		}
		return apiError("PutImage", err)
	})
	if err != nil {
		return fmt.Errorf("move the tag %s: %w", tag, err)
	}
	a.keep(looseRepository, tag, img)
	return nil
}

// remove deletes an image with all its tags.
func (a *chaosAgent) remove(ctx context.Context) error {
	_, img, ok := a.ownTag()
	if !ok {
		return nil
	}
	err := a.try(ctx, func(ctx context.Context) error {
		_, _, err := a.docker.do(ctx, http.StatusAccepted, http.MethodDelete, "/v2/"+looseRepository+"/manifests/"+img.Digest, nil, nil)
		if isGone(err) {
			return nil // the try before did it
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("delete %s: %w", img.Digest, err)
	}
	for name, tagged := range a.tags {
		if tagged.Digest == img.Digest {
			delete(a.tags, name)
		}
	}
	a.deleted[img.Digest] = true
	a.acknowledged()
	return nil
}

// pull reads an image that somebody pushed, and every byte of it.
func (a *chaosAgent) pull(ctx context.Context) error {
	a.mu.Lock()
	if len(a.pool) == 0 {
		a.mu.Unlock()
		return nil
	}
	one := a.pool[a.luck.IntN(len(a.pool))]
	a.mu.Unlock()
	err := a.try(ctx, func(ctx context.Context) error { return a.docker.verify(ctx, frozenRepository, one.tag, one.image) })
	if err != nil {
		return fmt.Errorf("pull %s: %w", one.tag, err)
	}
	a.acknowledged()
	return nil
}
