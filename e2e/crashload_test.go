package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// The repositories of a load. In frozen no tag may move.
const (
	looseRepository  = "app"
	frozenRepository = "frozen"
)

// A load is clients that change a registry at once, at random, and write into a
// ledger what they asked for and what was acknowledged. No two of them change
// the same thing, but they push the same blobs.
type load struct {
	*ledger
	docker registryClient
	api    *ecr.Client
	own    ownAPI
	shared []content
	agents []*agent
	// collecting says that the server removes at once what no image refers to:
	// a blob alone is not something that must be there.
	collecting bool
	// restoring says that what is deleted can be restored.
	restoring bool
}

// An agent is one client of a load, with what it alone changes.
type agent struct {
	*load
	number  int
	luck    *rand.Rand
	tags    int // so many were made
	uploads []string
	deleted map[string][]string // images that can be restored, with the tags that they had
}

func newLoad(l *ledger, agents int, luck *rand.Rand) *load {
	all := &load{ledger: l}
	for _, size := range []int{40, 9 << 10, 90 << 10} {
		all.shared = append(all.shared, newContent(ociLayer, randomBytes(size)))
	}
	for number := range agents {
		all.agents = append(all.agents, &agent{
			load: all, number: number, luck: rand.New(rand.NewPCG(luck.Uint64(), 0)), deleted: map[string][]string{},
		})
	}
	return all
}

// prepare makes the repositories of the load that are not there.
func (l *load) prepare(ctx context.Context) error {
	for name, mutability := range map[string]types.ImageTagMutability{
		looseRepository: types.ImageTagMutabilityMutable, frozenRepository: types.ImageTagMutabilityImmutable,
	} {
		one := thing{repositoryThing, name, ""}
		if there, _ := l.value(one); there != "" {
			continue
		}
		o := l.begin(powerSafe, map[thing]string{one: name})
		_, err := l.api.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: &name, ImageTagMutability: mutability}, once)
		if !l.end(o, apiError("CreateRepository", err)) {
			return err
		}
	}
	return nil
}

// forgetUploads makes the agents begin anew where nothing of an upload was left.
func (l *load) forgetUploads() {
	for _, a := range l.agents {
		a.uploads = slices.DeleteFunc(a.uploads, func(location string) bool {
			value, _ := l.value(thing{uploadThing, looseRepository, location})
			return value == ""
		})
	}
}

// forgetDeleted makes the agents restore nothing that was deleted before.
func (l *load) forgetDeleted() {
	for _, a := range l.agents {
		clear(a.deleted)
	}
}

// run lets all agents work until ctx is done. An agent gives up at the first
// failure of the connection or of the server, unless it is patient.
func (l *load) run(ctx context.Context, patient bool) {
	var working sync.WaitGroup
	for _, a := range l.agents {
		working.Go(func() {
			for ctx.Err() == nil {
				if !a.act(context.WithoutCancel(ctx)) && !patient {
					return
				}
			}
		})
	}
	working.Wait()
}

// act does one thing of many, chosen at random, and reports whether the server
// answered to all of it.
func (a *agent) act(ctx context.Context) bool {
	chance := a.luck.IntN(100)
	switch {
	case chance < 35:
		return a.push(ctx, looseRepository, a.someTag())
	case chance < 45:
		a.tags++
		return a.push(ctx, frozenRepository, fmt.Sprintf("v%d.%d", a.number, a.tags))
	case chance < 50:
		return a.moveFrozenTag(ctx)
	case chance < 60:
		return a.retag(ctx)
	case chance < 67:
		return a.deleteTag(ctx)
	case chance < 75:
		return a.deleteImage(ctx)
	case chance < 80:
		return a.setPolicy(ctx)
	case chance < 86:
		return a.restoreImage(ctx)
	}
	return a.upload(ctx)
}

func (a *agent) someTag() string { return fmt.Sprintf("t%d.%d", a.number, a.luck.IntN(6)) }

// blobSize is small or large: that decides where a blob is kept.
func (a *agent) blobSize() int {
	limits := []int{100, 20 << 10, 64 << 10, 200 << 10}
	return 1 + a.luck.IntN(limits[a.luck.IntN(len(limits))])
}

