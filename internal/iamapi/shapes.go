package iamapi

import (
	"net/url"
	"strings"

	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/identity"
)

// value returns what an optional member holds, or the zero value.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// pageOf returns the page that a request asks for.
func pageOf(marker *string, maxItems *int32, pathPrefix *string) identity.Page {
	return identity.Page{Marker: value(marker), MaxItems: int(value(maxItems)), PathPrefix: value(pathPrefix)}
}

// truncated returns whether there is a page after the one that ends at a marker.
func truncated(next string) *bool {
	more := next != ""
	return &more
}

// each returns what do makes of each item: a list that is there even if it is
// empty, as clients expect of one that they asked for.
func each[In, Out any](items []In, do func(In) Out) []Out {
	all := make([]Out, 0, len(items))
	for _, item := range items {
		all = append(all, do(item))
	}
	return all
}

func tagsFrom(tags []awsiam.Tag) []identity.Tag {
	return each(tags, func(tag awsiam.Tag) identity.Tag { return identity.Tag{Key: tag.Key, Value: value(tag.Value)} })
}

func tagsOf(tags []identity.Tag) []awsiam.Tag {
	return each(tags, func(tag identity.Tag) awsiam.Tag { return awsiam.Tag{Key: tag.Key, Value: &tag.Value} })
}

func boundaryOf(arn string) *awsiam.AttachedPermissionsBoundary {
	if arn == "" {
		return nil
	}
	return &awsiam.AttachedPermissionsBoundary{PermissionsBoundaryArn: arn, PermissionsBoundaryType: "Policy"}
}

func attachedOf(policies []identity.AttachedPolicy) []awsiam.AttachedPolicy {
	return each(policies, func(p identity.AttachedPolicy) awsiam.AttachedPolicy {
		return awsiam.AttachedPolicy{PolicyArn: p.ARN, PolicyName: p.Name}
	})
}

// itself is for lists of what needs no translation.
func itself[T any](item T) T { return item }

// encodedDocument returns a policy document as responses carry it: encoded as
// in URLs (RFC 3986).
func encodedDocument(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}
