// Package iam says who a caller is and what a caller may do.
//
// It is pure: it knows no HTTP, no storage and no registry, only principals,
// actions, resources and policy documents.
package iam

// A Principal is an authenticated caller.
type Principal struct {
	// ARN names the caller: an account's root, a user, a session of a role
	// (arn:aws:sts::<account>:assumed-role/<role>/<session>), or nobody, see
	// [Anonymous]; or the ones of [ServicePrincipal] and [FederatedPrincipal].
	ARN string
	// Account is the caller's 12-digit account; empty for whoever is no identity
	// of an account.
	Account string
	// UserID is the caller's unique id: the account for its root, AIDA… for a
	// user, AROA…:<session> for a session of a role.
	UserID string
	// AccessKeyID is the key that the caller proved itself with. A temporary
	// one (ASIA…) has a session behind it, which may narrow what it may do.
	AccessKeyID string
}

// Anonymous is the caller who proved nothing.
func Anonymous() Principal { return Principal{ARN: "anonymous"} }

// ServicePrincipal is a service that acts on its own, by its host name.
func ServicePrincipal(host string) Principal { return Principal{ARN: host} }

// FederatedPrincipal is someone for whom an identity provider vouches, by the
// provider's ARN: the caller of AssumeRoleWithWebIdentity.
func FederatedPrincipal(provider string) Principal { return Principal{ARN: provider} }

// IsAnonymous reports whether the caller proved nothing.
func (p Principal) IsAnonymous() bool { return p == Anonymous() }

// IsRoot reports whether the caller is its account's root user.
func (p Principal) IsRoot() bool { return p.Account != "" && p.UserID == p.Account }

// Root returns the principal of an account's root user.
func Root(partition, account string) Principal {
	return Principal{ARN: "arn:" + partition + ":iam::" + account + ":root", Account: account, UserID: account}
}

// Partition returns the partition that a region's ARNs carry.
func Partition(region string) string {
	switch {
	case len(region) > 3 && region[:3] == "cn-":
		return "aws-cn"
	case len(region) > 7 && region[:7] == "us-gov-":
		return "aws-us-gov"
	default:
		return "aws"
	}
}
