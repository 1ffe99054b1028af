package iamapi

import (
	"context"
	"errors"
	"maps"
	"net/http"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/awsquery"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/sts"
)

// explained returns the operations with their errors as the caller is told them.
func explained(operations map[string]awsquery.Operation) map[string]awsquery.Operation {
	operations = maps.Clone(operations)
	for name, operation := range operations {
		operations[name] = func() (awsquery.Request, awsquery.Call) {
			in, call := operation()
			return in, func(ctx context.Context) (any, error) {
				out, err := call(ctx)
				return out, explain(err)
			}
		}
	}
	return operations
}

// explain returns an error as the caller is told it. One that no caller is told
// comes back as it is: the protocol logs it and hides it.
func explain(err error) error {
	if denied, ok := errors.AsType[*iam.DeniedError](err); ok {
		return &awsquery.Error{Code: "AccessDenied", Message: denied.Error(), Status: http.StatusForbidden}
	}
	if refusal, ok := errors.AsType[*identity.Error](err); ok {
		return &awsquery.Error{Code: string(refusal.Code), Message: refusal.Message, Status: statusOf(string(refusal.Code))}
	}
	if unknown, ok := errors.AsType[*authn.Error](err); ok {
		if spelled, known := signInErrors[unknown.Code]; known {
			return &awsquery.Error{Code: spelled.code, Message: unknown.Message, Status: spelled.status}
		}
		return &awsquery.Error{Code: unknown.Code, Message: unknown.Message, Status: unknown.Status}
	}
	return err
}

// statusOf returns the HTTP status of a code of either service.
func statusOf(code string) int {
	if status, ok := awsiam.ErrorStatus(code); ok {
		return status
	}
	if status, ok := sts.ErrorStatus(code); ok {
		return status
	}
	if code == string(identity.CodeAccessDenied) {
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// signInErrors are the errors of package authn, which spells them as the JSON
// services do, in the spelling of the Query services.
var signInErrors = map[string]struct {
	code   string
	status int
}{
	authn.CodeMissingToken:       {"MissingAuthenticationToken", http.StatusForbidden},
	authn.CodeIncomplete:         {"IncompleteSignature", http.StatusForbidden},
	authn.CodeUnrecognizedClient: {"InvalidClientTokenId", http.StatusForbidden},
	authn.CodeInvalidSignature:   {"SignatureDoesNotMatch", http.StatusForbidden},
	authn.CodeExpiredToken:       {"ExpiredToken", http.StatusForbidden},
	authn.CodeMalformedRequest:   {"MalformedQueryString", http.StatusBadRequest},
	authn.CodeThrottling:         {"Throttling", http.StatusTooManyRequests},
}

func signatureDoesNotMatch(message string) error {
	return &awsquery.Error{Code: "SignatureDoesNotMatch", Message: message, Status: http.StatusForbidden}
}
