package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/event"
	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/quota"
	"github.com/nifuda/nifuda/internal/store"
)

// A NewImage is a manifest to put into a repository.
type NewImage struct {
	Repository RepositoryName
	Payload    []byte
	MediaType  string // "" is the manifest's own
	Digest     string // expected; "" is whatever SHA-256 gives
	Tags       []string
	Actor      string // the caller's ARN
}

// A PutResult is the image that [Registry.PutImage] put.
type PutResult struct {
	Manifest
	Subject string // digest; "" is none
	// Existed says that the image was there with all of the tags: where ECR's
	// API answers ImageAlreadyExistsException.
	Existed bool
}

// PutImage stores a manifest and points tags at it, all or nothing. It refuses
// with ManifestInvalid, ImageDigestDoesNotMatch, LayersNotFound,
// ReferencedImagesNotFound, ImageTagAlreadyExists, LimitExceeded,
// RepositoryNotFound or Kms.
func (r *Registry) PutImage(ctx context.Context, in NewImage) (PutResult, error) {
	m, err := manifest.Parse(in.Payload, in.MediaType)
	if err != nil {
		return PutResult{}, r.orRepositoryNotFound(ctx, in.Repository, manifestInvalid(in.Payload, err))
	}
	computed := digest.FromBytes(in.Payload)
	if manifest.ValidDigest(in.Digest) {
		computed = digest.Digest(in.Digest).Algorithm().FromBytes(in.Payload)
	}
	if in.Digest != "" && in.Digest != computed.String() {
		return PutResult{}, r.orRepositoryNotFound(ctx, in.Repository, refuse(CodeImageDigestDoesNotMatch,
			"The image with digest '%s' in repository '%s' and registry ID '%s' does not match the image digest that Amazon ECR has calculated.",
			in.Digest, in.Repository.Name, in.Repository.Registry.Account))
	}
	if err := r.makeRoom(int64(len(in.Payload))); err != nil {
		return PutResult{}, r.orRepositoryNotFound(ctx, in.Repository, err)
	}
	now := r.millis()
	p := &put{NewImage: in, manifest: m, digest: computed.String(), now: now, pushedAt: now, limits: r.limits}
	for try := 1; ; try++ {
		err := r.update(ctx, in.Repository, p.run)
		if err == nil {
			break
		}
		if errors.Is(err, errUnchecked) {
			err = r.checkKeeper(ctx, p.keeper)
			if err == nil {
				p.checked = p.keeper.RepositoryID
				continue
			}
		}
		if err := r.explainPut(ctx, p, err); err != nil {
			return PutResult{}, err
		}
		if try == putTries {
			return PutResult{}, fmt.Errorf("put image %s: a reference came and went %d times", p.digest, try)
		}
	}
	r.traffic.pushes(in.Repository).Inc()
	if p.inserted || p.retagged {
		r.pulls.recordPush(registryDay{in.Repository.Registry, dayOf(now)})
	}
	result := PutResult{Manifest: Manifest{p.digest, m.MediaType, in.Payload}, Existed: !p.inserted && !p.retagged && !p.healed}
	if m.Subject != nil {
		result.Subject = m.Subject.Digest.String()
	}
	return result, nil
}

// manifestInvalid gives ECR's text for what is no JSON or of no known type
// (spec A.4), and the reason where there is a better one.
func manifestInvalid(payload []byte, err error) *Error {
	constraint := err.Error()
	if !isJSONObject(payload) || errors.Is(err, manifest.ErrNoMediaType) {
		constraint = "Invalid JSON syntax"
	}
	e := InvalidParameter("ImageManifest", constraint)
	e.Code = CodeManifestInvalid
	return e
}

func isJSONObject(payload []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("{")) && json.Valid(payload)
}

// putTries is how often a put is tried while what it refers to comes and goes.
const putTries = 20

// errUnchecked ends a put into a repository with a KMS key that was not asked
// for yet: what a transaction read must tell that there is one, so that a put
// into any other repository reads nothing more, and no key is asked for within.
var errUnchecked = errors.New("the repository's key is to be checked")

// explainPut says why a put failed. A reference that a concurrent deletion won
// against shows as a foreign-key error; what is missing is read afterwards. It
// returns nil when that came back meanwhile.
func (r *Registry) explainPut(ctx context.Context, p *put, err error) error {
	if !store.IsForeignKey(err) {
		return r.explain("put image", p.Repository, err)
	}
	repositoryID, err := r.repositoryID(ctx, p.Repository)
	if err != nil {
		return err
	}
	_, err = p.measure(ctx, r.store, repositoryID)
	return err
}

