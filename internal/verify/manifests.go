package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/store"
)

func (p *pass) readManifests(ctx context.Context) (more bool, err error) {
	keys, err := p.Store.StoredManifests(ctx, p.at.After.Key, pageSize)
	if err != nil {
		return false, err
	}
	for _, k := range keys {
		if err := p.checkManifest(ctx, k); err != nil {
			return false, fmt.Errorf("manifest %s: %w", k.Name, err)
		}
		p.found.Manifests++
		p.at.After.Key = k
	}
	return len(keys) == pageSize, nil
}

// checkManifest holds a manifest to its digest, its rows to it, and the list of
// untagged images to its tags.
func (p *pass) checkManifest(ctx context.Context, k store.Key) error {
	m, err := p.Store.StoredManifest(ctx, k)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := p.spend(ctx, int64(len(m.Payload))+rowCost); err != nil {
		return err
	}
	if m.Tagged == m.Untagged {
		if err := p.wrongListing(ctx, k, m); err != nil {
			return err
		}
	}
	parsed, wrong := parse(m.Manifest)
	if wrong == "" && int64(len(m.Payload)) != m.Size {
		wrong = fmt.Sprintf("it has %d bytes and its row says %d", len(m.Payload), m.Size)
	}
	if wrong != "" {
		return p.reportImage(ctx, k, Finding{Kind: ManifestDamaged, Problem: "Of a manifest, " + wrong + ". Pushing the image again repairs it."})
	}
	return p.checkReferences(ctx, k, referencesOf(parsed))
}

// parse returns a manifest, or what is wrong with its bytes.
func parse(m store.Manifest) (manifest.Manifest, string) {
	if !manifest.HasDigest(m.Payload, m.Digest) {
		return manifest.Manifest{}, "the bytes do not have its digest"
	}
	parsed, err := manifest.Parse(m.Payload, m.MediaType)
	if err != nil {
		return manifest.Manifest{}, fmt.Sprintf("the bytes are none: %v", err)
	}
	return parsed, ""
}

// reportImage is report for what is wrong with an image, if its repository is
// still there.
func (p *pass) reportImage(ctx context.Context, k store.Key, f Finding) error {
	gone, err := p.gone(ctx, k.RepositoryID)
	if err != nil || gone {
		return err
	}
	tag, err := p.Store.FirstTag(ctx, k)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	place, err := p.place(ctx, k.RepositoryID, k.Name, tag)
	if err != nil {
		return err
	}
	f.Digest, f.Places = k.Name, []Place{place}
	p.report(ctx, f)
	return nil
}

func (p *pass) wrongListing(ctx context.Context, k store.Key, m store.StoredManifest) error {
	f := Finding{Kind: ListingWrong, Problem: "An image without a tag is not among the untagged ones.", Repaired: p.Repair}
	if m.Tagged {
		f.Problem = "An image with a tag is among the untagged ones."
	}
	if p.Repair {
		err := p.Store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.LockRepositoryByID(ctx, k.RepositoryID); err != nil {
				return err
			}
			tags, err := tx.CountTags(ctx, k.RepositoryID, k.Name)
			if err != nil {
				return err
			}
			return tx.SetUntagged(ctx, k.RepositoryID, k.Name, tags == 0)
		})
		if errors.Is(err, store.ErrNotFound) || store.IsForeignKey(err) { // it is gone by now
			return nil
		}
		if err != nil {
			return fmt.Errorf("list untagged images anew: %w", err)
		}
	}
	return p.reportImage(ctx, k, f)
}

// references are what a manifest refers to, by digest.
type references struct {
	blobs    map[string]string // media types
	children map[string]bool
}

func referencesOf(m manifest.Manifest) references {
	r := references{map[string]string{}, map[string]bool{}}
	for _, b := range m.Blobs() {
		r.blobs[b.Digest.String()] = b.MediaType
	}
	for _, c := range m.Children {
		r.children[c.Digest.String()] = true
	}
	return r
}

// checkReferences holds the rows that were made of a manifest to it. What is
// wrong is looked at again: the manifest may have been deleted in between.
func (p *pass) checkReferences(ctx context.Context, k store.Key, want references) error {
	var wrong string
	for range 2 {
		blobs, children, err := p.Store.StoredReferences(ctx, k)
		if err != nil {
			return err
		}
		if wrong = want.compare(blobs, children); wrong == "" {
			return nil
		}
		if _, err = p.Store.StoredManifest(ctx, k); errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	if gone, err := p.gone(ctx, k.RepositoryID); err != nil || gone {
		return err
	}
	f := Finding{Kind: ReferencesDamaged, Problem: "Of a manifest, " + wrong + "."}
	if p.Repair {
		left, err := p.relink(ctx, k, want)
		if err != nil {
			return fmt.Errorf("relink: %w", err)
		}
		f.Repaired = left == ""
		if left != "" && left != wrong {
			f.Problem += " After the repair, " + left + "."
		}
	}
	return p.reportImage(ctx, k, f)
}

// compare says how rows differ from what a manifest says; "" is not at all.
func (r references) compare(blobs, children []store.StoredReference) string {
	var wrong []string
	say := func(text string, digests []string) {
		if len(digests) > 0 {
			slices.Sort(digests)
			wrong = append(wrong, text+" "+strings.Join(digests, ", "))
		}
	}
	unrecorded, surplus, absent := differ(r.blobs, blobs)
	say("these blobs are not recorded as used:", unrecorded)
	say("these blobs are recorded as used and are not:", surplus)
	say("the repository lacks the blobs", absent)
	unrecorded, surplus, absent = differ(r.children, children)
	say("these manifests are not recorded as referred to:", unrecorded)
	say("these manifests are recorded as referred to and are not:", surplus)
	say("the repository lacks the manifests", absent)
	return strings.Join(wrong, ", and ")
}

// differ returns what is wanted and has no row, what has one and is not wanted,
// and what has one and is not there.
func differ[V any](want map[string]V, rows []store.StoredReference) (unrecorded, surplus, absent []string) {
	seen := make(map[string]bool, len(rows))
	for _, row := range rows {
		seen[row.Digest] = true
		if _, ok := want[row.Digest]; !ok {
			surplus = append(surplus, row.Digest)
		} else if !row.Present {
			absent = append(absent, row.Digest)
		}
	}
	for d := range want {
		if !seen[d] {
			unrecorded = append(unrecorded, d)
		}
	}
	return unrecorded, surplus, absent
}

func (p *pass) readDeletions(ctx context.Context) (more bool, err error) {
	ids, err := p.Store.StoredDeletions(ctx, p.at.After.Name, pageSize)
	if err != nil {
		return false, err
	}
	for _, id := range ids {
		if err := p.checkDeletion(ctx, id); err != nil {
			return false, err
		}
		p.at.After.Name = id
	}
	return len(ids) == pageSize, nil
}

func (p *pass) checkDeletion(ctx context.Context, id string) error {
	repositoryID, m, err := p.Store.StoredDeletion(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := p.spend(ctx, int64(len(m.Payload))+rowCost); err != nil {
		return err
	}
	if _, wrong := parse(m); wrong != "" {
		return p.reportImage(ctx, store.Key{RepositoryID: repositoryID, Name: m.Digest},
			Finding{Kind: ManifestDamaged, Problem: "Of the manifest of an image that was deleted and could be restored, " + wrong + "."})
	}
	return nil
}
