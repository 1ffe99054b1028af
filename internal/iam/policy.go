package iam

import "slices"

// The versions of the policy language. A document without one is of 2008,
// which knows no policy variables.
const (
	Version2008 = "2008-10-17"
	Version2012 = "2012-10-17"
)

// A Document is a valid policy (IAM user guide, "Grammar of the IAM JSON policy
// language"). What the text gives as one value or as a list is a list here.
type Document struct {
	// Version is [Version2008] or [Version2012].
	Version string
	ID      string
	// Statements are at least one.
	Statements []Statement
}

// A Statement allows or denies. Of each of the pairs at most one is set; nil is
// absent.
type Statement struct {
	// SID is free text and need not be unique.
	SID    string
	Effect Effect

	Principals    []PrincipalPattern
	NotPrincipals []PrincipalPattern
	// Actions and NotActions are patterns for [MatchAction].
	Actions    []string
	NotActions []string
	// Resources and NotResources are patterns for [MatchResource]. Without
	// either a repository policy means its repository.
	Resources    []string
	NotResources []string

	// Conditions must all hold.
	Conditions []Condition
}

// An Effect is what a statement does.
type Effect string

// The effects.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// A PrincipalType says how to read a [PrincipalPattern].
type PrincipalType string

// The types of principals in resource policies.
const (
	// Anyone is every authenticated principal: "*" or {"AWS": "*"}.
	Anyone PrincipalType = "*"
	// AWS is an account's root, a user, a role, a role's session or a federated user, by ARN.
	AWS PrincipalType = "AWS"
	// Service is a service by its host name.
	Service PrincipalType = "Service"
)

// A PrincipalPattern names one or many principals.
type PrincipalPattern struct {
	Type PrincipalType
	// Value is an ARN without wildcards for [AWS], a host name for [Service] and
	// empty for [Anyone]. An account id is here as the ARN of its root in the
	// partition aws; an account's root stands for its account in any partition.
	Value string
}

// A Condition compares one key of the request. A document's Condition block is
// a list of these: operators and keys are joined by and, values by or (by nor
// for negated operators).
type Condition struct {
	// Operator is the bare name, such as StringEquals.
	Operator string
	// IfExists makes the condition hold when the request lacks the key.
	IfExists bool
	// Set says how to treat a key with many values.
	Set SetQuantifier
	// Key is as written; keys are compared without case.
	Key string
	// Values are at least one. Numbers and booleans are as JSON writes them.
	Values []string
}

// A SetQuantifier is the prefix of a condition operator.
type SetQuantifier string

// The quantifiers; without one it is the empty string.
const (
	// ForAllValues holds when every value of the request matches, or there is none.
	ForAllValues SetQuantifier = "ForAllValues"
	// ForAnyValue holds when one value of the request matches.
	ForAnyValue SetQuantifier = "ForAnyValue"
)

var conditionOperators = []string{
	"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike",
	"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals",
	"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals",
	"Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", nullOperator,
}

const nullOperator = "Null"

// PolicyError says why a text is no policy. Answers to clients do not carry the
// detail, as ECR's do not; it is for logs.
type PolicyError struct {
	Detail string
}

func (e *PolicyError) Error() string { return "invalid policy: " + e.Detail }

// DeniesItself reports whether the document clearly denies the action on the
// resource to the principal, so that whoever sets it locks itself out: a Deny
// statement without conditions covers all three. Statements that depend on the
// request, by conditions or policy variables, do not count.
func DeniesItself(doc Document, principal Principal, action, resource string) bool {
	return slices.ContainsFunc(doc.Statements, func(s Statement) bool {
		return s.Effect == Deny && len(s.Conditions) == 0 &&
			s.coversPrincipal(principal) && s.coversAction(action) && s.coversResource(resource, doc.Version)
	})
}

func (s Statement) coversPrincipal(principal Principal) bool {
	covers := func(p PrincipalPattern) bool { return p.covers(principal) }
	if s.NotPrincipals != nil {
		return !slices.ContainsFunc(s.NotPrincipals, covers)
	}
	return slices.ContainsFunc(s.Principals, covers)
}

func (s Statement) coversAction(action string) bool {
	covers := func(pattern string) bool { return MatchAction(pattern, action) }
	if s.NotActions != nil {
		return !slices.ContainsFunc(s.NotActions, covers)
	}
	return slices.ContainsFunc(s.Actions, covers)
}

func (s Statement) coversResource(resource, version string) bool {
	covers := func(pattern string) bool { return MatchResource(pattern, resource) }
	variable := func(pattern string) bool { return version == Version2012 && hasVariable(pattern) }
	switch {
	case s.NotResources != nil:
		return !slices.ContainsFunc(s.NotResources, func(p string) bool { return variable(p) || covers(p) })
	case s.Resources != nil:
		return slices.ContainsFunc(s.Resources, func(p string) bool { return !variable(p) && covers(p) })
	}
	return true
}
