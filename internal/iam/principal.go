// Package iam says who a caller is and what a caller may do.
//
// It is pure: it knows no HTTP, no storage and no registry, only principals,
// actions, resources and policy documents.
package iam

import "context"

// A Principal is an authenticated caller.
type Principal struct {
	// ARN names the caller, for example arn:aws:iam::123456789012:root.
	ARN string
	// Account is the caller's 12-digit account.
	Account string
	// UserID is the caller's unique id; for an account's root it is the account.
	UserID string
}

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

// A Request is what an [Authorizer] decides on.
type Request struct {
	Principal Principal
	// Action is a service prefix and operation, for example ecr:PutImage.
	Action string
	// Resource is the ARN that the action touches, or * where it touches none.
	Resource string
	// ResourceAccount owns the resource.
	ResourceAccount string
}

// An Authorizer decides whether a principal may act. It answers nil, a
// [*DeniedError], or the error that kept it from deciding.
type Authorizer interface {
	Authorize(ctx context.Context, r Request) error
}

// DeniedError refuses a [Request]. Its text is the one that AWS prints.
type DeniedError struct {
	Request Request
	// Reason is the clause after "because", without it.
	Reason string
}

func (e *DeniedError) Error() string {
	text := "User: " + e.Request.Principal.ARN + " is not authorized to perform: " + e.Request.Action + " on resource: " + e.Request.Resource
	if e.Reason != "" {
		text += " because " + e.Reason
	}
	return text
}

// OwnAccount authorizes every principal for everything in its own account and
// nothing elsewhere: the rule for an account's root user without policies.
type OwnAccount struct{}

// Authorize implements [Authorizer].
func (OwnAccount) Authorize(_ context.Context, r Request) error {
	if r.Principal.Account == r.ResourceAccount {
		return nil
	}
	return &DeniedError{Request: r, Reason: "no resource-based policy allows the " + r.Action + " action"}
}
