package identity

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

// A SimulatedPolicy is a policy that a [Simulation] counts.
type SimulatedPolicy struct {
	// ID is what IAM calls the policy in the results: PolicyInputList.1,
	// user_alice_name for an inline one, the name of a managed one.
	ID string
	// Type is IAM's word for where the policy comes from.
	Type     PolicyType
	Document string
}

// A PolicyType says where a simulated policy comes from, in IAM's words.
type PolicyType string

// The types.
const (
	UserPolicy    PolicyType = "user"
	GroupPolicy   PolicyType = "group"
	RolePolicy    PolicyType = "role"
	AWSManaged    PolicyType = "aws-managed"
	UserManaged   PolicyType = "user-managed"
	ResourceSided PolicyType = "resource"
	InputPolicy   PolicyType = "none"
	resourceInput            = "ResourcePolicy"
	policyInput              = "PolicyInputList."
	boundaryInput            = "PermissionsBoundaryPolicyInputList."
	simulatedName            = "policy-simulator"
	simulatedID              = "AIDAPOLICYSIMULATOR00"
)

// A Simulation asks what policies say of actions on resources.
type Simulation struct {
	// Account asks.
	Account string
	// Source is the ARN of the user, group or role of the account whose policies
	// count; empty counts only the Policies.
	Source string
	// Policies are further documents, and Boundaries those of the permissions
	// boundary, instead of the source's own.
	Policies, Boundaries []string
	// ResourcePolicy is the document on the resource's side; empty is none.
	ResourcePolicy string
	// CallerARN is who asks for the actions; empty is the source, or somebody of
	// the account.
	CallerARN string
	// ResourceOwner is the account of the resources, or its root's ARN; empty is
	// the one in a resource's ARN, or the caller's.
	ResourceOwner string
	Actions       []string
	// Resources are ARNs; none is a star.
	Resources []string
	// Keys are condition keys. They go before what is known of the source.
	Keys iam.Keys
}

// A SimulationResult is what the policies say of one action on one resource.
type SimulationResult struct {
	Action, Resource string
	Decision         iam.Decision
	Matched          []MatchedStatement
	// Missing are the condition keys that the policies mention and that have no
	// value.
	Missing []string
	// IsBounded is whether there is a permissions boundary.
	IsBounded bool
	// Sides are, between accounts, what each side says alone.
	Sides map[string]iam.Outcome
}

// A MatchedStatement is a statement that applied, and where it is in the text.
type MatchedStatement struct {
	PolicyID   string
	PolicyType PolicyType
	Start, End Position
}

// Simulate returns a page of the results, for each action and each resource. It
// refuses with NoSuchEntity for the source, or InvalidInput.
func (s *Identities) Simulate(ctx context.Context, sim Simulation, p Page) (results []SimulationResult, next string, err error) {
	if err := sim.check(); err != nil {
		return nil, "", err
	}
	prepared, err := s.prepare(ctx, sim)
	if err != nil {
		return nil, "", err
	}
	resources := sim.Resources
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	total := len(sim.Actions) * len(resources)
	pairs, next, err := paginate(p, strconv.Itoa, func(after string, limit int) (pairs []int, err error) {
		first := 0
		if after != "" {
			if first, err = strconv.Atoi(after); err != nil || first < 0 || first >= total {
				return nil, refuse(CodeInvalidInput, "Invalid Marker.")
			}
			first++
		}
		for pair := first; pair < total && len(pairs) < limit; pair++ {
			pairs = append(pairs, pair)
		}
		return pairs, nil
	})
	if err != nil {
		return nil, "", err
	}
	begun, matched := s.now(), 0
	for i, pair := range pairs {
		if i > 0 && (matched > simulatedMatches || s.now().Sub(begun) > simulationTime) {
			return results, markerOf(strconv.Itoa(pairs[i-1])), nil
		}
		if err := ctx.Err(); err != nil {
			return nil, "", fmt.Errorf("simulate: %w", err)
		}
		results = append(results, prepared.decide(sim.Actions[pair/len(resources)], resources[pair%len(resources)]))
		matched += len(results[i].Matched)
	}
	return results, next, nil
}

// A page of a simulation ends early when it has taken so long or has so many
// statements: documents that were sent for it may be far longer than policies
// can be that count.
const (
	simulationTime   = time.Second
	simulatedMatches = 10_000
)

