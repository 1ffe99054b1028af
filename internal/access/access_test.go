package access_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/access"
	"github.com/nifuda/nifuda/internal/iam"
)

const (
	home    = "111111111111"
	foreign = "222222222222"
	app     = "arn:aws:ecr:us-east-1:" + home + ":repository/app"
)

// A world is the callers and the one repository of a test.
type world struct {
	callers map[string]*iam.Caller // by ARN
	target  iam.Target
	failure error // of finding anything
	actions []string
}

func (w *world) Caller(_ context.Context, p iam.Principal) (*iam.Caller, error) {
	caller, ok := w.callers[p.ARN]
	if !ok {
		return nil, access.ErrUnknownCaller
	}
	return caller, w.failure
}

func (w *world) Target(_ context.Context, action, _ string) (*iam.Target, error) {
	w.actions = append(w.actions, action)
	return &w.target, w.failure
}

func (w *world) FindPrincipal(_ context.Context, arn string) (string, bool, error) {
	caller, ok := w.callers[arn]
	if !ok {
		return "", false, w.failure
	}
	return caller.Principal.UserID, true, w.failure
}

func (w *world) authorizer() *access.Authorizer { return access.New(w, w, w) }

// user adds a user with an identity policy, or without one.
func (w *world) user(t *testing.T, account, name, policy string) iam.Principal {
	t.Helper()
	p := iam.Principal{ARN: "arn:aws:iam::" + account + ":user/" + name, Account: account, UserID: "AIDA" + name, AccessKeyID: "AKIA" + name}
	caller := &iam.Caller{Principal: p, Keys: iam.Keys{"aws:username": {name}}}
	if policy != "" {
		document, err := iam.ParseIdentityPolicy(policy)
		if err != nil {
			t.Fatal(err)
		}
		caller.Identity = []iam.NamedPolicy{{Name: "inline", Document: document}}
	}
	if w.callers == nil {
		w.callers = map[string]*iam.Caller{}
	}
	w.callers[p.ARN] = caller
	return p
}

// policy sets the repository's policy.
func (w *world) policy(t *testing.T, text string) *iam.Document {
	t.Helper()
	document, err := iam.ParseRepositoryPolicy(text)
	if err != nil {
		t.Fatal(err)
	}
	w.target.Policies = []iam.NamedPolicy{{Name: "policy of app", Document: document}}
	return document
}

func pull(p iam.Principal) iam.Request {
	return iam.Request{Principal: p, Action: iam.BatchGetImage, Resource: app, ResourceAccount: home}
}

func identityPolicy(effect, action, condition string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"` + effect + `","Action":"` + action + `","Resource":"*"` + condition + `}}`
}

func resourcePolicy(effect, principal, action string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"` + effect + `","Principal":` + principal + `,"Action":"` + action + `"}}`
}

