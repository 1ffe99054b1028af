package iamapi

import (
	"context"
	"strings"

	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
)

// SimulatePrincipalPolicy implements [awsiam.Service].
func (s *iamService) SimulatePrincipalPolicy(ctx context.Context, in *awsiam.SimulatePrincipalPolicyRequest) (*awsiam.SimulatePolicyResponse, error) {
	account, err := s.authorizeARN(ctx, "iam:SimulatePrincipalPolicy", in.PolicySourceArn, nil, noTags)
	if err != nil {
		return nil, err
	}
	return s.simulate(ctx, identity.Simulation{
		Account: account, Source: in.PolicySourceArn, Policies: in.PolicyInputList, Boundaries: in.PermissionsBoundaryPolicyInputList,
		ResourcePolicy: value(in.ResourcePolicy), CallerARN: value(in.CallerArn), ResourceOwner: value(in.ResourceOwner),
		Actions: in.ActionNames, Resources: in.ResourceArns, Keys: contextKeys(in.ContextEntries),
	}, pageOf(in.Marker, in.MaxItems, nil))
}

// SimulateCustomPolicy implements [awsiam.Service].
func (s *iamService) SimulateCustomPolicy(ctx context.Context, in *awsiam.SimulateCustomPolicyRequest) (*awsiam.SimulatePolicyResponse, error) {
	account, err := s.authorizeAtHome(ctx, "iam:SimulateCustomPolicy", "*")
	if err != nil {
		return nil, err
	}
	return s.simulate(ctx, identity.Simulation{
		Account: account, Policies: in.PolicyInputList, Boundaries: in.PermissionsBoundaryPolicyInputList,
		ResourcePolicy: value(in.ResourcePolicy), CallerARN: value(in.CallerArn), ResourceOwner: value(in.ResourceOwner),
		Actions: in.ActionNames, Resources: in.ResourceArns, Keys: contextKeys(in.ContextEntries),
	}, pageOf(in.Marker, in.MaxItems, nil))
}

// noTags is for what has no tags that count.
func noTags(string) ([]identity.Tag, error) { return nil, nil }

func contextKeys(entries []awsiam.ContextEntry) iam.Keys {
	keys := iam.Keys{}
	for _, e := range entries {
		keys[strings.ToLower(value(e.ContextKeyName))] = e.ContextKeyValues
	}
	return keys
}

func (s *iamService) simulate(ctx context.Context, sim identity.Simulation, p identity.Page) (*awsiam.SimulatePolicyResponse, error) {
	results, next, err := s.identities.Simulate(ctx, sim, p)
	if err != nil {
		return nil, err
	}
	return &awsiam.SimulatePolicyResponse{EvaluationResults: each(results, evaluationOf), IsTruncated: truncated(next), Marker: next}, nil
}

// evaluationOf returns a result as IAM shows it: for a resource that is named,
// the keys without a value are those of the resource.
func evaluationOf(r identity.SimulationResult) awsiam.EvaluationResult {
	result := awsiam.EvaluationResult{
		EvalActionName: r.Action, EvalResourceName: r.Resource, EvalDecision: string(r.Decision.Outcome),
		MatchedStatements: each(r.Matched, statementOf), MissingContextValues: each(r.Missing, itself),
		EvalDecisionDetails: detailsOf(r.Sides), PermissionsBoundaryDecisionDetail: boundaryDetailOf(r),
	}
	if r.Resource == "*" {
		return result
	}
	result.ResourceSpecificResults = []awsiam.ResourceSpecificResult{{
		EvalResourceName: r.Resource, EvalResourceDecision: result.EvalDecision,
		MatchedStatements: result.MatchedStatements, MissingContextValues: result.MissingContextValues,
		EvalDecisionDetails: result.EvalDecisionDetails, PermissionsBoundaryDecisionDetail: result.PermissionsBoundaryDecisionDetail,
	}}
	result.MissingContextValues = []string{}
	return result
}

func boundaryDetailOf(r identity.SimulationResult) *awsiam.PermissionsBoundaryDecisionDetail {
	if !r.IsBounded {
		return nil
	}
	return &awsiam.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: &r.Decision.WithinBoundary}
}

func detailsOf(sides map[string]iam.Outcome) map[string]string {
	if sides == nil {
		return nil
	}
	details := map[string]string{}
	for side, outcome := range sides {
		details[side] = string(outcome)
	}
	return details
}

func statementOf(m identity.MatchedStatement) awsiam.Statement {
	return awsiam.Statement{
		SourcePolicyId: m.PolicyID, SourcePolicyType: string(m.PolicyType),
		StartPosition: positionOf(m.Start), EndPosition: positionOf(m.End),
	}
}

func positionOf(p identity.Position) *awsiam.Position {
	return &awsiam.Position{Line: new(int32(p.Line)), Column: new(int32(p.Column))}
}

// GetContextKeysForCustomPolicy implements [awsiam.Service].
func (s *iamService) GetContextKeysForCustomPolicy(ctx context.Context, in *awsiam.GetContextKeysForCustomPolicyRequest) (*awsiam.GetContextKeysForPolicyResponse, error) {
	account, err := s.authorizeAtHome(ctx, "iam:GetContextKeysForCustomPolicy", "*")
	if err != nil {
		return nil, err
	}
	return s.contextKeysOf(ctx, account, "", in.PolicyInputList)
}

// GetContextKeysForPrincipalPolicy implements [awsiam.Service].
func (s *iamService) GetContextKeysForPrincipalPolicy(ctx context.Context, in *awsiam.GetContextKeysForPrincipalPolicyRequest) (*awsiam.GetContextKeysForPolicyResponse, error) {
	account, err := s.authorizeARN(ctx, "iam:GetContextKeysForPrincipalPolicy", in.PolicySourceArn, nil, noTags)
	if err != nil {
		return nil, err
	}
	return s.contextKeysOf(ctx, account, in.PolicySourceArn, in.PolicyInputList)
}

func (s *iamService) contextKeysOf(ctx context.Context, account, source string, documents []string) (*awsiam.GetContextKeysForPolicyResponse, error) {
	names, err := s.identities.ContextKeys(ctx, account, source, documents)
	if err != nil {
		return nil, err
	}
	return &awsiam.GetContextKeysForPolicyResponse{ContextKeyNames: each(names, itself)}, nil
}
