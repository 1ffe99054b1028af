package kms_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/kms"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

var (
	alice = iam.Principal{ARN: "arn:aws:iam::123456789012:user/alice", Account: home.Account, UserID: "AIDAALICE"}
	robot = iam.Principal{ARN: "arn:aws:sts::123456789012:assumed-role/robot/s", Account: home.Account, UserID: "AROAROBOT:s"}
)

const (
	robotRole = "arn:aws:iam::123456789012:role/path/robot"
	ecr       = "ecr.us-east-1.amazonaws.com"
)

// granted reports what a question's grants say.
func granted(t testing.TB, k *kms.Service, u kms.Use) bool {
	t.Helper()
	yes, err := k.Question(u).Granted(t.Context())
	check(t, err)
	return yes
}

func TestGrantsCoverTheirOperationsUnderTheirConstraints(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k, other := nodes(s, newClock())
		ctx := t.Context()
		tests := []struct {
			name  string
			terms kms.Terms
			use   kms.Use
			want  bool
		}{
			{"operation", kms.Terms{Grantee: alice.ARN, Operations: []string{"Encrypt", "Decrypt"}}, kms.Use{Principal: alice, Action: iam.Decrypt}, true},
			{"another operation", kms.Terms{Grantee: alice.ARN, Operations: []string{"Encrypt"}}, kms.Use{Principal: alice, Action: iam.Decrypt}, false},
			{"what no grant can cover", kms.Terms{Grantee: alice.ARN, Operations: []string{"Encrypt"}}, kms.Use{Principal: alice, Action: iam.DisableKey}, false},
			{"another grantee", kms.Terms{Grantee: robotRole, Operations: []string{"Decrypt"}}, kms.Use{Principal: alice, Action: iam.Decrypt}, false},
			{"session of the role", kms.Terms{Grantee: robotRole, Operations: []string{"Decrypt"}}, kms.Use{Principal: robot, Action: iam.Decrypt}, true},
			{"the session itself", kms.Terms{Grantee: robot.ARN, Operations: []string{"Decrypt"}}, kms.Use{Principal: robot, Action: iam.Decrypt}, true},
			{"subset", kms.Terms{Grantee: alice.ARN, Operations: []string{"Decrypt"}, Subset: pairs{"a": "b"}}, kms.Use{Principal: alice, Action: iam.Decrypt, Context: pairs{"a": "b", "c": "d"}}, true},
			{"less than the subset", kms.Terms{Grantee: alice.ARN, Operations: []string{"Decrypt"}, Subset: pairs{"a": "b"}}, kms.Use{Principal: alice, Action: iam.Decrypt, Context: pairs{"c": "d"}}, false},
			{"case counts", kms.Terms{Grantee: alice.ARN, Operations: []string{"Decrypt"}, Subset: pairs{"a": "b"}}, kms.Use{Principal: alice, Action: iam.Decrypt, Context: pairs{"A": "b"}}, false},
			{"equals", kms.Terms{Grantee: alice.ARN, Operations: []string{"Decrypt"}, Equals: pairs{"a": "b"}}, kms.Use{Principal: alice, Action: iam.Decrypt, Context: pairs{"a": "b"}}, true},
			{"more than equals", kms.Terms{Grantee: alice.ARN, Operations: []string{"Decrypt"}, Equals: pairs{"a": "b"}}, kms.Use{Principal: alice, Action: iam.Decrypt, Context: pairs{"a": "b", "c": "d"}}, false},
			{"no context to be constrained", kms.Terms{Grantee: alice.ARN, Operations: []string{"DescribeKey"}, Equals: pairs{"a": "b"}}, kms.Use{Principal: alice, Action: iam.DescribeKey}, true},
			{"granting on", kms.Terms{Grantee: alice.ARN, Operations: []string{"CreateGrant", "Decrypt"}}, kms.Use{Principal: alice, Action: iam.CreateGrant, Grant: &kms.Terms{Operations: []string{"Decrypt"}}}, true},
			{"granting more", kms.Terms{Grantee: alice.ARN, Operations: []string{"CreateGrant", "Decrypt"}}, kms.Use{Principal: alice, Action: iam.CreateGrant, Grant: &kms.Terms{Operations: []string{"Encrypt"}}}, false},
			{"granting with fewer constraints", kms.Terms{Grantee: alice.ARN, Operations: []string{"CreateGrant", "Decrypt"}, Subset: pairs{"a": "b"}}, kms.Use{Principal: alice, Action: iam.CreateGrant, Grant: &kms.Terms{Operations: []string{"Decrypt"}}}, false},
			{"granting with as many", kms.Terms{Grantee: alice.ARN, Operations: []string{"CreateGrant", "Decrypt"}, Subset: pairs{"a": "b"}}, kms.Use{Principal: alice, Action: iam.CreateGrant, Grant: &kms.Terms{Operations: []string{"Decrypt"}, Equals: pairs{"a": "b", "c": "d"}}}, true},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				test.use.Key.KeyID = newKey(t, k)
				if granted(t, other, test.use) {
					t.Fatal("granted without a grant")
				}
				grant, err := k.CreateGrant(ctx, test.use.Key.KeyID, test.terms)
				check(t, err)
				if got := granted(t, other, test.use); got != test.want {
					t.Errorf("granted: %t", got)
				}
				check(t, k.RemoveGrant(ctx, test.use.Key.KeyID, grant.ID))
				if granted(t, other, test.use) {
					t.Error("granted after the end of the grant")
				}
			})
		}
	})
}

