package ecrapi

import (
	"regexp"
	"unicode/utf8"

	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/registry"
)

// What ECR lets digests and tags be made of (spec B.0), which is more than any
// image has, and how many characters a tag may have.
const (
	digestPattern = `[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+`
	tagPattern    = `[a-zA-Z0-9-_.]+`
	maxTag        = 300
)

var (
	digestRegexp = regexp.MustCompile(`^` + digestPattern + `$`)
	tagRegexp    = regexp.MustCompile(`^` + tagPattern + `$`)
)

func validTag(tag string) bool {
	return tagRegexp.MatchString(tag) && utf8.RuneCountInString(tag) <= maxTag
}

// imageIDOf reads the identifier of an image. Where it is malformed there is a
// failure instead, as the batch operations answer it (spec B.0, ImageFailure).
func imageIDOf(in ecr.ImageIdentifier) (registry.ImageID, *ecr.ImageFailure) {
	fail := func(code, reason string) (registry.ImageID, *ecr.ImageFailure) {
		return registry.ImageID{}, &ecr.ImageFailure{ImageId: &in, FailureCode: code, FailureReason: "Invalid request parameters: " + reason}
	}
	switch {
	case in.ImageDigest == nil && in.ImageTag == nil:
		return fail(ecr.ImageFailureCodeMissingDigestAndTag, "both tag and digest cannot be null")
	case in.ImageDigest != nil && !digestRegexp.MatchString(*in.ImageDigest):
		return fail(ecr.ImageFailureCodeInvalidImageDigest, "image digest should satisfy the regex '"+digestPattern+"'")
	case in.ImageTag != nil && !validTag(*in.ImageTag):
		return fail(ecr.ImageFailureCodeInvalidImageTag, "image tag should satisfy the regex '"+tagPattern+"'")
	}
	return registry.ImageID{Digest: value(in.ImageDigest), Tag: value(in.ImageTag)}, nil
}

// imageIDsOf reads identifiers where a malformed one fails the whole call.
func imageIDsOf(in []ecr.ImageIdentifier) ([]registry.ImageID, error) {
	ids := make([]registry.ImageID, len(in))
	for i := range in {
		id, failure := imageIDOf(in[i])
		if failure != nil {
			return nil, invalidImageID(failure.FailureCode)
		}
		ids[i] = id
	}
	return ids, nil
}

func invalidImageID(code string) error {
	switch code {
	case ecr.ImageFailureCodeInvalidImageDigest:
		return invalidDigest("imageDigest")
	case ecr.ImageFailureCodeInvalidImageTag:
		return registry.InvalidParameter("imageTag", "must satisfy regular expression '"+tagPattern+"'")
	default:
		return registry.InvalidParameter("imageIds", "both tag and digest cannot be null")
	}
}

func invalidDigest(parameter string) error {
	return registry.InvalidParameter(parameter, "must satisfy regular expression '"+digestPattern+"'")
}

// wireImageID is an identifier with the members that there are.
func wireImageID(id registry.ImageID) ecr.ImageIdentifier {
	var out ecr.ImageIdentifier
	if id.Digest != "" {
		out.ImageDigest = &id.Digest
	}
	if id.Tag != "" {
		out.ImageTag = &id.Tag
	}
	return out
}
