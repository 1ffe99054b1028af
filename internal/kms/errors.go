package kms

import (
	"errors"
	"fmt"

	"github.com/nifuda/nifuda/internal/store"
)

// A Code says what kind of refusal an [Error] is, in the names of AWS KMS.
type Code string

// The codes that keys refuse with (spec 2.12).
const (
	CodeAccessDenied         Code = "AccessDeniedException"
	CodeAlreadyExists        Code = "AlreadyExistsException"
	CodeDisabled             Code = "DisabledException"
	CodeDryRun               Code = "DryRunOperationException"
	CodeIncorrectKey         Code = "IncorrectKeyException"
	CodeInvalidAliasName     Code = "InvalidAliasNameException"
	CodeInvalidArn           Code = "InvalidArnException"
	CodeInvalidCiphertext    Code = "InvalidCiphertextException"
	CodeInvalidGrantID       Code = "InvalidGrantIdException"
	CodeInvalidGrantToken    Code = "InvalidGrantTokenException"
	CodeInvalidKeyUsage      Code = "InvalidKeyUsageException"
	CodeInvalidMarker        Code = "InvalidMarkerException"
	CodeInvalidState         Code = "KMSInvalidStateException"
	CodeLimitExceeded        Code = "LimitExceededException"
	CodeMalformedPolicy      Code = "MalformedPolicyDocumentException"
	CodeNotAuthorized        Code = "NotAuthorizedException"
	CodeNotFound             Code = "NotFoundException"
	CodeTag                  Code = "TagException"
	CodeUnsupportedOperation Code = "UnsupportedOperationException"
	CodeValidation           Code = "ValidationException"
)

// An Error is a refusal that the caller is told, word for word. Every other
// error of a [Service] is internal.
type Error struct {
	Code    Code
	Message string
}

func (e *Error) Error() string { return e.Message }

func refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// IsRefusal reports whether err is an [Error] of a code.
func IsRefusal(err error, code Code) bool {
	refusal, ok := errors.AsType[*Error](err)
	return ok && refusal.Code == code
}

func keyNotFound(id KeyID) *Error { return refuse(CodeNotFound, "Key '%s' does not exist", id.ARN()) }

func invalidKeyID(name string) *Error { return refuse(CodeNotFound, "Invalid keyId '%s'", name) }

func pendingDeletion(id KeyID) *Error {
	return refuse(CodeInvalidState, "%s is pending deletion.", id.ARN())
}

// orKeyNotFound refuses when a row was not there.
func orKeyNotFound(err error, id KeyID) error {
	if errors.Is(err, store.ErrNotFound) {
		return keyNotFound(id)
	}
	if err != nil {
		return fmt.Errorf("read key: %w", err)
	}
	return nil
}

// DryRun is the answer to a request that would have succeeded, had it been meant.
func DryRun() *Error {
	return refuse(CodeDryRun, "The request would have succeeded, but the DryRun option is set.")
}

// orGone is nil for a key that has gone in the meantime.
func orGone(err error, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return fmt.Errorf("key %s: %w", id, err)
}
