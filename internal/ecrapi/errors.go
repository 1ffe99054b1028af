package ecrapi

import (
	"context"
	"errors"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/registry"
)

// explained is an operation whose errors are as the caller is told them.
func explained(operation ecr.Operation) ecr.Operation {
	return func() (ecr.Request, ecr.Call) {
		in, call := operation()
		return in, func(ctx context.Context) (any, error) {
			out, err := call(ctx)
			return out, explain(err)
		}
	}
}

// explain returns an error as the caller is told it, an [*ecr.Error]. One that
// no caller is told comes back as it is: the protocol logs it and answers
// ServerException.
func explain(err error) error {
	if refused, ok := errors.AsType[*registry.Error](err); ok {
		if refused.Code == registry.CodeKms {
			return kmsException(refused)
		}
		if code, known := wireCode(refused.Code); known {
			return ecr.NewError(code, refused.Message)
		}
		return err
	}
	if denied, ok := errors.AsType[*iam.DeniedError](err); ok {
		return ecr.NewError("AccessDeniedException", denied.Error())
	}
	if unknown, ok := errors.AsType[*authn.Error](err); ok {
		return &ecr.Error{Code: unknown.Code, Message: unknown.Message, Status: unknown.Status}
	}
	if registry.IsStorageFull(err) {
		return ecr.NewError("ServerException", registry.StorageFullMessage)
	}
	if registry.IsStorageBroken(err) {
		return ecr.NewError("ServerException", registry.StorageBrokenMessage)
	}
	return err
}

// kmsException tells in kmsError the code of KMS, when KMS has refused.
func kmsException(refused *registry.Error) error {
	if refused.KMSError == "" {
		return ecr.NewError(string(refused.Code), refused.Message)
	}
	return ecr.KmsException(refused.Message, refused.KMSError)
}

// wireCode returns how ECR's API spells a code of the registry: all but ours are
// ECR's own.
func wireCode(code registry.Code) (string, bool) {
	switch code {
	case registry.CodeNotImplemented:
		return string(code), true
	case registry.CodeManifestInvalid:
		return string(registry.CodeInvalidParameter), true
	case registry.CodeDamaged:
		return string(registry.CodeLayerInaccessible), true
	case registry.CodeUploadInUse, registry.CodeTagsChanged:
		return "ThrottlingException", true // which makes clients try again later
	}
	_, known := ecr.ErrorStatus(string(code))
	return string(code), known
}

// explainPart adds to InvalidLayerPartException where the upload is, so that the
// client can go on from there (spec A.3).
func explainPart(n registry.RepositoryName, uploadID string, err error) error {
	refused, ok := errors.AsType[*registry.Error](err)
	if !ok || refused.Code != registry.CodeInvalidLayerPart {
		return err
	}
	return ecr.InvalidLayerPartException(refused.Message, refused.LastValidByte, n.Registry.Account, n.Name, uploadID)
}