// TestRefusalsTellNothingOfAnotherAccountsRepository asks with policies that
// would say by their conditions what the repository is like.
func TestRefusalsTellNothingOfAnotherAccountsRepository(t *testing.T) {
	const probe = `,"Condition":{"StringLike":{"%s":"s*"}}`
	missing := &world{}
	tagged := &world{target: iam.Target{Keys: iam.Keys{"aws:resourcetag/team": {"secret"}}}}
	denying := &world{target: tagged.target}
	denying.policy(t, resourcePolicy("Deny", `"*"`, "ecr:*"))
	for _, key := range []string{"aws:ResourceTag/team", "nifuda:ImageTag"} {
		policy := strings.Replace(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"*"},
			{"Effect":"Deny","Action":"ecr:*","Resource":"*"`+probe+`}]}`, "%s", key, 1)
		var answers []string
		for _, w := range []*world{missing, tagged, denying} {
			p := w.user(t, foreign, "bob", policy)
			r := pull(p)
			if w != missing {
				r.ImageTags = func(context.Context) ([][]string, error) { return [][]string{{"secret"}}, nil }
			}
			told, err := w.authorizer().Explain(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			answers = append(answers, fmt.Sprint(refusal(t, w.authorizer().Authorize(t.Context(), r)), told))
		}
		if answers[0] != answers[1] || answers[0] != answers[2] || !strings.Contains(answers[0], "no resource-based policy allows") {
			t.Errorf("%s: a missing repository, one with tags and one with a policy are refused by\n%s", key, strings.Join(answers, "\n"))
		}
	}
}

func TestRefusalsSayWhatAWSSays(t *testing.T) {
	const (
		isNot   = " is not authorized to perform: ecr:BatchGetImage on resource: " + app + " "
		ofAlice = "User: arn:aws:iam::" + home + ":user/alice" + isNot
		ofBob   = "User: arn:aws:iam::" + foreign + ":user/bob" + isNot
	)
	allow := identityPolicy("Allow", "ecr:*", "")
	tests := []struct {
		name, account, user, identity, repository, want string
	}{
		{"nothing", home, "alice", "", "", ofAlice + "because no identity-based policy allows the ecr:BatchGetImage action"},
		{"identity", home, "alice", allow, "", ""},
		{"resource names the user", home, "alice", "", resourcePolicy("Allow", `{"AWS":"arn:aws:iam::`+home+`:user/alice"}`, "ecr:BatchGetImage"), ""},
		{"resource delegates", home, "alice", "", resourcePolicy("Allow", `{"AWS":"`+home+`"}`, "ecr:*"), ofAlice + "because no identity-based policy allows the ecr:BatchGetImage action"},
		{"resource denies", home, "alice", allow, resourcePolicy("Deny", `"*"`, "ecr:BatchGetImage"), ofAlice + "with an explicit deny in a resource-based policy"},
		{"identity denies", home, "alice", identityPolicy("Deny", "ecr:*", ""), "", ofAlice + "with an explicit deny in an identity-based policy"},
		{"other account, identity alone", foreign, "bob", allow, "", ofBob + "because no resource-based policy allows the ecr:BatchGetImage action"},
		{"other account, resource alone", foreign, "bob", "", resourcePolicy("Allow", `{"AWS":"`+foreign+`"}`, "ecr:*"), ofBob + "because no identity-based policy allows the ecr:BatchGetImage action"},
		{"other account, both", foreign, "bob", allow, resourcePolicy("Allow", `{"AWS":"`+foreign+`"}`, "ecr:*"), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := &world{}
			p := w.user(t, test.account, test.user, test.identity)
			if test.repository != "" {
				w.policy(t, test.repository)
			}
			err := w.authorizer().Authorize(t.Context(), pull(p))
			if got := refusal(t, err); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// refusal is the text of a denial; "" is none.
func refusal(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	denied, ok := errors.AsType[*iam.DeniedError](err)
	if !ok {
		t.Fatalf("got the error %v", err)
	}
	return denied.Error()
}

func TestRootMayDoEverythingInItsAccountUnlessDenied(t *testing.T) {
	w := &world{}
	root := iam.Root("aws", home)
	root.AccessKeyID = "AKIAROOT"
	a := w.authorizer()
	if err := a.Authorize(t.Context(), pull(root)); err != nil {
		t.Error(err)
	}
	if err := a.Authorize(t.Context(), iam.Request{Principal: root, Action: "iam:CreateUser", Resource: "arn:aws:iam::" + home + ":user/x", ResourceAccount: home}); err != nil {
		t.Error(err)
	}
	w.callers = map[string]*iam.Caller{root.ARN: {Principal: root}}
	w.policy(t, resourcePolicy("Deny", `"*"`, "ecr:BatchGetImage"))
	if refusal(t, a.Authorize(t.Context(), pull(root))) == "" {
		t.Error("an explicit deny let root pass")
	}
	abroad := iam.Root("aws", foreign)
	w.target, w.callers[abroad.ARN] = iam.Target{}, &iam.Caller{Principal: abroad}
	if refusal(t, a.Authorize(t.Context(), pull(abroad))) == "" {
		t.Error("another account's root passed")
	}
}

// A session of root may carry policies, so it must be looked at.
func TestSessionOfRootIsAskedAbout(t *testing.T) {
	w := &world{failure: errors.New("no database")}
	root := iam.Root("aws", home)
	root.AccessKeyID = "ASIASESSION"
	w.failure = nil
	if refusal(t, w.authorizer().Authorize(t.Context(), pull(root))) == "" {
		t.Error("a session that is unknown passed")
	}
}

func TestNobodyPassesWhenSomethingCannotBeFoundOut(t *testing.T) {
	broken := errors.New("no database")
	w := &world{}
	p := w.user(t, home, "alice", identityPolicy("Allow", "ecr:*", ""))
	w.failure = broken
	if err := w.authorizer().Authorize(t.Context(), pull(p)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	w.failure = nil
	w.policy(t, `{"Statement":{"Effect":"Deny","Principal":"*","Action":"ecr:*","Condition":{"StringLike":{"nifuda:ImageTag":"prod-*"}}}}`)
	r := pull(p)
	r.ImageTags = func(context.Context) ([][]string, error) { return nil, broken }
	if err := w.authorizer().Authorize(t.Context(), r); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestDeletedCallerIsDenied(t *testing.T) {
	w := &world{}
	p := w.user(t, home, "alice", identityPolicy("Allow", "*", ""))
	delete(w.callers, p.ARN)
	if refusal(t, w.authorizer().Authorize(t.Context(), pull(p))) == "" {
		t.Error("passed")
	}
}

func TestNobodyInParticularNeedsTheResourceAlone(t *testing.T) {
	w := &world{}
	a := w.authorizer()
	if refusal(t, a.Authorize(t.Context(), pull(iam.Anonymous()))) == "" {
		t.Error("passed without a policy")
	}
	w.policy(t, resourcePolicy("Allow", `"*"`, "ecr:BatchGetImage"))
	if err := a.Authorize(t.Context(), pull(iam.Anonymous())); err != nil {
		t.Error(err)
	}
	w.policy(t, resourcePolicy("Allow", `{"AWS":"`+home+`"}`, "ecr:BatchGetImage"))
	if refusal(t, a.Authorize(t.Context(), pull(iam.Anonymous()))) == "" {
		t.Error("passed under a policy for an account")
	}
}

func TestActionsWithoutResourceAreForIdentitiesAlone(t *testing.T) {
	w := &world{}
	p := w.user(t, home, "alice", "")
	w.policy(t, resourcePolicy("Allow", `{"AWS":"`+p.ARN+`"}`, "ecr:*"))
	r := iam.Request{Principal: p, Action: iam.GetAuthorizationToken, Resource: "*", ResourceAccount: home}
	if refusal(t, w.authorizer().Authorize(t.Context(), r)) == "" || len(w.actions) > 0 {
		t.Errorf("passed, or asked for the policies on %v", w.actions)
	}
}

func TestKeysAreComputedOnlyForPoliciesThatAskForThem(t *testing.T) {
	w := &world{}
	plain := w.user(t, home, "alice", identityPolicy("Allow", "ecr:*", ""))
	conditional := w.user(t, home, "bob", identityPolicy("Allow", "ecr:*", `,"Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`))
	tagged := w.user(t, home, "carol", identityPolicy("Allow", "ecr:*", `,"Condition":{"StringLike":{"nifuda:ImageTag":"dev-*"}}`))
	for _, test := range []struct {
		p                 iam.Principal
		wantKeys, wantTag int
	}{{plain, 0, 0}, {conditional, 1, 0}, {tagged, 1, 1}} {
		keys, tags := 0, 0
		r := pull(test.p)
		r.Keys = func() iam.Keys { keys++; return iam.Keys{"aws:sourceip": {"192.0.2.7"}} }
		r.ImageTags = func(context.Context) ([][]string, error) { tags++; return [][]string{{"dev-1"}}, nil }
		if err := w.authorizer().Authorize(t.Context(), r); err != nil {
			t.Error(err)
		}
		if keys != test.wantKeys || tags != test.wantTag {
			t.Errorf("%s: asked %d times for keys and %d times for tags", test.p.ARN, keys, tags)
		}
	}
}

