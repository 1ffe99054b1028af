package identity

import (
	"errors"
	"fmt"
)

// A Code says what kind of refusal an [Error] is, in IAM's and STS's names for them.
type Code string

// The codes that identities refuse with (spec 2.10, 2.11). The front maps them
// to its protocol's status.
const (
	CodeAccessDenied             Code = "AccessDenied"
	CodeDeleteConflict           Code = "DeleteConflict"
	CodeEntityAlreadyExists      Code = "EntityAlreadyExists"
	CodeInvalidInput             Code = "InvalidInput"
	CodeInvalidUserType          Code = "InvalidUserType"
	CodeInvalidParameterValue    Code = "InvalidParameterValue"
	CodeLimitExceeded            Code = "LimitExceeded"
	CodeMalformedPolicyDocument  Code = "MalformedPolicyDocument"
	CodeNoSuchEntity             Code = "NoSuchEntity"
	CodePackedPolicyTooLarge     Code = "PackedPolicyTooLarge"
	CodePasswordPolicyViolation  Code = "PasswordPolicyViolation"
	CodePasswordChangeRequired   Code = "PasswordChangeRequired"
	CodePolicyNotAttachable      Code = "PolicyNotAttachable"
	CodeSignInFailed             Code = "SignInFailed"
	CodeThrottling               Code = "Throttling"
	CodeUnmodifiableEntity       Code = "UnmodifiableEntity"
	CodeValidationError          Code = "ValidationError"
	CodeExpiredToken             Code = "ExpiredTokenException"
	CodeInvalidIdentityToken     Code = "InvalidIdentityToken"
	CodeIDPRejectedClaim         Code = "IDPRejectedClaim"
	CodeIDPCommunicationError    Code = "IDPCommunicationError"
	CodeOpenIDCommunicationError Code = "OpenIdIdpCommunicationError"
)

// An Error is a refusal that the caller is told, word for word. Every other
// error of [Identities] is internal.
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

// The reasons not to know an access key or a caller.
var (
	// ErrUnknownKey reports an access key that does not exist, or whose user or
	// role exists no more.
	ErrUnknownKey = errors.New("unknown access key")
	// ErrDisabledKey reports an access key that its owner has made inactive.
	ErrDisabledKey = errors.New("access key is inactive")
	// ErrExpiredKey reports temporary credentials whose time is over.
	ErrExpiredKey = errors.New("session has expired")
	// ErrUnknownPrincipal reports a caller that exists no more.
	ErrUnknownPrincipal = errors.New("unknown principal")
)

func accountNotFound(account string) *Error {
	return refuse(CodeNoSuchEntity, "The account with id %s cannot be found.", account)
}

// notFound refuses the name of an identity that does not exist; for a policy
// and an OIDC provider the name is its ARN.
func notFound(kind Kind, name string) *Error {
	switch kind {
	case Policy:
		return refuse(CodeNoSuchEntity, "Policy %s was not found.", name)
	case OIDCProvider:
		return refuse(CodeNoSuchEntity, "OpenIDConnect Provider not found for arn %s", name)
	default:
		return refuse(CodeNoSuchEntity, "The %s with name %s cannot be found.", kind, name)
	}
}

func alreadyExists(kind Kind, name string) *Error {
	switch kind {
	case User:
		return refuse(CodeEntityAlreadyExists, "User with name %s already exists.", name)
	case Group:
		return refuse(CodeEntityAlreadyExists, "Group %s already exists", name)
	case Policy:
		return refuse(CodeEntityAlreadyExists, "A policy called %s already exists. Duplicate names are not allowed.", name)
	case OIDCProvider:
		return refuse(CodeEntityAlreadyExists, "Provider with url https://%s already exists.", name)
	default:
		return refuse(CodeEntityAlreadyExists, "Role with name %s already exists.", name)
	}
}

func quotaExceeded(quota string, limit int) *Error {
	return refuse(CodeLimitExceeded, "Cannot exceed quota for %s: %d", quota, limit)
}
