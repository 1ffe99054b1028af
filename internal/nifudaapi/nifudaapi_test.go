package nifudaapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/awsjson"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/nifudaapi"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

const (
	home  = "123456789012"
	other = "111122223333"
)

// signedBy authenticates by the account in the Authorization header, as its root.
type signedBy struct{}

func (s signedBy) Precheck(ctx context.Context, r *http.Request) error {
	_, err := s.Verify(ctx, r, nil)
	return err
}

func (signedBy) Verify(_ context.Context, r *http.Request, _ []byte) (authn.Identity, error) {
	account := r.Header.Get("Authorization")
	if account == "" {
		return authn.Identity{}, &authn.Error{Code: authn.CodeMissingToken, Message: "Missing Authentication Token", Status: 400}
	}
	return authn.Identity{Principal: iam.Root("aws", account)}, nil
}

// An authorizer lets accounts use what is theirs but for one action, explains
// with one decision, and keeps the last request that it explained.
type authorizer struct {
	iam.OwnAccount
	withheld string
	decision iam.Decision
	asked    iam.Request
}

func (a *authorizer) Authorize(ctx context.Context, r iam.Request) error {
	if r.Action == a.withheld {
		return &iam.DeniedError{Request: r}
	}
	return a.OwnAccount.Authorize(ctx, r)
}

func (a *authorizer) Explain(_ context.Context, r iam.Request) (iam.Decision, error) {
	a.asked = r
	return a.decision, nil
}

func now() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }

type fixture struct {
	handler    http.Handler
	identities *identity.Identities
	authorizer *authorizer
}

func newFixture(t *testing.T, s *store.Store) *fixture {
	t.Helper()
	identities, err := identity.New(t.Context(), s, identity.Options{
		SealingKey: bytes.Repeat([]byte{1}, 32), SessionTokenKey: []byte("key"), DefaultAccount: home,
		Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{identities: identities, authorizer: new(authorizer)}
	service := nifudaapi.New(nifudaapi.Options{Accounts: identities, Authenticator: signedBy{}, Authorizer: f.authorizer, Home: home, Now: now})
	log := slog.New(slog.DiscardHandler)
	f.handler = httpx.NewHandler(awsjson.New(awsjson.Options{Log: log}, service), httpx.Options{Log: log})
	return f
}

// call returns the response as the account's root gets it.
func (f *fixture) call(t *testing.T, account, operation, body string) (status int, out map[string]any) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "Nifuda_20261122."+operation)
	r.Header.Set("Authorization", account)
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%s answered %q: %v", operation, w.Body, err)
	}
	return w.Code, out
}

// wantError checks that a call is refused with a code.
func (f *fixture) wantError(t *testing.T, account, operation, body, code string) {
	t.Helper()
	if status, out := f.call(t, account, operation, body); status != 400 || out["__type"] != code {
		t.Errorf("%s %s answered %d %v, want %s", operation, body, status, out, code)
	}
}

func TestAnAccountIsMadeWithItsRootKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixture(t, s)
		status, out := f.call(t, home, "CreateAccount", `{"Name":"Team Ä","AccountId":"111122223333"}`)
		want := map[string]any{"AccountId": other, "Name": "Team Ä", "CreatedAt": 1795608000.0}
		if diff := cmp.Diff(want, out["Account"]); status != 200 || diff != "" {
			t.Errorf("got %d, -want +got: %s", status, diff)
		}
		shown := out["AccessKey"].(map[string]any)
		key, err := f.identities.AccessKey(t.Context(), shown["AccessKeyId"].(string))
		if err != nil || key.Secret != shown["SecretAccessKey"] || key.Principal.ARN != "arn:aws:iam::111122223333:root" {
			t.Errorf("the key is %v, %v", key, err)
		}
		f.wantError(t, home, "CreateAccount", `{"Name":"again","AccountId":"111122223333"}`, "AccountAlreadyExistsException")
		f.wantError(t, home, "CreateAccount", `{"Name":"x","AccountId":"1"}`, "ValidationException")
		f.wantError(t, home, "CreateAccount", `{"Name":"a\nb"}`, "ValidationException")

		if _, out := f.call(t, home, "CreateAccount", `{"Name":"random"}`); len(out["Account"].(map[string]any)["AccountId"].(string)) != 12 {
			t.Errorf("got %v", out)
		}
	})
}

func TestARootMayHaveTwoKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixture(t, s)
		f.call(t, home, "CreateAccount", `{"Name":"x","AccountId":"111122223333"}`)
		status, out := f.call(t, home, "CreateRootAccessKey", `{"AccountId":"111122223333"}`)
		if status != 200 {
			t.Fatalf("got %d %v", status, out)
		}
		id := out["AccessKey"].(map[string]any)["AccessKeyId"].(string)
		if key, err := f.identities.AccessKey(t.Context(), id); err != nil || !key.Principal.IsRoot() || key.Principal.Account != other {
			t.Errorf("the key is %v, %v", key, err)
		}
		f.wantError(t, home, "CreateRootAccessKey", `{"AccountId":"111122223333"}`, "LimitExceededException")
		f.wantError(t, home, "CreateRootAccessKey", `{"AccountId":"444455556666"}`, "AccountNotFoundException")
	})
}

func TestLostRootKeysAreReplaced(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixture(t, s)
		idOf := func(operation, body string) string {
			status, out := f.call(t, home, operation, body)
			if status != 200 {
				t.Fatalf("%s %s answered %d %v", operation, body, status, out)
			}
			return out["AccessKey"].(map[string]any)["AccessKeyId"].(string)
		}
		lost := []string{
			idOf("CreateAccount", `{"Name":"x","AccountId":"111122223333"}`),
			idOf("CreateRootAccessKey", `{"AccountId":"111122223333"}`),
		}
		kept := idOf("CreateAccount", `{"Name":"y","AccountId":"222222222222"}`)
		for _, id := range append(lost, kept) { // so that they are remembered
			if _, err := f.identities.AccessKey(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		created := idOf("CreateRootAccessKey", `{"AccountId":"111122223333","Replace":true}`)
		for _, id := range lost {
			if _, err := f.identities.AccessKey(t.Context(), id); !errors.Is(err, identity.ErrUnknownKey) {
				t.Errorf("of a key that was replaced: %v", err)
			}
		}
		for _, id := range []string{created, kept} {
			if key, err := f.identities.AccessKey(t.Context(), id); err != nil || !key.Principal.IsRoot() {
				t.Errorf("the key is %v, %v", key, err)
			}
		}
		f.wantError(t, home, "CreateRootAccessKey", `{"AccountId":"444455556666","Replace":true}`, "AccountNotFoundException")
		f.wantError(t, other, "CreateRootAccessKey", `{"AccountId":"111122223333","Replace":true}`, "AccessDeniedException")
	})
}

func TestWhoMayMakeNoAccessKeysMakesNoRootKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixture(t, s)
		for _, action := range []string{"iam:CreateAccessKey", "nifuda:CreateRootAccessKey"} {
			f.authorizer.withheld = action
			f.wantError(t, home, "CreateRootAccessKey", `{"AccountId":"123456789012"}`, "AccessDeniedException")
		}
		f.authorizer.withheld = "iam:DeleteAccessKey"
		f.wantError(t, home, "CreateRootAccessKey", `{"AccountId":"123456789012","Replace":true}`, "AccessDeniedException")
	})
}

func TestAccountsAreListedInPages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixture(t, s)
		for _, id := range []string{"333333333333", other, "222222222222"} {
			f.call(t, home, "CreateAccount", `{"Name":"x","AccountId":"`+id+`"}`)
		}
		var ids []string
		body := `{"MaxResults":3}`
		for range 2 {
			_, out := f.call(t, home, "ListAccounts", body)
			for _, account := range out["Accounts"].([]any) {
				ids = append(ids, account.(map[string]any)["AccountId"].(string))
			}
			next, ok := out["NextToken"].(string)
			if !ok {
				break
			}
			body = `{"MaxResults":3,"NextToken":"` + next + `"}`
		}
		if diff := cmp.Diff([]string{other, home, "222222222222", "333333333333"}, ids); diff != "" {
			t.Errorf("-want +got: %s", diff)
		}
		f.wantError(t, home, "ListAccounts", `{"NextToken":"!"}`, "InvalidNextTokenException")
	})
}

func TestOtherAccountsManageNoAccounts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixture(t, s)
		f.wantError(t, other, "CreateAccount", `{"Name":"x"}`, "AccessDeniedException")
		f.wantError(t, other, "ListAccounts", `{}`, "AccessDeniedException")
		f.wantError(t, other, "CreateRootAccessKey", `{"AccountId":"123456789012"}`, "AccessDeniedException")
		f.wantError(t, other, "ExplainAccess",
			`{"PrincipalArn":"arn:aws:iam::123456789012:root","Action":"ecr:PutImage","Resource":"*"}`, "AccessDeniedException")
		f.wantError(t, "", "ListAccounts", `{}`, "MissingAuthenticationTokenException")
	})
}