func TestEveryListOfImageTagsHasToBeAllowed(t *testing.T) {
	w := &world{}
	p := w.user(t, home, "alice", identityPolicy("Allow", "ecr:*", `,"Condition":{"StringLike":{"nifuda:ImageTag":"dev-*"}}`))
	tests := []struct {
		name  string
		lists [][]string
		want  bool
	}{
		{"one", [][]string{{"dev-1"}}, true},
		{"another", [][]string{{"prod-1"}}, false},
		{"both at once", [][]string{{"prod-1", "dev-1"}}, true},
		{"both in turn", [][]string{{"dev-1"}, {"prod-1"}}, false},
		{"none", [][]string{nil}, false},
		{"one and none", [][]string{{"dev-1"}, nil}, false},
		{"no list", nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := pull(p)
			r.ImageTags = func(context.Context) ([][]string, error) { return test.lists, nil }
			if got := refusal(t, w.authorizer().Authorize(t.Context(), r)) == ""; got != test.want {
				t.Errorf("allowed: %t", got)
			}
		})
	}
}

func TestResourceAccountIsAKey(t *testing.T) {
	w := &world{}
	p := w.user(t, home, "alice", identityPolicy("Allow", "ecr:*", `,"Condition":{"StringEquals":{"aws:ResourceAccount":"`+home+`"}}`))
	if err := w.authorizer().Authorize(t.Context(), pull(p)); err != nil {
		t.Error(err)
	}
}

