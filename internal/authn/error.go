package authn

import (
	"net/http"
	"strings"
)

// The codes of [Error], as the AWS JSON protocols spell them ("Errors common to
// all operations").
const (
	CodeMissingToken       = "MissingAuthenticationTokenException"
	CodeIncomplete         = "IncompleteSignature"
	CodeUnrecognizedClient = "UnrecognizedClientException"
	CodeInvalidSignature   = "InvalidSignatureException"
	CodeExpiredToken       = "ExpiredTokenException"
	CodeMalformedRequest   = "MalformedHttpRequestException"
	CodeThrottling         = "ThrottlingException"
)

// An Error refuses an API call. Code, Message and Status are what the caller
// may see: none of them holds anything secret that the request carried.
type Error struct {
	Code    string
	Message string
	// Status is the HTTP status. The JSON services of AWS answer 400 to all but
	// a malformed Authorization header, which is 403.
	Status int
}

// A guess is the refusal of a proof that may be one, and why it is wrong.
type guess struct {
	refused *Error
	reason  string
}

// The reasons; they label metrics.
const (
	unknownKey        = "unknown_key"
	wrongSessionToken = "wrong_session_token"
	wrongSignature    = "wrong_signature"
	wrongLogin        = "wrong_login"
)

func (g *guess) Error() string { return g.refused.Error() }

// Unwrap returns what the caller is told.
func (g *guess) Unwrap() error { return g.refused }

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func refuse(code, message string) *Error {
	return &Error{Code: code, Message: message, Status: http.StatusBadRequest}
}

func incomplete(message ...string) *Error {
	return &Error{Code: CodeIncomplete, Message: strings.Join(message, " "), Status: http.StatusForbidden}
}

func missingToken() *Error {
	return refuse(CodeMissingToken, "Missing Authentication Token")
}

func unrecognizedClient() *Error {
	return refuse(CodeUnrecognizedClient, "The security token included in the request is invalid.")
}

func expiredToken() *Error {
	return refuse(CodeExpiredToken, "The security token included in the request is expired")
}

func invalidSignature(message string) *Error {
	return refuse(CodeInvalidSignature, message)
}

func mismatch() *Error {
	return invalidSignature("The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
}
