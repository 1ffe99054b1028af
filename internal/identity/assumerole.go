package identity

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nifuda/nifuda/internal/iam"
)

const (
	// DefaultSession is how long a role's session is that asks for nothing.
	DefaultSession = time.Hour

	// maxChainedSession is how long a session may be that another role's session
	// begins.
	maxChainedSession = time.Hour

	// maxSessionPolicies is how many characters, white space included, session
	// policies and the ARNs of managed ones may have together: each session keeps
	// them. maxSessionPolicyARNs is how many those may be.
	maxSessionPolicies   = 2048
	maxSessionPolicyARNs = 10
)

// The actions that a session of a role can need.
const (
	actionAssumeRole        = "sts:AssumeRole"
	actionTagSession        = "sts:TagSession"
	actionSetSourceIdentity = "sts:SetSourceIdentity"
)

// A RoleSession is a session of a role that somebody wants to begin.
type RoleSession struct {
	RoleARN string
	// Name is what the session's ARN ends in.
	Name string
	// Duration is zero for [DefaultSession].
	Duration time.Duration
	// Policy is a session policy, and PolicyARNs are managed ones; empty is none.
	Policy            string
	PolicyARNs        []string
	Tags              []Tag
	TransitiveTagKeys []string
	SourceIdentity    string
	ExternalID        string
	// Region is where the session is begun.
	Region string
	// Keys are the condition keys of the request, such as aws:sourceip.
	Keys iam.Keys
}

// A BegunSession is what whoever begins a session of a role is told.
type BegunSession struct {
	Credentials
	Principal iam.Principal
	// SourceIdentity may come from the session that began this one.
	SourceIdentity string
	// PackedSize is how many percent of their limit the session policies and
	// tags take; zero without any.
	PackedSize int
}

