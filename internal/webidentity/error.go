package webidentity

import (
	"errors"
	"fmt"
)

// A Code says what kind of refusal an [Error] is, in the names of STS.
type Code string

// The codes (AssumeRoleWithWebIdentity, "Errors").
const (
	// CodeExpiredToken is of a token whose time is over.
	CodeExpiredToken Code = "ExpiredTokenException"
	// CodeInvalidIdentityToken is of a token that is malformed, forged, or of
	// or for somebody else.
	CodeInvalidIdentityToken Code = "InvalidIdentityToken"
	// CodeIDPRejectedClaim is of a token whose time has not come.
	CodeIDPRejectedClaim Code = "IDPRejectedClaim"
	// CodeIDPCommunicationError means that the provider could not be asked for
	// its keys; clients try again.
	CodeIDPCommunicationError Code = "IDPCommunicationError"
)

// An Error refuses a token. The message is for the caller.
type Error struct {
	Code    Code
	Message string
}

func (e *Error) Error() string { return e.Message }

func refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// explain returns what callers are told of a failure to fetch keys. It does not
// say what was found at the address, which need not be theirs to know.
func explain(err error) *Error {
	if errors.Is(err, errUntrusted) {
		return refuse(CodeInvalidIdentityToken, "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint")
	}
	return unreachable()
}

func unreachable() *Error {
	return refuse(CodeIDPCommunicationError, "Couldn't retrieve the verification keys from your identity provider.")
}

func unknownKey() *Error {
	return refuse(CodeInvalidIdentityToken, "The token is signed with a key that your identity provider does not publish.")
}
