package iam_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
)

// TestAgreesWithIndependentImplementation makes policies and requests up and
// compares the decisions with those of the npm package
// @cloud-copilot/iam-simulate, which testdata/simulate asks. Half of them are
// the same in every run, half are new.
func TestAgreesWithIndependentImplementation(t *testing.T) {
	const each = 2000
	fresh := uint64(time.Now().UnixNano())
	t.Logf("fresh seed %d", fresh)
	var simulations []simulation
	for _, seed := range []uint64{1, fresh} {
		g := generator{rand.New(rand.NewPCG(seed, 0))}
		for range each {
			simulations = append(simulations, g.simulation())
		}
	}
	answers := simulate(t, simulations)
	outcomes := map[iam.Outcome]int{}
	for i, s := range simulations {
		want := map[string]iam.Outcome{"Allowed": iam.Allowed, "ExplicitlyDenied": iam.ExplicitDeny, "ImplicitlyDenied": iam.ImplicitDeny}[answers[i]]
		got := iam.Evaluate(s.query(t)).Outcome
		outcomes[got]++
		if got != want {
			text, _ := json.Marshal(s)
			t.Errorf("simulation %d: got %s, not %s: %s", i, got, answers[i], text)
		}
	}
	t.Logf("%d simulations: %v", len(simulations), outcomes)
	for _, outcome := range []iam.Outcome{iam.Allowed, iam.ExplicitDeny, iam.ImplicitDeny} {
		if outcomes[outcome] < len(simulations)/20 {
			t.Errorf("only %d of %d are %s", outcomes[outcome], len(simulations), outcome)
		}
	}
}

// simulate lets one process of node answer all.
func simulate(t *testing.T, simulations []simulation) []string {
	t.Helper()
	_, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join("testdata", "simulate", "node_modules"))
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("node and testdata/simulate/node_modules are needed (make clients installs them): %v", err)
		}
		t.Skipf("node and testdata/simulate/node_modules are needed (make clients installs them): %v", err)
	}
	var input, stderr bytes.Buffer
	encoder := json.NewEncoder(&input)
	for _, s := range simulations {
		if err := encoder.Encode(s); err != nil {
			t.Fatal(err)
		}
	}
	node := exec.CommandContext(t.Context(), "node", filepath.Join("testdata", "simulate", "decide.mjs"))
	node.Stdin, node.Stderr = &input, &stderr
	output, err := node.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.Bytes())
	}
	answers := strings.Fields(string(output))
	if len(answers) != len(simulations) {
		t.Fatalf("%d answers for %d simulations", len(answers), len(simulations))
	}
	return answers
}

// A simulation is in the package's form.
type simulation struct {
	Request struct {
		Principal string `json:"principal"`
		Action    string `json:"action"`
		Resource  struct {
			Resource  string `json:"resource"`
			AccountID string `json:"accountId"`
		} `json:"resource"`
		Context map[string]any `json:"contextVariables"`
	} `json:"request"`
	Session          any   `json:"sessionPolicy,omitempty"`
	Identity         []any `json:"identityPolicies"`
	ServiceControl   []any `json:"serviceControlPolicies"`
	ResourceControl  []any `json:"resourceControlPolicies"`
	Resource         any   `json:"resourcePolicy,omitempty"`
	PermissionBounds []any `json:"permissionBoundaryPolicies,omitempty"`
}

type named struct {
	Name   string `json:"name"`
	Policy any    `json:"policy"`
}

