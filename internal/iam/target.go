package iam

import (
	"slices"
	"strings"
)

// A Target is what counts for a resource whoever touches it, as a [Caller] is
// what counts for a principal whatever it asks for.
type Target struct {
	// Policies are those on the resource's side: of a repository and of its
	// registry.
	Policies []NamedPolicy
	// Keys are the condition keys of the resource, such as aws:resourcetag/….
	Keys Keys
}

// ImageTag is the condition key, of ours, for the tags of the image that a
// request pushes, pulls or deletes.
const ImageTag = "nifuda:imagetag"

// IsConditional reports whether what the document says depends on condition
// keys, in conditions or as policy variables.
func (d *Document) IsConditional() bool {
	return slices.ContainsFunc(d.Statements, func(s Statement) bool {
		return len(s.Conditions) > 0 || d.Version == Version2012 &&
			(slices.ContainsFunc(s.Resources, hasVariable) || slices.ContainsFunc(s.NotResources, hasVariable))
	})
}

// Mentions reports whether what the document says may depend on the condition
// key, whose name is in lower case.
func (d *Document) Mentions(key string) bool {
	return slices.ContainsFunc(d.Statements, func(s Statement) bool {
		mentions := func(text string) bool { return d.Version == Version2012 && hasVariable(text) && strings.Contains(strings.ToLower(text), key) }
		return slices.ContainsFunc(s.Resources, mentions) || slices.ContainsFunc(s.NotResources, mentions) ||
			slices.ContainsFunc(s.Conditions, func(c Condition) bool {
				return strings.EqualFold(c.Key, key) || slices.ContainsFunc(c.Values, mentions)
			})
	})
}
