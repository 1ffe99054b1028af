package iam

import "strings"

// Keys are the condition keys of a request and their values. The name of a key
// is in lower case, with its part after a slash, such as
// aws:resourcetag/team. A key that is there may have no value at all.
type Keys map[string][]string

// Add adds values to a key, whose name may be in any case. Tags whose names
// differ in case alone are one key with several values.
func (k Keys) Add(name string, values ...string) {
	name = strings.ToLower(name)
	k[name] = append(k[name], values...)
}

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
	// others. A policy that names the role means the session too. Where it is
	// not known, the session's ARN tells the role but for its path.
	Role string
	// Identity are the policies of the user and its groups, or of the role.
	// Root has none and may do everything in its account.
	Identity []NamedPolicy
	// Boundary is the permissions boundary; nil is none.
	Boundary *NamedPolicy
	// Session are the session policies, of which one must allow; none narrow
	// nothing.
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
	// repository and of its registry, of a KMS key, or the trust policy of a role.
	ResourcePolicies []NamedPolicy
	// Trust says that ResourcePolicies are a role's trust policy or a KMS key's
	// policy: it must allow even within the account, where policies of other
	// resources need not.
	Trust bool
	// Granted says that the caller is let in as by an Allow of the resource's
	// side that names it, such as by a grant of a KMS key. A session of a role is
	// let in as its role is.
	Granted bool
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
	// Matched are the statements that apply: those that deny if there are any,
	// else those that allow, even where they are not enough.
	Matched []Match
	// WithinBoundary is whether the permissions boundary allows; true without one.
	WithinBoundary bool
	// ResourceAllows is whether the resource's side lets the caller in, whatever
	// the caller's own side says.
	ResourceAllows bool
}

// A Match is a statement that applied to a query.
type Match struct {
	// Policy is the name of the policy, and Source what kind of policy it is there.
	Policy string
	Source Source
	// Statement counts from zero; SID may be empty.
	Statement int
	SID       string
	// Text is the statement as it was written.
	Text string
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

// Evaluate decides by the rules of IAM (user guide, "Policy evaluation logic").
// A Deny that applies anywhere decides. Within an account, the identity's side
// or the resource's side must allow; between accounts both must. The identity's
// side is the meet of its policies, its permissions boundary and its session
// policies. Whoever is no identity of an account, such as a service, needs the
// resource's side alone, which must name it; nobody is named by a star.
func Evaluate(q Query) Decision {
	e := evaluation{query: &q, action: lowerASCII(q.Action)}
	e.allows = e.room[:0]
	identity := e.judge(IdentityPolicy, q.Caller.Identity...)
	resource := e.judge(ResourcePolicy, q.ResourcePolicies...)
	if q.Granted {
		resource.grant = max(resource.grant, q.Caller.granted())
	}
	boundary := verdict{grant: named}
	if q.Caller.Boundary != nil {
		boundary = e.judge(PermissionsBoundary, *q.Caller.Boundary)
	}
	session := verdict{grant: named}
	if len(q.Caller.Session) > 0 {
		session = e.judge(SessionPolicy, q.Caller.Session...)
	}

	d := Decision{
		Outcome: ExplicitDeny, Matched: e.denies,
		WithinBoundary: boundary.grant > unnamed && !boundary.denied, ResourceAllows: resource.grant > unnamed && !resource.denied,
	}
	for _, side := range []struct {
		verdict verdict
		source  Source
	}{{identity, IdentityPolicy}, {resource, ResourcePolicy}, {boundary, PermissionsBoundary}, {session, SessionPolicy}} {
		if side.verdict.denied {
			d.Reason = withExplicitDeny(side.source)
			return d
		}
	}
	d.Matched = e.allows
	if missing := missingAllow(&q, identity.grant, resource.grant, boundary.grant, session.grant); missing != "" {
		d.Outcome, d.Reason = ImplicitDeny, "because no "+string(missing)+" allows the "+q.Action+" action"
		return d
	}
	d.Outcome = Allowed
	return d
}

func withExplicitDeny(source Source) string {
	article := "a "
	if source == IdentityPolicy {
		article = "an "
	}
	return "with an explicit deny in " + article + string(source)
}

// missingAllow returns whose Allow is lacking; empty is none.
func missingAllow(q *Query, identity, resource, boundary, session grant) Source {
	principal := q.Caller.Principal
	if principal.Account == "" && resource == unnamed {
		return ResourcePolicy
	}
	sameAccount := principal.Account == q.ResourceAccount
	switch {
	case principal.Account == "":
		return ""
	case resource == unnamed && (!sameAccount || q.Trust):
		return ResourcePolicy
	case resource == named && sameAccount:
		return "" // what is given to this very principal is not narrowed
	case identity == unnamed && !principal.IsRoot() && (resource < covered || !sameAccount):
		return IdentityPolicy
	case boundary == unnamed:
		return PermissionsBoundary
	case session == unnamed:
		return SessionPolicy
	}
	return ""
}

// An evaluation is the work on one query.
type evaluation struct {
	query          *Query
	action         string // in lower case
	allows, denies []Match
	scratch        []byte // for one expansion of variables
	room           [8]Match
}

// A verdict is what the policies of one source say together.
type verdict struct {
	denied bool
	grant  grant
}

// judge goes through all statements, for whoever explains wants all that apply.
func (e *evaluation) judge(source Source, policies ...NamedPolicy) verdict {
	var v verdict
	for _, policy := range policies {
		rules := policy.Document.rules
		for i := range rules {
			r := &rules[i]
			if !r.coversAction(e.action) {
				continue
			}
			granted := named // policies of an identity are about it
			if source == ResourcePolicy {
				granted = r.grant(e.query.Caller)
			}
			if granted == unnamed || !r.coversResource(e) || !r.conditionsHold(e) {
				continue
			}
			match := Match{Policy: policy.Name, Source: source, Statement: i, SID: r.sid, Text: policy.Document.texts[i]}
			if r.effect == Deny {
				v.denied = true
				e.denies = append(e.denies, match)
				continue
			}
			v.grant = max(v.grant, granted)
			e.allows = append(e.allows, match)
		}
	}
	return v
}

// values returns the values of a condition key, given in lower case. What is
// known of the caller and the resource counts before what the request says.
func (e *evaluation) values(key string) []string {
	if values, ok := e.query.Caller.Keys[key]; ok {
		return values
	}
	if values, ok := e.query.ResourceKeys[key]; ok {
		return values
	}
	return e.query.RequestKeys[key]
}
