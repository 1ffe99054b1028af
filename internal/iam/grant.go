package iam

import "strings"

// A grant is how directly a statement of a resource policy names a caller.
type grant uint8

const (
	// unnamed: not at all.
	unnamed grant = iota
	// delegated: by its account. An Allow leaves the choice to the account.
	delegated
	// covered: by its role, or as one, or by a star. What narrows the caller
	// narrows that.
	covered
	// named: itself. An Allow within the account is not narrowed by what a
	// permissions boundary or session policy does not allow.
	named
)

// A principalTest is a [PrincipalPattern] made ready.
type principalTest struct {
	PrincipalPattern
	rootOf string // the account, if its root is named
}

func newPrincipalTest(p PrincipalPattern) principalTest {
	t := principalTest{PrincipalPattern: p}
	if a, ok := splitARN(p.Value); ok && p.Type == AWS && a.resource == "root" {
		t.rootOf = a.account
	}
	return t
}

func (p *principalTest) grant(c *Caller) grant {
	isARN := strings.HasPrefix(c.Principal.ARN, "arn:")
	switch {
	case p.Type == Anyone:
		return covered
	case p.Type == Service && c.Principal.Account == "" && !isARN,
		p.Type == Federated && c.Principal.Account == "" && isARN:
		if p.Value == c.Principal.ARN {
			return named
		}
		return unnamed
	case p.Type != AWS || c.Principal.Account == "":
		return unnamed
	case p.rootOf != "":
		switch {
		case p.rootOf != c.Principal.Account:
			return unnamed
		case c.Principal.IsRoot():
			return named
		}
		return delegated
	case c.isSessionOf(p.Value) || strings.Contains(p.Value, ":role/") && p.Value == c.Principal.ARN:
		return covered
	case p.Value == c.Principal.ARN || p.Value == c.Principal.UserID:
		return named
	}
	return unnamed
}

// granted is how directly something that is no policy names the caller.
func (c *Caller) granted() grant {
	if c.Role != "" {
		return covered
	}
	return named
}

// isSessionOf reports whether the caller is a session of a role, given by its
// ARN or unique id.
func (c *Caller) isSessionOf(role string) bool {
	if id, _, ok := strings.Cut(c.Principal.UserID, ":"); ok && id == role {
		return true
	}
	if c.Role != "" {
		return c.Role == role
	}
	// A session's ARN lacks the path of its role, and an account has a role's
	// name but once.
	session, ok := splitARN(c.Principal.ARN)
	named, isARN := splitARN(role)
	name, isSession := strings.CutPrefix(session.resource, "assumed-role/")
	path, isRole := strings.CutPrefix(named.resource, "role/")
	if !ok || !isARN || !isSession || !isRole || session.account != named.account {
		return false
	}
	name, _, _ = strings.Cut(name, "/")
	return name == path[strings.LastIndexByte(path, '/')+1:]
}

// grant returns how a statement of a resource policy names the caller. A star
// allows identities and nobody, but no service and no identity provider.
func (r *rule) grant(c *Caller) grant {
	best := unnamed
	for i := range r.principals {
		best = max(best, r.principals[i].grant(c))
	}
	outsider := c.Principal.Account == "" && !c.Principal.IsAnonymous()
	switch {
	case r.notPrincipals && r.effect == Deny:
		return r.grantBut(best, c)
	case r.notPrincipals:
		if best > unnamed || c.Principal.Account == "" {
			return unnamed
		}
		return covered
	case r.effect == Allow && outsider && best < named:
		return unnamed
	}
	return best
}

// grantBut tells whether a Deny for all but some is for the caller. It spares
// only those named themselves: the account or role of a caller in the list does
// not. With a permissions boundary it spares nobody. See "NotPrincipal" in the
// IAM user guide.
func (r *rule) grantBut(best grant, c *Caller) grant {
	if best == named && c.Boundary == nil || len(r.principals) > 0 && r.anyoneListed() {
		return unnamed
	}
	return covered
}

func (r *rule) anyoneListed() bool {
	for i := range r.principals {
		if r.principals[i].Type == Anyone {
			return true
		}
	}
	return false
}