// A put is one run of PutImage, or the return of a deleted image. The database
// may run it more than once.
type put struct {
	NewImage
	manifest      manifest.Manifest
	digest        string
	now, pushedAt int64
	checked       string // id of the repository whose key could be used
	restored      bool   // it was deleted before
	limits        *limits

	// Set by run.
	keeper             Keeper
	inserted, retagged bool
	healed             bool              // the image was there with other bytes
	previous           map[string]string // digests that tags pointed at before
}

func (p *put) run(ctx context.Context, tx *store.Tx) error {
	repository, err := lockRepository(ctx, tx, p.Repository)
	if err != nil {
		return err
	}
	p.keeper = keeperOf(repository)
	if p.keeper.RepositoryID != p.checked {
		return errUnchecked
	}
	return p.into(ctx, tx, repository)
}

// lockRepository keeps others from changing a repository's images until the
// transaction ends.
func lockRepository(ctx context.Context, tx *store.Tx, n RepositoryName) (Repository, error) {
	row, err := tx.LockRepository(ctx, n.Registry.Account, n.Registry.Region, n.Name)
	if err != nil {
		return Repository{}, err
	}
	return repositoryOf(row)
}

// into puts the image into a repository that is locked.
func (p *put) into(ctx context.Context, tx *store.Tx, repository Repository) error {
	p.inserted, p.retagged, p.healed, p.previous = false, false, false, nil
	limits, err := p.limits.of(ctx, tx, p.Repository.Registry.Account, repository.ID)
	if err != nil {
		return err
	}
	if err := p.insert(ctx, tx, repository.ID); err != nil {
		return err
	}
	for _, tag := range p.Tags {
		if err := p.tag(ctx, tx, repository, tag, limits.Tags); err != nil {
			return err
		}
	}
	if err := p.checkQuotas(ctx, tx, repository.ID, limits); err != nil {
		return err
	}
	if err := p.markUntagged(ctx, tx, repository.ID); err != nil {
		return err
	}
	return p.announce(ctx, tx)
}

// checkQuotas refuses an image that is one too many, or too much, of those that
// the repository may have. It comes after everything else that may be refused
// (spec B.2, PutImage).
func (p *put) checkQuotas(ctx context.Context, tx *store.Tx, repositoryID string, l quota.Limits) error {
	if !p.inserted {
		return nil
	}
	if err := checkImages(ctx, tx, p.Repository, repositoryID, l); err != nil {
		return err
	}
	return checkStorage(ctx, tx, p.Repository, repositoryID, l)
}

func (p *put) insert(ctx context.Context, tx *store.Tx, repositoryID string) (err error) {
	size, err := p.measure(ctx, tx, repositoryID)
	if err != nil {
		return err
	}
	p.inserted, err = tx.InsertManifest(ctx, p.row(repositoryID, size))
	if err == nil && !p.inserted {
		p.healed, err = tx.HealManifest(ctx, repositoryID, p.digest, p.Payload)
	}
	if err != nil || !p.inserted {
		return err
	}
	blobs := p.manifest.Blobs()
	references := make([]store.ManifestBlob, len(blobs))
	for i, b := range blobs {
		references[i] = store.ManifestBlob{Digest: b.Digest.String(), MediaType: b.MediaType}
	}
	slices.SortFunc(references, func(a, b store.ManifestBlob) int { return strings.Compare(a.Digest, b.Digest) })
	if err := tx.InsertManifestBlobs(ctx, repositoryID, p.digest, references); err != nil {
		return err
	}
	return tx.InsertManifestChildren(ctx, repositoryID, p.digest, p.children())
}

func (p *put) row(repositoryID string, size int64) store.NewManifest {
	row := store.NewManifest{
		RepositoryID: repositoryID, Digest: p.digest, MediaType: p.manifest.MediaType, ArtifactType: p.manifest.ArtifactMediaType(),
		ImageSize: size, PushedAt: p.pushedAt, Payload: p.Payload,
	}
	if p.manifest.Subject == nil {
		return row
	}
	row.Subject = p.manifest.Subject.Digest.String()
	row.ReferrerType = p.manifest.ArtifactMediaType()
	if len(p.manifest.Annotations) > 0 {
		annotations, err := json.Marshal(p.manifest.Annotations)
		if err != nil {
			panic(err) // a map of strings has JSON
		}
		row.Annotations = string(annotations)
	}
	return row
}

// children returns the digests of an index's manifests, sorted, each once.
func (p *put) children() []string {
	children := make([]string, len(p.manifest.Children))
	for i, c := range p.manifest.Children {
		children[i] = c.Digest.String()
	}
	slices.Sort(children)
	return slices.Compact(children)
}

// A measurer looks up what a manifest refers to: a transaction or the store.
type measurer interface {
	BlobLinks(ctx context.Context, repositoryID string, digests []string) ([]store.BlobLink, error)
	ManifestSizes(ctx context.Context, repositoryID string, digests []string) (map[string]int64, error)
}