// AssumeRole begins a session of a role for a caller, which both the role's
// trust policy and the caller's own policies must allow as iam.Evaluate says. It
// refuses with a [*iam.DeniedError], also when there is no such role, or with
// AccessDenied, ValidationError, MalformedPolicyDocument, PackedPolicyTooLarge or
// Throttling.
func (s *Identities) AssumeRole(ctx context.Context, p iam.Principal, n RoleSession) (BegunSession, error) {
	if p.IsRoot() {
		return BegunSession{}, refuse(CodeAccessDenied, "Roles may not be assumed by root accounts.")
	}
	caller, err := s.Caller(ctx, p)
	if err != nil {
		return BegunSession{}, err
	}
	if err := s.inherit(ctx, p, &n); err != nil {
		return BegunSession{}, err
	}
	role, err := s.trusted(ctx, caller, &n)
	if err != nil {
		return BegunSession{}, err
	}
	if caller.Role != "" && n.Duration > maxChainedSession {
		return BegunSession{}, refuse(CodeValidationError, "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	who, _, _ := strings.Cut(p.UserID, ":")
	if err := s.checkPace(who); err != nil {
		return BegunSession{}, err
	}
	return s.BeginRoleSession(ctx, role, n, SessionScope{})
}

// inherit adds what the session of the caller hands on: its transitive tags and
// its source identity.
func (s *Identities) inherit(ctx context.Context, p iam.Principal, n *RoleSession) error {
	if !strings.HasPrefix(p.AccessKeyID, temporaryPrefix) {
		return nil
	}
	session, err := s.Session(ctx, p.AccessKeyID)
	if err != nil {
		return err
	}
	if from := session.Scope.SourceIdentity; from != "" {
		if n.SourceIdentity != "" && n.SourceIdentity != from {
			return refuse(CodeAccessDenied, "The source identity of the calling session cannot be changed.")
		}
		n.SourceIdentity = from
	}
	for _, key := range session.Scope.TransitiveTagKeys {
		if indexOfTag(n.Tags, key) >= 0 {
			return refuse(CodeInvalidParameterValue, "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
		if i := indexOfTag(session.Scope.Tags, key); i >= 0 {
			n.Tags = append(slices.Clip(n.Tags), session.Scope.Tags[i])
			n.TransitiveTagKeys = append(slices.Clip(n.TransitiveTagKeys), key)
		}
	}
	return nil
}

func indexOfTag(tags []Tag, key string) int {
	for i, tag := range tags {
		if keyOf(tag.Key) == keyOf(key) {
			return i
		}
	}
	return -1
}

// trusted returns the role, if it lets the caller begin the session.
func (s *Identities) trusted(ctx context.Context, caller *iam.Caller, n *RoleSession) (RoleInfo, error) {
	denied := func(action string) error {
		return &iam.DeniedError{Request: iam.Request{Principal: caller.Principal, Action: action, Resource: n.RoleARN}}
	}
	role, err := s.RoleByARN(ctx, n.RoleARN)
	if IsRefusal(err, CodeNoSuchEntity) {
		return RoleInfo{}, denied(actionAssumeRole)
	}
	if err != nil {
		return RoleInfo{}, err
	}
	for _, action := range n.actions(actionAssumeRole) {
		decision, err := s.DecideTrust(caller, role, action, n)
		if err != nil {
			return RoleInfo{}, err
		}
		if decision.Outcome != iam.Allowed {
			return RoleInfo{}, denied(action)
		}
	}
	return role, nil
}

// actions are what a trust policy must allow for the session: the action that
// begins it, and those that it needs for what it brings.
func (n *RoleSession) actions(begin string) []string {
	actions := []string{begin}
	if len(n.Tags) > 0 {
		actions = append(actions, actionTagSession)
	}
	if n.SourceIdentity != "" {
		actions = append(actions, actionSetSourceIdentity)
	}
	return actions
}

// DecideTrust decides whether a role's trust policy, together with the caller's
// own policies, lets the caller take an action that begins the session.
func (s *Identities) DecideTrust(caller *iam.Caller, role RoleInfo, action string, n *RoleSession) (iam.Decision, error) {
	trust, err := iam.ParseTrustPolicy(role.TrustPolicy)
	if err != nil {
		return iam.Decision{}, err
	}
	return iam.Evaluate(iam.Query{
		Caller: caller, Action: action, Resource: role.ARN(), ResourceAccount: role.Account, Trust: true,
		ResourcePolicies: []iam.NamedPolicy{{Name: "trust policy of " + role.ARN(), Document: trust.Pinned(role.Trusted)}},
		ResourceKeys:     resourceTagKeys(role.Tags),
		RequestKeys:      n.requestKeys(),
	}), nil
}

func resourceTagKeys(tags []Tag) iam.Keys {
	keys := iam.Keys{}
	for _, tag := range tags {
		setKey(keys, "aws:ResourceTag/"+tag.Key, tag.Value)
		setKey(keys, "iam:ResourceTag/"+tag.Key, tag.Value)
	}
	return keys
}

// requestKeys are the condition keys of the request for the session.
func (n *RoleSession) requestKeys() iam.Keys {
	keys := iam.Keys{}
	maps.Copy(keys, n.Keys)
	setKey(keys, "sts:RoleSessionName", n.Name)
	if n.ExternalID != "" {
		setKey(keys, "sts:ExternalId", n.ExternalID)
	}
	if n.SourceIdentity != "" {
		setKey(keys, "sts:SourceIdentity", n.SourceIdentity)
	}
	if n.Duration != 0 {
		setKey(keys, "sts:DurationSeconds", strconv.Itoa(int(n.Duration/time.Second)))
	}
	if len(n.TransitiveTagKeys) > 0 {
		setKey(keys, "sts:TransitiveTagKeys", n.TransitiveTagKeys...)
	}
	var names []string
	for _, tag := range n.Tags {
		keys.Add("aws:RequestTag/"+tag.Key, tag.Value)
		names = append(names, tag.Key)
	}
	if len(names) > 0 {
		setKey(keys, "aws:TagKeys", names...)
	}
	return keys
}

// BeginRoleSession begins a session of a role once it is decided that the role
// may be assumed. scope has what a web identity adds. It refuses with
// ValidationError, MalformedPolicyDocument, PackedPolicyTooLarge or
// InvalidParameterValue.
func (s *Identities) BeginRoleSession(ctx context.Context, role RoleInfo, n RoleSession, scope SessionScope) (BegunSession, error) {
	if n.Duration == 0 {
		n.Duration = DefaultSession
	}
	if n.Duration > role.MaxSession {
		return BegunSession{}, refuse(CodeValidationError, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	if err := checkSessionTags(n); err != nil {
		return BegunSession{}, err
	}
	packed, err := s.checkSessionPolicies(ctx, role.Account, n)
	if err != nil {
		return BegunSession{}, err
	}
	scope.Name, scope.Tags, scope.TransitiveTagKeys = n.Name, n.Tags, n.TransitiveTagKeys
	scope.SourceIdentity, scope.PolicyARNs = n.SourceIdentity, n.PolicyARNs
	if n.Policy != "" {
		scope.Policies = []string{n.Policy}
	}
	credentials, err := s.StartSession(ctx, NewSession{Account: role.Account, OwnerID: role.ID, Duration: n.Duration, Scope: scope})
	if err != nil {
		return BegunSession{}, err
	}
	s.NoteRoleUse(role.ID, n.Region)
	return BegunSession{
		Credentials: credentials, Principal: SessionPrincipal(role.Entity, n.Name), SourceIdentity: n.SourceIdentity, PackedSize: packed,
	}, nil
}

func checkSessionTags(n RoleSession) error {
	if err := validateTags(n.Tags); err != nil {
		refusal, ok := errors.AsType[*Error](err)
		if !ok {
			return err
		}
		return refuse(CodeInvalidParameterValue, "%s", refusal.Message)
	}
	for _, key := range n.TransitiveTagKeys {
		if indexOfTag(n.Tags, key) < 0 {
			return refuse(CodeInvalidParameterValue, "The specified transitive tag key must be included in the requested tags.")
		}
	}
	return nil
}

// checkSessionPolicies returns how many percent of their limit the policies and
// tags of a session take.
func (s *Identities) checkSessionPolicies(ctx context.Context, account string, n RoleSession) (percent int, err error) {
	if n.Policy != "" {
		if _, err := parseIdentityPolicy(n.Policy); err != nil {
			return 0, err
		}
	}
	if len(n.PolicyARNs) > maxSessionPolicyARNs {
		return 0, refuse(CodeValidationError, "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to %d", maxSessionPolicyARNs)
	}
	size := utf8.RuneCountInString(n.Policy)
	for _, arn := range n.PolicyARNs {
		if _, err := managedDocument(ctx, s.store, account, arn); err != nil {
			refusal, ok := errors.AsType[*Error](err)
			if !ok {
				return 0, err
			}
			return 0, refuse(CodeMalformedPolicyDocument, "%s", refusal.Message)
		}
		size += len(arn)
	}
	if size > maxSessionPolicies {
		return 0, refuse(CodePackedPolicyTooLarge, "Packed size of session policies consumes %d%% of allotted space.", size*100/maxSessionPolicies)
	}
	for _, tag := range n.Tags {
		size += len(tag.Key) + len(tag.Value)
	}
	return min(100, (size*100+maxSessionPolicies-1)/maxSessionPolicies), nil
}

// RoleByARN returns a role by its ARN, or refuses with NoSuchEntity.
func (s *Identities) RoleByARN(ctx context.Context, arn string) (RoleInfo, error) {
	account, kind, name, ok := ParseEntityARN(arn)
	if !ok || kind != Role {
		return RoleInfo{}, notFound(Role, arn)
	}
	role, err := s.RoleInfo(ctx, account, name)
	if err == nil && role.ARN() != arn {
		return RoleInfo{}, notFound(Role, arn)
	}
	return role, err
}

// How long the credentials of GetSessionToken are good.
const (
	// DefaultOwnSession is how long they are for a user that asks for nothing.
	DefaultOwnSession = 12 * time.Hour

	// maxRootSession is how long they are for root at most, whatever it asks for.
	maxRootSession = time.Hour
)

// OwnSession issues temporary credentials of a user or an account's root for
// itself. It refuses with AccessDenied whoever has temporary ones, or with
// Throttling.
func (s *Identities) OwnSession(ctx context.Context, p iam.Principal, duration time.Duration) (Credentials, error) {
	if strings.HasPrefix(p.AccessKeyID, temporaryPrefix) {
		return Credentials{}, refuse(CodeAccessDenied, "Cannot call GetSessionToken with session credentials")
	}
	if duration == 0 {
		duration = DefaultOwnSession
	}
	if p.IsRoot() {
		duration = min(duration, maxRootSession)
	}
	if err := s.checkPace(p.UserID); err != nil {
		return Credentials{}, err
	}
	return s.StartSession(ctx, NewSession{Account: p.Account, OwnerID: p.UserID, Duration: duration})
}
