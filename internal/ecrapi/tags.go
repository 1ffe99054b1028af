package ecrapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
)

// TagResource implements [ecr.Service] (spec B.2, 52).
func (a *api) TagResource(ctx context.Context, in *ecr.TagResourceRequest) (*ecr.TagResourceResponse, error) {
	name, err := a.resource(ctx, iam.TagResource, *in.ResourceArn, withTags(in.Tags))
	if err != nil {
		return nil, err
	}
	if err := a.registry.TagRepository(ctx, name, resourceTags(in.Tags)); err != nil {
		return nil, err
	}
	return &ecr.TagResourceResponse{}, nil
}

// UntagResource implements [ecr.Service] (spec B.2, 53).
func (a *api) UntagResource(ctx context.Context, in *ecr.UntagResourceRequest) (*ecr.UntagResourceResponse, error) {
	name, err := a.resource(ctx, iam.UntagResource, *in.ResourceArn, withTagKeys(in.TagKeys))
	if err != nil {
		return nil, err
	}
	if err := a.registry.UntagRepository(ctx, name, in.TagKeys); err != nil {
		return nil, err
	}
	return &ecr.UntagResourceResponse{}, nil
}

// ListTagsForResource implements [ecr.Service] (spec B.2, 38).
func (a *api) ListTagsForResource(ctx context.Context, in *ecr.ListTagsForResourceRequest) (*ecr.ListTagsForResourceResponse, error) {
	name, err := a.resource(ctx, iam.ListTagsForResource, *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	found, err := a.registry.RepositoryTags(ctx, name)
	if err != nil {
		return nil, err
	}
	tags := make([]ecr.Tag, len(found))
	for i, t := range found {
		tags[i] = ecr.Tag{Key: &t.Key, Value: &t.Value}
	}
	return &ecr.ListTagsForResourceResponse{Tags: tags}, nil
}

func resourceTags(tags []ecr.Tag) []registry.ResourceTag {
	var all []registry.ResourceTag
	for _, t := range tags {
		all = append(all, registry.ResourceTag{Key: *t.Key, Value: *t.Value})
	}
	return all
}

// resource returns the repository that an ARN names, if the caller may take the
// action on it. The account may be another one, whose policies decide; the
// region may not, for an endpoint of ECR knows its own region alone.
func (a *api) resource(ctx context.Context, action, arn string, details ...detail) (registry.RepositoryName, error) {
	name, ok := parseARN(arn)
	if !ok {
		return registry.RepositoryName{}, registry.InvalidParameter("resourceArn", "Invalid ARN")
	}
	if region := callerOf(ctx).Region; name.Registry.Region != region {
		return registry.RepositoryName{}, registry.InvalidParameter("resourceArn", "Invalid ARN: the request is for the region "+region)
	}
	return name, a.authorize(ctx, action, name.ARN(), name.Registry, details...)
}

// parseARN reads arn:<partition>:ecr:<region>:<account>:repository/<name>, the
// only resource that has tags (spec A.2).
func parseARN(arn string) (registry.RepositoryName, bool) {
	name, ok := registry.ParseARN(arn)
	valid := authn.IsRegion(name.Registry.Region) && authn.IsAccount(name.Registry.Account) && manifest.ValidRepositoryName(name.Name)
	return name, ok && valid
}