// measure returns the image's size: its config and layers as stored, or an
// index's largest child (spec B.0, imageSizeInBytes). It refuses with all
// layers or all images that are missing.
func (p *put) measure(ctx context.Context, m measurer, repositoryID string) (size int64, err error) {
	if p.manifest.Kind == manifest.KindIndex {
		return p.measureIndex(ctx, m, repositoryID)
	}
	var digests []string
	for _, b := range p.manifest.Blobs() {
		digests = append(digests, b.Digest.String())
	}
	links, err := m.BlobLinks(ctx, repositoryID, digests)
	if err != nil {
		return 0, err
	}
	found := make(map[string]bool, len(links))
	for _, l := range links {
		if l.Damaged {
			continue
		}
		found[l.Digest] = true
		size += l.Size
	}
	if missing := without(digests, func(d string) bool { return found[d] }); len(missing) > 0 {
		return 0, layersNotFound(p.Repository, missing)
	}
	return size, nil
}

func (p *put) measureIndex(ctx context.Context, m measurer, repositoryID string) (size int64, err error) {
	children := p.children()
	if len(children) == 0 {
		return 0, nil
	}
	sizes, err := m.ManifestSizes(ctx, repositoryID, children)
	if err != nil {
		return 0, err
	}
	for _, s := range sizes {
		size = max(size, s)
	}
	missing := without(children, func(d string) bool { _, ok := sizes[d]; return ok })
	if len(missing) > 0 {
		return 0, referencedImagesNotFound(p.Repository, missing)
	}
	return size, nil
}

// tag points one tag at the image, if it may, and remembers who did.
func (p *put) tag(ctx context.Context, tx *store.Tx, repository Repository, tag string, most int64) error {
	old, err := tx.TagDigest(ctx, repository.ID, tag)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if old == p.digest {
		return nil
	}
	moved, err := tx.PutTag(ctx, repository.ID, tag, p.digest, repository.Mutability.MayMove(tag), p.now)
	if err != nil {
		return err
	}
	if !moved {
		return tagAlreadyExists(p.Repository, tag)
	}
	p.retagged = true
	tags, err := tx.CountTags(ctx, repository.ID, p.digest)
	if err != nil {
		return err
	}
	if quota.Exceeds(int64(tags), most) {
		return refuse(CodeLimitExceeded, "Adding tag '%s' to an image in the repository with name '%s' in registry with id '%s' exceeds the maximum allowed number of tags per image which is '%d'",
			tag, p.Repository.Name, p.Repository.Registry.Account, most)
	}
	if err := tx.RecordTag(ctx, repository.ID, tag, p.digest, p.Actor, p.now); err != nil {
		return err
	}
	if old == "" {
		return nil
	}
	if p.previous == nil {
		p.previous = map[string]string{}
	}
	p.previous[tag] = old
	return markIfUntagged(ctx, tx, repository.ID, old)
}

// markUntagged keeps the list of untagged images right for the image itself.
func (p *put) markUntagged(ctx context.Context, tx *store.Tx, repositoryID string) error {
	switch {
	case p.inserted && len(p.Tags) == 0:
		return tx.SetUntagged(ctx, repositoryID, p.digest, true)
	case !p.inserted && p.retagged:
		return tx.SetUntagged(ctx, repositoryID, p.digest, false)
	}
	return nil
}

// markIfUntagged lists an image as untagged if it has lost its last tag.
func markIfUntagged(ctx context.Context, tx *store.Tx, repositoryID, digest string) error {
	tags, err := tx.CountTags(ctx, repositoryID, digest)
	if err != nil || tags > 0 {
		return err
	}
	return tx.SetUntagged(ctx, repositoryID, digest, true)
}

func (p *put) announce(ctx context.Context, tx *store.Tx) error {
	if !p.inserted && !p.retagged {
		return nil
	}
	tags := p.Tags
	if len(tags) == 0 {
		tags = []string{""}
	}
	for _, tag := range tags {
		err := recordImageAction(ctx, tx, p.Repository, p.Actor, p.now, event.ImageAction{
			Action: event.Push, Digest: digest.Digest(p.digest), Tag: tag,
			ManifestMediaType: p.manifest.MediaType, ArtifactMediaType: p.manifest.ArtifactMediaType(),
			Restored: p.restored, TagOnly: !p.inserted, Previous: digest.Digest(p.previous[tag]),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// without returns the elements that are not in a set, in their order.
func without(list []string, in func(string) bool) (rest []string) {
	for _, s := range list {
		if !in(s) {
			rest = append(rest, s)
		}
	}
	return rest
}
