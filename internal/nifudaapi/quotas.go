package nifudaapi

import (
	"context"
	"slices"

	"github.com/nifuda/nifuda/internal/ecr"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/quota"
	"github.com/nifuda/nifuda/internal/registry"
)

// Quotas are what accounts and repositories may hold. [registry.Registry] is one.
type Quotas interface {
	// PutQuota sets a quota, and DeleteQuota takes that back.
	PutQuota(ctx context.Context, o registry.QuotaOwner, q quota.Quota, value int64) error
	DeleteQuota(ctx context.Context, o registry.QuotaOwner, q quota.Quota) error
	// Quotas returns the quotas as they hold.
	Quotas(ctx context.Context, o registry.QuotaOwner) ([]registry.QuotaValue, error)
	// Usage returns how much there is.
	Usage(ctx context.Context, o registry.QuotaOwner) (registry.Usage, error)
}

// PutQuota implements [nifuda.Service]. Quotas are the operator's: who manages an
// account, and no other, does not set its own.
func (a *api) PutQuota(ctx context.Context, in *nifuda.PutQuotaRequest) (*nifuda.PutQuotaResponse, error) {
	if err := a.authorize(ctx, "nifuda:PutQuota", "*", a.Home); err != nil {
		return nil, err
	}
	owner, q, err := a.quota(ctx, in.AccountId, in.RepositoryName, in.Name)
	if err != nil {
		return nil, err
	}
	if err := a.Quotas.PutQuota(ctx, owner, q, *in.Value); err != nil {
		return nil, err
	}
	shown, err := a.quotaShape(ctx, owner, q)
	return &nifuda.PutQuotaResponse{Quota: shown}, err
}

// DeleteQuota implements [nifuda.Service].
func (a *api) DeleteQuota(ctx context.Context, in *nifuda.DeleteQuotaRequest) (*nifuda.DeleteQuotaResponse, error) {
	if err := a.authorize(ctx, "nifuda:DeleteQuota", "*", a.Home); err != nil {
		return nil, err
	}
	owner, q, err := a.quota(ctx, in.AccountId, in.RepositoryName, in.Name)
	if err != nil {
		return nil, err
	}
	if err := a.Quotas.DeleteQuota(ctx, owner, q); err != nil {
		return nil, err
	}
	shown, err := a.quotaShape(ctx, owner, q)
	return &nifuda.DeleteQuotaResponse{Quota: shown}, err
}

// ListQuotas implements [nifuda.Service].
func (a *api) ListQuotas(ctx context.Context, in *nifuda.ListQuotasRequest) (*nifuda.ListQuotasResponse, error) {
	owner, err := a.readable(ctx, "nifuda:ListQuotas", in.AccountId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	all, err := a.Quotas.Quotas(ctx, owner)
	if err != nil {
		return nil, err
	}
	out := &nifuda.ListQuotasResponse{Quotas: make([]nifuda.Quota, len(all))}
	for i, q := range all {
		out.Quotas[i] = valueShape(q)
	}
	return out, nil
}

// DescribeUsage implements [nifuda.Service].
func (a *api) DescribeUsage(ctx context.Context, in *nifuda.DescribeUsageRequest) (*nifuda.DescribeUsageResponse, error) {
	owner, err := a.readable(ctx, "nifuda:DescribeUsage", in.AccountId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	u, err := a.Quotas.Usage(ctx, owner)
	if err != nil {
		return nil, err
	}
	return &nifuda.DescribeUsageResponse{Usage: &nifuda.Usage{Repositories: u.Repositories, Images: u.Images, Layers: u.Blobs, Bytes: u.Bytes}}, nil
}

// readable returns whose quotas a request is about, if the caller may read them:
// those of its own account, and from the account that the others are managed from
// those of all.
func (a *api) readable(ctx context.Context, action string, account, repository *string) (registry.QuotaOwner, error) {
	decides := a.Home
	own := callOf(ctx).Principal.Account
	if account == nil || *account == own {
		decides = own
	}
	if err := a.authorize(ctx, action, "*", decides); err != nil {
		return registry.QuotaOwner{}, err
	}
	return a.owner(ctx, account, repository)
}

// owner returns whose quotas a request is about.
func (a *api) owner(ctx context.Context, account, repository *string) (registry.QuotaOwner, error) {
	c := callOf(ctx)
	o := registry.QuotaOwner{Account: c.Principal.Account}
	if account != nil {
		o.Account = *account
		if _, err := a.Accounts.Account(ctx, o.Account); err != nil {
			return o, translated(err, identity.CodeNoSuchEntity, nifuda.AccountNotFoundException)
		}
	}
	if repository != nil {
		o.Repository = registry.RepositoryName{Registry: registry.ID{Account: o.Account, Region: c.Region}, Name: *repository}
	}
	return o, nil
}

// quota returns which quota a request is about, and whose.
func (a *api) quota(ctx context.Context, account, repository *string, name string) (o registry.QuotaOwner, q quota.Quota, err error) {
	q, known := quota.Find(quota.Name(name), isECROperation)
	if !known {
		return o, q, registry.InvalidParameter("name", "There is no quota of the name "+name)
	}
	o, err = a.owner(ctx, account, repository)
	return o, q, err
}

func isECROperation(name string) bool {
	_, known := ecrOperations[name]
	return known
}

var ecrOperations = ecr.Operations(ecr.Unimplemented{})

// quotaShape reads back what holds after a change.
func (a *api) quotaShape(ctx context.Context, o registry.QuotaOwner, q quota.Quota) (*nifuda.Quota, error) {
	all, err := a.Quotas.Quotas(ctx, o)
	if err != nil {
		return nil, err
	}
	shown := valueShape(registry.QuotaValue{Quota: q, Value: quota.Unlimited})
	if i := slices.IndexFunc(all, func(v registry.QuotaValue) bool { return v.Name == q.Name }); i >= 0 {
		shown = valueShape(all[i])
	}
	return &shown, nil
}

func valueShape(v registry.QuotaValue) nifuda.Quota {
	q := nifuda.Quota{Name: string(v.Name), Unit: string(v.Unit), Value: v.Value, Set: v.Set}
	if v.ECR != quota.Unlimited {
		q.EcrValue = &v.ECR
	}
	if v.Set {
		q.SetAt = nifuda.Timestamp{Time: v.SetAt}
	}
	return q
}
