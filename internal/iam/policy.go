package iam

// The versions of the policy language. A document without one is of 2008,
// which knows no policy variables.
const (
	Version2008 = "2008-10-17"
	Version2012 = "2012-10-17"
)

// A Document is a valid policy (IAM user guide, "Grammar of the IAM JSON policy
// language"). What the text gives as one value or as a list is a list here.
//
// It comes from one of the Parse functions, which also make it ready for
// [Evaluate], and does not change from then on: any number of goroutines may
// use it.
type Document struct {
	// Version is [Version2008] or [Version2012].
	Version string
	ID      string
	// Statements are at least one.
	Statements []Statement

	rules []rule   // of the statements, in their order
	texts []string // of the statements, as they were written
	keys  []string // that the statements mention: sorted, in lower case
}

// A Statement allows or denies. Of each of the pairs at most one is set; nil is
// absent.
type Statement struct {
	// SID is free text in a policy of ECR and need not be unique there.
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
	// Anyone is everybody: "*" or {"AWS": "*"}.
	Anyone PrincipalType = "*"
	// AWS is an account's root, a user, a role, a role's session or a federated
	// user, by ARN, or a user or role by its unique id.
	AWS PrincipalType = "AWS"
	// Service is a service by its host name.
	Service PrincipalType = "Service"
	// Federated is an identity provider, in trust policies only.
	Federated PrincipalType = "Federated"
)

// A PrincipalPattern names one or many principals.
type PrincipalPattern struct {
	Type PrincipalType
	// Value is an ARN without wildcards or a unique id for [AWS], a host name for
	// [Service], an ARN or a host name for [Federated] and empty for [Anyone]. An account id is here as the ARN of its root in the
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

const nullOperator = "Null"

// PolicyError says why a text is no policy.
type PolicyError struct {
	// Message is what IAM answers with its MalformedPolicyDocument. ECR answers
	// a text of its own, whatever the cause.
	Message string
	// Detail says more, and is for logs.
	Detail string
}

func (e *PolicyError) Error() string { return "invalid policy: " + e.Detail }
