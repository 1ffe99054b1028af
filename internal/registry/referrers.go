package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/store"
)

// A Referrer is a manifest whose subject is another one.
type Referrer struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// Referrers returns the manifests with that subject and, unless artifactTypes
// is empty, one of the artifact types, in the order of their digests, at most
// limit and with at most 4 MiB of annotations, unless the first has more. A
// subject that does not exist has the referrers that name it.
func (r *Registry) Referrers(ctx context.Context, n RepositoryName, subject string, artifactTypes []string, after string, limit int) (referrers []Referrer, next string, err error) {
	repositoryID, err := r.repositoryID(ctx, n)
	if err != nil {
		return nil, "", err
	}
	rows, more, err := r.store.Referrers(ctx, repositoryID, subject, artifactTypes, after, limit, manifest.MaxSize)
	if err != nil {
		return nil, "", fmt.Errorf("list referrers: %w", err)
	}
	if more {
		next = rows[len(rows)-1].Digest
	}
	referrers = make([]Referrer, len(rows))
	for i, row := range rows {
		if referrers[i], err = referrerOf(row); err != nil {
			return nil, "", err
		}
	}
	return referrers, next, nil
}

func referrerOf(row store.Referrer) (Referrer, error) {
	referrer := Referrer{MediaType: row.MediaType, Digest: row.Digest, Size: row.Size, ArtifactType: row.ArtifactType}
	if row.Annotations == "" {
		return referrer, nil
	}
	if err := json.Unmarshal([]byte(row.Annotations), &referrer.Annotations); err != nil {
		return Referrer{}, fmt.Errorf("annotations of referrer %s: %w", row.Digest, err)
	}
	return referrer, nil
}

// The index of [Registry.ReferrersIndex] lists at most this many, and the first
// of those with more annotations than fit into a manifest.
const fallbackLimit = 1000

// A ReferrersList is the image index that lists referrers (OCI
// distribution-spec, listing referrers).
type ReferrersList struct {
	SchemaVersion int        `json:"schemaVersion"`
	MediaType     string     `json:"mediaType"`
	Manifests     []Referrer `json:"manifests"`
}

// NewReferrersList returns the image index of referrers.
func NewReferrersList(referrers []Referrer) ReferrersList {
	return ReferrersList{SchemaVersion: 2, MediaType: manifest.MediaTypeIndex, Manifests: referrers}
}

// ReferrersIndex returns what a client expects at the tag sha256-<hex> that
// does not know the referrers API: an index of the referrers of that digest
// (OCI distribution-spec, referrers tag schema). ok is false for another tag
// and for a digest without referrers.
func (r *Registry) ReferrersIndex(ctx context.Context, n RepositoryName, tag string) (m Manifest, ok bool, err error) {
	subject := strings.Replace(tag, "-", ":", 1)
	if !manifest.ValidDigest(subject) {
		return Manifest{}, false, nil
	}
	referrers, _, err := r.Referrers(ctx, n, subject, nil, "", fallbackLimit)
	if err != nil {
		if refusal, is := errors.AsType[*Error](err); is && refusal.Code == CodeRepositoryNotFound {
			return Manifest{}, false, nil
		}
		return Manifest{}, false, err
	}
	if len(referrers) == 0 {
		return Manifest{}, false, nil
	}
	payload, err := json.Marshal(NewReferrersList(referrers))
	if err != nil {
		return Manifest{}, false, fmt.Errorf("encode referrers: %w", err)
	}
	return Manifest{digest.FromBytes(payload).String(), manifest.MediaTypeIndex, payload}, true, nil
}
