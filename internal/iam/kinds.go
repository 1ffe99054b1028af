package iam

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nifuda/nifuda/internal/strictjson"
)

// What IAM says of a document that breaks a rule.
const (
	syntaxErrors        = "Syntax errors in policy."
	legacyParsing       = "The policy failed legacy parsing"
	oldVersion          = "Policy document must be version 2012-10-17 or greater."
	sidNotUnique        = "Statement IDs (SID) in a single policy must be unique."
	sidCharacters       = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
	noActions           = "Policy statement must contain actions."
	noResources         = "Policy statement must contain resources."
	principalPresent    = "Policy document should not specify a principal."
	actionWithoutVendor = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	actionWithColons    = "Actions/Condition can contain only one colon."
	principalMissing    = "Missing required field Principal"
	resourceProhibited  = "Has prohibited field Resource"
	actionNotSTS        = "AssumeRole policy may only specify STS AssumeRole actions."
)

// ParseIdentityPolicy validates the text of a policy of a user, group or role,
// of a permissions boundary or of a session, except for its size, and returns
// it or a [*PolicyError]. Each statement needs Effect, Action or NotAction of
// any service, and Resource or NotResource, and has no principal.
func ParseIdentityPolicy(text string) (*Document, error) {
	return parse(text, func(d *Document) error {
		if err := d.checkSIDs(); err != nil {
			return err
		}
		return d.eachStatement(Statement.checkIdentity)
	})
}

// ParseManagedPolicy is [ParseIdentityPolicy] for a version of a managed policy,
// which must be of [Version2012].
func ParseManagedPolicy(text string) (*Document, error) {
	d, err := ParseIdentityPolicy(text)
	if err == nil && d.Version != Version2012 {
		return nil, malformed(oldVersion, "version %s", d.Version)
	}
	return d, err
}

// ParseTrustPolicy validates the text of the policy that says who may assume a
// role, except for its size, and returns it or a [*PolicyError]. Each statement
// needs Effect, Principal or NotPrincipal, and Action or NotAction of STS, and
// has no resource. Whether the principals exist is not checked.
func ParseTrustPolicy(text string) (*Document, error) {
	return parse(text, func(d *Document) error {
		if err := d.checkSIDs(); err != nil {
			return err
		}
		return d.eachStatement(Statement.checkTrust)
	})
}

// ParseRepositoryPolicy validates the text of a repository policy, except for
// its length, and returns it or a [*PolicyError]. Each statement needs Effect,
// Principal or NotPrincipal, and Action or NotAction of ecr, or those of our own
// that are about repositories; Resource is optional. Whether the principals exist is not checked.
func ParseRepositoryPolicy(text string) (*Document, error) {
	return parse(text, func(d *Document) error {
		return d.eachStatement(Statement.checkRepository)
	})
}

// ParseRegistryPolicy is [ParseRepositoryPolicy] for a registry policy of scope
// V2. There, each statement also needs Resource or NotResource: ARNs of ECR
// repositories, with wildcards, or a star.
func ParseRegistryPolicy(text string) (*Document, error) {
	return parse(text, func(d *Document) error {
		return d.eachStatement(Statement.checkRegistry)
	})
}

// ParseRegistryPolicyV1 is [ParseRegistryPolicy] for scope V1, where statements
// name the three actions by which other registries reach this one, and no other.
func ParseRegistryPolicyV1(text string) (*Document, error) {
	return parse(text, func(d *Document) error {
		return d.eachStatement(Statement.checkRegistryV1)
	})
}

// Size returns the characters of a document that IAM counts against the limits
// of identity and trust policies: all but white space.
func Size(text string) int {
	space := strings.Count(text, " ") + strings.Count(text, "\t") + strings.Count(text, "\n") + strings.Count(text, "\r")
	return utf8.RuneCountInString(text) - space
}

// parse reads a document by the grammar, checks it by the rules of its kind and
// compiles it.
func parse(text string, check func(*Document) error) (*Document, error) {
	r := reader{strictjson.NewReader(text)}
	d := r.document()
	if err := r.Close(); err != nil {
		if worded, ok := errors.AsType[*PolicyError](err); ok {
			return nil, worded
		}
		return nil, malformed(syntaxErrors, "%w", err)
	}
	if d.Version != Version2008 && d.Version != Version2012 {
		return nil, malformed(oldVersion, "unknown version %q", d.Version)
	}
	if len(d.Statements) == 0 {
		return nil, malformed(syntaxErrors, "a policy needs Statement")
	}
	for _, rule := range []func(*Document) error{(*Document).checkGrammar, check, (*Document).compile} {
		if err := rule(&d); err != nil {
			return nil, err
		}
	}
	return &d, nil
}

func malformed(message, detail string, args ...any) *PolicyError {
	return &PolicyError{Message: message, Detail: fmt.Errorf(detail, args...).Error()}
}

// eachStatement runs a check and says which statement failed it.
func (d *Document) eachStatement(check func(Statement) *PolicyError) error {
	for i, s := range d.Statements {
		if err := check(s); err != nil {
			return &PolicyError{Message: err.Message, Detail: fmt.Sprintf("statement %d: %s", i, err.Detail)}
		}
	}
	return nil
}

// checkGrammar holds what is true of the statements of any policy.
func (d *Document) checkGrammar() error {
	return d.eachStatement(func(s Statement) *PolicyError {
		if err := s.check(); err != nil {
			return malformed(syntaxErrors, "%w", err)
		}
		if s.Actions == nil && s.NotActions == nil {
			return malformed(noActions, "a statement needs either Action or NotAction")
		}
		return nil
	})
}

