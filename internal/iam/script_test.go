package iam_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/iam"
)

// TestDecisions runs the scripts of testdata/decisions; the README there has
// their language.
func TestDecisions(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "decisions", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runScript(t, file) })
	}
}

func runScript(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, asked := newScene(), 0
	for i, line := range strings.Split(string(text), "\n") {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case word == "" || word[0] == '#':
			continue
		case word == "case":
			s = newScene()
			continue
		case word == "ask":
			asked++
		}
		if err := s.run(word, strings.TrimSpace(abbreviations.Replace(rest))); err != nil {
			t.Errorf("%s:%d: %s: %v", file, i+1, strings.TrimSpace(line), err)
		}
	}
	if asked == 0 {
		t.Error("nothing is asked")
	}
}

const accountA, accountB = "111111111111", "222222222222"

var abbreviations = strings.NewReplacer(
	"$app", "arn:aws:ecr:us-east-1:"+accountA+":repository/app",
	"$repo", "arn:aws:ecr:us-east-1:"+accountA+":repository",
	"$A", accountA, "$B", accountB,
)

// A scene is what a case has set up so far.
type scene struct {
	version    string
	caller     iam.Caller
	statements map[string][]string
	keys       iam.Keys
}

func newScene() *scene {
	s := &scene{version: iam.Version2012, statements: map[string][]string{}, keys: iam.Keys{}}
	_ = s.call("user bob of " + accountA)
	return s
}

func (s *scene) run(word, rest string) error {
	switch word {
	case "version":
		s.version = rest
	case "caller":
		return s.call(rest)
	case "key":
		name, values, _ := strings.Cut(rest, " =")
		s.keys[strings.ToLower(name)] = nil
		if values != "" {
			s.keys[strings.ToLower(name)] = strings.Split(strings.TrimPrefix(values, " "), " | ")
		}
	case "identity", "boundary", "session", "repository", "registry", "trust":
		statement, err := writeStatement(rest)
		s.statements[word] = append(s.statements[word], statement)
		return err
	case "ask":
		return s.ask(rest)
	default:
		return fmt.Errorf("unknown word %q", word)
	}
	return nil
}