// query turns the simulation into ours.
func (s simulation) query(t *testing.T) iam.Query {
	t.Helper()
	parse := func(policy any, parse func(string) (*iam.Document, error)) iam.NamedPolicy {
		text, err := json.Marshal(policy)
		if err != nil {
			t.Fatal(err)
		}
		d, err := parse(string(text))
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return iam.NamedPolicy{Document: d}
	}
	q := iam.Query{
		Caller: &iam.Caller{Principal: principalOf(s.Request.Principal)}, Action: s.Request.Action,
		Resource: s.Request.Resource.Resource, ResourceAccount: s.Request.Resource.AccountID, RequestKeys: iam.Keys{},
	}
	for _, p := range s.Identity {
		q.Caller.Identity = append(q.Caller.Identity, parse(p.(named).Policy, iam.ParseIdentityPolicy))
	}
	if s.PermissionBounds != nil {
		p := parse(s.PermissionBounds[0].(named).Policy, iam.ParseIdentityPolicy)
		q.Caller.Boundary = &p
	}
	if s.Session != nil {
		q.Caller.Session = []iam.NamedPolicy{parse(s.Session, iam.ParseIdentityPolicy)}
	}
	switch {
	case s.Request.Action == "sts:AssumeRole":
		q.Trust, q.ResourcePolicies = true, []iam.NamedPolicy{parse(s.Resource, iam.ParseTrustPolicy)}
	case s.Resource != nil:
		q.ResourcePolicies = []iam.NamedPolicy{parse(s.Resource, iam.ParseRepositoryPolicy)}
	}
	for name, value := range s.Request.Context {
		values, ok := value.([]string)
		if !ok {
			values = []string{value.(string)}
		}
		q.RequestKeys[strings.ToLower(name)] = values
	}
	return q
}

func principalOf(arn string) iam.Principal {
	if arn == "anonymous" {
		return iam.Anonymous()
	}
	account := strings.Split(arn, ":")[4]
	if strings.HasSuffix(arn, ":root") {
		return iam.Root("aws", account)
	}
	return iam.Principal{ARN: arn, Account: account, UserID: "AIDAEXAMPLE"}
}

// A generator makes policies and requests that meet often enough.
type generator struct{ *rand.Rand }

func (g generator) chance(percent int) bool { return g.IntN(100) < percent }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

// some picks one to three.
func some[T any](g generator, from ...T) []T {
	values := make([]T, 1+g.IntN(3))
	for i := range values {
		values[i] = pick(g, from...)
	}
	return values
}

const (
	userA    = "arn:aws:iam::" + accountA + ":user/bob"
	userB    = "arn:aws:iam::" + accountB + ":user/eve"
	sessionA = "arn:aws:sts::" + accountA + ":assumed-role/R/s1"
	sessionB = "arn:aws:sts::" + accountB + ":assumed-role/R/s1"
)

func (g generator) simulation() simulation {
	if g.chance(15) {
		return g.assumption()
	}
	s := simulation{ServiceControl: []any{}, ResourceControl: []any{}, Identity: []any{}}
	s.Request.Principal = pick(g, userA, userA, sessionA, sessionA, userB, sessionB, "arn:aws:iam::"+accountA+":root", "anonymous")
	s.Request.Action = pick(g, iam.BatchGetImage, iam.PutImage, iam.DescribeImages)
	s.Request.Resource.Resource = "arn:aws:ecr:us-east-1:" + accountA + ":repository/" + pick(g, "app", "team-a/app", "bob/app")
	s.Request.Resource.AccountID = accountA
	s.Request.Context = g.context(s.Request.Principal)
	switch isSession := strings.Contains(s.Request.Principal, "assumed-role"); {
	case s.Request.Principal == "anonymous":
	case strings.HasSuffix(s.Request.Principal, ":root"):
		// That root may do everything in its account is not in the package.
		s.Identity = append(s.Identity, named{"root", map[string]any{
			"Version": iam.Version2012, "Statement": map[string]any{"Effect": "Allow", "Action": "*", "Resource": "*"},
		}})
	default:
		for range g.IntN(3) {
			s.Identity = append(s.Identity, named{"identity", g.policy(nil)})
		}
		if g.chance(25) {
			s.PermissionBounds = []any{named{"boundary", g.policy(nil)}}
		}
		if isSession && g.chance(25) {
			s.Session = g.policy(nil)
		}
	}
	if g.chance(60) {
		narrowed := s.PermissionBounds != nil || s.Session != nil
		s.Resource = g.policy(func() any { return g.principal(narrowed, s.Session != nil) })
	}
	return s
}

