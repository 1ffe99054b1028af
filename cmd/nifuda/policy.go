package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nifuda/nifuda/internal/nifuda"
)

// errDenied ends a command whose answer is no.
var errDenied = errors.New("denied")

type policy struct {
	Explain explainAccess `cmd:"" help:"Tell whether a principal may take an action on a resource, and which statement says so. Ends with 0 if it may, with 2 if not, with 1 if that cannot be told."`
}

type explainAccess struct {
	apiCall

	Principal string   `required:"" help:"ARN of a user, a role, a session of a role, or an account's root." placeholder:"ARN"`
	Action    string   `required:"" help:"Action, such as ecr:PutImage." placeholder:"ACTION"`
	Resource  string   `required:"" help:"ARN of the resource, or * for an action that touches none." placeholder:"ARN"`
	Context   []string `sep:"none" help:"Condition key of the request, such as aws:SourceIp=10.0.0.1 or nifuda:ImageTag=v1. May be repeated, also for further values of a key." placeholder:"KEY=VALUE"`
}

// Run prints the decision. It returns errDenied if that is no.
func (c *explainAccess) Run(w io.Writer) error {
	ctx, stop := interruptible()
	defer stop()
	entries, err := contextEntries(c.Context)
	if err != nil {
		return err
	}
	api, err := c.client(ctx)
	if err != nil {
		return err
	}
	in := nifuda.ExplainAccessRequest{PrincipalArn: c.Principal, Action: c.Action, Resource: c.Resource, ContextEntries: entries}
	var out nifuda.ExplainAccessResponse
	if err := api.Call(ctx, "ExplainAccess", in, &out); err != nil {
		return err
	}
	if err := c.print(w, out, func(w io.Writer) error { return c.tell(w, &out) }); err != nil {
		return err
	}
	if out.Decision != nifuda.DecisionAllowed {
		return errDenied
	}
	return nil
}

// contextEntries reads key=value pairs, of which the same key may have many.
func contextEntries(pairs []string) ([]nifuda.ContextEntry, error) {
	var entries []nifuda.ContextEntry
	at := map[string]int{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("--context: %q is not of the form key=value", pair)
		}
		i, known := at[strings.ToLower(key)]
		if !known {
			i = len(entries)
			at[strings.ToLower(key)] = i
			entries = append(entries, nifuda.ContextEntry{Name: key})
		}
		entries[i].Values = append(entries[i].Values, value)
	}
	return entries, nil
}

func (c *explainAccess) tell(w io.Writer, out *nifuda.ExplainAccessResponse) error {
	var b strings.Builder
	verdict, matched := "Denied: %s may not %s on %s", "No statement applies."
	if out.Decision == nifuda.DecisionAllowed {
		verdict, matched = "Allowed: %s may %s on %s", "No statement is needed: an account's root may do everything in it."
	}
	if len(out.MatchedStatements) > 0 {
		matched = "The statements that apply:"
	}
	fmt.Fprintf(&b, verdict, c.Principal, c.Action, c.Resource)
	if out.Reason != "" {
		b.WriteString(" " + out.Reason)
	}
	b.WriteString(".\n\n" + matched + "\n")
	for _, s := range out.MatchedStatements {
		tellStatement(&b, s)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func tellStatement(b *strings.Builder, s nifuda.MatchedStatement) {
	if s.StatementIndex == nil {
		fmt.Fprintf(b, "\n- one of a %s of the other account\n", s.PolicyType)
		return
	}
	fmt.Fprintf(b, "\n- %s, statement %d", s.Policy, *s.StatementIndex)
	if s.Sid != "" {
		fmt.Fprintf(b, " (%s)", s.Sid)
	}
	fmt.Fprintf(b, ", %s:\n", s.PolicyType)
	for line := range strings.Lines(s.Statement) {
		b.WriteString("  " + line)
	}
	b.WriteString("\n")
}
