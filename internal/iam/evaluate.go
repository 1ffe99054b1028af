package iam

// Keys are the condition keys of a request and their values. The name of a key
// is in lower case, with its part after a slash, such as
// aws:resourcetag/team. A key that is there may have no value at all.
type Keys map[string][]string

// A NamedPolicy is a policy ready to be evaluated, and what it is called in the
// explanation of a decision: an ARN or the name of an inline policy.
type NamedPolicy struct {
	Name     string
	Document *Document
}

// A Caller is what counts for a principal whatever it asks for.
type Caller struct {
	Principal Principal
	// Role is the ARN of the role that the principal is a session of; empty for
	// others. A policy that names the role means the session too.
	Role string
	// Identity are the policies of the user and its groups, or of the role.
	// Root has none and may do everything in its account.
	Identity []NamedPolicy
	// Boundary is the permissions boundary; nil is none.
	Boundary *NamedPolicy
	// Session are the session policies; nil is none, which narrows nothing.
	Session []NamedPolicy
	// Keys are the condition keys of the principal, such as aws:username,
	// aws:PrincipalArn, aws:PrincipalTag/…, aws:TokenIssueTime.
	Keys Keys
}

// A Query is everything that a decision depends on.
type Query struct {
	Caller          *Caller
	Action          string
	Resource        string
	ResourceAccount string
	// ResourcePolicies are the policies on the resource's side: of the
	// repository and of its registry, or the trust policy of a role.
	ResourcePolicies []NamedPolicy
	// ResourceKeys and RequestKeys are the further condition keys.
	ResourceKeys, RequestKeys Keys
}

// An Outcome is what a decision says.
type Outcome string

// The outcomes, in the words of SimulatePrincipalPolicy.
const (
	Allowed      Outcome = "allowed"
	ExplicitDeny Outcome = "explicitDeny"
	ImplicitDeny Outcome = "implicitDeny"
)

// A Decision is the answer to a [Query].
type Decision struct {
	Outcome Outcome
	// Reason is the end of the message for the refused, such as "because no
	// identity-based policy allows the ecr:PutImage action"; empty when allowed.
	Reason string
	// Matched are the statements that decided: those that allow, or those that deny.
	Matched []Match
}

// A Match is a statement that applied to a query.
type Match struct {
	// Policy is the name of the policy, and Source what kind of policy it is there.
	Policy string
	Source Source
	// Statement counts from zero; SID may be empty.
	Statement int
	SID       string
}

// A Source says where a policy is attached.
type Source string

// The sources.
const (
	IdentityPolicy      Source = "identity-based policy"
	ResourcePolicy      Source = "resource-based policy"
	PermissionsBoundary Source = "permissions boundary"
	SessionPolicy       Source = "session policy"
)