func TestGrantsOfTheSameNameAndTermsAreOne(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k, ctx := newService(s, newClock()), t.Context()
		id := newKey(t, k)
		terms := kms.Terms{Grantee: alice.ARN, Name: "n", Operations: []string{"Encrypt", "Decrypt"}, Subset: pairs{"a": "b"}}
		first, err := k.CreateGrant(ctx, id, terms)
		check(t, err)
		terms.Operations = []string{"Decrypt", "Encrypt"}
		if again := must(k.CreateGrant(ctx, id, terms)); again.ID != first.ID {
			t.Error("a second grant was made")
		}
		terms.Subset = pairs{"a": "c"}
		if another := must(k.CreateGrant(ctx, id, terms)); another.ID == first.ID {
			t.Error("other terms gave the same grant")
		}
		terms.Name = ""
		if a, b := must(k.CreateGrant(ctx, id, terms)), must(k.CreateGrant(ctx, id, terms)); a.ID == b.ID {
			t.Error("grants without a name are one")
		}
		of := func(f kms.GrantFilter) int {
			t.Helper()
			n := 0
			for marker := ""; ; {
				grants, next, err := k.Grants(ctx, id, f, kms.Page{Limit: 3, Marker: marker})
				check(t, err)
				n += len(grants)
				if marker = next; next == "" {
					return n
				}
			}
		}
		must(k.CreateGrant(ctx, id, kms.Terms{Grantee: robotRole, Operations: []string{"Decrypt"}}))
		if all, hers, one, none := of(kms.GrantFilter{}), of(kms.GrantFilter{Grantee: alice.ARN}), of(kms.GrantFilter{ID: first.ID}), of(kms.GrantFilter{ID: first.ID, Grantee: robotRole}); all != 5 || hers != 4 || one != 1 || none != 0 {
			t.Errorf("%d, %d, %d and %d are listed", all, hers, one, none)
		}
		_, _, err = k.Grants(ctx, id, kms.GrantFilter{ID: "none"}, kms.Page{})
		wantRefusal(t, err, kms.CodeInvalidGrantID)
		wantRefusal(t, k.RemoveGrant(ctx, newKey(t, k), first.ID), kms.CodeInvalidGrantID)
		_, err = k.CreateGrant(ctx, id, kms.Terms{Grantee: alice.ARN, Operations: []string{"Sign"}})
		wantRefusal(t, err, kms.CodeValidation)
	})
}

func TestTokensStandForGrants(t *testing.T) {
	k, ctx := newService(storetest.SQLite(t), newClock()), t.Context()
	id := newKey(t, k)
	grant := must(k.CreateGrant(ctx, id, kms.Terms{Grantee: alice.ARN, Operations: []string{"Decrypt"}}))
	if found, err := k.GrantOfToken(ctx, grant.Token()); err != nil || found.ID != grant.ID || found.Key != id {
		t.Errorf("got %+v, %v", found, err)
	}
	check(t, kms.CheckTokens([]string{grant.Token()}))
	wantRefusal(t, kms.CheckTokens([]string{"x"}), kms.CodeInvalidGrantToken)
	check(t, k.RemoveGrant(ctx, id, grant.ID))
	_, err := k.GrantOfToken(ctx, grant.Token())
	wantRefusal(t, err, kms.CodeInvalidGrantToken)
	_, err = k.GrantOfToken(ctx, "%")
	wantRefusal(t, err, kms.CodeInvalidGrantToken)
}