// newImage makes an image of bytes that nobody will unpack.
func (a *agent) newImage() image {
	img := image{Config: newContent(ociConfig, randomBytes(200))}
	img.Layers = append(img.Layers, newContent(ociLayer, randomBytes(a.blobSize())))
	if a.luck.IntN(2) == 0 {
		img.Layers = append(img.Layers, a.shared[a.luck.IntN(len(a.shared))])
	}
	return packImage(img.Config, img.Layers...)
}

// push stores a new image under a tag.
func (a *agent) push(ctx context.Context, repository, tag string) bool {
	if _, known := a.value(thing{tagThing, repository, tag}); !known {
		return true
	}
	img := a.newImage()
	for {
		if !a.pushBlobs(ctx, repository, img) {
			return false
		}
		answered, collected := a.pushManifest(ctx, repository, tag, img)
		if !collected {
			return answered
		}
	}
}

func (a *agent) pushBlobs(ctx context.Context, repository string, img image) bool {
	for _, blob := range img.blobs() {
		if !a.pushBlob(ctx, repository, blob) {
			return false
		}
	}
	return true
}

// stored are the changes of a blob's push.
func (a *agent) stored(repository string, blob content) map[thing]string {
	if a.collecting {
		return nil
	}
	return map[thing]string{{blobThing, repository, blob.Digest}: blob.Digest}
}

// pushBlob stores a blob in one of the ways that there are.
func (a *agent) pushBlob(ctx context.Context, repository string, blob content) bool {
	o := a.begin(crashSafe, a.stored(repository, blob))
	other := looseRepository
	if repository == other {
		other = frozenRepository
	}
	there, known := a.value(thing{blobThing, other, blob.Digest})
	var err error
	switch way := a.luck.IntN(3); {
	case there != "" && known:
		_, _, err = a.docker.do(ctx, http.StatusCreated, http.MethodPost,
			"/v2/"+repository+"/blobs/uploads/?mount="+blob.Digest+"&from="+other, nil, nil)
	case way == 0:
		_, _, err = a.docker.do(ctx, http.StatusCreated, http.MethodPost,
			"/v2/"+repository+"/blobs/uploads/?digest="+blob.Digest, nil, bytes.NewReader(blob.Bytes))
	default:
		err = a.docker.pushBlob(ctx, repository, blob)
	}
	return a.end(o, err)
}

// pushManifest stores the manifest of an image, whose blobs are there, through
// either plane. collected says that they are there no more.
func (a *agent) pushManifest(ctx context.Context, repository, tag string, img image) (answered, collected bool) {
	a.mu.Lock()
	a.images[img.Digest] = img
	a.mu.Unlock()
	o := a.begin(powerSafe, map[thing]string{
		{tagThing, repository, tag}:          img.Digest,
		{imageThing, repository, img.Digest}: img.Digest,
	})
	err := a.putManifest(ctx, repository, tag, img.content)
	if a.collecting && lacksBlobs(err) {
		a.withdraw(o)
		return true, true
	}
	return a.end(o, err), false
}

// lacksBlobs reports whether a manifest was refused for want of its blobs.
func lacksBlobs(err error) bool {
	answer, ok := errors.AsType[*statusError](err)
	return ok && (strings.Contains(answer.body, "BLOB_UNKNOWN") || strings.Contains(answer.body, "LayersNotFound"))
}

func (a *agent) putManifest(ctx context.Context, repository, tag string, manifest content) error {
	if a.luck.IntN(2) == 0 {
		return a.docker.pushManifest(ctx, repository, tag, manifest)
	}
	_, err := a.api.PutImage(ctx, putImage(repository, tag, manifest), once)
	return apiError("PutImage", err)
}

