package server

import (
	"net/http"
	"testing"

	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// Who wants to know whether a pull secret is still used asks for its last use.
func TestUseOfAKeyAsAPasswordIsNoted(t *testing.T) {
	f := newFixture(t, storetest.Load{}, "")
	ctx, account := t.Context(), f.load.Account
	if _, err := f.identities.CreateUser(ctx, identity.NewUser{Account: account, Name: "puller"}); err != nil {
		t.Fatal(err)
	}
	key, err := f.identities.CreateAccessKey(ctx, account, "puller")
	if err != nil {
		t.Fatal(err)
	}
	r := f.v2(http.MethodGet, "/v2/", nil)
	r.SetBasicAuth(key.AccessKeyID, key.Secret)
	f.send(r, http.StatusOK)
	if err := f.identities.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	_, use, err := f.identities.KeyUse(ctx, account, key.AccessKeyID)
	if err != nil {
		t.Fatal(err)
	}
	if use.At.IsZero() || use.Service != "ecr" || use.Region != f.region {
		t.Errorf("the key's last use is %+v", use)
	}
}
