package iam

import "context"

// A Request is what an [Authorizer] decides on.
type Request struct {
	Principal Principal
	// Action is a service prefix and operation, for example ecr:PutImage.
	Action string
	// Resource is the ARN that the action touches, or * where it touches none.
	Resource string
	// ResourceAccount owns the resource.
	ResourceAccount string
	// Keys returns the condition keys of this request alone, such as aws:sourceip
	// or aws:requesttag/…; nil has none. It is called only if some policy that
	// counts has conditions. What is known of the principal and the resource is
	// added by the authorizer.
	Keys func() Keys
	// ImageTags returns the values of [ImageTag]: one decision is made for each
	// list, and all of them must allow. An empty list leaves the key absent. It
	// is called only if some policy that counts mentions the key; nil makes one
	// decision without the key.
	ImageTags func(ctx context.Context) ([][]string, error)
	// Granted reports whether something beside policies lets the principal do
	// this, such as a grant of a KMS key. It is called only if the policies do
	// not allow it and none denies it; nil is nothing.
	Granted func(ctx context.Context) (bool, error)
}

// An Authorizer decides whether a principal may act. It answers nil, a
// [*DeniedError], or the error that kept it from deciding.
type Authorizer interface {
	Authorize(ctx context.Context, r Request) error
}

// DeniedError refuses a [Request]. Its text is the one that AWS prints.
type DeniedError struct {
	Request Request
	// Reason is what follows the resource, "because …" or "with …"; may be empty.
	Reason string
	// Explicit says that a statement denies it, and not only that none allows it.
	Explicit bool
}

func (e *DeniedError) Error() string {
	text := "User: " + e.Request.Principal.ARN + " is not authorized to perform: " + e.Request.Action + " on resource: " + e.Request.Resource
	if e.Reason != "" {
		text += " " + e.Reason
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
	return &DeniedError{Request: r, Reason: "because no resource-based policy allows the " + r.Action + " action"}
}
