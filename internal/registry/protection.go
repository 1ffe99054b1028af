package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

// A protection is what says who may use a repository: its policy, its tags and
// its registry's policy and settings.
type protection struct {
	exists   bool
	settings map[AccountSetting]string
	// target is everything that counts; narrow leaves out the registry's policy,
	// for the actions that its scope does not cover.
	target, narrow iam.Target
}

// So many repositories' protections are kept.
const cachedProtections = 4096

// Target returns what counts for an action on a repository, given by its ARN,
// whoever takes the action: the repository's policy and tags, and the policy of
// its registry as far as its scope goes. A repository that does not exist has
// its registry's policy.
func (r *Registry) Target(ctx context.Context, action, arn string) (*iam.Target, error) {
	n, ok := ParseARN(arn)
	if !ok {
		return nil, fmt.Errorf("no ARN of a repository: %q", arn)
	}
	p, err := r.protection(ctx, n)
	if err != nil {
		return nil, err
	}
	if p.settings[PolicyScope] == ScopeV1 && !inScopeV1(action) {
		return &p.narrow, nil
	}
	return &p.target, nil
}

// ParseARN reads the ARN of a repository, as [RepositoryName.ARN] makes it. It
// does not look at whether the parts are valid.
func ParseARN(arn string) (n RepositoryName, ok bool) {
	rest, isARN := strings.CutPrefix(arn, "arn:")
	partition, rest, _ := strings.Cut(rest, ":")
	service, rest, _ := strings.Cut(rest, ":")
	region, rest, _ := strings.Cut(rest, ":")
	account, resource, _ := strings.Cut(rest, ":")
	name, isRepository := strings.CutPrefix(resource, "repository/")
	n = RepositoryName{Registry: ID{Account: account, Region: region}, Name: name}
	return n, isARN && isRepository && service == "ecr" && partition == iam.Partition(region)
}

// protection returns what protects a repository, or a registry where the name
// is empty. What protects nothing is not kept: there is no end of such names.
func (r *Registry) protection(ctx context.Context, n RepositoryName) (*protection, error) {
	return r.protections.get(n, "", func() (*protection, error) {
		rows, err := r.store.Protections(ctx, n.Registry.Account, n.Registry.Region, n.Name)
		if err != nil {
			return nil, fmt.Errorf("read what protects %s: %w", n.ARN(), err)
		}
		return protectionOf(n, rows)
	}, func(p *protection) bool { return p.exists || n.Name == "" && len(p.settings) > 0 })
}

func protectionOf(n RepositoryName, rows []store.Protection) (*protection, error) {
	p := &protection{settings: map[AccountSetting]string{}}
	var ofRepository, ofRegistry []iam.NamedPolicy
	for _, row := range rows {
		switch {
		case row.Kind == store.RepositoryExists:
			p.exists = true
		case row.Kind == store.RepositoryTag:
			p.addTag(row.Name, row.Text)
		case row.Kind == store.RepositoryDocument:
			policy, err := pinned(iam.ParseRepositoryPolicy, row)
			if err != nil {
				return nil, fmt.Errorf("policy of %s: %w", n.ARN(), err)
			}
			ofRepository = append(ofRepository, iam.NamedPolicy{Name: "policy of repository " + n.Name, Document: policy})
		case row.Name == string(store.RegistryPolicy):
			policy, err := pinned(iam.ParseRegistryPolicy, row)
			if err != nil {
				return nil, fmt.Errorf("policy of the registry of %s: %w", n.ARN(), err)
			}
			ofRegistry = append(ofRegistry, iam.NamedPolicy{Name: "policy of registry " + n.Registry.Account, Document: policy})
		default:
			p.settings[AccountSetting(row.Name)] = row.Text
		}
	}
	p.narrow.Keys, p.narrow.Policies = p.target.Keys, ofRepository
	p.target.Inherited = ofRegistry
	p.target.Policies = append(slices.Clip(ofRepository), ofRegistry...)
	return p, nil
}

// pinned returns a policy with its principals known by their unique ids.
func pinned(parse func(text string) (*iam.Document, error), row store.Protection) (*iam.Document, error) {
	policy, err := parse(row.Text)
	if err != nil {
		return nil, err
	}
	pins, err := iam.ParsePins(row.Principals)
	return policy.Pinned(pins), err
}

// addTag makes condition keys of a resource tag.
func (p *protection) addTag(key, value string) {
	if p.target.Keys == nil {
		p.target.Keys = iam.Keys{}
	}
	p.target.Keys.Add("aws:ResourceTag/"+key, value)
	p.target.Keys.Add("ecr:ResourceTag/"+key, value)
}