// moveFrozenTag tries what must be refused.
func (a *agent) moveFrozenTag(ctx context.Context) bool {
	tag := fmt.Sprintf("v%d.%d", a.number, a.tags)
	digest, known := a.value(thing{tagThing, frozenRepository, tag})
	if digest == "" || !known {
		return true
	}
	img := a.newImage()
	if !a.pushBlobs(ctx, frozenRepository, img) {
		return false
	}
	err := a.putManifest(ctx, frozenRepository, tag, img.content)
	if err == nil {
		a.violate(fmt.Errorf("the immutable tag %s was moved from %s to %s", tag, digest, img.Digest))
	}
	return isRefusal(err)
}

// ownImages are the images of this agent's tags, and those tags.
func (a *agent) ownImages() (tagsOf map[string][]string) {
	tagsOf = map[string][]string{}
	for number := range 6 {
		tag := fmt.Sprintf("t%d.%d", a.number, number)
		digest, known := a.value(thing{tagThing, looseRepository, tag})
		if digest == "" || !known {
			continue
		}
		if image, known := a.value(thing{imageThing, looseRepository, digest}); image != "" && known {
			tagsOf[digest] = append(tagsOf[digest], tag)
		}
	}
	return tagsOf
}

func (a *agent) someImage() (digest string, tags []string, ok bool) {
	tagsOf := a.ownImages()
	if len(tagsOf) == 0 {
		return "", nil, false
	}
	digests := slices.Sorted(maps.Keys(tagsOf))
	digest = digests[a.luck.IntN(len(digests))]
	return digest, tagsOf[digest], true
}

func (a *agent) retag(ctx context.Context) bool {
	digest, _, ok := a.someImage()
	tag := a.someTag()
	if now, known := a.value(thing{tagThing, looseRepository, tag}); !ok || !known || now == digest {
		return true // PutImage refuses what is there already
	}
	a.mu.Lock()
	img := a.images[digest]
	a.mu.Unlock()
	answered, _ := a.pushManifest(ctx, looseRepository, tag, img)
	return answered
}

func (a *agent) deleteTag(ctx context.Context) bool {
	_, tags, ok := a.someImage()
	if !ok {
		return true
	}
	o := a.begin(powerSafe, map[thing]string{{tagThing, looseRepository, tags[0]}: ""})
	_, _, err := a.docker.do(ctx, http.StatusAccepted, http.MethodDelete, "/v2/"+looseRepository+"/manifests/"+tags[0], nil, nil)
	return a.end(o, err)
}

// deleteImage deletes an image with all its tags, through either plane.
func (a *agent) deleteImage(ctx context.Context) bool {
	digest, tags, ok := a.someImage()
	if !ok || a.hasUnknownTag() {
		return true
	}
	changes := map[thing]string{{imageThing, looseRepository, digest}: ""}
	for _, tag := range tags {
		changes[thing{tagThing, looseRepository, tag}] = ""
	}
	o := a.begin(powerSafe, changes)
	done := a.end(o, a.deleteByDigest(ctx, digest))
	if done && a.restoring {
		a.deleted[digest] = tags
	}
	return done
}

func (a *agent) deleteByDigest(ctx context.Context, digest string) error {
	if a.luck.IntN(2) == 0 {
		_, _, err := a.docker.do(ctx, http.StatusAccepted, http.MethodDelete, "/v2/"+looseRepository+"/manifests/"+digest, nil, nil)
		return err
	}
	out, err := a.api.BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{
		RepositoryName: aws.String(looseRepository), ImageIds: []types.ImageIdentifier{{ImageDigest: &digest}},
	}, once)
	if err == nil && len(out.Failures) > 0 {
		err = &statusError{"BatchDeleteImage", digest, http.StatusBadRequest, aws.ToString(out.Failures[0].FailureReason)}
	}
	return apiError("BatchDeleteImage", err)
}

// restoreImage brings a deleted image back, with those of its tags that are free.
func (a *agent) restoreImage(ctx context.Context) bool {
	if len(a.deleted) == 0 || a.hasUnknownTag() {
		return true
	}
	digests := slices.Sorted(maps.Keys(a.deleted))
	digest := digests[a.luck.IntN(len(digests))]
	tags := a.deleted[digest]
	delete(a.deleted, digest)
	changes := map[thing]string{{imageThing, looseRepository, digest}: digest}
	for _, name := range tags {
		tag := thing{tagThing, looseRepository, name}
		if now, _ := a.value(tag); now == "" {
			changes[tag] = digest
		}
	}
	o := a.begin(powerSafe, changes)
	var out struct{}
	return a.end(o, a.own.call(ctx, "RestoreImage", map[string]string{"RepositoryName": looseRepository, "ImageDigest": digest}, &out))
}

