package event

import "github.com/opencontainers/go-digest"

// ImageAction is the detail of "ECR Image Action": something was done to one
// image under one tag. A push or deletion that concerns many tags is as many
// events.
type ImageAction struct {
	Result     Result        `json:"result"`
	Repository string        `json:"repository-name"`
	Digest     digest.Digest `json:"image-digest"`
	Action     Action        `json:"action-type"`
	// Tag is empty, and left out, for an image without a tag.
	Tag string `json:"image-tag,omitempty"`
	// ManifestMediaType and ArtifactMediaType are left out when empty.
	ManifestMediaType string `json:"manifest-media-type,omitempty"`
	ArtifactMediaType string `json:"artifact-media-type,omitempty"`
	// Restored says that a push is the return of what was deleted or overwritten.
	// It is ours, and left out otherwise.
	Restored bool `json:"restored,omitempty"`
	// TagOnly says that the image was there before, or is there after. Previous is
	// the image that the tag pointed at before. Both are ours, and left out
	// otherwise.
	TagOnly  bool          `json:"tag-only,omitempty"`
	Previous digest.Digest `json:"previous-image-digest,omitempty"`
}

// DetailType implements [Detail].
func (ImageAction) DetailType() string { return "ECR Image Action" }

// A Result tells how an action ended.
type Result string

// The results.
const (
	Success Result = "SUCCESS"
	Failure Result = "FAILURE"
)

// An Action is what was done to an image.
type Action string

// The actions.
const (
	Push   Action = "PUSH"
	Delete Action = "DELETE"
)
