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

func tagsFrom(tags []awsiam.Tag) []identity.Tag {
	var all []identity.Tag
	for _, tag := range tags {
		all = append(all, identity.Tag{Key: tag.Key, Value: value(tag.Value)})
	}
	return all
}

func tagsOf(tags []identity.Tag) []awsiam.Tag {
	var all []awsiam.Tag
	for _, tag := range tags {
		all = append(all, awsiam.Tag{Key: tag.Key, Value: &tag.Value})
	}
	return all
}

func boundaryOf(arn string) *awsiam.AttachedPermissionsBoundary {
	if arn == "" {
		return nil
	}
	return &awsiam.AttachedPermissionsBoundary{PermissionsBoundaryArn: arn, PermissionsBoundaryType: "Policy"}
}

func attachedOf(policies []identity.AttachedPolicy) []awsiam.AttachedPolicy {
	var all []awsiam.AttachedPolicy
	for _, p := range policies {
		all = append(all, awsiam.AttachedPolicy{PolicyArn: p.ARN, PolicyName: p.Name})
	}
	return all
}

// encodedDocument returns a policy document as responses carry it: encoded as in URLs
// (RFC 3986).
func encodedDocument(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}