func (sim *Simulation) check() error {
	for _, action := range sim.Actions {
		service, name, ok := strings.Cut(action, ":")
		if !ok || service == "" || name == "" || strings.ContainsAny(action, "*? ") {
			return refuse(CodeInvalidInput, "Invalid action: %s", action)
		}
	}
	for _, resource := range sim.Resources {
		if resource != "*" && strings.Count(resource, ":") < 5 || strings.HasPrefix(resource, "arn:") != (resource != "*") {
			return refuse(CodeInvalidInput, "Invalid ARN: %s", resource)
		}
	}
	if sim.ResourcePolicy != "" && sim.CallerARN == "" && !strings.Contains(sim.Source, ":user/") {
		return refuse(CodeInvalidInput, "CallerArn is required with a resource policy.")
	}
	return nil
}

// A prepared simulation has read all policies.
type prepared struct {
	caller        *iam.Caller
	resource      []iam.NamedPolicy
	resourceOwner string
	keys          iam.Keys
	// policies are all that count; the Name of a NamedPolicy is the index here.
	policies  []SimulatedPolicy
	parsed    []*iam.Document
	positions map[int][]span
}

func (s *Identities) prepare(ctx context.Context, sim Simulation) (*prepared, error) {
	p := &prepared{caller: &iam.Caller{Keys: iam.Keys{}}, keys: sim.Keys, resourceOwner: sim.owner(), positions: map[int][]span{}}
	p.caller.Principal = iam.Principal{ARN: EntityARN(sim.Account, User, "/", simulatedName), Account: sim.Account, UserID: simulatedID}
	if sim.Source != "" {
		if err := s.addSource(ctx, p, sim); err != nil {
			return nil, err
		}
	}
	if sim.CallerARN != "" {
		if err := s.addCaller(ctx, p, sim); err != nil {
			return nil, err
		}
	}
	for name, values := range sim.Keys {
		setKey(p.caller.Keys, name, values...)
	}
	for i, document := range sim.Policies {
		if err := p.add(&p.caller.Identity, SimulatedPolicy{policyInput + strconv.Itoa(i+1), InputPolicy, document}); err != nil {
			return nil, err
		}
	}
	if err := p.addBoundaries(sim.Boundaries); err != nil {
		return nil, err
	}
	if sim.ResourcePolicy != "" {
		return p, p.addResourcePolicy(sim.ResourcePolicy)
	}
	return p, nil
}

// owner is the account that is said to own the resources; empty is not said.
func (sim *Simulation) owner() string {
	if parts := strings.Split(sim.ResourceOwner, ":"); len(parts) == 6 {
		return parts[4]
	}
	return sim.ResourceOwner
}

// add reads a policy and puts it to the others of its side.
func (p *prepared) add(side *[]iam.NamedPolicy, policy SimulatedPolicy) error {
	parsed, err := parseIdentityPolicy(policy.Document)
	if err != nil {
		return invalidInput(policy.ID, err)
	}
	p.put(side, policy, parsed)
	return nil
}

func (p *prepared) put(side *[]iam.NamedPolicy, policy SimulatedPolicy, parsed *iam.Document) {
	*side = append(*side, iam.NamedPolicy{Name: strconv.Itoa(len(p.policies)), Document: parsed})
	p.policies = append(p.policies, policy)
	p.parsed = append(p.parsed, parsed)
}

// invalidInput says which of the documents of a request is malformed.
func invalidInput(id string, err error) error {
	if IsRefusal(err, CodeMalformedPolicyDocument) {
		return refuse(CodeInvalidInput, "%s: %s", id, err.Error())
	}
	return err
}

// addBoundaries makes documents the permissions boundary, which all must allow.
// There is one boundary at most, as everywhere.
func (p *prepared) addBoundaries(documents []string) error {
	if len(documents) == 0 {
		return nil
	}
	if len(documents) > 1 {
		return refuse(CodeInvalidInput, "PermissionsBoundaryPolicyInputList must have at most one policy.")
	}
	var boundary []iam.NamedPolicy
	if err := p.add(&boundary, SimulatedPolicy{boundaryInput + "1", InputPolicy, documents[0]}); err != nil {
		return err
	}
	p.caller.Boundary = &boundary[0]
	return nil
}