func TestWhoMayRetireAGrant(t *testing.T) {
	k, ctx := newService(storetest.SQLite(t), newClock()), t.Context()
	id := newKey(t, k)
	account := iam.Root("aws", home.Account)
	for name, test := range map[string]struct {
		terms kms.Terms
		want  map[string]bool // by who may, beside the account's root
	}{
		"nobody":            {kms.Terms{Grantee: alice.ARN}, nil},
		"retiring":          {kms.Terms{Grantee: alice.ARN, Retiring: robotRole}, map[string]bool{robot.ARN: true}},
		"grantee":           {kms.Terms{Grantee: alice.ARN, Operations: []string{"RetireGrant"}}, map[string]bool{alice.ARN: true}},
		"another account's": {kms.Terms{Grantee: root("210987654321")}, nil},
	} {
		grant := kms.Grant{Key: id, Terms: test.terms}
		for _, p := range []iam.Principal{alice, robot, account, iam.Root("aws", "210987654321")} {
			may, err := k.MayRetire(ctx, p, grant)
			if want := test.want[p.ARN] || p == account; err != nil || may != want {
				t.Errorf("%s: %s may: %t (%v)", name, p.ARN, may, err)
			}
		}
	}
}

func TestServiceUsesKeysByItsGrantsAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k, other := nodes(s, newClock())
		ctx, id := t.Context(), newKey(t, k)
		repository := context1("arn:aws:ecr:us-east-1:123456789012:repository/app")
		_, err := other.AsService(ecr).GenerateDataKey(ctx, id, 32, repository)
		wantRefusal(t, err, kms.CodeAccessDenied)
		grant := must(k.CreateGrant(ctx, id, kms.Terms{Grantee: ecr, Operations: []string{"GenerateDataKey", "Decrypt"}, Subset: repository}))
		held := other.AsService(ecr, grant.ID)
		key, err := held.GenerateDataKey(ctx, id, 32, repository)
		check(t, err)
		opened, err := held.Decrypt(ctx, id, key.Ciphertext, repository)
		if err != nil || !slices.Equal(opened.Plaintext, key.Plaintext) || len(key.Plaintext) != 32 {
			t.Errorf("got %v", err)
		}
		check(t, held.Check(ctx, id, repository))
		wantRefusal(t, held.Check(ctx, id, context1("arn:other")), kms.CodeAccessDenied)
		wantRefusal(t, other.AsService("s3.amazonaws.com", grant.ID).Check(ctx, id, repository), kms.CodeAccessDenied)

		check(t, k.SetPolicy(ctx, id, strings.Replace(kms.DefaultPolicy(home), `"Statement" : [ {`,
			`"Statement" : [ {"Effect":"Deny","Principal":"*","Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"`+ecr+`"}}}, {`, 1), nil))
		wantRefusal(t, held.Check(ctx, id, repository), kms.CodeAccessDenied)
		check(t, k.SetPolicy(ctx, id, kms.DefaultPolicy(home), nil))
		check(t, held.Check(ctx, id, repository))
		check(t, k.Disable(ctx, id))
		wantRefusal(t, held.Check(ctx, id, repository), kms.CodeDisabled)
		check(t, k.Enable(ctx, id))
		check(t, k.RemoveGrant(ctx, id, grant.ID))
		wantRefusal(t, held.Check(ctx, id, repository), kms.CodeAccessDenied)
	})
}

func TestManagedKeyIsUsedThroughECR(t *testing.T) {
	k := newService(storetest.SQLite(t), newClock())
	id := must(k.Managed(t.Context(), home))
	target := must(k.Target(t.Context(), "", id.ARN()))
	allow, err := iam.ParseIdentityPolicy(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}`)
	check(t, err)
	stranger := iam.Principal{ARN: "arn:aws:iam::210987654321:user/bob", Account: "210987654321", UserID: "AIDABOB"}
	for _, test := range []struct {
		name      string
		principal iam.Principal
		action    string
		via       string
		may       bool
		want      bool
	}{
		{"through ECR", alice, iam.CreateGrant, ecr, false, true},
		{"through ECR of another region", alice, iam.CreateGrant, "ecr.eu-west-1.amazonaws.com", true, false},
		{"directly", alice, iam.Encrypt, "", true, false},
		{"look at it", alice, iam.DescribeKey, "", true, true},
		{"look at it without permission", alice, iam.DescribeKey, "", false, false},
		{"manage it", iam.Root("aws", home.Account), iam.ScheduleKeyDeletion, "", true, false},
		{"another account through ECR", stranger, iam.CreateGrant, ecr, true, false},
	} {
		caller := &iam.Caller{Principal: test.principal}
		if test.may {
			caller.Identity = []iam.NamedPolicy{{Name: "p", Document: allow}}
		}
		use := kms.Use{Principal: test.principal, Action: test.action, Key: kms.Reference{KeyID: id}, Via: test.via}
		d := iam.Evaluate(iam.Query{
			Caller: caller, Action: test.action, Resource: id.ARN(), ResourceAccount: id.Account,
			ResourcePolicies: target.Policies, Trust: target.Trust, ResourceKeys: target.Keys, RequestKeys: k.Question(use).Keys(),
		})
		if (d.Outcome == iam.Allowed) != test.want {
			t.Errorf("%s: %s %s", test.name, d.Outcome, d.Reason)
		}
	}
}
