package iam

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Pins are the unique ids of the users and roles, and of the sessions of roles,
// that a policy names, by their ARNs. They are looked up when the policy is set
// and stay with it: whoever comes to have the name later is somebody else (IAM
// user guide, "IAM JSON policy elements: Principal").
type Pins map[string]string

// ParsePins reads what Text has written. An empty text is no pins.
func ParsePins(text string) (Pins, error) {
	if text == "" {
		return nil, nil
	}
	var p Pins
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return nil, fmt.Errorf("decode the ids of principals: %w", err)
	}
	return p, nil
}

// Text returns the pins for [ParsePins]; no pins are the empty text.
func (p Pins) Text() string {
	if len(p) == 0 {
		return ""
	}
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // which a map of strings never does
	}
	return string(text)
}

// Pin returns the pins of a policy: find returns the unique id behind an ARN, which
// is empty for what has none, and whether there is anybody. When there is not,
// Pin returns the ARN as missing.
func (d *Document) Pin(find func(arn string) (id string, exists bool, err error)) (pins Pins, missing string, err error) {
	pins = Pins{}
	for _, s := range d.Statements {
		for _, p := range slices.Concat(s.Principals, s.NotPrincipals) {
			if p.Type != AWS {
				continue
			}
			id, exists, err := find(p.Value)
			if err != nil {
				return nil, "", fmt.Errorf("find principal %s: %w", p.Value, err)
			}
			if !exists {
				return nil, p.Value, nil
			}
			if id != "" {
				pins[p.Value] = id
			}
		}
	}
	return pins, "", nil
}

// Pinned returns the policy with its principals known by their unique ids. Those
// without a pin are known by their names still: accounts, and what a policy of
// an older version of the server names.
func (d *Document) Pinned(pins Pins) *Document {
	if len(pins) == 0 {
		return d
	}
	pinned := *d
	pinned.rules = slices.Clone(d.rules)
	for i := range pinned.rules {
		r := &pinned.rules[i]
		r.principals = slices.Clone(r.principals)
		for j, p := range r.principals {
			if id := pins[p.Value]; id != "" && p.Type == AWS {
				p.Value = id
				r.principals[j] = newPrincipalTest(p.PrincipalPattern)
			}
		}
	}
	return &pinned
}

// HasID reports whether a principal is the user, the session, or a session of the
// role, that has a unique id. Of nobody in particular everyone has the id.
func (p Principal) HasID(id string) bool {
	return id == "" || p.UserID == id || len(p.UserID) > len(id) && p.UserID[:len(id)] == id && p.UserID[len(id)] == ':'
}