func (p *prepared) addResourcePolicy(document string) error {
	parsed, err := iam.ParseRepositoryPolicy(document)
	if err != nil {
		return invalidInput(resourceInput, malformedPolicy(err))
	}
	p.put(&p.resource, SimulatedPolicy{resourceInput, ResourceSided, document}, parsed)
	return nil
}

// addSource makes the policies of a user, group or role count.
func (s *Identities) addSource(ctx context.Context, p *prepared, sim Simulation) error {
	row, err := s.simulatedSource(ctx, sim.Account, sim.Source)
	if err != nil {
		return err
	}
	policies, err := readUnchanged(ctx, s.store, sim.Account, func() ([]SimulatedPolicy, error) { return s.policiesOf(ctx, row) })
	if err != nil {
		return err
	}
	for _, policy := range policies {
		if err := p.add(&p.caller.Identity, policy); err != nil {
			return err
		}
	}
	if Kind(row.Kind) == Group {
		return nil
	}
	granted, err := s.PoliciesOf(ctx, entityOf(row))
	if err != nil {
		return err
	}
	p.caller.Principal, p.caller.Role = granted.Principal, granted.Role
	maps.Copy(p.caller.Keys, granted.Keys)
	if granted.Boundary == nil || len(sim.Boundaries) > 0 {
		return nil
	}
	document, err := managedDocument(ctx, s.store, sim.Account, granted.Boundary.Name)
	if err != nil {
		return err
	}
	var boundary []iam.NamedPolicy
	if err := p.add(&boundary, managedPolicy(granted.Boundary.Name, document)); err != nil {
		return err
	}
	p.caller.Boundary = &boundary[0]
	return nil
}

// simulatedSource returns the row of the user, group or role of an ARN.
func (s *Identities) simulatedSource(ctx context.Context, account, arn string) (store.Identity, error) {
	owner, kind, name, ok := ParseEntityARN(arn)
	if !ok || kind != User && kind != Group && kind != Role {
		return store.Identity{}, refuse(CodeInvalidInput, "Invalid Entity Arn: %s does not clearly define entity type and name.", arn)
	}
	if owner != account {
		return store.Identity{}, notFound(kind, name)
	}
	row, err := find(ctx, s.store, account, kind, name)
	if err == nil && entityOf(row).ARN() != arn {
		err = notFound(kind, name)
	}
	return row, err
}

// policiesOf returns the policies of a user with those of its groups, of a
// group, or of a role.
func (s *Identities) policiesOf(ctx context.Context, row store.Identity) (policies []SimulatedPolicy, err error) {
	holders := []store.Identity{row}
	if Kind(row.Kind) == User {
		groups, err := s.store.GroupsOf(ctx, row.ID, "", MaxGroups)
		if err != nil {
			return nil, fmt.Errorf("read groups: %w", err)
		}
		holders = append(holders, groups...)
	}
	for _, holder := range holders {
		inline, err := s.store.InlinePolicies(ctx, holder.ID, "", allInline)
		if err != nil {
			return nil, fmt.Errorf("read inline policies: %w", err)
		}
		for _, policy := range inline {
			policies = append(policies, SimulatedPolicy{holder.Kind + "_" + holder.Name + "_" + policy.Name, PolicyType(holder.Kind), policy.Document})
		}
		attached, err := s.store.AttachedPolicies(ctx, holder.ID, store.AttachedPolicy, "", MaxAttachedPolicies)
		if err != nil {
			return nil, fmt.Errorf("read attached policies: %w", err)
		}
		for _, arn := range attached {
			document, err := managedDocument(ctx, s.store, holder.Account, arn)
			if err != nil {
				return nil, err
			}
			policies = append(policies, managedPolicy(arn, document))
		}
	}
	return policies, nil
}

func managedPolicy(arn, document string) SimulatedPolicy {
	kind := UserManaged
	if IsAWSManaged(arn) {
		kind = AWSManaged
	}
	return SimulatedPolicy{arn[strings.LastIndexByte(arn, '/')+1:], kind, document}
}

