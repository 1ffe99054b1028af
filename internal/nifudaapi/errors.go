package nifudaapi

import (
	"context"
	"errors"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/registry"
)

// explained is an operation whose errors are as the caller is told them.
func explained(operation nifuda.Operation) nifuda.Operation {
	return func() (nifuda.Request, nifuda.Call) {
		in, call := operation()
		return in, func(ctx context.Context) (any, error) {
			out, err := call(ctx)
			return out, explain(err)
		}
	}
}

// explain returns an error as the caller is told it. One that no caller is told
// comes back as it is: the protocol logs it and answers ServerException.
func explain(err error) error {
	if refused, ok := errors.AsType[*registry.Error](err); ok {
		if code, known := wireCode(refused.Code); known {
			return nifuda.NewError(code, refused.Message)
		}
		return err
	}
	if denied, ok := errors.AsType[*iam.DeniedError](err); ok {
		return nifuda.NewError("AccessDeniedException", denied.Error())
	}
	if unknown, ok := errors.AsType[*authn.Error](err); ok {
		return &nifuda.Error{Code: unknown.Code, Message: unknown.Message, Status: unknown.Status}
	}
	if registry.IsStorageFull(err) {
		return nifuda.NewError("ServerException", registry.StorageFullMessage)
	}
	return err
}

// wireCode returns how this API spells a code of the registry.
func wireCode(code registry.Code) (string, bool) {
	if code == registry.CodeDamaged {
		return string(registry.CodeLayersNotFound), true
	}
	_, known := nifuda.ErrorStatus(string(code))
	return string(code), known
}

// translated spells a refusal of identities with the one code that an operation
// has for it.
func translated(err error, from identity.Code, to func(message string) *nifuda.Error) error {
	if refused, ok := errors.AsType[*identity.Error](err); ok && refused.Code == from {
		return to(refused.Message)
	}
	return err
}

// foreignOr spells the refusal of a position as the one of a token.
func foreignOr(err error) error {
	if refused, ok := errors.AsType[*registry.Error](err); ok && refused.Code == registry.CodeInvalidParameter {
		return foreignToken()
	}
	return err
}
