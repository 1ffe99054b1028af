package nifudaapi

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/nifuda"
)

// ExplainAccess implements [nifuda.Service]. Whoever may ask it of a principal is
// told of the policies of that principal's account, and not of another's.
func (a *api) ExplainAccess(ctx context.Context, in *nifuda.ExplainAccessRequest) (*nifuda.ExplainAccessResponse, error) {
	account := accountIn(in.PrincipalArn)
	if err := a.authorize(ctx, "nifuda:ExplainAccess", in.PrincipalArn, account); err != nil {
		return nil, err
	}
	principal, err := a.Accounts.PrincipalNamed(ctx, in.PrincipalArn)
	if err != nil {
		return nil, translated(err, identity.CodeNoSuchEntity, nifuda.PrincipalNotFoundException)
	}
	request := a.requestOf(in, principal)
	decision, err := a.Authorizer.Explain(ctx, request)
	if err != nil {
		return nil, err
	}
	out := &nifuda.ExplainAccessResponse{
		Decision: string(decision.Outcome), Reason: decision.Reason, MatchedStatements: []nifuda.MatchedStatement{},
	}
	for _, match := range decision.Matched {
		foreign := match.Source == iam.ResourcePolicy && request.ResourceAccount != account
		out.MatchedStatements = append(out.MatchedStatements, matchShape(match, foreign))
	}
	return out, nil
}

// accountIn returns the account of an ARN; empty if it has none.
func accountIn(arn string) string { return partOf(arn, 4) }

// regionIn returns the region of an ARN; empty if it has none.
func regionIn(arn string) string { return partOf(arn, 3) }

func partOf(arn string, i int) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[i]
}

// requestOf returns the request that the principal would make now.
func (a *api) requestOf(in *nifuda.ExplainAccessRequest, principal iam.Principal) iam.Request {
	r := iam.Request{Principal: principal, Action: in.Action, Resource: in.Resource, ResourceAccount: accountIn(in.Resource)}
	if r.ResourceAccount == "" {
		r.ResourceAccount = principal.Account
	}
	now := a.Now().UTC()
	keys := iam.Keys{"aws:currenttime": {now.Format(time.RFC3339)}, "aws:epochtime": {strconv.FormatInt(now.Unix(), 10)}}
	if region := regionIn(in.Resource); region != "" {
		keys["aws:requestedregion"] = []string{region}
	}
	for _, entry := range in.ContextEntries {
		keys[strings.ToLower(entry.Name)] = entry.Values
	}
	if tags, ok := keys[iam.ImageTag]; ok {
		delete(keys, iam.ImageTag)
		r.ImageTags = func(context.Context) ([][]string, error) { return [][]string{tags}, nil }
	}
	r.Keys = func() iam.Keys { return keys }
	return r
}

// matchShape shows a statement; of one in a policy of another account only that
// there is one.
func matchShape(m iam.Match, foreign bool) nifuda.MatchedStatement {
	if foreign {
		return nifuda.MatchedStatement{PolicyType: string(m.Source)}
	}
	index := int32(m.Statement + 1)
	return nifuda.MatchedStatement{
		PolicyType: string(m.Source), Policy: m.Policy, StatementIndex: &index, Sid: m.SID, Statement: m.Text,
	}
}
