package lifecycle

import (
	"slices"

	"github.com/nifuda/nifuda/internal/strictjson"
)

// Parse validates the text of a lifecycle policy, except for its length, and
// returns the policy or an [*Error]. It checks the JSON, then the structure of
// every rule, then what rules must be to each other: the order in which ECR
// finds faults. Text that parsers understand differently (duplicate names,
// invalid UTF-8, deep nesting) is no JSON here.
func Parse(text string) (Policy, error) {
	tree, err := strictjson.Parse(text)
	if err != nil {
		return Policy{}, unmappable()
	}
	drafts, err := readDocument(tree)
	if err != nil {
		return Policy{}, err
	}
	if err := checkMeaning(drafts); err != nil {
		return Policy{}, err
	}
	policy := Policy{Rules: make([]Rule, 0, len(drafts))}
	for _, d := range drafts {
		policy.Rules = append(policy.Rules, d.rule())
	}
	slices.SortFunc(policy.Rules, func(a, b Rule) int { return a.Priority - b.Priority })
	return policy, nil
}

// A draft is a rule whose structure is right, as it is written: a list or a
// class that is absent is nil or empty.
type draft struct {
	priority     int32
	description  string
	tagStatus    TagStatus
	patterns     []string
	prefixes     []string
	storageClass StorageClass
	countType    CountType
	countNumber  int32
	action       ActionType
	target       StorageClass
}

// class is the storage class that the rule works on.
func (d draft) class() StorageClass {
	if d.storageClass == "" {
		return Standard
	}
	return d.storageClass
}

func (d draft) rule() Rule {
	patterns := slices.Clone(d.patterns)
	for _, prefix := range d.prefixes {
		patterns = append(patterns, prefix+"*")
	}
	return Rule{
		Priority:    int(d.priority),
		Description: d.description,
		Selection: Selection{
			TagStatus:    d.tagStatus,
			TagPatterns:  patterns,
			StorageClass: d.class(),
			CountType:    d.countType,
			CountNumber:  d.countNumber,
		},
		Action: Action{Type: d.action, TargetStorageClass: d.target},
	}
}

// invalid is the error of a text that is JSON.
func invalid(message string) error {
	return &Error{Message: "Lifecycle policy validation failure: " + message}
}

// unmappable is the error of a text that is none, or that fits no policy's types.
func unmappable() error {
	return &Error{Message: "Lifecycle policy parsing failure: Could not map policyString into LifecyclePolicy."}
}
