package iam

import (
	"slices"
	"strings"
)

// A Target is what counts for a resource whoever touches it, as a [Caller] is
// what counts for a principal whatever it asks for.
type Target struct {
	// Policies are those on the resource's side: of a repository and of its
	// registry, or of a KMS key.
	Policies []NamedPolicy
	// Inherited are those of them that are not the resource's own but its
	// registry's.
	Inherited []NamedPolicy
	// Trust says that the policies must allow even within the account, see [Query].
	Trust bool
	// Keys are the condition keys of the resource, such as aws:resourcetag/….
	Keys Keys
}

// ImageTag is the condition key, of ours, for the tags of the image that a
// request pushes, pulls or deletes.
const ImageTag = "nifuda:imagetag"

// IsConditional reports whether what the document says depends on condition
// keys, in conditions or as policy variables.
func (d *Document) IsConditional() bool { return len(d.keys) > 0 }

// Mentions reports whether what the document says may depend on a condition
// key, given in lower case. A name that ends in a slash, such as
// aws:resourcetag/, means all that begin with it.
func (d *Document) Mentions(key string) bool {
	i, found := slices.BinarySearch(d.keys, key)
	return found || strings.HasSuffix(key, "/") && i < len(d.keys) && strings.HasPrefix(d.keys[i], key)
}

// Keys returns the condition keys that the document mentions, in conditions and
// in policy variables: sorted, in lower case. The caller does not change them.
func (d *Document) Keys() []string { return d.keys }
