package kmsapi

import (
	"context"
	"errors"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/awskms"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/kms"
)

// explained is an operation whose errors are as the caller is told them.
func explained(operation awskms.Operation) awskms.Operation {
	return func() (awskms.Request, awskms.Call) {
		in, call := operation()
		return in, func(ctx context.Context) (any, error) {
			out, err := call(ctx)
			return out, explain(err)
		}
	}
}

// explain returns an error as the caller is told it. One that no caller is told
// comes back as it is: the protocol logs it and answers KMSInternalException.
func explain(err error) error {
	if refused, ok := errors.AsType[*kms.Error](err); ok {
		return awskms.NewError(string(refused.Code), refused.Message)
	}
	if denied, ok := errors.AsType[*iam.DeniedError](err); ok {
		return awskms.NewError(string(kms.CodeAccessDenied), denialText(denied))
	}
	if unknown, ok := errors.AsType[*authn.Error](err); ok {
		return &awskms.Error{Code: unknown.Code, Message: unknown.Message, Status: unknown.Status}
	}
	return err
}

// denialText says nothing of keys of other accounts.
func denialText(denied *iam.DeniedError) string {
	r := denied.Request
	if r.Resource == "*" || r.Principal.Account == r.ResourceAccount {
		return denied.Error()
	}
	return "User: " + r.Principal.ARN + " is not authorized to perform: " + r.Action + " on this resource because the resource does not exist in this Region, " +
		"no resource-based policies allow access, or a resource-based policy explicitly denies access"
}