// assumption asks for a role of account A, whose trust policy decides.
func (g generator) assumption() simulation {
	s := simulation{ServiceControl: []any{}, ResourceControl: []any{}, Identity: []any{}}
	s.Request.Principal = pick(g, userA, sessionA, userB, sessionB)
	s.Request.Action = "sts:AssumeRole"
	s.Request.Resource.Resource = "arn:aws:iam::" + accountA + ":role/T"
	s.Request.Resource.AccountID = accountA
	s.Request.Context = g.context(s.Request.Principal)
	statements := make([]any, 1+g.IntN(3))
	for i := range statements {
		statement := map[string]any{
			"Effect": pick(g, "Allow", "Allow", "Allow", "Deny"), "Action": pick(g, "sts:AssumeRole", "sts:*", "sts:TagSession"), "Principal": g.principal(true, false),
		}
		if g.chance(30) {
			statement["Condition"] = g.conditions(true)
		}
		statements[i] = statement
	}
	s.Resource = map[string]any{"Version": iam.Version2012, "Statement": statements}
	if g.chance(60) {
		s.Identity = append(s.Identity, named{"identity", map[string]any{"Version": iam.Version2012, "Statement": map[string]any{
			"Effect": pick(g, "Allow", "Allow", "Deny"), "Action": pick(g, "sts:*", "sts:AssumeRole", "sts:assume*"),
			"Resource": pick(g, "*", "arn:aws:iam::*:role/T", "arn:aws:iam::"+accountA+":role/S"),
		}}})
	}
	return s
}

// context gives each key to most requests.
func (g generator) context(principal string) map[string]any {
	all := map[string]any{
		"aws:SourceIp":          pick(g, "10.1.2.3", "192.0.2.9", "192.0.2.77"),
		"aws:SecureTransport":   pick(g, "true", "false"),
		"aws:CurrentTime":       pick(g, "2026-11-25T12:00:00Z", "2024-02-29T00:00:00Z"),
		"aws:EpochTime":         pick(g, "1700000000", "1800000000"),
		"aws:PrincipalTag/team": pick(g, "blue", "red", "team-a", "a*"),
		"aws:ResourceTag/team":  pick(g, "blue", "red", "BLUE"),
		"aws:RequestTag/cost":   pick(g, "1", "10", "7.5", "-3"),
		"aws:TagKeys":           some(g, "team", "cost", "env"),
		"aws:SourceArn":         pick(g, "arn:aws:lambda:us-east-1:111111111111:function:f", "arn:aws:s3:::bucket/a:b"),
	}
	if strings.Contains(principal, ":user/") {
		all["aws:username"] = principal[strings.LastIndexByte(principal, '/')+1:]
	}
	context := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if g.chance(80) {
			context[key] = all[key]
		}
	}
	return context
}

// policy makes an identity policy or, with principals, a resource policy.
func (g generator) policy(principal func() any) map[string]any {
	version := pick(g, iam.Version2012, iam.Version2012, iam.Version2012, iam.Version2008)
	statements := make([]any, 1+g.IntN(3))
	for i := range statements {
		s := g.statement(version == iam.Version2012)
		switch {
		case principal == nil:
		case s["Effect"] == "Deny" && g.chance(20):
			s["NotPrincipal"] = map[string]any{"AWS": some(g, userA, userB, sessionA, sessionB)}
		default:
			s["Principal"] = principal()
		}
		statements[i] = s
	}
	return map[string]any{"Version": version, "Statement": statements}
}

func (g generator) statement(variables bool) map[string]any {
	s := map[string]any{"Effect": pick(g, "Allow", "Allow", "Allow", "Deny")}
	action, resource := "Action", "Resource"
	if g.chance(10) {
		action = "NotAction"
	}
	resources := []string{"*", "*", "arn:aws:ecr:*:111111111111:repository/*", "arn:aws:ecr:us-east-1:111111111111:repository/app", "arn:aws:ecr:us-*-1:*:repository/team-?/*"}
	if variables {
		resources = append(resources, "arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team, 'bob'}/app")
	}
	switch {
	case g.chance(10):
		resource = "NotResource"
	case variables:
		resources = append(resources, "arn:aws:ecr:*:*:repository/${aws:username}/*")
	}
	s[action] = some(g, "*", "ecr:*", "ecr:BatchGetImage", "ecr:Put*", "ecr:?utImage", "ECR:batchget*", "ecr:Describe*", "ecr:*Image")
	s[resource] = some(g, resources...)
	if g.chance(50) {
		s["Condition"] = g.conditions(variables)
	}
	return s
}

