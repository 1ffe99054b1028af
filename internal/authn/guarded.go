package authn

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/nifuda/nifuda/internal/httpx"
)

// A GuardedVerifier is a [Verifier] behind a [Guard]. It also notes in the
// record of each request who signed it, and with which key.
type GuardedVerifier struct {
	verifier *Verifier
	guard    *Guard
}

// Verifier puts a verifier behind the guard.
func (g *Guard) Verifier(v *Verifier) *GuardedVerifier { return &GuardedVerifier{v, g} }

// Verify is [Verifier.Verify].
func (v *GuardedVerifier) Verify(ctx context.Context, r *http.Request, body []byte) (Identity, error) {
	key := claim(ctx, claimedKey(r))
	if err := v.guard.Admit(ctx, PlaneAPI, key); err != nil {
		return Identity{}, err
	}
	who, err := v.verifier.Verify(ctx, r, body)
	if err != nil {
		return Identity{}, v.note(ctx, key, err)
	}
	v.guard.Succeeded(ctx, who.AccessKeyID)
	record := httpx.RecordOf(ctx)
	record.AccessKeyID, record.Caller, record.Region = who.AccessKeyID, who.Principal, who.Region
	return who, nil
}

// Precheck is [Verifier.Precheck].
func (v *GuardedVerifier) Precheck(ctx context.Context, r *http.Request) error {
	key := claim(ctx, claimedKey(r))
	if err := v.guard.Admit(ctx, PlaneAPI, key); err != nil {
		return err
	}
	return v.note(ctx, key, v.verifier.Precheck(ctx, r))
}

// note counts an error that is a failed guess, and returns it.
func (v *GuardedVerifier) note(ctx context.Context, key string, err error) error {
	if wrong, ok := errors.AsType[*guess](err); ok {
		v.guard.Failed(ctx, PlaneAPI, key, wrong.reason)
	}
	return err
}

// claimedKey is the access key id that a request says it is signed with,
// whatever else is wrong with it; "" if it says none.
func claimedKey(r *http.Request) string {
	credential := ""
	if header := r.Header.Get("Authorization"); header != "" {
		_, credential, _ = strings.Cut(header, "Credential=")
	} else if query, err := parseQuery(r.URL.RawQuery); err == nil { // as the verifier reads it
		credential = first(query, paramCredential)
	}
	key, _, ok := strings.Cut(credential, "/")
	if !ok {
		return ""
	}
	return key
}

// claim notes in the record the key that a request says it is of.
func claim(ctx context.Context, key string) string {
	httpx.RecordOf(ctx).AccessKeyID = loggableKey(key)
	return key
}

// GuardedLogins are [Logins] behind a [Guard]. They also note in the record of
// each request who sent it, and with which key. A login token is looked at even
// when its sender is kept out: nobody guesses one, and whoever brings a good one
// need not suffer for others.
type GuardedLogins struct {
	logins *Logins
	guard  *Guard
}

// Logins puts logins behind the guard.
func (g *Guard) Logins(l *Logins) *GuardedLogins { return &GuardedLogins{l, g} }

// Login is [Logins.Login].
func (l *GuardedLogins) Login(r *http.Request) (Login, error) {
	ctx := r.Context()
	if !l.guard.isQuiet() {
		if user, _, ok := r.BasicAuth(); ok && user != tokenUser {
			if err := l.guard.Admit(ctx, PlaneRegistry, claim(ctx, user)); err != nil {
				return Login{}, err
			}
		}
	}
	login, err := l.logins.Login(r)
	if errors.Is(err, ErrBadCredentials) {
		user, _, _ := r.BasicAuth()
		return Login{}, l.failed(ctx, user, err)
	}
	return login, l.note(ctx, login, err)
}

// Password is [Logins.Password].
func (l *GuardedLogins) Password(ctx context.Context, user, password string) (Login, error) {
	if user != tokenUser {
		if err := l.guard.Admit(ctx, PlaneRegistry, claim(ctx, user)); err != nil {
			return Login{}, err
		}
	}
	login, err := l.logins.Password(ctx, user, password)
	if errors.Is(err, ErrBadCredentials) {
		return Login{}, l.failed(ctx, user, err)
	}
	return login, l.note(ctx, login, err)
}

// failed counts a login that is not good, and returns how it is refused.
func (l *GuardedLogins) failed(ctx context.Context, user string, err error) error {
	if user == tokenUser {
		user = ""
	}
	key := claim(ctx, user)
	if throttled := l.guard.Admit(ctx, PlaneRegistry, key); throttled != nil {
		return throttled
	}
	l.guard.Failed(ctx, PlaneRegistry, key, wrongLogin)
	return err
}

// note puts a good login into the record, and makes its source known.
func (l *GuardedLogins) note(ctx context.Context, login Login, err error) error {
	if err != nil || login.AccessKeyID == "" {
		return err
	}
	record := httpx.RecordOf(ctx)
	record.AccessKeyID, record.Caller, record.Region = login.AccessKeyID, login.Principal, login.Region
	l.guard.Succeeded(ctx, login.AccessKeyID)
	return nil
}
