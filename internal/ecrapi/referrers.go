package ecrapi

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/registry"
)

// referrersPage is the default page of ListImageReferrers (spec A.5).
const referrersPage = 20

// ListImageReferrers implements [ecr.Service] (spec B.2, 35). It needs the
// permission to get images.
func (a *api) ListImageReferrers(ctx context.Context, in *ecr.ListImageReferrersRequest) (*ecr.ListImageReferrersResponse, error) {
	name := registry.RepositoryName{Registry: callerOf(ctx).registryID(in.RegistryId), Name: in.RepositoryName}
	subjects := []ecr.ImageIdentifier{{ImageDigest: in.SubjectId.ImageDigest}}
	err := a.authorize(ctx, iam.OperationAction("ListImageReferrers"), name.ARN(), name.Registry, withImageTags(a.pulledTags(name, subjects)))
	if err != nil {
		return nil, err
	}
	subject, filter := *in.SubjectId.ImageDigest, value(in.Filter)
	if !digestRegexp.MatchString(subject) {
		return nil, invalidDigest("subjectId.imageDigest")
	}
	if slices.ContainsFunc(filter.ArtifactTypes, hasControl) {
		return nil, registry.InvalidParameter("filter.artifactTypes", "Member must satisfy constraint: [Member must not have control characters]")
	}
	status := cmp.Or(value(filter.ArtifactStatus), ecr.ArtifactStatusFilterActive)
	l := listing{operation: "ListImageReferrers", repository: name, filter: append([]string{subject, status}, filter.ArtifactTypes...)}
	from, err := l.position(in.NextToken)
	if err != nil {
		return nil, err
	}
	if !isActive(status) {
		_, err := a.registry.Repository(ctx, name)
		return &ecr.ListImageReferrersResponse{Referrers: []ecr.ImageReferrer{}}, err
	}
	found, next, err := a.registry.Referrers(ctx, name, subject, filter.ArtifactTypes, from.Key, pageSize(in.MaxResults, referrersPage))
	if err != nil {
		return nil, err
	}
	var position registry.Cursor
	if next != "" {
		position = registry.Cursor{Kind: "referrer", Key: next}
	}
	return &ecr.ListImageReferrersResponse{Referrers: imageReferrers(found), NextToken: l.token(position)}, nil
}

func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }

func imageReferrers(found []registry.Referrer) []ecr.ImageReferrer {
	referrers := make([]ecr.ImageReferrer, len(found))
	for i, r := range found {
		referrers[i] = ecr.ImageReferrer{
			Digest: r.Digest, MediaType: r.MediaType, ArtifactType: r.ArtifactType, Size: r.Size,
			Annotations: r.Annotations, ArtifactStatus: ecr.ArtifactStatusActive,
		}
	}
	return referrers
}
