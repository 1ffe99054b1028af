package identity_test

import (
	"testing"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

func TestPrincipalNamed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		i, ctx := newIdentities(t, s, newClock()), t.Context()
		_, err := i.CreateUser(ctx, identity.NewUser{Account: account, Name: "Alice", Path: "/team/"})
		check(t, err)
		alice := must[identity.UserInfo](t)(i.UserInfo(ctx, account, "Alice"))

		const root, user = "arn:aws:iam::" + account + ":root", "arn:aws:iam::" + account + ":user/team/Alice"
		known := map[string]iam.Principal{
			root: {ARN: root, Account: account, UserID: account},
			user: {ARN: user, Account: account, UserID: alice.ID},
		}
		for arn, want := range known {
			if got := must[iam.Principal](t)(i.PrincipalNamed(ctx, arn)); got != want {
				t.Errorf("%s is %+v, want %+v", arn, got, want)
			}
		}
		for _, arn := range []string{
			"", "alice", "*", "arn:aws:iam::" + account + ":user/Alice", "arn:aws:iam::" + account + ":user/team/alice",
			"arn:aws:iam::999999999999:root", "arn:aws:iam::999999999999:user/team/Alice", "arn:aws:iam:us-east-1:" + account + ":root",
			"arn:aws:iam::" + account + ":group/g", "arn:aws:iam::" + account + ":role/none",
			"arn:aws:sts::" + account + ":assumed-role/none/s", "arn:aws:sts::" + account + ":assumed-role/none",
		} {
			_, err := i.PrincipalNamed(ctx, arn)
			wantRefusal(t, err, identity.CodeNoSuchEntity)
		}
	})
}
