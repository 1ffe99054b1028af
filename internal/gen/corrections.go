package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// corrections say what a model does not: the words of a service's refusals, and
// where the service checks more or less than its model.
type corrections struct {
	// Code and Frame are those of the error for a broken constraint. Frame has
	// a %s for the member's path and one for the constraint.
	Code, Frame string
	// Detailed makes the refusal name every broken constraint with the value that
	// broke it, as the Query services do, and spell paths as they do, userName
	// for UserName. Frame is not used then.
	Detailed bool
	// Pattern is the constraint's text for a pattern, with a %s for it; the
	// elements of lists have a text of their own in every service.
	Pattern string
	// PatternOf replaces Pattern for single shapes.
	PatternOf map[string]string
	// RE2 replaces a shape's pattern, for one that Go cannot compile. The
	// text of the refusal keeps the model's.
	RE2 map[string]string
	// Enum replaces an enumeration, for the order in which a refusal names it.
	Enum map[string][]string
	// MemberPattern gives one member, as in "Shape.member", a pattern beside the
	// constraints of its shape.
	MemberPattern map[string]string
	// Unchecked are members, as in "Shape.member", that are lists whose elements
	// the service judges one by one in its response; only their number is checked.
	Unchecked []string
	// Always are members of responses, as in "Shape.member", that the service
	// sends even when they are empty, although its model does not say so.
	Always []string
}

// The wording of the AWS frameworks, for a service without a wording of its own.
const (
	plainCode    = "ValidationException"
	plainFrame   = "1 validation error detected: Value at '%s' failed to satisfy constraint: %s"
	plainPattern = "Member must satisfy regular expression pattern: %s"
)

var correctionsOf = map[string]corrections{
	"ECR": {
		Code:      "InvalidParameterException",
		Frame:     "Invalid parameter at '%s' failed to satisfy constraint: '%s'",
		Pattern:   "must satisfy regular expression '%s'",
		PatternOf: map[string]string{"RegistryId": "must satisfy regular expression %s"},
		Enum: map[string][]string{
			"ImageTagMutability": {"IMMUTABLE", "MUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"},
		},
		// The model has no pattern for tags, and only PutImage refuses a call
		// for one: elsewhere an impossible tag is one that does not exist.
		MemberPattern: map[string]string{"PutImageRequest.imageTag": "[a-zA-Z0-9-_.]+"},
		// Both answer a malformed tag or digest with a failure of that image.
		Unchecked: []string{"BatchDeleteImageRequest.imageIds", "BatchGetImageRequest.imageIds"},
	},
	"IAM": {
		Code:     "ValidationError",
		Detailed: true,
		// No hyphen follows another.
		RE2: map[string]string{"accountAliasType": "[a-z0-9](?:[a-z0-9]|-[a-z0-9])*"},
	},
	"KMS": {
		Code:     plainCode,
		Detailed: true,
		Always:   []string{"KeyMetadata.Description"},
	},
	"Nifuda": {
		Code:     plainCode,
		Detailed: true,
	},
	"STS": {
		Code:     "ValidationError",
		Detailed: true,
	},
}

// withDefaults returns c with the plain wording where it has none.
func (c corrections) withDefaults() corrections {
	if c.Code == "" {
		c.Code, c.Frame = plainCode, plainFrame
	}
	if c.Pattern == "" {
		c.Pattern = plainPattern
	}
	return c
}

// check reports a correction of something that the model does not have, which
// would otherwise do nothing in silence after the model changed.
func (c corrections) check(m *model) error {
	for _, name := range slices.Concat(slices.Collect(maps.Keys(c.PatternOf)), slices.Collect(maps.Keys(c.RE2)), slices.Collect(maps.Keys(c.Enum))) {
		if m.Shapes[name] == nil {
			return fmt.Errorf("corrections name the shape %s, which the model does not have", name)
		}
	}
	for _, path := range slices.Concat(slices.Collect(maps.Keys(c.MemberPattern)), c.Unchecked, c.Always) {
		name, memberName, _ := strings.Cut(path, ".")
		s := m.Shapes[name]
		if s == nil || !slices.ContainsFunc(s.Members, func(x member) bool { return x.Name == memberName }) {
			return fmt.Errorf("corrections name the member %s, which the model does not have", path)
		}
	}
	for name, values := range c.Enum {
		if !slices.Equal(slices.Sorted(slices.Values(values)), slices.Sorted(slices.Values(m.Shapes[name].Enum))) {
			return fmt.Errorf("corrections order the values of %s, which are %v in the model", name, m.Shapes[name].Enum)
		}
	}
	return nil
}