func (d *Document) checkSIDs() error {
	seen := map[string]bool{}
	for _, s := range d.Statements {
		switch {
		case s.SID == "":
		case !isMadeOf(s.SID, isAlnum):
			return malformed(sidCharacters, "Sid %q", s.SID)
		case seen[s.SID]:
			return malformed(sidNotUnique, "Sid %q occurs twice", s.SID)
		}
		seen[s.SID] = true
	}
	return nil
}

func (s Statement) checkIdentity() *PolicyError {
	if s.Principals != nil || s.NotPrincipals != nil {
		return malformed(principalPresent, "an identity policy has no Principal")
	}
	if s.Resources == nil && s.NotResources == nil {
		return malformed(noResources, "an identity policy needs Resource")
	}
	for _, pattern := range slices.Concat(s.Actions, s.NotActions) {
		if err := checkActionForm(pattern); err != nil {
			return err
		}
	}
	for _, pattern := range slices.Concat(s.Resources, s.NotResources) {
		if err := checkResourceForm(pattern); err != nil {
			return err
		}
	}
	return nil
}

// checkActionForm holds that an action is service:name, or a star for all.
func checkActionForm(pattern string) *PolicyError {
	if pattern == "*" {
		return nil
	}
	vendor, name, ok := strings.Cut(pattern, ":")
	switch {
	case !ok:
		return malformed(actionWithoutVendor, "action %q has no service", pattern)
	case strings.Contains(name, ":"):
		return malformed(actionWithColons, "action %q has many colons", pattern)
	case vendor == "" || !isMadeOf(vendor, func(c byte) bool { return isAlnum(c) || c == '-' || c == '*' || c == '?' }):
		return malformed("Vendor "+vendor+" is not valid", "action %q has no service", pattern)
	case name == "" || !isMadeOf(name, func(c byte) bool { return isAlnum(c) || isWildcard(c) || c == '-' || c == '_' }):
		return malformed(legacyParsing, "action %q has no name", pattern)
	}
	return nil
}

// checkResourceForm holds that a resource is a star or looks like an ARN, which
// a star may cut short.
func checkResourceForm(pattern string) *PolicyError {
	switch {
	case pattern == "*":
		return nil
	case !strings.HasPrefix(pattern, "arn:"):
		return malformed("Resource "+pattern+` must be in ARN format or "*".`, "resource %q is no ARN", pattern)
	case strings.Count(pattern, ":") < arnParts-1 && !strings.HasSuffix(pattern, "*"):
		return malformed(legacyParsing, "resource %q lacks parts of an ARN", pattern)
	}
	return nil
}

// trustActions are what a trust policy decides about.
var trustActions = []string{
	"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:SetContext", "sts:SetSourceIdentity", "sts:TagSession",
}

func (s Statement) checkTrust() *PolicyError {
	if s.Resources != nil || s.NotResources != nil {
		return malformed(resourceProhibited, "a trust policy has no Resource")
	}
	if s.Principals == nil && s.NotPrincipals == nil {
		return malformed(principalMissing, "a trust policy needs Principal")
	}
	for _, pattern := range slices.Concat(s.Actions, s.NotActions) {
		if !namesAny(pattern, "sts", trustActions) {
			return malformed(actionNotSTS, "action %q assumes no role", pattern)
		}
	}
	return nil
}

func (s Statement) checkRepository() *PolicyError {
	if s.Principals == nil && s.NotPrincipals == nil {
		return malformed(principalMissing, "a resource policy needs Principal")
	}
	for _, p := range slices.Concat(s.Principals, s.NotPrincipals) {
		if p.Type == Federated {
			return malformed(syntaxErrors, "principal %q is federated", p.Value)
		}
	}
	for _, pattern := range slices.Concat(s.Actions, s.NotActions) {
		if pattern != "*" && !namesAny(pattern, ecrService, ecrActions) && !namesAny(pattern, ownService, ownActions) {
			return malformed(syntaxErrors, "action %q is none of ecr", pattern)
		}
	}
	return nil
}

func (s Statement) checkRegistry() *PolicyError {
	if s.Resources == nil && s.NotResources == nil {
		return malformed(noResources, "a registry policy needs Resource")
	}
	for _, resource := range slices.Concat(s.Resources, s.NotResources) {
		if resource != "*" && !validRepositoryPattern(resource) {
			return malformed(syntaxErrors, "resource %q is no ARN of repositories", resource)
		}
	}
	return s.checkRepository()
}

// registryActionsV1 are all that a registry policy of scope V1 is about.
var registryActionsV1 = []string{BatchImportUpstreamImage, CreateRepository, ReplicateImage}

func (s Statement) checkRegistryV1() *PolicyError {
	if s.NotActions != nil {
		return malformed(syntaxErrors, "NotAction has no place in scope V1")
	}
	for _, action := range s.Actions {
		if !slices.ContainsFunc(registryActionsV1, func(known string) bool { return strings.EqualFold(action, known) }) {
			return malformed(syntaxErrors, "action %q is not of scope V1", action)
		}
	}
	return s.checkRegistry()
}

// namesAny reports whether a pattern within a service covers one of its actions.
func namesAny(pattern, service string, actions []string) bool {
	named, _, _ := strings.Cut(pattern, ":")
	return strings.EqualFold(named, service) &&
		slices.ContainsFunc(actions, func(action string) bool { return MatchAction(pattern, action) })
}