func TestPolicyThatLocksItsCallerOutNeedsForce(t *testing.T) {
	w := &world{}
	owner := w.user(t, home, "alice", identityPolicy("Allow", "ecr:*", ""))
	guest := w.user(t, foreign, "bob", identityPolicy("Allow", "ecr:*", ""))
	w.policy(t, resourcePolicy("Allow", `{"AWS":"`+foreign+`"}`, "ecr:*"))
	set := func(p iam.Principal) iam.Request {
		return iam.Request{Principal: p, Action: iam.SetRepositoryPolicy, Resource: app, ResourceAccount: home}
	}
	tests := []struct {
		name   string
		p      iam.Principal
		policy string
		force  bool
		want   bool
	}{
		{"harmless", owner, resourcePolicy("Allow", `"*"`, "ecr:BatchGetImage"), false, true},
		{"denies its caller", owner, resourcePolicy("Deny", `"*"`, "ecr:*"), false, false},
		{"denies others", owner, resourcePolicy("Deny", `{"AWS":"`+guest.ARN+`"}`, "ecr:*"), false, true},
		{"denies its caller, by force", owner, resourcePolicy("Deny", `"*"`, "ecr:*"), true, true},
		{"a guest's, who is no more let in", guest, resourcePolicy("Allow", `{"AWS":"`+owner.ARN+`"}`, "ecr:*"), false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document, err := iam.ParseRepositoryPolicy(test.policy)
			if err != nil {
				t.Fatal(err)
			}
			w.callers["arn:aws:iam::"+foreign+":root"] = &iam.Caller{}
			_, err = w.authorizer().CheckRepositoryPolicy(t.Context(), set(test.p), document, test.force)
			if got := refusal(t, err) == ""; got != test.want {
				t.Errorf("allowed: %t", got)
			}
		})
	}
}

func TestPoliciesNameOnlyThoseWhoExist(t *testing.T) {
	w := &world{}
	p := w.user(t, home, "alice", identityPolicy("Allow", "ecr:*", ""))
	for principal, want := range map[string]bool{p.ARN: true, "arn:aws:iam::" + home + ":user/nobody": false} {
		document, err := iam.ParseRepositoryPolicy(resourcePolicy("Allow", `{"AWS":"`+principal+`"}`, "ecr:*"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.authorizer().CheckRepositoryPolicy(t.Context(), pull(p), document, true)
		if _, invalid := errors.AsType[*iam.PolicyError](err); invalid == want {
			t.Errorf("%s: %v", principal, err)
		}
	}
}

func TestExplainNamesTheStatement(t *testing.T) {
	w := &world{}
	p := w.user(t, home, "alice", identityPolicy("Allow", "ecr:*", ""))
	d, err := w.authorizer().Explain(t.Context(), pull(p))
	if err != nil {
		t.Fatal(err)
	}
	if d.Outcome != iam.Allowed || len(d.Matched) != 1 || d.Matched[0].Policy != "inline" || d.Matched[0].Source != iam.IdentityPolicy {
		t.Errorf("got %+v", d)
	}
}

func TestPoliciesOfRepositoriesDecideAboutRestorations(t *testing.T) {
	w := &world{}
	p := w.user(t, foreign, "bob", identityPolicy("Allow", "*", ""))
	request := func(action string) iam.Request {
		return iam.Request{Principal: p, Action: action, Resource: app, ResourceAccount: home}
	}
	w.policy(t, resourcePolicy("Allow", `{"AWS":"`+foreign+`"}`, "ecr:*"))
	if refusal(t, w.authorizer().Authorize(t.Context(), request(iam.RestoreTag))) == "" {
		t.Error("a policy that allows everything of ECR let a tag be restored")
	}
	w.policy(t, resourcePolicy("Allow", `{"AWS":"`+foreign+`"}`, "nifuda:Restore*"))
	if err := w.authorizer().Authorize(t.Context(), request(iam.RestoreTag)); err != nil {
		t.Error(err)
	}
	if refusal(t, w.authorizer().Authorize(t.Context(), request(iam.DescribeTagHistory))) == "" {
		t.Error("a policy about restorations let a history be read")
	}
}
