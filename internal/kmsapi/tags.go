package kmsapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/awskms"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/kms"
)

// TagResource implements [awskms.Service].
func (a *api) TagResource(ctx context.Context, in *awskms.TagResourceRequest) error {
	id, err := a.managed(ctx, iam.TagKey, in.KeyId, tagConditions(in.Tags))
	if err != nil {
		return err
	}
	return a.keys.SetTags(ctx, id, keyTags(in.Tags))
}

// UntagResource implements [awskms.Service].
func (a *api) UntagResource(ctx context.Context, in *awskms.UntagResourceRequest) error {
	id, err := a.managed(ctx, iam.UntagKey, in.KeyId, untagConditions(in.TagKeys))
	if err != nil {
		return err
	}
	return a.keys.RemoveTags(ctx, id, in.TagKeys)
}

// ListResourceTags implements [awskms.Service].
func (a *api) ListResourceTags(ctx context.Context, in *awskms.ListResourceTagsRequest) (*awskms.ListResourceTagsResponse, error) {
	id, err := a.managed(ctx, iam.ListResourceTags, in.KeyId, nil)
	if err != nil {
		return nil, err
	}
	tags, next, err := a.keys.Tags(ctx, id, page(in.Limit, in.Marker))
	if err != nil {
		return nil, err
	}
	out := &awskms.ListResourceTagsResponse{Tags: make([]awskms.Tag, len(tags)), NextMarker: next, Truncated: new(next != "")}
	for i, tag := range tags {
		out.Tags[i] = awskms.Tag{TagKey: tag.Key, TagValue: &tag.Value}
	}
	return out, nil
}

func keyTags(tags []awskms.Tag) []kms.Tag {
	all := make([]kms.Tag, len(tags))
	for i, tag := range tags {
		all[i] = kms.Tag{Key: tag.TagKey, Value: value(tag.TagValue)}
	}
	return all
}
