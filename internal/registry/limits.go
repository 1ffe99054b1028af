package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/nifuda/nifuda/internal/quota"
	"github.com/nifuda/nifuda/internal/store"
)

// limits remember what accounts and repositories may hold. Where this process
// alone writes, what is remembered is so until it changes; else for as long as
// the lifetime.
type limits struct {
	defaults quota.Limits
	lifetime time.Duration // 0 is without an end
	now      func() time.Time

	mu      sync.Mutex
	changes int
	kept    *lru.Cache[limitsKey, keptLimits]
}

// limitsKey is a repository, or with an empty id what holds for an account.
type limitsKey struct{ account, repositoryID string }

type keptLimits struct {
	quota.Limits
	at time.Time
}

// The limits of so many repositories are remembered, and for so long where
// others may change them.
const (
	keptLimitsCount = 8192
	limitsLifetime  = time.Second
)

func newLimits(defaults quota.Limits, exclusive bool, now func() time.Time) *limits {
	kept, err := lru.New[limitsKey, keptLimits](keptLimitsCount)
	if err != nil {
		panic(err) // only for a size below one
	}
	l := &limits{defaults: defaults, now: now, kept: kept}
	if !exclusive {
		l.lifetime = limitsLifetime
	}
	return l
}

// A quotaReader reads quotas that were set: a transaction or the store.
type quotaReader interface {
	AccountQuotas(ctx context.Context, account string) ([]store.Quota, error)
	RepositoryQuotas(ctx context.Context, repositoryID string) ([]store.Quota, error)
}

// of returns what a repository may hold, or with an empty id what holds for an
// account. A transaction reads through itself.
func (l *limits) of(ctx context.Context, from quotaReader, account, repositoryID string) (quota.Limits, error) {
	key := limitsKey{account, repositoryID}
	now := l.now()
	l.mu.Lock()
	changes := l.changes
	l.mu.Unlock()
	if kept, ok := l.kept.Get(key); ok && (l.lifetime == 0 || now.Sub(kept.at) < l.lifetime) {
		return kept.Limits, nil
	}
	read, err := l.read(ctx, from, key)
	if err != nil {
		return quota.Limits{}, fmt.Errorf("read quotas: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changes == changes {
		l.kept.Add(key, keptLimits{read, now})
	}
	return read, nil
}

func (l *limits) read(ctx context.Context, from quotaReader, key limitsKey) (quota.Limits, error) {
	limits := l.defaults
	set, err := from.AccountQuotas(ctx, key.account)
	if err == nil && key.repositoryID != "" {
		var own []store.Quota
		own, err = from.RepositoryQuotas(ctx, key.repositoryID)
		set = append(set, own...)
	}
	for _, q := range set {
		limits.Set(quota.Name(q.Name), q.Value)
	}
	return limits, err
}

// changed lets go of everything, after a quota was set and before anyone is told.
func (l *limits) changed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changes++
	l.kept.Purge()
}

// An allowance is how large an upload may become, and what is said of one that
// does not fit.
type allowance struct {
	bytes  int64 // quota.Unlimited is any
	refuse func() *Error
}

func (a *allowance) atMost(bytes int64, refuse func() *Error) {
	if a.bytes == quota.Unlimited || bytes < a.bytes {
		*a = allowance{max(0, bytes), refuse}
	}
}

// check refuses an upload of so many bytes.
func (a allowance) check(bytes int64) error {
	if quota.Exceeds(bytes, a.bytes) {
		return a.refuse()
	}
	return nil
}

// allowance returns how large an upload to a repository may become, as things
// are. When it becomes a blob they are looked at again, see [checkStorage].
func (r *Registry) allowance(ctx context.Context, n RepositoryName, repositoryID string, l quota.Limits) (allowance, error) {
	a := allowance{bytes: quota.Unlimited}
	if l.LayerSize != quota.Unlimited {
		a.atMost(l.LayerSize, func() *Error { return layerTooLarge(n, l.LayerSize) })
	}
	if l.RepositoryStorage != quota.Unlimited {
		used, err := r.store.RepositoryUsage(ctx, repositoryID)
		if err != nil {
			return a, fmt.Errorf("read usage: %w", err)
		}
		a.atMost(l.RepositoryStorage-used.Bytes, func() *Error { return repositoryFull(n, l.RepositoryStorage) })
	}
	if l.AccountStorage != quota.Unlimited {
		used, err := r.store.AccountBytes(ctx, n.Registry.Account)
		if err != nil {
			return a, fmt.Errorf("read usage: %w", err)
		}
		a.atMost(l.AccountStorage-used, func() *Error { return accountFull(n, l.AccountStorage) })
	}
	return a, nil
}

