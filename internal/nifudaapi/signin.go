package nifudaapi

import (
	"context"
	"errors"
	"strings"

	"github.com/nifuda/nifuda/internal/audit"
	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/registry"
)

// actionSignIn is what the audit says of a sign-in: no policy is asked.
const actionSignIn = "nifuda:SignIn"

// wrongPassword is why a sign-in has failed, in metrics and in the log.
const wrongPassword = "wrong password"

// SignIn implements [nifuda.Service]. It is not signed: the password proves who
// calls, and what is wrong with it nobody is told.
func (a *api) SignIn(ctx context.Context, in *nifuda.SignInRequest) (*nifuda.SignInResponse, error) {
	account, err := a.SignIns.SignInAccount(ctx, in.AccountId)
	if err != nil {
		return nil, err
	}
	who := account + "/" + strings.ToLower(in.UserName) // which no access key id is
	if err := a.Guard.Admit(ctx, authn.PlaneAPI, who); err != nil {
		hideName(ctx, in)
		return nil, err
	}
	signedIn, err := a.SignIns.SignIn(ctx, identity.SignIn{Account: account, User: in.UserName, Password: in.Password, NewPassword: value(in.NewPassword)})
	user := signedIn.Principal
	if user.ARN == "" {
		hideName(ctx, in)
	} else {
		audit.Note(ctx, iam.Request{Action: actionSignIn, Resource: user.ARN, ResourceAccount: user.Account}, nil)
	}
	if identity.IsRefusal(err, identity.CodeSignInFailed) {
		return nil, a.signInFailed(ctx, who, err)
	}
	if err != nil {
		return nil, signInRefusal(err)
	}
	a.Guard.Succeeded(ctx, who)
	record := httpx.RecordOf(ctx)
	record.Caller, record.Principal = user, user.ARN
	return &nifuda.SignInResponse{
		Credentials: &nifuda.SessionCredentials{
			AccessKeyId: signedIn.Credentials.AccessKeyID, SecretAccessKey: signedIn.Credentials.Secret,
			SessionToken: signedIn.Credentials.SessionToken, Expiration: nifuda.Timestamp{Time: signedIn.Credentials.Expires},
		},
		Arn: user.ARN, AccountId: user.Account,
	}, nil
}

// signInFailed counts a sign-in that is not good, and returns how it is refused.
// Meanwhile others may have failed that were under way together with it.
func (a *api) signInFailed(ctx context.Context, who string, failure error) error {
	if err := a.Guard.Admit(ctx, authn.PlaneAPI, who); err != nil {
		return err
	}
	a.Guard.Failed(ctx, authn.PlaneAPI, who, wrongPassword)
	return nifuda.SignInFailedException(failure.Error())
}

// signInRefusal spells what is told to those alone who know the password.
func signInRefusal(err error) error {
	refused, ok := errors.AsType[*identity.Error](err)
	if !ok {
		return err
	}
	switch refused.Code {
	case identity.CodePasswordChangeRequired:
		return nifuda.PasswordChangeRequiredException(refused.Message)
	case identity.CodePasswordPolicyViolation:
		return registry.InvalidParameter("NewPassword", refused.Message)
	case identity.CodeThrottling:
		return nifuda.ThrottlingException(refused.Message)
	default:
		return err
	}
}

// hideName keeps a name that no user has out of the audit: it may be a password in
// the wrong place.
func hideName(ctx context.Context, in *nifuda.SignInRequest) {
	hidden := *in
	hidden.UserName = audit.Hidden
	httpx.RecordOf(ctx).Input = &hidden
}