func (s *scene) call(who string) error {
	kind, rest, _ := strings.Cut(who, " ")
	name, account, _ := strings.Cut(rest, " of ")
	s.caller = iam.Caller{}
	switch kind {
	case "root":
		s.caller.Principal = iam.Root("aws", strings.TrimPrefix(rest, "of "))
	case "user":
		s.caller.Principal = iam.Principal{ARN: "arn:aws:iam::" + account + ":user/" + name, Account: account, UserID: "AIDA" + strings.ToUpper(name) + "EXAMPLEID000"}
	case "session":
		role, session, _ := strings.Cut(name, " ")
		s.caller.Role = "arn:aws:iam::" + account + ":role/" + role
		role = role[strings.LastIndexByte(role, '/')+1:]
		s.caller.Principal = iam.Principal{ARN: "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + session, Account: account, UserID: "AROA" + strings.ToUpper(role) + "EXAMPLEID000:" + session}
	case "role":
		s.caller.Principal = iam.Principal{ARN: "arn:aws:iam::" + account + ":role/" + name, Account: account, UserID: "AROA" + strings.ToUpper(name) + "EXAMPLEID000"}
	case "anonymous":
		s.caller.Principal = iam.Anonymous()
	case "service":
		s.caller.Principal = iam.ServicePrincipal(rest)
	case "provider":
		s.caller.Principal = iam.FederatedPrincipal(rest)
	default:
		return fmt.Errorf("unknown caller %q", kind)
	}
	return nil
}

// writeStatement turns the short form of a statement into JSON.
func writeStatement(short string) (string, error) {
	short, condition, conditional := strings.Cut(short, " when ")
	words := strings.Fields(short)
	if len(words) < 2 {
		return "", fmt.Errorf("no statement: %q", short)
	}
	statement := map[string]any{"Effect": words[0]}
	if conditional {
		statement["Condition"] = json.RawMessage(condition)
	}
	not, element := "", "Action"
	for _, word := range words[1:] {
		switch word {
		case "not":
			not = "Not"
		case "to":
			element = "Principal"
		case "on":
			element = "Resource"
		default:
			list := strings.Split(word, ",")
			statement[not+element] = list
			if element == "Principal" {
				statement[not+element] = writePrincipals(list)
			}
			not = ""
		}
	}
	text, err := json.Marshal(statement)
	return string(text), err
}

func writePrincipals(list []string) map[string][]string {
	principals := map[string][]string{}
	for _, p := range list {
		switch kind, value, ok := strings.Cut(p, "="); {
		case ok:
			principals[kind] = append(principals[kind], value)
		default:
			principals["AWS"] = append(principals["AWS"], p)
		}
	}
	return principals
}

// policy parses the statements of a source as one document, nil if it has none.
func (s *scene) policy(source string, parse func(string) (*iam.Document, error)) ([]iam.NamedPolicy, error) {
	if s.statements[source] == nil {
		return nil, nil
	}
	d, err := parse(fmt.Sprintf(`{"Version":%q,"Statement":[%s]}`, s.version, strings.Join(s.statements[source], ",")))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	return []iam.NamedPolicy{{Name: source, Document: d}}, nil
}

func (s *scene) query(action, resource string) (q iam.Query, err error) {
	caller := s.caller
	q = iam.Query{Caller: &caller, Action: action, Resource: resource, ResourceAccount: accountA, RequestKeys: s.keys, Trust: s.statements["trust"] != nil}
	for source, parse := range map[string]func(string) (*iam.Document, error){
		"identity": iam.ParseIdentityPolicy, "boundary": iam.ParseIdentityPolicy, "session": iam.ParseIdentityPolicy,
		"repository": iam.ParseRepositoryPolicy, "registry": iam.ParseRegistryPolicy, "trust": iam.ParseTrustPolicy,
	} {
		policies, err := s.policy(source, parse)
		switch {
		case err != nil:
			return q, err
		case policies == nil:
		case source == "identity":
			caller.Identity = policies
		case source == "boundary":
			caller.Boundary = &policies[0]
		case source == "session":
			caller.Session = policies
		default:
			q.ResourcePolicies = append(q.ResourcePolicies, policies...)
		}
	}
	return q, nil
}

func (s *scene) ask(text string) error {
	question, want, ok := strings.Cut(text, " -> ")
	action, resource, onResource := strings.Cut(question, " on ")
	if !ok || !onResource {
		return errors.New("ask ACTION on RESOURCE -> ANSWER")
	}
	q, err := s.query(action, resource)
	if err != nil {
		return err
	}
	want, statements, checkStatements := strings.Cut(want, " by ")
	d := iam.Evaluate(q)
	if got := answer(d, action); got != want {
		return fmt.Errorf("got: %s", got)
	}
	if checkStatements {
		var got []string
		for _, m := range d.Matched {
			got = append(got, fmt.Sprintf("%s %d", m.Policy, m.Statement))
		}
		if got := strings.Join(got, ", "); got != statements {
			return fmt.Errorf("by %s", got)
		}
	}
	return nil
}

// answer shortens a decision: without what the question says already.
func answer(d iam.Decision, action string) string {
	switch {
	case d.Outcome == iam.Allowed && d.Reason == "":
		return "allowed"
	case d.Outcome == iam.ImplicitDeny:
		return strings.ReplaceAll(strings.TrimSuffix(d.Reason, " allows the "+action+" action"), "because no ", "no ")
	case d.Outcome == iam.ExplicitDeny:
		return strings.TrimPrefix(d.Reason, "with an explicit deny in ") + " denies"
	}
	return fmt.Sprintf("%+v", d)
}