// addCaller makes somebody the one who asks, whom a resource policy may name.
func (s *Identities) addCaller(ctx context.Context, p *prepared, sim Simulation) error {
	if sim.CallerARN == sim.Source {
		return nil
	}
	parts := strings.SplitN(sim.CallerARN, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || len(parts[4]) != 12 || !strings.Contains(parts[5], "/") {
		return refuse(CodeInvalidInput, "Invalid ARN: %s", sim.CallerARN)
	}
	p.caller.Principal = iam.Principal{ARN: sim.CallerARN, Account: parts[4], UserID: simulatedID}
	p.caller.Role = ""
	setKey(p.caller.Keys, "aws:PrincipalArn", sim.CallerARN)
	setKey(p.caller.Keys, "aws:PrincipalAccount", parts[4])
	return nil
}

func (p *prepared) decide(action, resource string) SimulationResult {
	q := iam.Query{
		Caller: p.caller, Action: action, Resource: resource, ResourceAccount: p.ownerOf(resource),
		ResourcePolicies: p.resource, RequestKeys: p.keys,
	}
	result := SimulationResult{Action: action, Resource: resource, Decision: iam.Evaluate(q), IsBounded: p.caller.Boundary != nil, Missing: p.missing()}
	for _, m := range result.Decision.Matched {
		result.Matched = append(result.Matched, p.locate(m))
	}
	if q.ResourceAccount != p.caller.Principal.Account {
		result.Sides = sides(q)
	}
	return result
}

func (p *prepared) ownerOf(resource string) string {
	if p.resourceOwner != "" {
		return p.resourceOwner
	}
	if parts := strings.SplitN(resource, ":", 6); len(parts) == 6 && len(parts[4]) == 12 {
		return parts[4]
	}
	return p.caller.Principal.Account
}

// sides returns what each side says alone of a request between accounts.
func sides(q iam.Query) map[string]iam.Outcome {
	own := q
	own.ResourceAccount, own.ResourcePolicies = q.Caller.Principal.Account, nil
	other := q
	other.Caller = &iam.Caller{Principal: q.Caller.Principal, Role: q.Caller.Role, Keys: q.Caller.Keys, Identity: []iam.NamedPolicy{{Document: everything}}}
	return map[string]iam.Outcome{"IAM Policy": iam.Evaluate(own).Outcome, "Resource Policy": iam.Evaluate(other).Outcome}
}

// everything allows everything.
var everything = func() *iam.Document {
	d, err := iam.ParseIdentityPolicy(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	if err != nil {
		panic(err) // the document is a constant
	}
	return d
}()

// locate says where a statement is that applied.
func (p *prepared) locate(m iam.Match) MatchedStatement {
	i, err := strconv.Atoi(m.Policy)
	if err != nil {
		panic(err) // put names all policies so
	}
	if _, ok := p.positions[i]; !ok {
		p.positions[i] = statementSpans(p.policies[i].Document)
	}
	at := p.positions[i][m.Statement]
	return MatchedStatement{PolicyID: p.policies[i].ID, PolicyType: p.policies[i].Type, Start: at.start, End: at.end}
}

// missing returns the condition keys that are mentioned and have no value.
func (p *prepared) missing() []string {
	return slices.DeleteFunc(mentionedKeys(p.parsed), func(key string) bool {
		_, known := p.caller.Keys[strings.ToLower(key)]
		return known
	})
}

// mentionedKeys returns the condition keys that documents mention, sorted, each
// as it is first written in a condition.
func mentionedKeys(documents []*iam.Document) []string {
	written := map[string]string{}
	for _, d := range documents {
		for _, statement := range d.Statements {
			for _, condition := range statement.Conditions {
				if lower := strings.ToLower(condition.Key); written[lower] == "" {
					written[lower] = condition.Key
				}
			}
		}
	}
	for _, d := range documents {
		for _, key := range d.Keys() { // those of policy variables as well
			if written[key] == "" {
				written[key] = key
			}
		}
	}
	return slices.Sorted(maps.Values(written))
}

// ContextKeys returns the condition keys that documents mention, and those that
// the policies of a user, group or role do; no ARN is none. It refuses with
// NoSuchEntity or InvalidInput.
func (s *Identities) ContextKeys(ctx context.Context, account, source string, documents []string) ([]string, error) {
	p, err := s.prepare(ctx, Simulation{Account: account, Source: source, Policies: documents})
	if err != nil {
		return nil, err
	}
	return mentionedKeys(p.parsed), nil
}
