package verify

import (
	"maps"
	"slices"
	"strings"
)

// A Kind says what is wrong.
type Kind string

// The kinds of damage.
const (
	BlobDamaged       Kind = "BlobDamaged"       // the bytes have not the digest, or cannot be opened or read
	BlobMissing       Kind = "BlobMissing"       // the bytes are gone
	HeaderDamaged     Kind = "HeaderDamaged"     // the bytes are whole, but not to be read without the database
	LinkBroken        Kind = "LinkBroken"        // a repository's link leads to no blob, or to another one
	ManifestDamaged   Kind = "ManifestDamaged"   // the bytes of a manifest have not the digest
	ReferencesDamaged Kind = "ReferencesDamaged" // what a manifest refers to is not what was recorded of it, or not there
	TagWrong          Kind = "TagWrong"          // a tag points nowhere, or its history says something else
	ListingWrong      Kind = "ListingWrong"      // the list of untagged images is wrong about one
	DatabaseDamaged   Kind = "DatabaseDamaged"   // the database says so of itself
)

// The kinds of what is no damage.
const (
	KeyUnavailable Kind = "KeyUnavailable" // the key of a blob cannot be used now, so that it was not read
	Forgotten      Kind = "Forgotten"      // nothing uses it and nothing will remove it
	Orphan         Kind = "Orphan"         // a file that no row knows
)

// Damage reports whether something that was pushed is not as it was.
func (k Kind) Damage() bool { return k != KeyUnavailable && k != Forgotten && k != Orphan }

// breaksPulls reports whether a blob of which this is found cannot be given.
func (k Kind) breaksPulls() bool { return k == BlobDamaged || k == BlobMissing }

// A Place is a repository, and an image in it.
type Place struct {
	Repository string `json:",omitempty"` // ARN
	Image      string `json:",omitempty"` // digest; "" is the repository, or a blob in it
	Tag        string `json:",omitempty"`
	Deleted    bool   `json:",omitempty"` // the repository, which can be restored
}

func (p Place) String() string {
	text := p.Repository
	if p.Tag != "" {
		text += ":" + p.Tag
	}
	if p.Image != "" {
		text += "@" + p.Image
	}
	if p.Deleted {
		text += " (deleted)"
	}
	return text
}

// A Finding is something that is not as it should be.
type Finding struct {
	Kind     Kind
	Problem  string  // a sentence
	Digest   string  `json:",omitempty"` // of the blob or manifest
	Location string  `json:",omitempty"` // in the blob store
	Places   []Place `json:",omitempty"` // at most placeLimit
	Repaired bool    `json:",omitempty"`

	known bool // it was reported before
}

// placeLimit is how many places are named of one finding.
const placeLimit = 20

// Where returns the places in words.
func (f Finding) Where() string {
	texts := make([]string, len(f.Places))
	for i, p := range f.Places {
		texts[i] = p.String()
	}
	return strings.Join(texts, ", ")
}

// A Report is what a pass has read and found.
type Report struct {
	Blobs     int64 `json:",omitempty"`
	Manifests int64 `json:",omitempty"`
	Tags      int64 `json:",omitempty"`
	Links     int64 `json:",omitempty"`
	Files     int64 `json:",omitempty"`
	Bytes     int64 `json:",omitempty"`
	// Found counts findings by their kind, and Repaired those that are mended.
	Found    map[Kind]int64 `json:",omitempty"`
	Repaired map[Kind]int64 `json:",omitempty"`
	// Findings are the first of them.
	Findings []Finding `json:",omitempty"`
}

// findingLimit is how many findings a report describes; it counts all.
const findingLimit = 100

// Damage returns how many things are damaged and not repaired.
func (r Report) Damage() (n int64) {
	for kind, count := range r.Found {
		if kind.Damage() {
			n += count - r.Repaired[kind]
		}
	}
	return n
}

// Kinds returns the kinds of what was found, in order.
func (r Report) Kinds() []Kind { return slices.Sorted(maps.Keys(r.Found)) }

// add counts a finding, keeps it if there is room, and reports whether there was.
func (r *Report) add(f Finding) bool {
	if r.Found == nil {
		r.Found, r.Repaired = map[Kind]int64{}, map[Kind]int64{}
	}
	r.Found[f.Kind]++
	if f.Repaired {
		r.Repaired[f.Kind]++
	}
	if len(r.Findings) == findingLimit {
		return false
	}
	r.Findings = append(r.Findings, f)
	return true
}

// forget drops what was found of a kind, by a step that begins anew.
func (r *Report) forget(k Kind) {
	delete(r.Found, k)
	delete(r.Repaired, k)
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return f.Kind == k })
}

func (r Report) clone() Report {
	r.Found, r.Repaired, r.Findings = maps.Clone(r.Found), maps.Clone(r.Repaired), slices.Clone(r.Findings)
	return r
}