func TestAnExplanationSaysWhichStatementDecided(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixture(t, s)
		f.authorizer.decision = iam.Decision{
			Outcome: iam.ExplicitDeny, Reason: "with an explicit deny in an identity-based policy",
			Matched: []iam.Match{
				{Policy: "deny", Source: iam.IdentityPolicy, Statement: 1, SID: "No", Text: `{"Effect":"Deny"}`},
				{Policy: "repository policy", Source: iam.ResourcePolicy, Text: `{"Effect":"Deny"}`},
			},
		}
		const principal = `"PrincipalArn":"arn:aws:iam::123456789012:root"`
		own := map[string]any{
			"Policy": "repository policy", "PolicyType": "resource-based policy", "StatementIndex": 1.0, "Statement": `{"Effect":"Deny"}`,
		}
		foreign := map[string]any{"PolicyType": "resource-based policy"}
		for account, shown := range map[string]any{home: own, other: foreign} {
			body := `{` + principal + `,"Action":"ecr:PutImage","Resource":"arn:aws:ecr:us-east-1:` + account + `:repository/app"}`
			status, out := f.call(t, home, "ExplainAccess", body)
			want := map[string]any{
				"Decision": "explicitDeny", "Reason": "with an explicit deny in an identity-based policy",
				"MatchedStatements": []any{
					map[string]any{
						"Policy": "deny", "PolicyType": "identity-based policy", "StatementIndex": 2.0, "Sid": "No", "Statement": `{"Effect":"Deny"}`,
					}, shown,
				},
			}
			if diff := cmp.Diff(want, out); status != 200 || diff != "" {
				t.Errorf("%s: got %d, -want +got: %s", account, status, diff)
			}
		}
		f.wantError(t, home, "ExplainAccess", `{"PrincipalArn":"arn:aws:iam::123456789012:user/none","Action":"ecr:PutImage","Resource":"*"}`,
			"PrincipalNotFoundException")
		f.wantError(t, home, "ExplainAccess", `{`+principal+`,"Action":"PutImage","Resource":"*"}`, "ValidationException")
		f.wantError(t, home, "ExplainAccess", `{`+principal+`,"Action":"ecr:PutImage","Resource":"app"}`, "ValidationException")
	})
}

func TestAnExplanationIsOfTheRequestThatWasMeant(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixture(t, s)
		f.call(t, home, "ExplainAccess", `{"PrincipalArn":"arn:aws:iam::123456789012:root","Action":"ecr:PutImage",
			"Resource":"arn:aws:ecr:us-east-1:111122223333:repository/app",
			"ContextEntries":[{"Name":"aws:SourceIp","Values":["10.0.0.1"]},{"Name":"nifuda:ImageTag","Values":["v1","v2"]}]}`)
		asked := f.authorizer.asked
		if asked.Principal != iam.Root("aws", home) || asked.Action != "ecr:PutImage" || asked.ResourceAccount != other {
			t.Errorf("asked %+v", asked)
		}
		want := iam.Keys{
			"aws:sourceip": {"10.0.0.1"}, "aws:requestedregion": {"us-east-1"},
			"aws:currenttime": {"2026-11-25T12:00:00Z"}, "aws:epochtime": {"1795608000"},
		}
		if diff := cmp.Diff(want, asked.Keys()); diff != "" {
			t.Errorf("keys, -want +got: %s", diff)
		}
		tags, err := asked.ImageTags(t.Context())
		if diff := cmp.Diff([][]string{{"v1", "v2"}}, tags); err != nil || diff != "" {
			t.Errorf("tags, -want +got: %s", diff)
		}

		f.call(t, home, "ExplainAccess", `{"PrincipalArn":"arn:aws:iam::123456789012:root","Action":"ecr:GetAuthorizationToken","Resource":"*"}`)
		if asked := f.authorizer.asked; asked.ResourceAccount != home || asked.ImageTags != nil {
			t.Errorf("asked %+v", asked)
		}
	})
}

// failing fails in a way that is nobody's business.
type failing struct{ *identity.Identities }

func (failing) Accounts(context.Context, identity.Page) ([]identity.Account, string, error) {
	return nil, "", errors.New("the disk is on fire")
}

func TestAFaultIsHidden(t *testing.T) {
	service := nifudaapi.New(nifudaapi.Options{Accounts: failing{}, Authenticator: signedBy{}, Authorizer: new(authorizer), Home: home})
	f := &fixture{handler: awsjson.New(awsjson.Options{Log: slog.New(slog.DiscardHandler)}, service)}
	status, out := f.call(t, home, "ListAccounts", `{}`)
	if status != 500 || out["__type"] != "ServerException" || strings.Contains(out["message"].(string), "fire") {
		t.Errorf("got %d %v", status, out)
	}
}