func (g generator) principal(narrowed, bySession bool) any {
	principals := []string{
		userA, userB, "arn:aws:iam::" + accountA + ":role/R", "arn:aws:iam::" + accountB + ":role/R",
		accountA, "arn:aws:iam::" + accountB + ":root", "arn:aws:sts::" + accountA + ":assumed-role/R/s2",
	}
	if !bySession {
		principals = append(principals, sessionA, sessionA)
	}
	if !narrowed {
		if g.chance(25) {
			return "*"
		}
		principals = append(principals, "*")
	}
	return map[string]any{"AWS": some(g, principals...)}
}

func (g generator) conditions(variables bool) map[string]map[string]any {
	conditions := map[string]map[string]any{}
	for range 1 + g.IntN(2) {
		operator, key, values := g.condition(variables)
		if conditions[operator] == nil {
			conditions[operator] = map[string]any{}
		}
		conditions[operator][key] = values
	}
	return conditions
}

func (g generator) condition(variables bool) (operator, key string, values any) {
	ifExists := pick(g, "", "", "", "IfExists")
	texts, patterns, arns := []string{"blue", "red", "Blue", "bob"}, []string{"b*", "*e*", "r?d", "team-?", "*"},
		[]string{"arn:aws:lambda:*:111111111111:function:*", "arn:aws:s3:::bucket/*", "arn:*:s3:::*", "arn:aws:*:*:111111111111:*"}
	negated := g.chance(50)
	switch {
	case variables && negated:
		texts = append(texts, "${aws:PrincipalTag/team, 'red'}")
		patterns = append(patterns, "a${*}", "${aws:PrincipalTag/team, 'red'}*")
	case variables:
		texts = append(texts, "${aws:PrincipalTag/team}", "${aws:username}")
		patterns = append(patterns, "a${*}", "${aws:PrincipalTag/team}", "${aws:username}*")
		arns = append(arns, "arn:aws:lambda:us-east-1:${aws:PrincipalTag/team}:*")
	}
	not := ""
	if negated {
		not = "Not"
	}
	switch g.IntN(9) {
	case 0:
		return "String" + not + pick(g, "Equals", "EqualsIgnoreCase") + ifExists,
			pick(g, "aws:ResourceTag/team", "aws:PrincipalTag/team", "AWS:resourcetag/TEAM", "aws:username"),
			some(g, texts...)
	case 1:
		return "String" + not + "Like" + ifExists, pick(g, "aws:ResourceTag/team", "aws:PrincipalTag/team", "aws:username"),
			some(g, patterns...)
	case 2:
		return "Numeric" + pick(g, "Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals") + ifExists,
			pick(g, "aws:RequestTag/cost", "aws:EpochTime"), some(g, "1", "7.5", "10.0", "-3", "1700000000")
	case 3:
		return "Date" + pick(g, "Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals") + ifExists,
			"aws:CurrentTime", some(g, "2024-02-29T00:00:00Z", "2026-11-25T12:00:00Z", "1700000000", "2025-01-01T00:00:00Z")
	case 4:
		return "Bool" + ifExists, "aws:SecureTransport", pick(g, "true", "false")
	case 5:
		return not + "IpAddress" + ifExists, "aws:SourceIp", some(g, "10.0.0.0/8", "192.0.2.9", "192.0.2.0/29")
	case 6:
		return "Arn" + not + pick(g, "Equals", "Like") + ifExists, "aws:SourceArn",
			some(g, arns...)
	case 7:
		return "Null", pick(g, "aws:ResourceTag/team", "aws:username", "aws:TagKeys"), pick(g, "true", "false")
	}
	if g.chance(50) {
		return "ForAnyValue:String" + not + pick(g, "Equals", "Like"), "aws:TagKeys", some(g, "team", "cost", "e*", "env")
	}
	return "ForAllValues:String" + not + pick(g, "Equals", "Like") + ifExists, "aws:TagKeys", some(g, "team", "cost", "e*", "env")
}