// hasUnknownTag reports whether a tag may point to any image: which tags go with
// an image is not known then.
func (a *agent) hasUnknownTag() bool {
	for number := range 6 {
		if _, known := a.value(thing{tagThing, looseRepository, fmt.Sprintf("t%d.%d", a.number, number)}); !known {
			return true
		}
	}
	return false
}

// setPolicy writes one more text into a document that the first agent has.
func (a *agent) setPolicy(ctx context.Context) bool {
	one := thing{policyThing, looseRepository, ""}
	if _, known := a.value(one); !known || a.number != 0 {
		return true
	}
	text := fmt.Sprintf(`{"rules":[{"rulePriority":1,"description":"%d","selection":{"tagStatus":"untagged",`+
		`"countType":"imageCountMoreThan","countNumber":9999},"action":{"type":"expire"}}]}`, a.luck.Int())
	o := a.begin(powerSafe, map[thing]string{one: text})
	_, err := a.api.PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{RepositoryName: &one.repository, LifecyclePolicyText: &text}, once)
	return a.end(o, apiError("PutLifecyclePolicy", err))
}

// upload begins an upload, or goes on with one by a part or by its end.
func (a *agent) upload(ctx context.Context) bool {
	if len(a.uploads) < 2 {
		return a.startUpload(ctx)
	}
	at := a.luck.IntN(len(a.uploads))
	one := thing{uploadThing, looseRepository, a.uploads[at]}
	value, known := a.value(one)
	if !known || value == uploadDone {
		a.uploads = slices.Delete(a.uploads, at, at+1)
		return true
	}
	size, _ := strconv.Atoi(value) // "" is 0
	a.mu.Lock()
	blob, ending := a.contents[one.name], a.ending[one.name]
	a.mu.Unlock()
	var err error
	if size < len(blob.Bytes) {
		end := min(size+2+a.luck.IntN(len(blob.Bytes)), len(blob.Bytes))
		o := a.begin(processSafe, map[thing]string{one: strconv.Itoa(end)})
		if _, err = a.docker.uploadChunk(ctx, one.name, int64(size), blob.Bytes[size:end]); !isGone(err) || !ending {
			return a.end(o, err)
		}
	} else {
		o := a.begin(processSafe, map[thing]string{one: uploadDone})
		stored := a.begin(crashSafe, a.stored(one.repository, blob))
		a.mu.Lock()
		a.ending[one.name] = true
		a.mu.Unlock()
		if err = a.docker.finishUpload(ctx, one.name, blob.Digest, nil); !isGone(err) || !ending {
			return a.end(o, err) && a.end(stored, err)
		}
	}
	// It ended just before a crash that made the server forget that: the client
	// has to begin anew.
	a.uploads = slices.Delete(a.uploads, at, at+1)
	return true
}

func (a *agent) startUpload(ctx context.Context) bool {
	location, err := a.docker.startUpload(ctx, looseRepository)
	if err != nil {
		if isRefusal(err) {
			a.violate(err)
		}
		return false
	}
	a.mu.Lock()
	a.contents[location] = newContent(ociLayer, randomBytes(1000+a.blobSize()))
	a.mu.Unlock()
	a.uploads = append(a.uploads, location)
	return true
}

func isGone(err error) bool {
	answer, ok := errors.AsType[*statusError](err)
	return ok && answer.status == http.StatusNotFound
}

// apiError makes an answer of the SDK's client one of ours.
func apiError(operation string, err error) error {
	if answer, ok := errors.AsType[*awshttp.ResponseError](err); ok && answer.HTTPStatusCode() != 0 {
		return &statusError{operation, "", answer.HTTPStatusCode(), err.Error()}
	}
	return err
}
