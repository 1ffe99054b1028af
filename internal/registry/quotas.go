package registry

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nifuda/nifuda/internal/quota"
	"github.com/nifuda/nifuda/internal/store"
)

// A QuotaOwner is whose quotas are meant: an account's, or with a name those of
// one repository.
type QuotaOwner struct {
	Account    string
	Repository RepositoryName
}

func (o QuotaOwner) isRepository() bool { return o.Repository.Name != "" }

// A QuotaValue is a quota as it holds.
type QuotaValue struct {
	quota.Quota
	Value int64 // quota.Unlimited is no limit
	// Set says that the value was set for the owner itself; SetAt is when.
	Set   bool
	SetAt time.Time
}

// PutQuota sets a quota. It refuses with InvalidParameter or RepositoryNotFound.
func (r *Registry) PutQuota(ctx context.Context, o QuotaOwner, q quota.Quota, value int64) error {
	if err := q.Check(value); err != nil {
		return InvalidParameter("value", err.Error())
	}
	set := store.Quota{Name: string(q.Name), Value: value, UpdatedAt: r.millis()}
	return r.changeQuota(ctx, o, q, func(ctx context.Context, tx *store.Tx, repositoryID string) error {
		if o.isRepository() {
			return tx.PutRepositoryQuota(ctx, repositoryID, set)
		}
		return tx.PutAccountQuota(ctx, o.Account, set)
	})
}

// DeleteQuota takes back what was set, if it was, so that what it was before
// holds. It refuses as PutQuota does.
func (r *Registry) DeleteQuota(ctx context.Context, o QuotaOwner, q quota.Quota) error {
	return r.changeQuota(ctx, o, q, func(ctx context.Context, tx *store.Tx, repositoryID string) (err error) {
		if o.isRepository() {
			_, err = tx.DeleteRepositoryQuota(ctx, repositoryID, string(q.Name))
		} else {
			_, err = tx.DeleteAccountQuota(ctx, o.Account, string(q.Name))
		}
		return err
	})
}

func (r *Registry) changeQuota(ctx context.Context, o QuotaOwner, q quota.Quota, change func(ctx context.Context, tx *store.Tx, repositoryID string) error) error {
	if o.isRepository() && !q.OfRepository {
		return InvalidParameter("name", fmt.Sprintf("The quota %s is of accounts, not of single repositories", q.Name))
	}
	defer r.limits.changed()
	err := r.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		repositoryID := ""
		if o.isRepository() {
			locked, err := lockRepository(ctx, tx, o.Repository)
			if err != nil {
				return err
			}
			repositoryID = locked.ID
		}
		return change(ctx, tx, repositoryID)
	})
	return r.explain("change quota of", o.Repository, err)
}

// Quotas returns the quotas of an account, with those rates that have been set,
// or those of a repository that a repository may have.
func (r *Registry) Quotas(ctx context.Context, o QuotaOwner) ([]QuotaValue, error) {
	inherited, err := r.store.AccountQuotas(ctx, o.Account)
	if err != nil {
		return nil, fmt.Errorf("read quotas: %w", err)
	}
	var own []store.Quota
	if o.isRepository() {
		id, err := r.repositoryID(ctx, o.Repository)
		if err != nil {
			return nil, err
		}
		if own, err = r.store.RepositoryQuotas(ctx, id); err != nil {
			return nil, fmt.Errorf("read quotas: %w", err)
		}
	} else {
		inherited, own = nil, inherited
	}
	return r.quotaValues(o, inherited, own), nil
}

func (r *Registry) quotaValues(o QuotaOwner, inherited, own []store.Quota) (all []QuotaValue) {
	for _, q := range quota.All() {
		if o.isRepository() && !q.OfRepository {
			continue
		}
		all = append(all, QuotaValue{Quota: q, Value: r.defaultOf(q)})
	}
	for _, q := range inherited {
		for i := range all {
			if string(all[i].Name) == q.Name {
				all[i].Value = q.Value
			}
		}
	}
	for _, q := range own {
		value := QuotaValue{Quota: quota.Quota{Name: quota.Name(q.Name), Unit: quota.PerSecond, ECR: quota.Unlimited}, Value: q.Value, Set: true, SetAt: time.UnixMilli(q.UpdatedAt)}
		i := slices.IndexFunc(all, func(v QuotaValue) bool { return v.Name == value.Name })
		if i < 0 {
			all = append(all, value)
			continue
		}
		value.Quota = all[i].Quota
		all[i] = value
	}
	return all
}

