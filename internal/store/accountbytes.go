package store

import (
	"context"
	"sync"
	"time"
)

// accountSums remember how many bytes accounts hold, which to add up takes as
// long as an account has repositories. Where one process writes they are kept
// right, else they are let go after a while.
type accountSums struct {
	lifetime time.Duration // 0 is without an end

	mu       sync.Mutex
	bytes    map[string]accountBytes
	accounts map[string]string // of repositories
}

type accountBytes struct {
	bytes int64
	at    time.Time
}

// So many sums or accounts are remembered.
const rememberedSums = 4096

func newAccountSums(lifetime time.Duration) *accountSums {
	return &accountSums{lifetime: lifetime, bytes: map[string]accountBytes{}, accounts: map[string]string{}}
}

func (s *accountSums) get(account string) (accountBytes, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.bytes[account]
	return b, ok
}

func (s *accountSums) put(account string, b accountBytes) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.bytes) >= rememberedSums {
		clear(s.bytes)
	}
	s.bytes[account] = b
}

func (s *accountSums) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.bytes)
	clear(s.accounts)
}

// empty reports whether nobody has asked for a sum.
func (s *accountSums) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.bytes) == 0
}

// accountOf returns whose a repository is.
func (s *accountSums) accountOf(ctx context.Context, q queries, repositoryID string) (account string, err error) {
	s.mu.Lock()
	account, ok := s.accounts[repositoryID]
	s.mu.Unlock()
	if ok {
		return account, nil
	}
	err = q.get(ctx, `SELECT account FROM repositories WHERE id = $1`, []any{repositoryID}, &account)
	if err != nil && err != ErrNotFound { //nolint:errorlint // get returns it unwrapped
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.accounts) >= rememberedSums {
		clear(s.accounts)
	}
	s.accounts[repositoryID] = account // of one that is gone: nobody's
	return account, nil
}

// add makes the sums those after some changes.
func (s *accountSums) add(ctx context.Context, q queries, changes usageChanges) error {
	for id, u := range changes {
		account, err := s.accountOf(ctx, q, id)
		if err != nil {
			return err
		}
		s.mu.Lock()
		if b, ok := s.bytes[account]; ok {
			b.bytes += u.Bytes
			s.bytes[account] = b
		}
		s.mu.Unlock()
	}
	return nil
}

// of returns how many bytes some changes add to an account.
func (s *accountSums) of(ctx context.Context, q queries, changes usageChanges, account string) (bytes int64, err error) {
	for id, u := range changes {
		owner, err := s.accountOf(ctx, q, id)
		if err != nil {
			return 0, err
		}
		if owner == account {
			bytes += u.Bytes
		}
	}
	return bytes, nil
}

// AccountBytes returns how many bytes an account holds, with what the
// transaction has changed. Where several processes write it may be of up to a
// second ago.
func (tx *Tx) AccountBytes(ctx context.Context, account string) (int64, error) {
	kept, ok := tx.usage.sums.get(account)
	if now := time.Now(); !ok || tx.usage.sums.lifetime > 0 && now.Sub(kept.at) > tx.usage.sums.lifetime {
		_, u, err := tx.AccountUsage(ctx, account)
		if err != nil {
			return 0, err
		}
		kept = accountBytes{u.Bytes, now}
		tx.usage.sums.put(account, kept)
	}
	before, err := tx.usage.sums.of(ctx, tx.queries, tx.usage.together, account)
	if err != nil {
		return 0, err
	}
	own, err := tx.usage.sums.of(ctx, tx.queries, tx.usage.counted, account)
	return kept.bytes + before + own, err
}

// AccountBytes is [Tx.AccountBytes] of what is committed.
func (s *Store) AccountBytes(ctx context.Context, account string) (int64, error) {
	kept, ok := s.sums.get(account)
	if ok && (s.sums.lifetime == 0 || time.Since(kept.at) <= s.sums.lifetime) {
		return kept.bytes, nil
	}
	_, u, err := s.AccountUsage(ctx, account)
	if err == nil && s.sums.lifetime > 0 { // else only who writes may keep it
		s.sums.put(account, accountBytes{u.Bytes, time.Now()})
	}
	return u.Bytes, err
}