// limitStorage makes the rest of a transaction one that no other adds to the
// repository beside, where there is a limit to what it may hold.
func limitStorage(ctx context.Context, tx *store.Tx, repositoryID string, l quota.Limits) error {
	if l.RepositoryStorage == quota.Unlimited {
		return nil
	}
	return tx.LockRepositoryByID(ctx, repositoryID)
}

// checkStorage refuses a transaction after which a repository, or its account,
// would hold more than it may. [limitStorage] came before.
func checkStorage(ctx context.Context, tx *store.Tx, n RepositoryName, repositoryID string, l quota.Limits) error {
	if l.RepositoryStorage != quota.Unlimited {
		used, err := tx.RepositoryUsage(ctx, repositoryID)
		if err != nil {
			return err
		}
		if quota.Exceeds(used.Bytes, l.RepositoryStorage) {
			return repositoryFull(n, l.RepositoryStorage)
		}
	}
	if l.AccountStorage != quota.Unlimited {
		used, err := tx.AccountBytes(ctx, n.Registry.Account)
		if err != nil {
			return err
		}
		if quota.Exceeds(used, l.AccountStorage) {
			return accountFull(n, l.AccountStorage)
		}
	}
	return nil
}

// checkImages refuses one image more than a repository, which is locked, may have.
func checkImages(ctx context.Context, tx *store.Tx, n RepositoryName, repositoryID string, l quota.Limits) error {
	if l.Images == quota.Unlimited {
		return nil
	}
	used, err := tx.RepositoryUsage(ctx, repositoryID)
	if err == nil && quota.Exceeds(used.Images, l.Images) {
		return refuse(CodeLimitExceeded, "The repository with name '%s' in registry with id '%s' already has the maximum allowed number of images which is '%d'",
			n.Name, n.Registry.Account, l.Images)
	}
	return err
}

// checkRepositories refuses one repository more than a registry may have.
func checkRepositories(ctx context.Context, tx *store.Tx, id ID, l quota.Limits) error {
	if l.Repositories == quota.Unlimited {
		return nil
	}
	n, err := tx.CountRepositories(ctx, id.Account, id.Region, l.Repositories+1)
	if err == nil && quota.Exceeds(n, l.Repositories) {
		return refuse(CodeLimitExceeded, "The registry with id '%s' already has the maximum allowed number of repositories which is '%d'", id.Account, l.Repositories)
	}
	return err
}

// checkParts refuses one part more than an upload may have.
func checkParts(n RepositoryName, u store.Upload, l quota.Limits) error {
	if quota.Exceeds(u.Parts+1, l.LayerParts) {
		return refuse(CodeLimitExceeded, "The upload with id '%s' in the repository with name '%s' in registry with id '%s' already has the maximum allowed number of layer parts which is '%d'",
			u.ID, n.Name, n.Registry.Account, l.LayerParts)
	}
	return nil
}

func layerTooLarge(n RepositoryName, limit int64) *Error {
	return refuse(CodeLimitExceeded, "The layer for the repository with name '%s' in registry with id '%s' exceeds the maximum allowed layer size which is '%d' bytes", n.Name, n.Registry.Account, limit)
}

func repositoryFull(n RepositoryName, limit int64) *Error {
	return refuse(CodeLimitExceeded, "The repository with name '%s' in registry with id '%s' would exceed its maximum allowed storage which is '%d' bytes", n.Name, n.Registry.Account, limit)
}

func accountFull(n RepositoryName, limit int64) *Error {
	return refuse(CodeLimitExceeded, "The account with id '%s' would exceed its maximum allowed storage which is '%d' bytes", n.Registry.Account, limit)
}

// isRefusal reports whether an error is for the caller.
func isRefusal(err error) bool {
	_, ok := errors.AsType[*Error](err)
	return ok
}
