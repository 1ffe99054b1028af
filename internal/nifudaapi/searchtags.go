package nifudaapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/nifuda"
)

// searchPage is how many entries a page of a search has when the request does
// not say.
const searchPage = 50

func searchPageSize(maxResults *int32) int {
	if maxResults == nil {
		return searchPage
	}
	return int(*maxResults)
}

// SearchTags implements [nifuda.Service].
func (a *api) SearchTags(ctx context.Context, in *nifuda.SearchTagsRequest) (*nifuda.SearchTagsResponse, error) {
	n, err := a.repository(ctx, iam.SearchTags, in.RegistryId, in.RepositoryName, nil)
	if err != nil {
		return nil, err
	}
	after, err := position(in.NextToken)
	if err != nil {
		return nil, err
	}
	tags, next, err := a.Repositories.SearchTags(ctx, n, value(in.Prefix), after, searchPageSize(in.MaxResults))
	if err != nil {
		return nil, foreignOr(err)
	}
	out := &nifuda.SearchTagsResponse{
		RegistryId: n.Registry.Account, RepositoryName: n.Name, Tags: []nifuda.FoundTag{}, NextToken: token(next),
	}
	for _, t := range tags {
		out.Tags = append(out.Tags, nifuda.FoundTag{
			ImageTag: t.Name, ImageDigest: t.Digest, ActorArn: t.Actor, ChangedAt: nifuda.Timestamp{Time: t.At},
			MediaType: t.MediaType, ArtifactType: t.ArtifactMediaType, Size: t.Size, PushedAt: nifuda.Timestamp{Time: t.PushedAt},
		})
	}
	return out, nil
}
