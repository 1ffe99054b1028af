package event

import (
	"encoding/json"
	"strings"
)

// A Summary is what an event is about, in the words of a listing. What it is not
// about is "".
type Summary struct {
	Name                    string // ImagePushed, TagDeleted, RepositoryCreated, …
	Repository, Digest, Tag string
}

// Summarize returns what the detail of an event says. One of a type that this
// package does not know has that type's name, without spaces.
func Summarize(detailType string, detail []byte) Summary {
	var d struct {
		ImageAction
		Kind Kind `json:"change-type"`
	}
	s := Summary{Name: strings.ReplaceAll(detailType, " ", "")}
	if json.Unmarshal(detail, &d) != nil {
		return s
	}
	s.Repository, s.Digest, s.Tag = d.Repository, d.Digest.String(), d.Tag
	switch detailType {
	case ImageAction{}.DetailType():
		s.Name = d.name()
	case Change{}.DetailType():
		s.Name = string(d.Kind)
	}
	return s
}

// name tells apart what ECR calls a push or a deletion.
func (a ImageAction) name() string {
	about := "Image"
	if a.TagOnly {
		about = "Tag"
	}
	switch {
	case a.Action == Delete:
		return about + "Deleted"
	case a.Restored:
		return about + "Restored"
	case !a.TagOnly:
		return "ImagePushed"
	case a.Previous != "":
		return "TagMoved"
	default:
		return "TagAdded"
	}
}
