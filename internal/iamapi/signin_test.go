package iamapi_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/awsquery"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/iamapi"
)

const (
	signingKeyID  = "AKIASIGNINTESTS12345"
	signingSecret = "0123456789/abcdefghij+ABCDEFGHIJ01234567"
	// expiredKeyID is of credentials whose time is over.
	expiredKeyID = "ASIASIGNINTESTS12345"
)

// serveSignatures returns the address of both services, which look at signatures.
func serveSignatures(t *testing.T) string {
	t.Helper()
	principal := iam.Root("aws", "123456789012")
	keys := authn.StaticKeys{
		signingKeyID: {Secret: signingSecret, Principal: principal},
		expiredKeyID: {Secret: signingSecret, SessionToken: "token", Expires: time.Now().Add(-time.Minute), Principal: principal},
	}
	api := iamapi.New(iamapi.Options{
		Authenticator: authn.NewVerifier(keys, time.Now, iamapi.SigningNames...), Authorizer: iam.OwnAccount{},
	})
	log := slog.New(slog.DiscardHandler)
	server := httptest.NewServer(awsquery.New(awsquery.Options{Log: log, Precheck: api.Precheck}, api.Services()...))
	t.Cleanup(server.Close)
	return server.URL
}

func stsClient(endpoint, keyID, secret, token string) *sts.Client {
	return sts.New(sts.Options{
		BaseEndpoint: &endpoint, Region: "eu-west-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(keyID, secret, token),
	})
}

func TestTheSDKReadsWhoItIs(t *testing.T) {
	out, err := stsClient(serveSignatures(t), signingKeyID, signingSecret, "").GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if *out.Account != "123456789012" || *out.Arn != "arn:aws:iam::123456789012:root" || *out.UserId != "123456789012" {
		t.Errorf("got %s %s %s", *out.Account, *out.Arn, *out.UserId)
	}
}

func TestSignInErrorsAreSpelledAsQueryServicesDo(t *testing.T) {
	endpoint := serveSignatures(t)
	tests := []struct{ name, keyID, secret, token, code, message string }{
		{"unknown key", "AKIAUNKNOWN123456789", signingSecret, "", "InvalidClientTokenId", "The security token included in the request is invalid."},
		{"wrong secret", signingKeyID, "wrong", "", "SignatureDoesNotMatch", "The request signature we calculated does not match"},
		{"expired", expiredKeyID, signingSecret, "token", "ExpiredToken", "The security token included in the request is expired"},
		{"wrong session token", expiredKeyID, signingSecret, "other", "InvalidClientTokenId", "The security token included in the request is invalid."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := stsClient(endpoint, test.keyID, test.secret, test.token).GetCallerIdentity(t.Context(), nil)
			refusal, ok := errors.AsType[smithy.APIError](err)
			response, hasResponse := errors.AsType[*smithyhttp.ResponseError](err)
			if !ok || !hasResponse || refusal.ErrorCode() != test.code || !strings.HasPrefix(refusal.ErrorMessage(), test.message) || response.HTTPStatusCode() != 403 {
				t.Errorf("got %v, want 403 %s", err, test.code)
			}
		})
	}
}

func TestAnUnsignedCallIsToldSo(t *testing.T) {
	client := sts.New(sts.Options{BaseEndpoint: aws.String(serveSignatures(t)), Region: "eu-west-1", RetryMaxAttempts: 1, Credentials: aws.AnonymousCredentials{}})
	_, err := client.GetCallerIdentity(t.Context(), nil)
	if refusal, ok := errors.AsType[smithy.APIError](err); !ok || refusal.ErrorCode() != "MissingAuthenticationToken" {
		t.Errorf("got %v", err)
	}
}

func TestAPresignedCallSaysWhoSignedIt(t *testing.T) {
	client := sts.NewPresignClient(stsClient(serveSignatures(t), signingKeyID, signingSecret, ""))
	presigned, err := client.PresignGetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), presigned.Method, presigned.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if status, response := do(t, r); status != 200 || !strings.Contains(response, "<Arn>arn:aws:iam::123456789012:root</Arn>") {
		t.Errorf("got %d %s", status, response)
	}
}

func TestASignatureForOneServiceIsNoneForTheOther(t *testing.T) {
	endpoint := serveSignatures(t)
	for service, form := range map[string]string{
		"iam": "Action=GetCallerIdentity&Version=2011-06-15",
		"sts": "Action=ListUsers&Version=2010-05-08",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint+"/", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		sum := sha256.Sum256([]byte(form))
		key := aws.Credentials{AccessKeyID: signingKeyID, SecretAccessKey: signingSecret}
		if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(sum[:]), service, "us-east-1", time.Now()); err != nil {
			t.Fatal(err)
		}
		status, body := do(t, r)
		if status != 403 || !strings.Contains(body, "<Code>SignatureDoesNotMatch</Code>") || !strings.Contains(body, "Credential should be scoped to correct service") {
			t.Errorf("%s: got %d %s", service, status, body)
		}
	}
}

func do(t *testing.T, r *http.Request) (status int, body string) {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