// defaultOf returns what a quota is that nobody has set.
func (r *Registry) defaultOf(q quota.Quota) int64 {
	if value, ok := r.limits.defaults.Get(q.Name); ok {
		return value
	}
	return q.Default(r.ecrRates)
}

// Rates returns the rates that were set, by account and quota.
func (r *Registry) Rates(ctx context.Context) (map[string]map[quota.Name]int64, error) {
	const page = 1000
	rates := map[string]map[quota.Name]int64{}
	for account, name := "", ""; ; {
		rows, err := r.store.AllAccountQuotas(ctx, account, name, page)
		if err != nil {
			return nil, fmt.Errorf("read rates: %w", err)
		}
		for _, row := range rows {
			account, name = row.Account, row.Name
			if !quota.Name(name).IsRate() {
				continue
			}
			if rates[account] == nil {
				rates[account] = map[quota.Name]int64{}
			}
			rates[account][quota.Name(name)] = row.Value
		}
		if len(rows) < page {
			return rates, nil
		}
	}
}

// A Usage is how much a repository or an account holds.
type Usage struct {
	Repositories int64 // of an account, in all regions
	store.Usage
}

// Usage returns how much there is of what an owner's quotas are about. It refuses
// with RepositoryNotFound.
func (r *Registry) Usage(ctx context.Context, o QuotaOwner) (Usage, error) {
	if !o.isRepository() {
		n, u, err := r.store.AccountUsage(ctx, o.Account)
		return Usage{n, u}, wrap("read usage", err)
	}
	id, err := r.repositoryID(ctx, o.Repository)
	if err != nil {
		return Usage{}, err
	}
	u, err := r.store.RepositoryUsage(ctx, id)
	return Usage{1, u}, wrap("read usage", err)
}

// recountInterval is the time between two recounts of everything. A node of an
// older version beside this one does not count what it changes.
const (
	recountInterval      = time.Hour
	recountIntervalAlone = 24 * time.Hour
)

// recountPage is how many repositories are looked up at once.
const recountPage = 100

// RunRecounts recounts everything now and then.
func (r *Registry) RunRecounts(ctx context.Context) {
	interval := recountInterval
	if r.store.Exclusive() {
		interval = recountIntervalAlone
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			corrected, err := r.RecountUsage(ctx)
			if corrected > 0 {
				r.log.InfoContext(ctx, "the usage of repositories was corrected", "repositories", corrected)
			}
			if ctx.Err() == nil {
				r.report(ctx, "recount usage", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// RecountUsage counts what every repository holds, and returns how many were not
// counted right. It may run on several nodes.
func (r *Registry) RecountUsage(ctx context.Context) (corrected int, err error) {
	p := pace{idle: idlePause, busy: busyPause, requests: r.requests}
	for after := ""; ; {
		ids, err := r.store.RepositoryIDs(ctx, after, recountPage)
		if err != nil {
			return corrected, fmt.Errorf("list repositories: %w", err)
		}
		for _, id := range ids {
			start := time.Now()
			did, err := r.recount(ctx, id)
			if err != nil {
				return corrected, err
			}
			if did {
				corrected++
			}
			if err := p.rest(ctx, time.Since(start)); err != nil {
				return corrected, err
			}
			after = id
		}
		if len(ids) < recountPage {
			return corrected, nil
		}
	}
}

func (r *Registry) recount(ctx context.Context, repositoryID string) (corrected bool, err error) {
	count, err := r.store.CountUsage(ctx, repositoryID)
	if err != nil || count.Kept == count.Actual {
		return false, wrap("count usage", err)
	}
	err = r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) (err error) {
		corrected, err = tx.CorrectUsage(ctx, repositoryID, count, r.millis())
		return err
	})
	if store.IsForeignKey(err) { // it is gone
		return false, nil
	}
	return corrected, wrap("correct usage", err)
}
