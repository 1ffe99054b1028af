package iam

import "strings"

// An arn is arn:partition:service:region:account:resource.
type arn struct{ partition, service, region, account, resource string }

// splitARN cuts a text into the parts of an ARN; the resource may hold colons.
func splitARN(text string) (arn, bool) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return arn{}, false
	}
	return arn{parts[1], parts[2], parts[3], parts[4], parts[5]}, true
}

// validPrincipalARN reports whether a text names a principal that a resource
// policy may hold: an account's root, a user, a role, a session of a role or a
// federated user. Groups are none, and wildcards inside are not allowed.
func validPrincipalARN(text string) bool {
	a, ok := splitARN(text)
	if !ok || !validPartition(a.partition) || a.region != "" || !isAccount(a.account) {
		return false
	}
	kind, name, _ := strings.Cut(a.resource, "/")
	switch a.service + ":" + kind {
	case "iam:root":
		return a.resource == "root"
	case "iam:user", "iam:role":
		return validPath(name)
	case "sts:assumed-role":
		role, session, ok := strings.Cut(name, "/")
		return ok && validName(role) && validName(session)
	case "sts:federated-user":
		return validName(name)
	}
	return false
}

// validRepositoryPattern reports whether a text is the ARN of ECR repositories,
// with wildcards or policy variables in its region, account and name.
func validRepositoryPattern(text string) bool {
	a, ok := splitARN(text)
	name, isRepository := strings.CutPrefix(a.resource, "repository/")
	return ok && isRepository && name != "" && a.service == ecrService && a.region != "" && a.account != "" &&
		(validPartition(a.partition) || isOnly(a.partition, "*?")) &&
		isMadeOf(a.region, func(c byte) bool { return isLowerAlnum(c) || isWildcard(c) || c == '-' }) &&
		isMadeOf(a.account, func(c byte) bool { return isDigit(c) || isWildcard(c) })
}

func validPartition(s string) bool {
	return s == "aws" || strings.HasPrefix(s, "aws-") && len(s) > len("aws-") &&
		isMadeOf(s, func(c byte) bool { return isLowerAlnum(c) || c == '-' })
}

// validPath reports whether s is an optional path, printable ASCII without
// wildcards, and a name.
func validPath(s string) bool {
	slash := strings.LastIndexByte(s, '/')
	return validName(s[slash+1:]) && isMadeOf(s[:slash+1], func(c byte) bool { return '!' <= c && c <= '~' && !isWildcard(c) })
}

// validName reports whether s is the name of a user, role or session.
func validName(s string) bool {
	return s != "" && isMadeOf(s, func(c byte) bool {
		return isLowerAlnum(c) || 'A' <= c && c <= 'Z' || strings.IndexByte("_+=,.@-", c) >= 0
	})
}

func isAccount(s string) bool { return len(s) == 12 && isMadeOf(s, isDigit) }

func isMadeOf(s string, in func(byte) bool) bool {
	for i := range len(s) {
		if !in(s[i]) {
			return false
		}
	}
	return true
}

func isOnly(s, chars string) bool { return s != "" && strings.Trim(s, chars) == "" }
func isWildcard(c byte) bool      { return c == '*' || c == '?' }
func isDigit(c byte) bool         { return '0' <= c && c <= '9' }
func isLowerAlnum(c byte) bool    { return isDigit(c) || 'a' <= c && c <= 'z' }
func isAlnum(c byte) bool         { return isLowerAlnum(c) || 'A' <= c && c <= 'Z' }

// validUniqueID reports whether s is the id of a user or a role, which stands
// in a policy for the one that had the name then, not for a later namesake.
func validUniqueID(s string) bool {
	return (strings.HasPrefix(s, "AIDA") || strings.HasPrefix(s, "AROA")) && len(s) >= 16 &&
		isMadeOf(s, func(c byte) bool { return isDigit(c) || 'A' <= c && c <= 'Z' })
}

// validProviderARN reports whether s names an identity provider of an account.
func validProviderARN(s string) bool {
	a, ok := splitARN(s)
	kind, name, _ := strings.Cut(a.resource, "/")
	return ok && validPartition(a.partition) && a.service == "iam" && a.region == "" && isAccount(a.account) &&
		(kind == "oidc-provider" || kind == "saml-provider") && name != "" &&
		isMadeOf(name, func(c byte) bool { return '!' <= c && c <= '~' && !isWildcard(c) })
}
